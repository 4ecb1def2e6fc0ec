/** Kubernetes' own kinds without a cluster: a copy of what an API server says of them (schemas/kubernetes-kinds.json). */
import kinds from '../../schemas/kubernetes-kinds.json' with { type: 'json' };
import { apiVersionOf, type GroupVersionKind, type JsonObject } from '../kube/object.ts';
import type { SchemaLookup, SchemaNode } from '../kube/schema.ts';
import { schemaFromOpenApi } from '../kube/schema-model.ts';
import { nearest } from '../playbook/suggest.ts';

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
  // A definition's group has a dot, so one without is Kubernetes' own, or nobody's.
  if (group.includes('.') && !kinds.resources.some((known) => known.group === group)) return undefined;
  return kinds.resources
    .filter((known) => known.group === group && known.kind === kind)
    .map(({ version }) => version);
}

/** The same kind in another group, or one of the group that is called nearly so. */
export function offlineMeant({ group, kind }: GroupVersionKind): string | undefined {
  const elsewhere = kinds.resources.filter((known) => known.kind === kind).map(apiVersionOf);
  if (elsewhere.length > 0) return `write apiVersion: ${elsewhere.join(' or ')}`;
  const name = nearest(
    kind,
    kinds.resources.filter((known) => known.group === group).map((known) => known.kind),
  );
  return name === undefined ? undefined : `did you mean ${name}?`;
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
