/**
 * The kinds that one controller reads: opened once the cluster serves them, by group and kind, whatever the version.
 * A kind that is not served yet is asked for again after each change of discovery.
 */
import type { ApiResource, Cache, Cluster, Discovery, StoreEvent } from '../cluster/api.ts';
import { type GroupVersionKind, groupKind, type KubeObject, type ObjectRef } from '../kube/object.ts';
import { type KindView, openKindView } from './kind-view.ts';

export interface WantedKind {
  readonly gvk: GroupVersionKind;
  /** True where nothing below metadata is ever read. */
  readonly metadataOnly: boolean;
}

export interface Views {
  /** Wants a kind; opens it now, or when the cluster serves it. Wanting it twice changes nothing. */
  want(kind: WantedKind): void;
  get(gvk: Pick<GroupVersionKind, 'group' | 'kind'>): KindView | undefined;
  all(): readonly KindView[];
  lookup(ref: Omit<ObjectRef, 'version'>): KubeObject | undefined;
  /** True when every served kind has a complete list, or can't get one (which its `failure` tells). */
  readonly settled: boolean;
  /** Opens what is served by now. */
  retry(): void;
  /** Stops reading a kind. */
  drop(gvk: Pick<GroupVersionKind, 'group' | 'kind'>): void;
  close(): void;
}

export interface ViewsOptions {
  readonly cluster: Pick<Cluster, 'cache' | 'discovery'>;
  readonly scope: readonly string[] | undefined;
  readonly onEvent: (view: GroupVersionKind, event: StoreEvent, cache: Cache) => void;
}

/** The kind in this version, or in the one that the cluster prefers; undefined: it serves none. */
export function servedKind(discovery: Discovery, gvk: GroupVersionKind): ApiResource | undefined {
  return discovery.resource(gvk) ?? discovery.byKind(gvk.group, gvk.kind);
}

export function createViews(options: ViewsOptions): Views {
  const { discovery } = options.cluster;
  const wanted = new Map<string, WantedKind>();
  const open = new Map<string, KindView>();

  const tryOpen = (key: string, kind: WantedKind): void => {
    if (open.has(key)) return;
    const served = servedKind(discovery, kind.gvk);
    if (served === undefined) return;
    const onEvent = (event: StoreEvent, cache: Cache): void => options.onEvent(kind.gvk, event, cache);
    open.set(
      key,
      openKindView({
        gvk: served.gvk,
        namespaced: served.namespaced,
        metadataOnly: kind.metadataOnly,
        scope: options.scope,
        open: (selection) => options.cluster.cache(selection),
        onEvent,
      }),
    );
  };
  const drop = (key: string): void => {
    open.get(key)?.close();
    open.delete(key);
    wanted.delete(key);
  };
  return {
    want(kind) {
      const key = groupKind(kind.gvk);
      if (!wanted.has(key)) wanted.set(key, kind);
      tryOpen(key, kind);
    },
    get: (gvk) => open.get(groupKind(gvk)),
    all: () => [...open.values()],
    lookup: (ref) => open.get(groupKind(ref))?.get(ref.namespace, ref.name),
    get settled() {
      return [...open.values()].every((v) => v.caches.every((c) => c.synced || c.failure !== undefined));
    },
    retry() {
      for (const [key, kind] of wanted) tryOpen(key, kind);
    },
    drop: (gvk) => drop(groupKind(gvk)),
    close() {
      for (const key of [...wanted.keys()]) drop(key);
    },
  };
}
