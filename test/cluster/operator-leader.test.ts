/** Two engines as processes, of which one leads: stopped in the middle of its work and continued, it writes nothing more. */
import { type ChildProcess, spawn } from 'node:child_process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isObject } from '../../engine/kube/object.ts';
import { poll } from './cluster-support.ts';
import { type FaultProxy, type SeenRequest, startFaultProxy } from './fault-proxy.ts';
import { testKubeconfigPath } from './harness.ts';
import {
  type Bench,
  bench,
  boxFiles,
  CONFIG_MAP,
  dataOf,
  eventually,
  get,
  isReady,
  putBox,
  putPlaybook,
} from './operator-kit.ts';

const LEASE = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease' };
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

interface Candidate {
  readonly process: ChildProcess;
  readonly proxy: FaultProxy;
  readonly ended: Promise<number | null>;
  log(): string;
}

/** `libretto run` behind a proxy of its own, which sees each of its requests. */
async function candidate(at: Bench): Promise<Candidate> {
  const proxy = await startFaultProxy(testKubeconfigPath());
  const flags = {
    kubeconfig: proxy.kubeconfigPath,
    namespace: at.namespace,
    'watch-namespaces': at.namespace,
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(process.execPath, ['engine/main.ts', 'run', ...args, '--http-port', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    await proxy.close();
  });
  return { process: child, proxy, ended, log: () => log };
}

async function holder(at: Bench): Promise<string> {
  const spec = (await get(at, LEASE, 'libretto'))?.spec;
  return isObject(spec) ? String(spec['holderIdentity']) : '';
}

/** What changes anything but the lease. */
function writesOf(requests: readonly SeenRequest[]): readonly string[] {
  return requests
    .filter(({ method, path }) => method !== 'GET' && !path.includes('/leases'))
    .map(({ method, path }) => `${method} ${path.split('?', 1)[0]}`);
}

describe('a leader that is stopped in the middle of its work', () => {
  it('writes nothing once it goes on: another has taken over; it ends, for its pod to start anew', {
    timeout: 600_000,
  }, async () => {
    const at = await bench();
    await putPlaybook(at, 'box', boxFiles(at));
    const first = await candidate(at);
    for (const name of NAMES) await putBox(at, name, { size: 1, text: 'one' });
    for (const name of NAMES) await eventually(at, at.box, name, isReady);
    const leader = await holder(at);
    const second = await candidate(at);
    await poll(() => second.log().includes('"message":"ready"'));
    expect(writesOf(second.proxy.requests)).toEqual([]);

    // Its first write for the next spec is kept on its way, so that a pass is not finished when the process stops.
    const held = Promise.withResolvers<void>();
    onTestFinished(() => held.resolve());
    first.proxy.forget();
    first.proxy.setFault(({ method, path }) =>
      method === 'GET' || path.includes('/leases') ? undefined : { kind: 'hold', until: held.promise },
    );
    for (const name of NAMES) await putBox(at, name, { size: 1, text: 'two' });
    await poll(() => writesOf(first.proxy.requests).length > 0);
    first.process.kill('SIGSTOP');
    await poll(async () => ![leader, ''].includes(await holder(at)));
    for (const name of NAMES)
      await eventually(at, CONFIG_MAP, `${name}-config`, (c) => dataOf(c)['text'] === 'two');
    for (const name of NAMES) await putBox(at, name, { size: 1, text: 'three' });
    for (const name of NAMES)
      await eventually(at, CONFIG_MAP, `${name}-config`, (c) => dataOf(c)['text'] === 'three');

    const sent = first.proxy.requests.length;
    first.proxy.setFault(undefined);
    first.process.kill('SIGCONT');
    expect(await first.ended).toBe(1);
    expect(first.log()).toContain('the lease was lost');
    expect(writesOf(first.proxy.requests.slice(sent))).toEqual([]);
    for (const name of NAMES)
      expect(dataOf(await get(at, CONFIG_MAP, `${name}-config`))['text']).toBe('three');
  });
});
