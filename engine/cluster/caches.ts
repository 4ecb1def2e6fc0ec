/**
 * The caches of a cluster, one reflector with its store for each selection, shared by all who ask for it and ended
 * when the last of them gave it back. Every reflector here reads under one identity, that of the transport: whoever
 * reads as somebody else (Cluster.actAs) has caches of his own, so that one's rights never fill another's store.
 */
import { errorMessage } from '../base/errors.ts';
import { groupKind } from '../kube/object.ts';
import type { Cache, CacheSelection, StoreEvent } from './api.ts';
import { Reflector, type ReflectorHost } from './reflector.ts';
import { ObjectStore } from './store.ts';

export interface CacheRegistry {
  cache(selection: CacheSelection): Cache;
  /** Ends every watch. */
  close(): void;
}

export function createCacheRegistry(host: ReflectorHost): CacheRegistry {
  const shared = new Map<string, SharedCache>();
  return {
    cache(selection) {
      const key = selectionKey(selection);
      const existing = shared.get(key);
      const entry = existing ?? new SharedCache(host, selection);
      if (existing === undefined) shared.set(key, entry);
      const use = entry.use(() => {
        entry.stop();
        shared.delete(key);
      });
      if (existing === undefined) entry.start();
      return use;
    },
    close() {
      for (const entry of shared.values()) entry.stop();
      shared.clear();
    },
  };
}

/** The same for the same objects in the same form. */
export function selectionKey({
  gvk,
  namespace,
  labelSelector,
  fieldSelector,
  metadataOnly,
}: CacheSelection): string {
  return JSON.stringify([
    groupKind(gvk),
    gvk.version,
    namespace,
    labelSelector,
    fieldSelector,
    metadataOnly === true,
  ]);
}

class SharedCache {
  readonly selection: CacheSelection;
  readonly store: ObjectStore;
  readonly #reflector: Reflector;
  readonly #host: ReflectorHost;
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  #users = 0;
  #synced = false;

  constructor(host: ReflectorHost, selection: CacheSelection) {
    this.#host = host;
    this.selection = selection;
    this.store = new ObjectStore((event) => this.#tell(event));
    this.#reflector = new Reflector(host, {
      selection,
      store: this.store,
      onSynced: () => this.#becomeSynced(),
      onDistrusted: () => {
        this.#synced = false;
      },
    });
  }

  get synced(): boolean {
    return this.#synced;
  }

  get failure(): string | undefined {
    return this.#reflector.failure;
  }

  get denied(): boolean {
    return this.#reflector.denied;
  }

  start(): void {
    this.#reflector.start();
  }

  stop(): void {
    this.#listeners.clear();
    this.#reflector.stop();
  }

  subscribe(listener: (event: StoreEvent) => void): () => void {
    // A wrapper of its own, so that one function subscribed twice is two subscriptions.
    const entry = (event: StoreEvent): void => listener(event);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  use(onUnused: () => void): Cache {
    this.#users += 1;
    return new CacheUse(this, () => {
      this.#users -= 1;
      if (this.#users === 0) onUnused();
    });
  }

  /** Told after each list: what a relist holds may be news without an object that changed (created and gone again). */
  #becomeSynced(): void {
    this.#synced = true;
    this.#tell({ kind: 'synced' });
  }

  /** A listener that throws is a defect of its own; the others still hear the event. */
  #tell(event: StoreEvent): void {
    for (const listener of [...this.#listeners]) {
      if (!this.#listeners.has(listener)) continue;
      try {
        listener(event);
      } catch (error) {
        this.#host.logger.error('a cache listener failed', {
          kind: this.selection.gvk.kind,
          error: errorMessage(error),
        });
      }
    }
  }
}

/** One user's handle: what it subscribed ends with it. */
class CacheUse implements Cache {
  readonly #shared: SharedCache;
  readonly #subscriptions = new Set<() => void>();
  #giveBack: (() => void) | undefined;

  constructor(shared: SharedCache, giveBack: () => void) {
    this.#shared = shared;
    this.#giveBack = giveBack;
  }

  get selection(): CacheSelection {
    return this.#shared.selection;
  }

  get synced(): boolean {
    return this.#shared.synced;
  }

  get failure(): string | undefined {
    return this.#shared.failure;
  }

  get denied(): boolean {
    return this.#shared.denied;
  }

  get: Cache['get'] = (namespace, name) => this.#shared.store.get(namespace, name);

  list: Cache['list'] = (namespace) => this.#shared.store.list(namespace);

  ownedBy: Cache['ownedBy'] = (uid) => this.#shared.store.ownedBy(uid);

  annotatedWith: Cache['annotatedWith'] = (owner) => this.#shared.store.annotatedWith(owner);

  hasSeen: Cache['hasSeen'] = (resourceVersion) => this.#shared.store.hasSeen(resourceVersion);

  subscribe(listener: (event: StoreEvent) => void): () => void {
    const end = this.#shared.subscribe(listener);
    this.#subscriptions.add(end);
    return () => {
      end();
      this.#subscriptions.delete(end);
    };
  }

  whenSynced(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.synced) return resolve();
      if (signal?.aborted) return reject(signal.reason);
      const settle = (): void => {
        unsubscribe();
        signal?.removeEventListener('abort', abort);
      };
      const abort = (): void => {
        settle();
        reject(signal?.reason);
      };
      const unsubscribe = this.subscribe((event) => {
        if (event.kind !== 'synced') return;
        settle();
        resolve();
      });
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  release(): void {
    const giveBack = this.#giveBack;
    this.#giveBack = undefined;
    for (const end of this.#subscriptions) end();
    this.#subscriptions.clear();
    giveBack?.();
  }
}
