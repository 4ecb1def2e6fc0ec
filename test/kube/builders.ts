/** Small builders for the tests of engine/kube. */
import type { Json, JsonObject, KubeObject, ObjectMeta } from '../../engine/kube/object.ts';

/** A CRD with one version, v1, and these properties at its root. */
export function crd(properties: JsonObject): KubeObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      names: { kind: 'Thing', plural: 'things' },
      versions: [{ name: 'v1', schema: { openAPIV3Schema: { type: 'object', properties } } }],
    },
  };
}

/** An object `name` of generation 1, with whatever the case is about. */
export function object(
  apiVersion: string,
  kind: string,
  parts: { readonly metadata?: Partial<ObjectMeta>; readonly spec?: Json; readonly status?: Json } = {},
): KubeObject {
  const { metadata, ...rest } = parts;
  return { apiVersion, kind, metadata: { name: 'name', generation: 1, ...metadata }, ...rest };
}
