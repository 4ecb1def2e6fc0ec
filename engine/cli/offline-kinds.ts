/** Kubernetes' own kinds without a cluster: a copy of what an API server says of them (schemas/kubernetes-kinds.json). */
import kinds from '../../schemas/kubernetes-kinds.json' with { type: 'json' };
import { apiVersionOf, type GroupVersionKind, type JsonObject } from '../kube/object.ts';
import type { SchemaLookup, SchemaNode } from '../kube/schema.ts';
import { schemaFromOpenApi } from '../kube/schema-model.ts';

/** How a kind is called in a URL and in RBAC rules. */
export interface OfflineResource extends GroupVersionKind {
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Undefined for kinds that Kubernetes itself does not have. */
export function offlineResource(gvk: GroupVersionKind): OfflineResource | undefined {
  return kinds.resources.find(
    (known) => known.kind === gvk.kind && apiVersionOf(known) === apiVersionOf(gvk),
  );
}

/**
 * The versions of a kind, in groups of Kubernetes itself; undefined for other groups, also those that only look alike
 * (snapshot.storage.k8s.io, metrics.k8s.io).
 */
export function offlineVersions(group: string, kind: string): readonly string[] | undefined {
  if (!kinds.resources.some((known) => known.group === group)) return undefined;
  return kinds.resources
    .filter((known) => known.group === group && known.kind === kind)
    .map(({ version }) => version);
}

/** Schemas of the kinds that Kubernetes itself has, each read once. */
export function offlineSchemas(): SchemaLookup {
  const document: unknown = kinds;
  const read = new Map<string, SchemaNode | undefined>();
  return (gvk) => {
    const key = `${apiVersionOf(gvk)}/${gvk.kind}`;
    // as: the file is JSON, whatever TypeScript found in it
    if (!read.has(key)) read.set(key, schemaFromOpenApi(document as JsonObject, gvk));
    return read.get(key);
  };
}
