/** Follows the samples through watches, and keeps the table current. */
import type { Cache, Cluster } from '../cluster/api.ts';
import { groupKind, gvkOf, type KubeObject } from '../kube/object.ts';
import type { Terminal } from './terminal.ts';
import { createTable, type Row, rowOf } from './up-table.ts';

export interface SampleWatch {
  rows(): readonly Row[];
  allReady(): boolean;
  /** Other text follows the table. */
  leave(): void;
  stop(): void;
}

export function createSampleWatch(
  cluster: Cluster,
  samples: readonly KubeObject[],
  terminal: Terminal,
): SampleWatch {
  const kinds = new Map(samples.map((s) => [groupKind(gvkOf(s)), gvkOf(s)]));
  const caches = new Map<string, Cache>([...kinds].map(([key, gvk]) => [key, cluster.cache({ gvk })]));
  const table = createTable(terminal);
  const rows = (): readonly Row[] =>
    samples.map((sample) => {
      const { namespace, name } = sample.metadata;
      return rowOf(caches.get(groupKind(gvkOf(sample)))?.get(namespace, name) ?? sample);
    });
  const show = (): void => table.show(rows());
  for (const cache of caches.values()) cache.subscribe(show);
  show();
  return {
    rows,
    leave: () => table.leave(),
    allReady: () => rows().every((row) => row.ready),
    stop() {
      for (const cache of caches.values()) cache.release();
    },
  };
}
