/** The engine behind a proxy that fails: the end is that of an undisturbed run, and no child is ever made twice. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { type GroupVersionKind, isObject } from '../../engine/kube/object.ts';
import { connectThroughProxy, poll, WRITE } from './cluster-support.ts';
import type { Fault, SeenRequest } from './fault-proxy.ts';
import {
  type Bench,
  bench,
  boxFiles,
  CONFIG_MAP,
  DEPLOYMENT,
  engine,
  eventually,
  get,
  isReady,
  putBox,
  putPlaybook,
} from './operator-kit.ts';

const FAULTS: readonly Fault[] = [
  { kind: 'refuse' },
  { kind: 'loseAnswer' },
  { kind: 'answer', status: 429, headers: { 'retry-after': '1' } },
  { kind: 'answer', status: 500 },
  { kind: 'replaceAnswer', status: 504 },
];

/** A fault for every second write, each kind in its turn. */
function storm(): (request: SeenRequest) => Fault | undefined {
  let writes = 0;
  return ({ method }) => {
    if (method === 'GET' || ++writes % 2 === 0) return undefined;
    return FAULTS[Math.floor(writes / 2) % FAULTS.length];
  };
}

async function uidsEver(at: Bench): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  for (const gvk of [CONFIG_MAP, DEPLOYMENT]) {
    const cache = at.cluster.cache({ gvk, namespace: at.namespace, labelSelector: 'libretto.dev/owner-uid' });
    onTestFinished(() => cache.release());
    cache.subscribe((event) => {
      if (event.kind === 'added') seen.add(event.object.metadata.uid ?? '');
    });
    await cache.whenSynced();
  }
  return seen;
}

describe('an engine whose API server fails', () => {
  it('brings resources to Ready through 429, 500, 504 after commit, refused and lost requests', async () => {
    const at = await bench();
    const { cluster, proxy } = await connectThroughProxy();
    const uids = await uidsEver(at);
    const running = await engine(at, { cluster });
    await putPlaybook(at, 'box', boxFiles(at));
    await running.operator.ready;
    proxy.setFault(storm());
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const name of names) await putBox(at, name, { size: 1, text: name });
    for (const name of names) await eventually(at, at.box, name, isReady);
    expect(uids.size).toBe(2 * names.length);
    proxy.setFault(undefined);
  });

  it('repairs after an outage what was changed during it', async () => {
    const at = await bench();
    const { cluster, proxy } = await connectThroughProxy();
    await engine(at, { cluster });
    await putPlaybook(at, 'box', boxFiles(at));
    await putBox(at, 'one', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'one', isReady);

    let refused = 0;
    proxy.setFault(() => {
      refused++;
      return { kind: 'refuse' };
    });
    proxy.cut();
    await at.cluster.client.delete({ ...CONFIG_MAP, namespace: at.namespace, name: 'one-config' }, {});
    await putBox(at, 'two', { size: 1, text: 'during the outage' });
    await poll(() => refused > 0);
    proxy.setFault(undefined);
    await eventually(at, CONFIG_MAP, 'one-config', (c) => c !== undefined);
    await eventually(at, at.box, 'two', isReady);
    expect(isReady(await get(at, at.box, 'one'))).toBe(true);
  });

  it('follows the spec while another client writes to the resource and its child without a pause', async () => {
    const at = await bench();
    await engine(at);
    await putPlaybook(at, 'box', boxFiles(at));
    await putBox(at, 'one', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'one', isReady);

    let rounds = 0;
    let storming = true;
    const touch = async (gvk: GroupVersionKind): Promise<unknown> => {
      const annotations = { 'example.com/round': String(rounds) };
      const ref = { ...gvk, namespace: at.namespace, name: 'one' };
      return await at.cluster.client.mergePatch(ref, { metadata: { annotations } }, WRITE);
    };
    const other = (async () => {
      for (; storming; rounds++) await Promise.all([touch(at.box), touch(DEPLOYMENT)]);
    })();
    for (const size of [2, 3, 1, 2]) {
      await putBox(at, 'one', { size, text: `size ${size}` });
      await eventually(at, DEPLOYMENT, 'one', (d) => isObject(d?.spec) && d.spec.replicas === size);
    }
    storming = false;
    await other;
    await eventually(at, at.box, 'one', isReady);
    const deployment = await get(at, DEPLOYMENT, 'one');
    expect(deployment?.metadata.annotations).toMatchObject({ 'example.com/round': String(rounds - 1) });
  });
});
