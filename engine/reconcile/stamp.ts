/** What Libretto adds to a rendered manifest: label, annotations, ownerReference; and the hash over the whole. */
import { hmacSha256, sha256 } from '../base/hash.ts';
import { canonicalJson } from '../kube/canonical.ts';
import {
  DECORATOR_ANNOTATION,
  HASH_ANNOTATION,
  MANAGED_BY_LABEL,
  MANIFEST_ANNOTATION,
  ON_DELETE_ANNOTATION,
  OWNER_ANNOTATION,
  OWNER_UID_LABEL,
  PATCH_ANNOTATION_PREFIX,
  POLICY_ANNOTATION,
  PRUNE_ANNOTATION,
  RANK_ANNOTATION,
} from '../kube/labels.ts';
import { isSecret } from '../kube/normalise.ts';
import type { Json, JsonObject } from '../kube/object.ts';
import { ownerReference } from '../kube/owners.ts';
import { asJson, isJsonObject } from '../kube/value.ts';
import type { Instance } from './instances.ts';
import type { Placement } from './placement.ts';
import type { Scope } from './scope.ts';

/** What a rendered manifest must not say of itself, in the order of checks. */
const REFUSED_METADATA: readonly string[] = [
  'ownerReferences',
  'finalizers',
  'uid',
  'resourceVersion',
  'managedFields',
  'generateName',
];
const OWN_PREFIX = /^([a-z0-9.-]+\.)?libretto\.dev\//;

/** The metadata that a manifest may not set, as paths; empty when all is well. */
export function refusedMetadata(tree: JsonObject): readonly string[] {
  const { metadata } = tree;
  if (!isJsonObject(metadata)) return [];
  const fields = REFUSED_METADATA.filter((name) => Object.hasOwn(metadata, name));
  const names = ['labels', 'annotations'].flatMap((map) => {
    const entries = metadata[map];
    if (!isJsonObject(entries)) return [];
    return Object.keys(entries)
      .filter((name) => OWN_PREFIX.test(name))
      .map((name) => `${map}["${name}"]`);
  });
  return [...fields, ...names].map((name) => `metadata.${name}`);
}

/** The tree with name and namespace settled and everything that marks it as this resource's child. */
export function stampChild(
  scope: Scope,
  instance: Instance,
  tree: JsonObject,
  at: { readonly namespace: string | undefined; readonly placement: Placement },
): JsonObject {
  const place = at.namespace === undefined ? {} : { namespace: at.namespace };
  if (at.placement === 'patched') return withMetadata(tree, place);
  const reference = at.placement === 'owned' ? referenceTo(scope) : undefined;
  return withMetadata(tree, {
    ...place,
    labels: { [MANAGED_BY_LABEL]: 'libretto', ...mapAt(tree, 'labels'), [OWNER_UID_LABEL]: scope.owner.uid },
    annotations: { ...mapAt(tree, 'annotations'), ...annotations(scope, instance, at.placement) },
    ...(reference === undefined ? {} : { ownerReferences: [reference] }),
  });
}

function referenceTo(scope: Scope): Json | undefined {
  const reference = ownerReference(scope.owner.resource, { controller: scope.watch.ownsStatus });
  return reference === undefined ? undefined : asJson(reference);
}

function annotations(scope: Scope, { manifest, mark }: Instance, placement: Placement): JsonObject {
  const onDelete = manifest.onDelete === 'Orphan' ? 'Orphan' : 'Delete';
  return {
    [OWNER_ANNOTATION]: scope.owner.name,
    [MANIFEST_ANNOTATION]: mark,
    [RANK_ANNOTATION]: String(manifest.rank),
    ...(placement === 'tracked' ? { [ON_DELETE_ANNOTATION]: onDelete } : {}),
    ...(manifest.prune === undefined ? {} : { [PRUNE_ANNOTATION]: manifest.prune }),
    ...(manifest.policy === 'CreateOnly' ? { [POLICY_ANNOTATION]: 'CreateOnly' } : {}),
    ...(scope.decorator === '' ? {} : { [DECORATOR_ANNOTATION]: scope.decorator }),
  };
}

const HASH_LENGTH = 32;

/** The hash of a stamped tree; keyed for Secrets, whose short values could be guessed from a plain one. */
export function hashOf(tree: JsonObject, hashKey: string): string {
  const text = canonicalJson(tree);
  return (isSecret(tree) ? hmacSha256(hashKey, text) : sha256(text)).slice(0, HASH_LENGTH);
}

/** The tree with its hash written on it, as it is sent and as it must be covered. */
export function withHash(
  scope: Scope,
  { mark }: Instance,
  placement: Placement,
  tree: JsonObject,
  hash: string,
): JsonObject {
  const annotation =
    placement === 'patched'
      ? { [PATCH_ANNOTATION_PREFIX + scope.owner.uid]: `${hash} ${mark}` }
      : { [HASH_ANNOTATION]: hash };
  return withAnnotations(tree, annotation);
}

export function withAnnotations(tree: JsonObject, added: JsonObject): JsonObject {
  return withMetadata(tree, { annotations: { ...mapAt(tree, 'annotations'), ...added } });
}

export function withMetadata(tree: JsonObject, added: JsonObject): JsonObject {
  const metadata = isJsonObject(tree.metadata) ? tree.metadata : {};
  return { ...tree, metadata: { ...metadata, ...added } };
}

function mapAt(tree: JsonObject, name: string): JsonObject {
  const map = isJsonObject(tree.metadata) ? tree.metadata[name] : undefined;
  return isJsonObject(map) ? map : {};
}
