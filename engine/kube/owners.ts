/** Owner references: who owns an object, by uid, since a name can be used again by another. */
import { apiVersionOf, gvkOf, type KubeObject, type OwnerReference } from './object.ts';

type Owned = Pick<KubeObject, 'metadata'>;

/** The reference that names the managing controller; an object has at most one. */
export function controllerOf(object: Owned): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

export function isControlledBy(object: Owned, uid: string): boolean {
  return controllerOf(object)?.uid === uid;
}

/** True for any owner reference with this uid, the controller's or not. */
export function hasOwner(object: Owned, uid: string): boolean {
  return object.metadata.ownerReferences?.some((reference) => reference.uid === uid) ?? false;
}

/**
 * The reference to put on a child. `blockOwnerDeletion` lets `kubectl delete --cascade=foreground` wait for the child.
 * A child in another namespace, and a cluster-scoped child of a namespaced owner, must not have one.
 */
export function ownerReference(
  owner: Pick<KubeObject, 'apiVersion' | 'kind' | 'metadata'> & {
    readonly metadata: { readonly uid?: string };
  },
  options: { readonly controller: boolean },
): OwnerReference | undefined {
  const { uid, name } = owner.metadata;
  if (uid === undefined) return undefined;
  const apiVersion = apiVersionOf(gvkOf(owner));
  const base = { apiVersion, kind: owner.kind, name, uid };
  return options.controller ? { ...base, controller: true, blockOwnerDeletion: true } : base;
}
