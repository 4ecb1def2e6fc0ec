/**
 * What the engine knows of runs: its caches of ActionRuns and of the Jobs, Pods and Secrets that runs made. One for
 * all controllers of an account, opened when the first watch with actions asks for it.
 *
 * A store may lag behind, and an engine that just began to lead knows nothing of what the one before wrote last: it
 * would scale a database up in the middle of its restore. So runs count as known only once a consistent list, taken
 * while leading, is covered by the store.
 */
import type { Clock } from '../base/clock.ts';
import { insist } from '../base/insist.ts';
import type { Logger } from '../base/logger.ts';
import type { Cache, CacheSelection, Cluster, StoreEvent } from '../cluster/api.ts';
import { compareResourceVersions } from '../cluster/resource-version.ts';
import { ACTION_RUN } from '../kube/kinds.ts';
import { RUN_UID_LABEL } from '../kube/labels.ts';
import { type GroupVersionKind, groupKind, isObject, type Json, type KubeObject } from '../kube/object.ts';
import type { Listing } from '../reconcile/model.ts';
import { RunIndex, type RunTarget } from './run-index.ts';
import { servedKind } from './views.ts';

const WORK_KINDS: readonly GroupVersionKind[] = [
  { group: 'batch', version: 'v1', kind: 'Job' },
  { group: '', version: 'v1', kind: 'Pod' },
  { group: '', version: 'v1', kind: 'Secret' },
];

export interface RunEvent {
  /** `all`: whatever has actions. */
  readonly targets: readonly RunTarget[] | 'all';
  /** The cache that has just taken something in. */
  readonly cache: Cache;
}

export interface RunStore {
  /**
   * Opens the caches for the runs of a kind, the first time; those of a cluster-scoped one live in the engine's own
   * namespace. A kind that is not served (yet) has no resource that could have a run: ask again when it is.
   */
  want(gvk: GroupVersionKind): void;
  /** What is known for one resource. */
  inputs(target: RunTarget): { readonly runs: Listing; readonly work: Listing };
  /** The cache that would show an object of this kind in this namespace. */
  cacheFor(gvk: Pick<GroupVersionKind, 'group' | 'kind'>, namespace: string | undefined): Cache | undefined;
  /** True when every cache has a complete list, or can't get one. */
  readonly settled: boolean;
  subscribe(listener: (event: RunEvent) => void): () => void;
  close(): void;
}

export interface RunStoreOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Namespaces to look at; undefined: all. */
  readonly scope: readonly string[] | undefined;
  /** The engine's: looked at as well where a cluster-scoped resource has actions. */
  readonly ownNamespace: string;
  /** Resolves when this process leads (true), or stops (false). */
  readonly mayWrite: (signal: AbortSignal) => Promise<boolean>;
}

export function createRunStore(options: RunStoreOptions): RunStore {
  return new Store(options);
}

class Store implements RunStore {
  private readonly options: RunStoreOptions;
  private readonly index = new RunIndex();
  private readonly listeners = new Set<(event: RunEvent) => void>();
  private readonly confirmed = new Set<Cache>();
  private readonly stopping = new AbortController();
  private readonly opened = new Set<string>();
  private runs: readonly Cache[] = [];
  private work: readonly Cache[] = [];

  constructor(options: RunStoreOptions) {
    this.options = options;
  }

  want(gvk: GroupVersionKind): void {
    const { cluster, scope, ownNamespace } = this.options;
    const served = servedKind(cluster.discovery, gvk);
    if (served === undefined) return;
    const wanted = served.namespaced ? scope : scope && [ownNamespace];
    for (const namespace of wanted ?? [undefined]) this.openIn(namespace);
  }

  private openIn(namespace: string | undefined): void {
    if (this.opened.has(namespace ?? '')) return;
    this.opened.add(namespace ?? '');
    const selection = namespace === undefined ? {} : { namespace };
    const runs = this.open({ ...selection, gvk: ACTION_RUN });
    const work = WORK_KINDS.map((gvk) => this.open({ ...selection, gvk, labelSelector: RUN_UID_LABEL }));
    this.runs = [...this.runs, runs];
    this.work = [...this.work, ...work];
    void this.confirm(runs);
  }

  inputs(target: RunTarget): { runs: Listing; work: Listing } {
    const inScope = (c: Cache): boolean => (c.selection.namespace ?? target.namespace) === target.namespace;
    const runs = this.runs.filter(inScope);
    return {
      runs: listing(runs, { objects: this.index.runsOf(target), known: (c) => this.confirmed.has(c) }),
      work: listing(this.work.filter(inScope), { objects: this.index.workOf(target), known: () => true }),
    };
  }

  cacheFor(gvk: Pick<GroupVersionKind, 'group' | 'kind'>, namespace: string | undefined): Cache | undefined {
    return [...this.runs, ...this.work].find(
      ({ selection }) =>
        groupKind(selection.gvk) === groupKind(gvk) && (selection.namespace ?? namespace) === namespace,
    );
  }

  get settled(): boolean {
    return [...this.runs, ...this.work].every((c) => c.synced || c.failure !== undefined);
  }

  subscribe(listener: (event: RunEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.stopping.abort();
    for (const cache of [...this.runs, ...this.work]) cache.release();
    this.listeners.clear();
  }

  private open(selection: CacheSelection): Cache {
    const cache = this.options.cluster.cache(selection);
    cache.subscribe((event) => this.take(cache, event));
    // A cache that others use already does not repeat its objects as events.
    for (const object of cache.list()) this.change(cache, { before: undefined, after: object });
    return cache;
  }

  private take(cache: Cache, event: StoreEvent): void {
    if (event.kind === 'synced') {
      this.tell({ targets: 'all', cache });
      return;
    }
    const gone = event.kind === 'deleted';
    const before = gone ? event.object : event.previous;
    this.tell({ targets: this.change(cache, { before, after: gone ? undefined : event.object }), cache });
  }

  private change(
    cache: Cache,
    change: { readonly before: KubeObject | undefined; readonly after: KubeObject | undefined },
  ): readonly RunTarget[] {
    const isRun = groupKind(cache.selection.gvk) === groupKind(ACTION_RUN);
    return isRun ? this.index.takeRun(change) : this.index.takeWork(change);
  }

  private tell(event: RunEvent): void {
    for (const listener of [...this.listeners]) listener(event);
  }

  private async confirm(cache: Cache): Promise<void> {
    const { clock, logger, mayWrite } = this.options;
    const { signal } = this.stopping;
    if (!(await mayWrite(signal))) return;
    const message = 'the runs could not be read consistently, trying again';
    await insist({ clock, logger, message, signal }, async () => {
      await cache.whenSynced(signal);
      const live = await this.listConsistently(cache.selection.namespace);
      await covers(cache, live, signal);
      this.confirmed.add(cache);
      this.tell({ targets: 'all', cache });
    });
  }

  private async listConsistently(namespace: string | undefined): Promise<LiveList> {
    const { group, version } = ACTION_RUN;
    const where = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
    return parseList(
      await this.options.cluster.client.raw('GET', `/apis/${group}/${version}${where}/actionruns`),
    );
  }
}

function listing(
  caches: readonly Cache[],
  { objects, known }: { readonly objects: readonly KubeObject[]; readonly known: (cache: Cache) => boolean },
): Listing {
  const failing = caches.find((c) => c.failure !== undefined);
  const synced = caches.length > 0 && caches.every((c) => c.synced && known(c));
  return { synced, objects, ...failureOf(failing) };
}

function failureOf(cache: Cache | undefined): Pick<Listing, 'failure' | 'denied'> {
  return cache?.failure === undefined ? {} : { failure: cache.failure, denied: cache.denied };
}

interface LiveList {
  readonly resourceVersion: string;
  /** By `namespace/name`: the resourceVersion. */
  readonly items: ReadonlyMap<string, string>;
}

function parseList(answer: Json): LiveList {
  const { metadata, items } = isObject(answer) ? answer : {};
  const metas = (Array.isArray(items) ? items : []).flatMap((item) =>
    isObject(item) && isObject(item['metadata']) ? [item['metadata']] : [],
  );
  return {
    resourceVersion: isObject(metadata) ? String(metadata['resourceVersion']) : '',
    items: new Map(
      metas.map((m) => [`${String(m['namespace'])}/${String(m['name'])}`, String(m['resourceVersion'])]),
    ),
  };
}

/** Resolves when the store holds everything that the list does, and nothing that was gone by then. */
function covers(cache: Cache, live: LiveList, signal: AbortSignal): Promise<void> {
  const holds = (): boolean =>
    cache.synced &&
    [...live.items.values()].every((version) => cache.hasSeen(version)) &&
    cache.list().every(({ metadata }) => {
      if (live.items.has(`${metadata.namespace ?? ''}/${metadata.name}`)) return true;
      return (compareResourceVersions(metadata.resourceVersion ?? '', live.resourceVersion) ?? 1) > 0;
    });
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (!holds()) return;
      end();
      resolve();
    };
    const end = cache.subscribe(look);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    look();
  });
}
