/**
 * One kind as a controller sees it: one cache for the whole cluster, or one for each namespace of the engine's scope.
 * Reads are answered from memory, never by a request. A view also finds what Patch manifests gave fields to, which
 * no ownerReference and no label tells.
 */
import type { Cache, CacheSelection, StoreEvent } from '../cluster/api.ts';
import { PATCH_ANNOTATION_PREFIX } from '../kube/labels.ts';
import type { GroupVersionKind, KubeObject } from '../kube/object.ts';

export interface KindView {
  readonly gvk: GroupVersionKind;
  readonly namespaced: boolean;
  readonly caches: readonly Cache[];
  readonly synced: boolean;
  /** Why a part of it is not synced, or fails now. */
  readonly failure: string | undefined;
  /** That failure is a right that is missing. */
  readonly denied: boolean;
  get(namespace: string | undefined, name: string): KubeObject | undefined;
  list(namespace?: string): readonly KubeObject[];
  ownedBy(uid: string): readonly KubeObject[];
  annotatedWith(owner: string): readonly KubeObject[];
  /** Objects to which a Patch manifest of the resource with this uid gave fields. */
  patchedFor(uid: string): readonly KubeObject[];
  /** The cache that would show an object of this namespace; undefined: out of scope. */
  cacheFor(namespace: string | undefined): Cache | undefined;
  close(): void;
}

export interface KindViewOptions {
  readonly gvk: GroupVersionKind;
  readonly namespaced: boolean;
  readonly metadataOnly: boolean;
  /** Undefined: the whole cluster. */
  readonly scope: readonly string[] | undefined;
  readonly open: (selection: CacheSelection) => Cache;
  readonly onEvent: (event: StoreEvent, cache: Cache) => void;
}

export function openKindView(options: KindViewOptions): KindView {
  const base = { gvk: options.gvk, ...(options.metadataOnly ? { metadataOnly: true } : {}) };
  const spread = options.namespaced && options.scope !== undefined;
  const selections: CacheSelection[] = spread
    ? (options.scope ?? []).map((namespace) => ({ ...base, namespace }))
    : [base];
  const patches = new PatchIndex();
  const caches = selections.map((selection) => options.open(selection));
  const ends = caches.map((cache) => subscribe(cache, patches, options));
  return {
    gvk: options.gvk,
    namespaced: options.namespaced,
    caches,
    get synced() {
      return caches.every((c) => c.synced);
    },
    get failure() {
      return caches.find((c) => c.failure !== undefined)?.failure;
    },
    get denied() {
      return caches.find((c) => c.failure !== undefined)?.denied ?? false;
    },
    get: (namespace, name) => firstOf(caches, (c) => c.get(namespace, name)),
    list: (namespace) => allOf(caches, (c) => c.list(namespace)),
    ownedBy: (uid) => allOf(caches, (c) => c.ownedBy(uid)),
    annotatedWith: (owner) => allOf(caches, (c) => c.annotatedWith(owner)),
    patchedFor: (uid) =>
      patches.of(uid).flatMap(({ namespace, name }) => firstOf(caches, (c) => c.get(namespace, name)) ?? []),
    cacheFor: (namespace) => (spread ? caches.find((c) => c.selection.namespace === namespace) : caches[0]),
    close() {
      for (const end of ends) end();
      for (const cache of caches) cache.release();
    },
  };
}

/** A cache that others use already will not repeat its objects as events: the index takes them from the list. */
function subscribe(cache: Cache, patches: PatchIndex, options: KindViewOptions): () => void {
  const end = cache.subscribe((event) => {
    if (event.kind !== 'synced')
      patches.take(
        event.kind === 'deleted' ? event.object : event.previous,
        event.kind === 'deleted' ? undefined : event.object,
      );
    options.onEvent(event, cache);
  });
  for (const object of cache.list()) patches.take(undefined, object);
  return end;
}

function firstOf<T>(caches: readonly Cache[], find: (cache: Cache) => T | undefined): T | undefined {
  for (const cache of caches) {
    const found = find(cache);
    if (found !== undefined) return found;
  }
  return undefined;
}

function allOf<T>(caches: readonly Cache[], find: (cache: Cache) => readonly T[]): readonly T[] {
  const [only] = caches;
  return caches.length === 1 && only !== undefined ? find(only) : caches.flatMap(find);
}

interface Named {
  readonly namespace: string | undefined;
  readonly name: string;
}

/** uids named by the annotations `patch.libretto.dev/<uid>` of an object. */
export function patchOwners(object: KubeObject | undefined): readonly string[] {
  const keys = Object.keys(object?.metadata.annotations ?? {});
  return keys
    .filter((k) => k.startsWith(PATCH_ANNOTATION_PREFIX))
    .map((k) => k.slice(PATCH_ANNOTATION_PREFIX.length));
}

class PatchIndex {
  private readonly byUid = new Map<string, Map<string, Named>>();

  of(uid: string): readonly Named[] {
    return [...(this.byUid.get(uid)?.values() ?? [])];
  }

  take(before: KubeObject | undefined, after: KubeObject | undefined): void {
    for (const uid of patchOwners(before)) {
      const named = this.byUid.get(uid);
      named?.delete(nameKey(before));
      if (named?.size === 0) this.byUid.delete(uid);
    }
    for (const uid of patchOwners(after)) {
      const named = this.byUid.get(uid) ?? new Map<string, Named>();
      this.byUid.set(uid, named);
      if (after !== undefined)
        named.set(
          nameKey(after),
          after.metadata.namespace === undefined
            ? { namespace: undefined, name: after.metadata.name }
            : { namespace: after.metadata.namespace, name: after.metadata.name },
        );
    }
  }
}

function nameKey(object: KubeObject | undefined): string {
  return `${object?.metadata.namespace ?? ''}/${object?.metadata.name ?? ''}`;
}
