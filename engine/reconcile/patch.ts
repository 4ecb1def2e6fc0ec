/** JSON patches (RFC 6902) on an object's labels, annotations and ownerReferences, each guarded by the object's uid. */
import type { JsonObject, KubeObject } from '../kube/object.ts';
import { asJson, isList } from '../kube/value.ts';

export function testUid(object: KubeObject): JsonObject {
  return { op: 'test', path: '/metadata/uid', value: object.metadata.uid ?? '' };
}

/** Sets entries of a map in metadata, or removes those that are undefined here and present there. */
export function setMapEntry(
  object: KubeObject,
  map: 'labels' | 'annotations',
  entries: Readonly<Record<string, string | undefined>>,
): JsonObject[] {
  const present = object.metadata[map];
  const operations: JsonObject[] = [];
  if (present === undefined) operations.push({ op: 'add', path: `/metadata/${map}`, value: {} });
  for (const [name, value] of Object.entries(entries)) {
    const path = `/metadata/${map}/${escapePointer(name)}`;
    if (value !== undefined) operations.push({ op: 'add', path, value });
    else if (present !== undefined && Object.hasOwn(present, name)) operations.push({ op: 'remove', path });
  }
  return operations;
}

/** Adds the references that a body has; none where it has none. */
export function addOwnerReferences(object: KubeObject, references: unknown): JsonObject[] {
  if (!isList(references)) return [];
  const path = '/metadata/ownerReferences';
  if (object.metadata.ownerReferences === undefined) return [{ op: 'add', path, value: asJson(references) }];
  return references.map((reference) => ({ op: 'add', path: `${path}/-`, value: asJson(reference) }));
}

/** Removes the reference to an owner; a test guards its position. */
export function removeOwnerReference(object: KubeObject, uid: string): JsonObject[] {
  const index = object.metadata.ownerReferences?.findIndex((reference) => reference.uid === uid) ?? -1;
  if (index < 0) return [];
  return [
    { op: 'test', path: `/metadata/ownerReferences/${index}/uid`, value: uid },
    { op: 'remove', path: `/metadata/ownerReferences/${index}` },
  ];
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
