import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAdminClient } from '../../engine/embedded/admin-client.ts';
import { type ControlPlane, startControlPlane } from '../../engine/embedded/control-plane.ts';
import { identify } from '../../engine/embedded/identity.ts';
import type { ProcessExit } from '../../engine/embedded/processes.ts';

const MAIN = join(import.meta.dirname, '../../engine/embedded/control-plane.ts');

function clientOf(plane: ControlPlane) {
  return createAdminClient({ server: plane.server, caData: plane.caData, credentials: plane.admin });
}

function pidsOf(plane: ControlPlane): number[] {
  return [...plane.processes.values()].map((child) => child.pid);
}

function living(pids: readonly number[]): number[] {
  return pids.filter((pid) => identify(pid) !== undefined);
}

/** Calls `line` with each line of a watch until it answers true. */
function watch(plane: ControlPlane, path: string, line: (text: string) => boolean): Promise<void> {
  const { certificate: cert, privateKey: key } = plane.admin;
  return new Promise((resolve, reject) => {
    const agent = new Agent({ ca: plane.caData, cert, key });
    const sent = request(new URL(path, plane.server), { agent }, (response) => {
      let rest = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        const lines = `${rest}${part}`.split('\n');
        rest = lines.pop() ?? '';
        if (!lines.some(line)) return;
        response.destroy();
        agent.destroy();
        resolve();
      });
    });
    sent.on('error', reject).end();
  });
}

describe('a control plane with KWOK', () => {
  const crashes: ProcessExit[] = [];
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await startControlPlane({ kwokNodes: 1, auditLog: true, onCrash: (exit) => crashes.push(exit) });
  }, 600_000);
  afterAll(() => plane.stop());

  test("runs the pods of a Deployment created with the administrator's certificate", async () => {
    const labels = { app: 'web' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web:1' }] } };
    const client = clientOf(plane);
    const answer = await client.send('POST', '/apis/apps/v1/namespaces/default/deployments', {
      metadata: { name: 'web' },
      spec: { replicas: 1, selector: { matchLabels: labels }, template },
    });
    client.close();
    expect(answer.status).toBe(201);
    await watch(plane, '/api/v1/namespaces/default/pods?watch=true&labelSelector=app%3Dweb', (line) => {
      const { object } = JSON.parse(line);
      const conditions: { type: string; status: string }[] = object.status?.conditions ?? [];
      return conditions.some((one) => one.type === 'Ready' && one.status === 'True');
    });
  });

  test('binds a claim through the default StorageClass and completes a Job', async () => {
    const client = clientOf(plane);
    await client.send('POST', '/api/v1/namespaces/default/persistentvolumeclaims', {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    const container = { name: 'once', image: 'once:1' };
    await client.send('POST', '/apis/batch/v1/namespaces/default/jobs', {
      metadata: { name: 'once' },
      spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } },
    });
    const read = async (path: string) => JSON.parse((await client.send('GET', path)).text);
    const claim = '/api/v1/namespaces/default/persistentvolumeclaims/data';
    await expect.poll(async () => (await read(claim)).status.phase).toBe('Bound');
    const job = '/apis/batch/v1/namespaces/default/jobs/once';
    await expect.poll(async () => (await read(job)).status.succeeded).toBe(1);
    client.close();
  });

  test('gives another user a kubeconfig that RBAC applies to', async () => {
    const config = JSON.parse(await plane.kubeconfigFor('jane', ['viewers']));
    const { user } = config.users[0];
    const text = (data: string): string => Buffer.from(data, 'base64').toString('utf8');
    const credentials = {
      certificate: text(user['client-certificate-data']),
      privateKey: text(user['client-key-data']),
    };
    const client = createAdminClient({ server: plane.server, caData: plane.caData, credentials });
    const answer = await client.send('GET', '/api/v1/namespaces/default/secrets');
    client.close();
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.text).message).toContain('User "jane"');
  });

  test('writes each request into the audit log', () => {
    const [line = ''] = readFileSync(plane.auditLogPath ?? '', 'utf8').split('\n');
    expect(JSON.parse(line)).toMatchObject({ kind: 'Event', level: 'Metadata' });
  });

  test('keeps its data and its address when the API server and etcd restart', async () => {
    const client = clientOf(plane);
    await client.send('POST', '/api/v1/namespaces', { metadata: { name: 'kept' } });
    const before = pidsOf(plane);
    await plane.restart('kube-apiserver');
    await plane.restart('etcd');
    expect((await client.send('GET', '/api/v1/namespaces/kept')).status).toBe(200);
    expect(pidsOf(plane).filter((pid) => before.includes(pid))).toHaveLength(3);
    client.close();
  });

  test('pauses and resumes a component', async () => {
    const etcd = plane.processes.get('etcd');
    const state = (): string =>
      readFileSync(`/proc/${etcd?.pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .charAt(0);
    etcd?.pause();
    await expect.poll(state).toBe('T');
    etcd?.resume();
    await expect.poll(state).not.toBe('T');
    await plane.ready();
  });

  test('reports a component that ends by itself, and not one that was told to', async () => {
    plane.processes.get('kwok')?.kill('SIGKILL');
    await plane.processes.get('kwok')?.exited;
    process.kill(plane.processes.get('kube-scheduler')?.pid ?? 0, 'SIGKILL');
    await plane.processes.get('kube-scheduler')?.exited;
    await expect
      .poll(() => crashes.map((exit) => [exit.name, exit.signal]))
      .toEqual([['kube-scheduler', 'SIGKILL']]);
  });

  test('leaves neither process nor data when it stops', async () => {
    const pids = pidsOf(plane);
    const client = clientOf(plane);
    const volumes = JSON.parse((await client.send('GET', '/api/v1/persistentvolumes')).text).items;
    client.close();
    const folders: string[] = volumes.map(
      (one: { spec: { hostPath: { path: string } } }) => one.spec.hostPath.path,
    );
    expect(folders.map(existsSync)).toEqual([true]);
    await plane.stop();
    expect(living(pids)).toEqual([]);
    expect(folders.map(existsSync)).toEqual([false]);
    expect(existsSync(plane.dataDir)).toBe(false);
  });
});

describe('a control plane with a data folder', () => {
  const folders: string[] = [];
  const newFolder = (): string => {
    const folder = mkdtempSync(join(tmpdir(), 'control-plane-test-'));
    folders.push(folder);
    return folder;
  };
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  test('finds its data again at the next start, and refuses a second start meanwhile', async () => {
    const dataDir = newFolder();
    const first = await startControlPlane({ dataDir });
    await expect(startControlPlane({ dataDir })).rejects.toMatchObject({ code: 'DataFolderInUse' });
    const writer = clientOf(first);
    await writer.send('POST', '/api/v1/namespaces', { metadata: { name: 'kept' } });
    writer.close();
    await first.stop();
    const second = await startControlPlane({ dataDir, ports: { apiServer: first.ports.apiServer } });
    expect(second.server).toBe(first.server);
    // The first start's certificate is still good: a kubeconfig that somebody copied works on.
    const reader = createAdminClient({
      server: second.server,
      caData: first.caData,
      credentials: first.admin,
    });
    expect((await reader.send('GET', '/api/v1/namespaces/kept')).status).toBe(200);
    reader.close();
    await second.stop();
  });

  test('ends with its engine when that is killed, and its folder serves the next start', async () => {
    const dataDir = newFolder();
    const { pids, engine } = await startInAnotherProcess(dataDir);
    expect(living(pids)).toEqual(pids);
    engine.kill('SIGKILL');
    await expect.poll(() => living(pids), { timeout: 15_000 }).toEqual([]);
    const next = await startControlPlane({ dataDir });
    await next.stop();
  });

  test('says which flag is wrong when the API server does not start', async () => {
    const started = startControlPlane({ apiServerFlags: ['--no-such-flag=1'] });
    await expect(started).rejects.toMatchObject({
      code: 'ControlPlaneFailed',
      message: expect.stringContaining('unknown flag: --no-such-flag'),
    });
  });

  test('gives up a start when it is told to', async () => {
    const interrupt = new AbortController();
    const started = startControlPlane({ signal: interrupt.signal });
    interrupt.abort();
    await expect(started).rejects.toMatchObject({ code: 'Interrupted' });
  });
});

async function startInAnotherProcess(dataDir: string) {
  const program = `
    const { startControlPlane } = await import(${JSON.stringify(MAIN)});
    const plane = await startControlPlane({ dataDir: ${JSON.stringify(dataDir)} });
    console.log(JSON.stringify([...plane.processes.values()].map((child) => child.pid)));`;
  const engine = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pids = await new Promise<number[]>((resolve, reject) => {
    engine.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString('utf8'))));
    engine.once('exit', (code) => reject(new Error(`ended with code ${code} before it was up`)));
  });
  return { engine, pids };
}
