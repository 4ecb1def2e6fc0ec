/** `libretto dev` as a program: what each save does in its own cluster and in a named one, and that nothing is left. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../engine/base/clock.ts';
import { silentLogger } from '../../engine/base/logger.ts';
import type { Cluster } from '../../engine/cluster/api.ts';
import { connectCluster } from '../../engine/cluster/connect.ts';
import { loadKubeConfig } from '../../engine/cluster/kubeconfig.ts';
import { libretto } from '../cli/libretto.ts';
import { WRITE } from './cluster-support.ts';
import { testKubeConfig, testKubeconfigPath } from './harness.ts';
import { type Bench, bench, boxFiles, DEPLOYMENT, get } from './operator-kit.ts';
import { edit, memcached, processesWith, program } from './program.ts';

const SERVICE = { group: '', version: 'v1', kind: 'Service', namespace: 'default', name: 'sessions' };
const SESSIONS = { ...DEPLOYMENT, namespace: 'default', name: 'sessions' };

async function clusterAt(path: string): Promise<Cluster> {
  const cluster = await connectCluster({
    kubeconfig: loadKubeConfig({ path }),
    clock: systemClock(),
    logger: silentLogger(),
    userAgent: 'libretto/test',
  });
  onTestFinished(() => cluster.close());
  return cluster;
}

it('takes good saves into its own cluster, keeps the last good one, and leaves nothing', {
  timeout: 300_000,
}, async () => {
  const root = await memcached();
  const file = (name: string): string => join(root, 'memcached', name);
  const running = program(root, 'dev', 'memcached');
  await running.says(/^save 1: no problem, cases: 2 passed, 0 failed$/m);
  await running.says(/^Memcached default\/sessions: Ready$/m);
  await running.says(/^save 1 changed, for Memcached default\/sessions:\n {2}\+ Deployment sessions/m);
  const [, kubeconfig = ''] = await running.says(/^cluster: KUBECONFIG=(\S+)$/m);
  const { client } = await clusterAt(kubeconfig);

  // A good change.
  await edit(file('deployment.yaml.hbs'), (text) =>
    text.replace('  replicas:', '  minReadySeconds: 1\n  replicas:'),
  );
  await running.says(/^save 2 \(deployment\.yaml\.hbs\) runs$/m);
  await running.says(
    /^save 2 changed, for .*\n {2}~ Deployment sessions .*\n {6}spec\.minReadySeconds: \(none\) -> 1$/m,
  );
  expect((await client.get(SESSIONS))?.spec).toMatchObject({ minReadySeconds: 1 });

  // A broken one: the last good version goes on, and puts back what somebody deletes.
  await edit(file('deployment.yaml.hbs'), (text) => text.replace('spec.size', 'spec.sise'));
  await running.says(/^memcached\/deployment\.yaml\.hbs:10:15: error UnknownPath: spec\.sise .*spec\.size/m);
  await running.says(/^save 3 \(deployment\.yaml\.hbs\) is refused, save 2 goes on$/m);
  await client.delete(SERVICE, {});
  await running.says(/^save 2 changed, for .*\n {2}\+ Service sessions/m);

  // A golden case that fails is shown; the playbook runs all the same.
  await edit(file('deployment.yaml.hbs'), (text) => text.replace('spec.sise', 'spec.size'));
  await running.says(/^save 4 \(deployment\.yaml\.hbs\) runs$/m);
  await edit(file('sessions.case.yaml'), (text) => text.replace('replicas: 2', 'replicas: 7'));
  await running.says(/^save 5: no problem, cases: 1 passed, 1 failed$/m);
  await running.says(/^save 5 \(sessions\.case\.yaml\) runs$/m);
  expect(running.text()).toMatch(/^memcached\/sessions\.case\.yaml:\d+:\d+: error .*\b7\b/m);

  // The sample, too, is applied as it is saved.
  await edit(file('sample.yaml'), (text) => text.replace('size: 2', 'size: 3'));
  await running.says(/\n {6}spec\.replicas: 2 -> 3\n/);

  const folder = dirname(kubeconfig);
  expect((await processesWith(folder)).length).toBeGreaterThan(3);
  running.process.kill('SIGINT');
  expect(await running.ended, running.text()).toBe(0);
  expect(await processesWith(folder)).toEqual([]);
  await expect(readdir(folder)).rejects.toThrow('ENOENT');
});

/** The playbook of Box with a resource to apply, in the namespace of the test. */
async function boxFolder(at: Bench): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'libretto-dev-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const folder = join(root, 'box');
  await mkdir(folder);
  const box = `apiVersion: ${at.box.group}/v1
kind: Box
metadata: {name: one, namespace: ${at.namespace}}
spec: {size: 1, text: hello}
`;
  for (const [name, text] of Object.entries({ ...boxFiles(at), 'one.yaml': box }))
    await writeFile(join(folder, name), text);
  return folder;
}

function flags({ namespace }: Bench): readonly string[] {
  return ['--namespace', namespace, '--watch-namespaces', namespace];
}

it('works in a cluster that is named, and leaves there what it made', { timeout: 180_000 }, async () => {
  const at = await bench();
  const folder = await boxFolder(at);
  const cluster = ['--kubeconfig', testKubeconfigPath(), ...flags(at)];
  const running = program(folder, 'dev', '.', '--apply', 'one.yaml', ...cluster);
  await running.says(/^Box \S+\/one: Ready$/m);
  await edit(join(folder, 'config.yaml.hbs'), (text) => `${text}  more: "yes"\n`);
  await running.says(
    /^save 2 changed, for .*\n {2}~ ConfigMap one-config .*\n {6}data\.more: \(none\) -> yes$/m,
  );
  await rm(join(folder, 'watches.yaml'));
  await running.says(/^watches\.yaml is gone: the playbook does not run$/m);
  running.process.kill('SIGINT');
  expect(await running.ended, running.text()).toBe(0);
  expect(await get(at, DEPLOYMENT, 'one')).toBeDefined();
});

it('ends with 1 and one message where it has no rights', { timeout: 180_000 }, async () => {
  const at = await bench();
  const path = `/api/v1/namespaces/${at.namespace}/serviceaccounts/nobody/token`;
  const account = { name: 'nobody', namespace: at.namespace };
  await at.cluster.client.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: account }, WRITE);
  const answer = Object(await at.cluster.client.raw('POST', path, { spec: {} }));
  const config = testKubeConfig();
  const server = config.getCurrentCluster();
  const kubeconfig = join(await boxFolder(at), 'kubeconfig');
  const cluster = { server: server?.server, 'certificate-authority-data': server?.caData };
  await writeFile(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'none',
      clusters: [{ name: 'none', cluster }],
      users: [{ name: 'none', user: { token: answer.status.token } }],
      contexts: [{ name: 'none', context: { cluster: 'none', user: 'none' } }],
    }),
  );
  const { code, err } = await libretto('dev', dirname(kubeconfig), '--kubeconfig', kubeconfig, ...flags(at));
  expect(code, err).toBe(1);
  expect(err).toMatch(/^libretto dev: ClusterRefused: .*403 Forbidden.*\n( {2}hint: .*\n)?$/);
});
