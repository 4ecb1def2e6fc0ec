/** Follows all resources of a playbook's kinds, whoever made them. */
import type { Cache, Cluster } from '../cluster/api.ts';
import { type GroupVersionKind, groupKind } from '../kube/object.ts';
import type { Playbook } from '../playbook/model.ts';
import { type Row, rowOf } from './up-table.ts';

export interface ResourceWatch {
  /** Of the kinds of this version of the playbook; those that another version had are left. */
  follow(playbook: Playbook): void;
  /** Why the cluster can't be read now. */
  failure(): string | undefined;
  stop(): void;
}

interface Options {
  readonly cluster: Cluster;
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly changed: (rows: readonly Row[]) => void;
}

export function createResourceWatch({ cluster, namespaces, changed }: Options): ResourceWatch {
  const open = new Map<string, readonly Cache[]>();
  const caches = (): readonly Cache[] => [...open.values()].flat();
  const show = (): void => changed(caches().flatMap((cache) => cache.list().map(rowOf)));
  const begin = (gvk: GroupVersionKind): readonly Cache[] => {
    const everywhere = namespaces === undefined || cluster.discovery.resource(gvk)?.namespaced === false;
    const selections = everywhere ? [{ gvk }] : namespaces.map((namespace) => ({ gvk, namespace }));
    return selections.map((selection) => {
      const cache = cluster.cache(selection);
      cache.subscribe(show);
      return cache;
    });
  };
  const end = (key: string): void => {
    for (const cache of open.get(key) ?? []) cache.release();
    open.delete(key);
  };
  return {
    follow({ watches }) {
      const wanted = new Map(watches.map(({ gvk }) => [`${groupKind(gvk)}/${gvk.version}`, gvk]));
      for (const key of [...open.keys()]) if (!wanted.has(key)) end(key);
      for (const [key, gvk] of wanted) if (!open.has(key)) open.set(key, begin(gvk));
      show();
    },
    failure: () => caches().find(({ failure }) => failure !== undefined)?.failure,
    stop() {
      for (const key of [...open.keys()]) end(key);
    },
  };
}
