/** URL paths of the Kubernetes API. */
import { EngineError } from '../base/errors.ts';
import type { ObjectRef } from '../kube/object.ts';
import type { ApiResource } from './api.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** `/api/v1` or `/apis/apps/v1`. */
export function groupVersionPath(gv: { readonly group: string; readonly version: string }): string {
  return gv.group === '' ? `/api/${gv.version}` : `/apis/${gv.group}/${gv.version}`;
}

/** All objects of a kind, in one namespace or in all. A namespace is ignored where the kind has none. */
export function collectionPath(resource: ApiResource, namespace: string | undefined): string {
  const base = groupVersionPath(resource.gvk);
  if (!resource.namespaced || namespace === undefined) return `${base}/${resource.plural}`;
  return `${base}/namespaces/${encodeURIComponent(namespace)}/${resource.plural}`;
}

/** Throws an EngineError `NamespaceMissing` where the kind is namespaced and the reference names no namespace. */
export function objectPath(
  resource: ApiResource,
  ref: Pick<ObjectRef, 'namespace' | 'name'>,
  subresource?: string,
): string {
  requireNamespace(resource, ref.namespace, ref.name);
  const path = `${collectionPath(resource, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

export function requireNamespace(resource: ApiResource, namespace: string | undefined, name: string): void {
  if (!resource.namespaced || namespace !== undefined) return;
  throw new EngineError('NamespaceMissing', `${resource.gvk.kind} ${name} needs a namespace`, {
    hint: `${resource.gvk.kind} is a namespaced kind: set metadata.namespace`,
  });
}

/** Appends the parameters that are not undefined. */
export function withQuery(path: string, query: Query): string {
  const parts = Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return parts.length === 0 ? path : `${path}?${parts.join('&')}`;
}
