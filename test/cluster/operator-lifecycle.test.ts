import { spawn } from 'node:child_process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { INVENTORY_NAME } from '../../engine/controller/inventory.ts';
import { candidacy, poll, WRITE } from './cluster-support.ts';
import { testKubeconfigPath } from './harness.ts';
import {
  bench,
  boxFiles,
  CONFIG_MAP,
  DEPLOYMENT,
  dataOf,
  engine,
  eventually,
  get,
  isReady,
  putBox,
  putPlaybook,
} from './operator-kit.ts';

const LEASE = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease' };

describe('the life of a resource under changing playbooks', () => {
  it('prunes a kind that leaves the playbook, also after a restart, and forgets it once none is left', async () => {
    const at = await bench();
    const first = await engine(at);
    await putPlaybook(at, 'box', boxFiles(at));
    for (const name of ['one', 'two']) await putBox(at, name, { size: 1, text: name });
    for (const name of ['one', 'two']) await eventually(at, at.box, name, isReady);
    const kinds = async (): Promise<string> =>
      String(Object.values(dataOf(await get(at, CONFIG_MAP, INVENTORY_NAME)))[0]);
    expect(await kinds()).toBe('v1 ConfigMap\napps/v1 Deployment\n# kept by box');
    await first.stop();

    const watches = boxFiles(at)['watches.yaml']?.replace('config.yaml.hbs, ', '') ?? '';
    await putPlaybook(at, 'box', boxFiles(at, { 'watches.yaml': watches, 'config.yaml.hbs': undefined }));
    await engine(at);
    for (const name of ['one-config', 'two-config'])
      await eventually(at, CONFIG_MAP, name, (c) => c === undefined);
    await poll(async () => (await kinds()) === 'apps/v1 Deployment\n# kept by box');
    expect(await get(at, DEPLOYMENT, 'one')).toBeDefined();
  });

  it('lets a namespace go, with what it made outside of it', async () => {
    const at = await bench();
    const other = `${at.namespace}-b`;
    await at.cluster.client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: other } }, WRITE);
    await engine(at, { allowOtherNamespaces: true, watchNamespaces: [at.namespace, other] });
    const role = `apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: "${at.namespace}-{{metadata.name}}"\nrules: []\n`;
    const watches =
      boxFiles(at)['watches.yaml']?.replace(
        'deployment.yaml.hbs]',
        'deployment.yaml.hbs, {file: role.yaml.hbs, namespaces: Any}]',
      ) ?? '';
    await putPlaybook(at, 'box', boxFiles(at, { 'watches.yaml': watches, 'role.yaml.hbs': role }));
    await putBox({ ...at, namespace: other }, 'one', { size: 1, text: 'hello' });
    await eventually({ ...at, namespace: other }, at.box, 'one', isReady);
    await at.cluster.client.delete({ group: '', version: 'v1', kind: 'Namespace', name: other }, {});
    await poll(
      async () =>
        (await at.cluster.client.get({ group: '', version: 'v1', kind: 'Namespace', name: other })) ===
        undefined,
    );
    const clusterRole = {
      group: 'rbac.authorization.k8s.io',
      version: 'v1',
      kind: 'ClusterRole',
      name: `${at.namespace}-one`,
    };
    expect(await at.cluster.client.get(clusterRole)).toBeUndefined();
  });

  it('serves a kind whose definition comes later, and by somebody else', async () => {
    const at = await bench();
    const running = await engine(at, { installCrds: false });
    await putPlaybook(at, 'box', boxFiles(at));
    await running.operator.ready;
    const other = await engine(at, {
      installCrds: true,
      playbookNamespaces: [at.namespace],
      leaderElection: candidacy('installer', 'other'),
    });
    await other.operator.ready;
    await other.stop();
    await putBox(at, 'one', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'one', isReady);
  });
});

describe('libretto run', () => {
  it('works until SIGTERM, then finishes, gives the lease back and ends with 0', async () => {
    const at = await bench();
    await putPlaybook(at, 'box', boxFiles(at));
    const args = [
      'engine/main.ts',
      'run',
      '--kubeconfig',
      testKubeconfigPath(),
      '--namespace',
      at.namespace,
      '--watch-namespaces',
      at.namespace,
      '--http-port',
      '0',
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    await putBox(at, 'one', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'one', isReady);
    expect(JSON.stringify((await get(at, LEASE, 'libretto'))?.spec)).toMatch(/"holderIdentity":"[^"]+"/);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(JSON.stringify((await get(at, LEASE, 'libretto'))?.spec)).toMatch(/"holderIdentity":""/);
    for (const line of log.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('message');
  });
});
