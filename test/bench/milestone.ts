/** Moments at which all named objects of a kind are as wanted, seen by watching: the same for every writer. */
import type { Cache, Cluster } from '../../engine/cluster/api.ts';
import type { GroupVersionKind, KubeObject } from '../../engine/kube/object.ts';

export interface Goal {
  readonly gvk: GroupVersionKind;
  readonly namespace: string;
  readonly names: readonly string[];
  readonly holds: (object: KubeObject) => boolean;
}

export interface Milestone {
  /** When the last object became as wanted, by performance.now(). Rejects where that takes too long. */
  readonly reached: Promise<number>;
}

const LIMIT_MS = 60_000;
const LIMIT_PER_OBJECT_MS = 500;

/** Resolves when the watch is open, so that nothing is missed. */
export async function milestone(cluster: Cluster, goal: Goal): Promise<Milestone> {
  const cache = cluster.cache({ gvk: goal.gvk, namespace: goal.namespace });
  const missing = new Set(goal.names);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const limit = setTimeout(
    () => reject(new Error(`${missing.size} of ${goal.names.length} ${goal.gvk.kind}s are not as wanted`)),
    LIMIT_MS + goal.names.length * LIMIT_PER_OBJECT_MS,
  );
  const end = cache.subscribe((event) => {
    if (event.kind === 'synced' || event.kind === 'deleted' || !goal.holds(event.object)) return;
    missing.delete(event.object.metadata.name);
    if (missing.size === 0) resolve(performance.now());
  });
  const reached = promise.finally(() => {
    clearTimeout(limit);
    end();
    cache.release();
  });
  reached.catch(() => {}); // whoever waits for it hears of it
  await cache.whenSynced();
  return { reached };
}

/** The milliseconds until an object that `spoil` breaks is whole again: broken must be seen first, then whole. */
export async function repairTime(
  cache: Cache,
  goal: Pick<Goal, 'holds'> & { readonly name: string },
  spoil: () => Promise<unknown>,
): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  let broken = false;
  const end = cache.subscribe((event) => {
    if (event.kind === 'synced' || event.object.metadata.name !== goal.name) return;
    const whole = event.kind !== 'deleted' && goal.holds(event.object);
    if (whole && broken) resolve(performance.now());
    broken ||= !whole;
  });
  const begun = performance.now();
  try {
    await spoil();
    return (await promise) - begun;
  } finally {
    end();
  }
}
