import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { candidacy, poll } from './cluster-support.ts';
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

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'playbooks-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function writeFiles(path: string, files: Record<string, string>): Promise<void> {
  await mkdir(path, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
}

describe('a running engine', () => {
  it('takes playbooks from a folder and follows a change', async () => {
    const at = await bench();
    const root = await folder();
    await writeFiles(join(root, 'box'), boxFiles(at));
    await engine(at, { playbookFolders: [root] });
    await putBox(at, 'one', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'one', isReady);
    await writeFiles(join(root, 'box'), {
      'config.yaml.hbs': boxFiles(at)['config.yaml.hbs']?.replace('{{spec.text}}', '{{spec.text}}!') ?? '',
    });
    await eventually(at, CONFIG_MAP, 'one-config', (c) => dataOf(c)['text'] === 'hello!');
  });

  it('follows the swap of the ..data link of a mounted ConfigMap', async () => {
    const at = await bench();
    const root = join(await folder(), 'box');
    await writeFiles(join(root, '..v1'), boxFiles(at));
    await symlink('..v1', join(root, '..data'));
    for (const name of Object.keys(boxFiles(at))) await symlink(join('..data', name), join(root, name));
    await engine(at, { playbookFolders: [root] });
    await putBox(at, 'one', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'one', isReady);
    await writeFiles(
      join(root, '..v2'),
      boxFiles(at, {
        'config.yaml.hbs': boxFiles(at)['config.yaml.hbs']?.replace('{{spec.text}}', '{{spec.text}}!'),
      }),
    );
    await symlink('..v2', join(root, '..data_tmp'));
    await rename(join(root, '..data_tmp'), join(root, '..data'));
    await eventually(at, CONFIG_MAP, 'one-config', (c) => dataOf(c)['text'] === 'hello!');
  });

  it('lets one of two engines write, and the other take over after a clean stop, long before the lease ends', async () => {
    const at = await bench();
    const first = await engine(at, { leaderElection: candidacy('first') });
    await putPlaybook(at, 'box', boxFiles(at));
    await putBox(at, 'one', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'one', isReady);
    const second = await engine(at, { leaderElection: candidacy('second') });
    await second.operator.ready;
    expect(second.writes()).toBe(0);

    await first.stop();
    const deployment = await get(at, DEPLOYMENT, 'one');
    await at.cluster.client.delete({ ...DEPLOYMENT, namespace: at.namespace, name: 'one' }, {});
    await eventually(
      at,
      DEPLOYMENT,
      'one',
      (d) => d !== undefined && d.metadata.uid !== deployment?.metadata.uid,
    );
    expect(await second.metric('leader_election_master_status')).toContain('} 1');
  });

  it('answers probes and reports metrics under the usual names', async () => {
    const at = await bench();
    const running = await engine(at, { http: { host: '127.0.0.1', port: 0 } });
    const url = (path: string): string => `http://127.0.0.1:${running.operator.httpPort ?? 0}${path}`;
    expect((await fetch(url('/healthz'))).status).toBe(200);
    await running.operator.ready;
    await poll(async () => (await fetch(url('/readyz'))).status === 200);
    await putPlaybook(at, 'box', boxFiles(at));
    await putBox(at, 'one', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'one', isReady);
    const text = await (await fetch(url('/metrics'))).text();
    for (const name of [
      'controller_runtime_reconcile_total',
      'controller_runtime_reconcile_time_seconds_bucket',
      'workqueue_depth',
      'workqueue_adds_total',
      'workqueue_queue_duration_seconds_bucket',
      'leader_election_master_status',
      'libretto_playbook_loaded',
      'libretto_render_time_seconds_count{playbook="box"}',
      'libretto_expression_time_seconds_count{playbook="box"}',
    ]) {
      expect(text).toContain(name);
    }
    expect((await fetch(url('/nothing'))).status).toBe(404);
  });

  it('lets one broken resource fail by itself', async () => {
    const at = await bench();
    await engine(at);
    await putPlaybook(at, 'box', boxFiles(at));
    await putBox(at, 'poisoned', { size: 1 });
    await putBox(at, 'healthy', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'healthy', isReady);
    const poisoned = await eventually(at, at.box, 'poisoned', (b) =>
      JSON.stringify(b?.status ?? {}).includes('Stalled'),
    );
    expect(JSON.stringify(poisoned?.status)).toContain('config.yaml.hbs:6:');
  });

  it('waits for a name that is taken, and takes it once it is free', async () => {
    const at = await bench();
    await engine(at);
    await putPlaybook(at, 'box', boxFiles(at));
    const foreign = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'one-config', namespace: at.namespace },
      data: { text: 'foreign' },
    };
    await at.cluster.client.create(foreign, { fieldManager: 'somebody' });
    await putBox(at, 'one', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'one', (b) => JSON.stringify(b?.status ?? {}).includes('"type":"Stalled"'));
    expect(dataOf(await get(at, CONFIG_MAP, 'one-config'))['text']).toBe('foreign');
    await at.cluster.client.delete({ ...CONFIG_MAP, namespace: at.namespace, name: 'one-config' }, {});
    await eventually(at, at.box, 'one', isReady);
    expect(dataOf(await get(at, CONFIG_MAP, 'one-config'))['text']).toBe('hello');
  });
});
