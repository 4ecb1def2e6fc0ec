import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { whyNoNode } from '../../engine/embedded/node.ts';
import { type NodeCluster, startNodeCluster } from '../../engine/embedded/node-cluster.ts';
import { shell } from './pods.ts';
import { hostTraces, mountNamespace, processesIn, tracesOf } from './traces.ts';

describe.skipIf(whyNoNode() !== undefined)('the life of a node', () => {
  test('ends with its engine, even where that is killed', async () => {
    const { child, machine, dataDir, podSubnet } = await startVictim();
    const namespace = mountNamespace(machine);
    expect(processesIn(namespace).length).toBeGreaterThan(5);
    child.kill('SIGKILL');
    await expect.poll(() => processesIn(namespace)).toEqual([]);
    await expect.poll(() => existsSync(dataDir)).toBe(false);
    const device = `libretto${podSubnet.split('.')[1]}`;
    await expect.poll(() => existsSync(join('/sys/class/net', device))).toBe(false);
  });

  test('leaves nothing on the host when it is stopped, beside another node, with pods that run', async () => {
    const before = hostTraces().filter((line) => !isDeadGroup(line));
    const cluster = await startNodeCluster();
    onTestFinished(() => cluster.stop());
    const namespace = mountNamespace(cluster.node.processes.get('machine')?.pid ?? 0);
    await runPod(cluster);
    const running = processesIn(namespace);
    expect(running.length).toBeGreaterThan(8);
    const { podSubnet } = cluster.node;
    expect(tracesOf(podSubnet, hostTraces())).not.toEqual(tracesOf(podSubnet, before));
    await cluster.stop();
    expect(tracesOf(podSubnet, hostTraces())).toEqual(tracesOf(podSubnet, before));
    expect(processesIn(namespace)).toEqual([]);
    expect(existsSync(cluster.plane.dataDir)).toBe(false);
  });

  test('goes on with its pods when kubelet and containerd are started anew', async () => {
    const cluster = await startNodeCluster();
    onTestFinished(() => cluster.stop());
    const pod = await runPod(cluster);
    await cluster.node.restart('containerd');
    await cluster.node.restart('kubelet');
    await cluster.node.restart('kube-proxy');
    const after = await readPod(cluster);
    expect(after.metadata?.uid).toBe(pod.metadata?.uid);
    expect(after.status?.containerStatuses?.map((one) => one.restartCount)).toEqual([0]);
    expect(
      await cluster.node.run('ctr', ['--address', '/run/containerd/containerd.sock', 'version']),
    ).toContain('Server');
  });
});

/** Groups of an engine that was killed: the next start removes them. */
function isDeadGroup(line: string): boolean {
  const [, pid] = /^control group libretto-(\d+)-/.exec(line) ?? [];
  return pid !== undefined && !existsSync(`/proc/${pid}`);
}

interface Victim {
  readonly child: ChildProcess;
  readonly machine: number;
  readonly dataDir: string;
  readonly podSubnet: string;
}

async function startVictim(): Promise<Victim> {
  const file = join(import.meta.dirname, 'victim.ts');
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return { child, ...JSON.parse(String(line)) };
}

const NAME = { name: 'shell', namespace: 'default' };

function coreOf({ plane }: NodeCluster): CoreV1Api {
  const config = new KubeConfig();
  config.loadFromString(plane.kubeconfig);
  return config.makeApiClient(CoreV1Api);
}

function readPod(cluster: NodeCluster) {
  return coreOf(cluster).readNamespacedPod(NAME);
}

async function runPod(cluster: NodeCluster) {
  await coreOf(cluster).createNamespacedPod({
    namespace: 'default',
    body: shell('shell', { image: 'busybox:1' }),
  });
  await expect.poll(async () => (await readPod(cluster)).status?.phase, { timeout: 60_000 }).toBe('Running');
  return readPod(cluster);
}
