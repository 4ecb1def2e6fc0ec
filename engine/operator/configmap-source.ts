/**
 * Playbooks from ConfigMaps: every ConfigMap with the label `libretto.dev/playbook` in the namespaces that are
 * trusted for it. Changes come through a watch, so they are known at once.
 */
import type { Cache, Cluster, StoreEvent } from '../cluster/api.ts';
import { PLAYBOOK_LABEL } from '../kube/labels.ts';
import type { KubeObject } from '../kube/object.ts';
import { assembleParts } from './configmap-parts.ts';
import type { PlaybookSource, SourceEvents, Sources } from './source.ts';

export interface ConfigMapSourceOptions {
  readonly cluster: Cluster;
  /** The engine's own namespace: playbooks there are called by their name alone. */
  readonly namespace: string;
  /** Namespaces to read playbooks from. */
  readonly playbookNamespaces: readonly string[];
  readonly events: SourceEvents;
}

export function watchConfigMaps(options: ConfigMapSourceOptions): Sources {
  const caches = options.playbookNamespaces.map((namespace) => watchNamespace(namespace, options));
  return {
    ready: Promise.all(caches.map((c) => c.whenSynced())).then(() => {}),
    async stop() {
      for (const cache of caches) cache.release();
    },
  };
}

function watchNamespace(namespace: string, options: ConfigMapSourceOptions): Cache {
  const gvk = { group: '', version: 'v1', kind: 'ConfigMap' };
  const cache = options.cluster.cache({ gvk, namespace, labelSelector: PLAYBOOK_LABEL });
  const report = (name: string): void => reportPlaybook({ cache, namespace, name }, options);
  cache.subscribe((event) => {
    for (const name of concerned(event)) report(name);
  });
  // Somebody else may read the same ConfigMaps already: those come as no events.
  for (const name of new Set(cache.list().flatMap((o) => labelOf(o)))) report(name);
  return cache;
}

/** A ConfigMap whose label changed concerns two playbooks. */
function concerned(event: StoreEvent): readonly string[] {
  if (event.kind === 'synced') return [];
  return [...new Set([...labelOf(event.object), ...labelOf(event.previous)])];
}

function labelOf(object: KubeObject | undefined): readonly string[] {
  const label = object?.metadata.labels?.[PLAYBOOK_LABEL];
  return label === undefined || label === '' ? [] : [label];
}

function reportPlaybook(
  where: { cache: Cache; namespace: string; name: string },
  options: ConfigMapSourceOptions,
): void {
  const { cache, namespace, name } = where;
  const id = namespace === options.namespace ? name : `${namespace}/${name}`;
  const parts = cache
    .list(namespace)
    .filter((o) => labelOf(o).includes(name) && o.metadata.deletionTimestamp === undefined);
  if (parts.length === 0) options.events.removed(id);
  else options.events.changed(sourceOf(id, name, parts));
}

function sourceOf(id: string, name: string, parts: readonly KubeObject[]): PlaybookSource {
  const assembly = assembleParts(parts);
  const createdAt = Math.min(...parts.map((p) => Date.parse(p.metadata.creationTimestamp ?? '') || 0));
  const base = { id, name, origin: { kind: 'configMaps' as const, parts }, createdAt };
  if (assembly.kind === 'incomplete') return { ...base, files: new Map(), problems: [assembly.problem] };
  return { ...base, files: assembly.files, problems: assembly.problems };
}
