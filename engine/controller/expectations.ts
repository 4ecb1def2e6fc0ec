/**
 * Read your own writes: a key that wrote waits until the store of each kind it wrote to has passed the write's
 * resourceVersion, and deleted objects are gone or terminating. Cache events wake it, never a timer. It is
 * resourceVersions and not the objects themselves that are awaited: an object may be gone again by then.
 */
import type { Cache } from '../cluster/api.ts';

export type Expectation =
  | { readonly kind: 'seen'; readonly cache: Cache; readonly resourceVersion: string }
  | {
      readonly kind: 'gone';
      readonly cache: Cache;
      readonly namespace: string | undefined;
      readonly name: string;
      readonly uid: string;
    };

export class Expectations {
  private readonly byKey = new Map<string, readonly Expectation[]>();
  private readonly keysByCache = new Map<Cache, Set<string>>();

  /** Adds to what the key waits for; what is met already is not kept. */
  expect(key: string, expectations: readonly Expectation[]): void {
    const open = [...(this.byKey.get(key) ?? []), ...expectations].filter((e) => !isMet(e));
    this.replace(key, open);
  }

  /** True where the key's own writes are not all seen yet. */
  waits(key: string): boolean {
    const known = this.byKey.get(key);
    if (known === undefined) return false;
    const open = known.filter((e) => !isMet(e));
    this.replace(key, open);
    return open.length > 0;
  }

  /** The keys that stopped waiting by what this cache has just taken in. */
  freedBy(cache: Cache): readonly string[] {
    const keys = [...(this.keysByCache.get(cache) ?? [])];
    return keys.filter((key) => !this.waits(key));
  }

  forget(key: string): void {
    this.replace(key, []);
  }

  private replace(key: string, open: readonly Expectation[]): void {
    for (const { cache } of this.byKey.get(key) ?? []) {
      const keys = this.keysByCache.get(cache);
      keys?.delete(key);
      if (keys?.size === 0) this.keysByCache.delete(cache);
    }
    if (open.length === 0) {
      this.byKey.delete(key);
      return;
    }
    this.byKey.set(key, open);
    for (const { cache } of open) {
      const keys = this.keysByCache.get(cache) ?? new Set<string>();
      this.keysByCache.set(cache, keys.add(key));
    }
  }
}

/** A cache that fails (its kind was removed, its rights were taken) would never show the write: not waited for. */
function isMet(expectation: Expectation): boolean {
  const { cache } = expectation;
  if (!cache.synced && cache.failure !== undefined) return true;
  if (expectation.kind === 'seen') return cache.hasSeen(expectation.resourceVersion);
  const live = cache.get(expectation.namespace, expectation.name);
  return live?.metadata.uid !== expectation.uid || live.metadata.deletionTimestamp !== undefined;
}
