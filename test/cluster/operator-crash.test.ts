/**
 * A crash, or a lost answer, at every write of a resource's way to Ready: the end is the same as undisturbed, and no
 * child was ever made twice.
 */
import { describe, expect, it, onTestFinished } from 'vitest';
import { connect, poll } from './cluster-support.ts';
import { type Fault, type Faulty, faulty } from './faulty-cluster.ts';
import {
  type Bench,
  bench,
  boxFiles,
  CONFIG_MAP,
  DEPLOYMENT,
  type Engine,
  engine,
  eventually,
  get,
  isReady,
  putBox,
  putPlaybook,
} from './operator-kit.ts';

/** Every child that ever existed for this resource, by uid. */
async function births(at: Bench, name: string): Promise<() => number> {
  const seen = new Set<string>();
  for (const gvk of [CONFIG_MAP, DEPLOYMENT]) {
    const cache = at.cluster.cache({ gvk, namespace: at.namespace });
    onTestFinished(() => cache.release());
    cache.subscribe((event) => {
      if (event.kind === 'added' && [name, `${name}-config`].includes(event.object.metadata.name))
        seen.add(event.object.metadata.uid ?? '');
    });
    await cache.whenSynced();
  }
  return () => seen.size;
}

/** Until the fault has struck, or the resource got Ready with fewer writes; then the process is gone. */
async function untilCrash(
  at: Bench,
  name: string,
  { broken, running }: { readonly broken: Faulty; readonly running: Engine },
): Promise<void> {
  let over = false;
  void broken.struck.then(() => {
    over = true;
  });
  await poll(async () => over || isReady(await get(at, at.box, name)));
  await running.stop();
}

describe.each<Fault>(['before', 'after', 'lost'])('a fault %s the write', (fault) => {
  it('changes neither the end nor the number of children, at whichever write it strikes', {
    timeout: 120_000,
  }, async () => {
    const at = await bench();
    const first = await engine(at);
    await putPlaybook(at, 'box', boxFiles(at));
    await first.operator.ready;
    await putBox(at, 'zero', { size: 1, text: 'zero' });
    await eventually(at, at.box, 'zero', isReady);
    await first.stop();

    for (let k = 1; k <= 8; k++) {
      const name = `box-${k}`;
      const count = await births(at, name);
      const broken = faulty(await connect(), k, fault);
      const running = await engine(at, { cluster: broken.cluster });
      await putBox(at, name, { size: 1, text: name });
      if (fault === 'lost') {
        await eventually(at, at.box, name, isReady);
        await running.stop();
      } else {
        await untilCrash(at, name, { broken, running });
        const next = await engine(at);
        await eventually(at, at.box, name, isReady);
        await next.stop();
      }
      expect([k, count()]).toEqual([k, 2]);
    }
  });
});

describe('two crashes on the way of one resource', () => {
  it('change neither the end nor the number of children', { timeout: 120_000 }, async () => {
    const at = await bench();
    const first = await engine(at);
    await putPlaybook(at, 'box', boxFiles(at));
    await first.operator.ready;
    await putBox(at, 'zero', { size: 1, text: 'zero' });
    await eventually(at, at.box, 'zero', isReady);
    await first.stop();

    for (const [k, l] of [
      [1, 1],
      [1, 2],
      [2, 1],
      [3, 1],
    ] as const) {
      const name = `box-${k}-${l}`;
      const count = await births(at, name);
      await putBox(at, name, { size: 1, text: name });
      for (const [write, fault] of [
        [k, 'after'],
        [l, 'before'],
      ] as const) {
        const broken = faulty(await connect(), write, fault);
        await untilCrash(at, name, { broken, running: await engine(at, { cluster: broken.cluster }) });
      }
      const last = await engine(at);
      await eventually(at, at.box, name, isReady);
      await last.stop();
      expect([k, l, count()]).toEqual([k, l, 2]);
    }
  });
});
