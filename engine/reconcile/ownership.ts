/**
 * Whose an object is. The label alone proves nothing: the controller-manager copies a Service's labels to its
 * EndpointSlices, and users copy objects with their labels. Only what is strictly ours is ever deleted.
 */
import { ownEntry } from '../kube/fieldset.ts';
import {
  DECORATOR_ANNOTATION,
  MANIFEST_ANNOTATION,
  ON_DELETE_ANNOTATION,
  ORPHANED_FROM_ANNOTATION,
  OWNER_ANNOTATION,
  OWNER_UID_LABEL,
  PATCH_ANNOTATION_PREFIX,
} from '../kube/labels.ts';
import type { KubeObject, OwnerReference } from '../kube/object.ts';
import type { Owner } from './owner.ts';

export function labelOf(object: KubeObject, name: string): string | undefined {
  return object.metadata.labels?.[name];
}

export function annotationOf(object: KubeObject, name: string): string | undefined {
  return object.metadata.annotations?.[name];
}

export function isTerminating(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** Our ownerReference on the object, whether or not it names us as the controller. */
export function ownerReferenceOf(object: KubeObject, owner: Owner): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.uid === owner.uid);
}

function isControlledByUs(object: KubeObject, owner: Owner): boolean {
  return ownerReferenceOf(object, owner)?.controller === true;
}

function hasOurEntry(object: KubeObject, owner: Owner): boolean {
  return ownEntry(object.metadata.managedFields, owner.manager) !== undefined;
}

/** Ours = the owner label *and* our managedFields entry or a controller ownerReference with the resource's uid. */
export function isOurs(object: KubeObject, owner: Owner): boolean {
  return (
    labelOf(object, OWNER_UID_LABEL) === owner.uid &&
    (hasOurEntry(object, owner) || isControlledByUs(object, owner))
  );
}

/** Ours by every mark but the label, which someone removed: may be repaired where it is described, never deleted. */
function isOursUnlabelled(object: KubeObject, owner: Owner): boolean {
  if (labelOf(object, OWNER_UID_LABEL) !== undefined || !hasOurEntry(object, owner)) return false;
  return isControlledByUs(object, owner) || annotationOf(object, OWNER_ANNOTATION) === owner.name;
}

/** What stands under the name of a child. */
export type Standing = 'absent' | 'ours' | 'orphan' | 'predecessor' | 'foreign';

/**
 * `orphan`: left behind by a resource of the same kind and name, to be adopted. `predecessor`: belongs to an earlier
 * resource of the same name and is about to go.
 */
export function standingOf(object: KubeObject | undefined, owner: Owner): Standing {
  if (object === undefined) return 'absent';
  if (isOurs(object, owner) || isOursUnlabelled(object, owner)) return 'ours';
  if (isOrphanOf(object, owner)) return 'orphan';
  if (hasOurEntry(object, owner) && annotationOf(object, OWNER_ANNOTATION) === owner.name)
    return 'predecessor';
  return 'foreign';
}

function isOrphanOf(object: KubeObject, owner: Owner): boolean {
  return (
    annotationOf(object, ORPHANED_FROM_ANNOTATION) === owner.name &&
    labelOf(object, OWNER_UID_LABEL) === undefined &&
    !(object.metadata.ownerReferences ?? []).some((reference) => reference.controller === true)
  );
}

/** Who holds a name that we want, as a person reads it. */
export function describeHolder(object: KubeObject): string {
  const owner = annotationOf(object, OWNER_ANNOTATION);
  if (owner !== undefined && labelOf(object, OWNER_UID_LABEL) !== undefined) return `belongs to ${owner}`;
  const controller = object.metadata.ownerReferences?.find((reference) => reference.controller === true);
  if (controller !== undefined) return `belongs to ${controller.kind} ${controller.name}`;
  return 'was not made by this resource';
}

/** Which manifest describes a child, and under which key of its forEach. */
export interface ManifestMark {
  readonly id: string;
  readonly key: string | undefined;
}

export function formatMark({ id, key }: ManifestMark): string {
  return key === undefined ? id : `${id}#${key}`;
}

export function parseMark(text: string): ManifestMark {
  const hash = text.indexOf('#');
  return hash < 0 ? { id: text, key: undefined } : { id: text.slice(0, hash), key: text.slice(hash + 1) };
}

export function markOf(object: KubeObject): ManifestMark | undefined {
  const text = annotationOf(object, MANIFEST_ANNOTATION);
  return text === undefined ? undefined : parseMark(text);
}

/** What a Patch manifest of the owner left on someone else's object. */
export function patchMarkOf(
  object: KubeObject,
  owner: Owner,
): { readonly hash: string; readonly mark: ManifestMark } | undefined {
  const text = annotationOf(object, PATCH_ANNOTATION_PREFIX + owner.uid);
  if (text === undefined) return undefined;
  const space = text.indexOf(' ');
  return { hash: text.slice(0, space), mark: parseMark(text.slice(space + 1)) };
}

/** True where the object is a child of the watch with this decorator name (`decoratorName`). */
export function isOfWatch(object: KubeObject, decorator: string): boolean {
  return (annotationOf(object, DECORATOR_ANNOTATION) ?? '') === decorator;
}

/** What the finalizer must clean: children without an ownerReference, of any watch, and fields given to others. */
export function hasTracked(objects: readonly KubeObject[], owner: Owner): boolean {
  return objects.some(
    (object) =>
      patchMarkOf(object, owner) !== undefined ||
      (isOurs(object, owner) && annotationOf(object, ON_DELETE_ANNOTATION) !== undefined),
  );
}
