/**
 * Fields by path: which of a manifest's fields were ours when it was last applied (a short hash of each path stands in
 * an annotation), and a tree without some of its fields.
 */
import { sha256 } from '../base/hash.ts';
import { sameJson } from '../kube/canonical.ts';
import { type FieldPath, formatPath } from '../kube/fieldpath.ts';
import { uncovered } from '../kube/fieldset.ts';
import { FIELDS_ANNOTATION } from '../kube/labels.ts';
import type { Json, JsonObject } from '../kube/object.ts';
import type { SchemaNode } from '../kube/schema.ts';
import { isJsonObject, isList, omit } from '../kube/value.ts';
import { withAnnotations } from './stamp.ts';

const DIGEST_LENGTH = 5;
/** 10 KB of annotation; a manifest with more paths goes without and takes nothing back by force after a change. */
const MOST_PATHS = 2000;

/** The body with the digest of its own paths written on it. Costs a walk, so it is done for what is sent alone. */
export function withFieldDigests(body: JsonObject, schema: SchemaNode | undefined): JsonObject {
  const paths = uncovered(body, {}, schema);
  if (paths.length > MOST_PATHS) return body;
  return withAnnotations(body, { [FIELDS_ANNOTATION]: paths.map(digest).join('') });
}

/** True where the path, or a list item or map that it stands in, was applied the last time. */
export function wasApplied(path: FieldPath, digests: string | undefined): boolean {
  if (digests === undefined) return false;
  const known = new Set(digests.match(new RegExp(`.{${DIGEST_LENGTH}}`, 'g')) ?? []);
  return path.some((_, depth) => known.has(digest(path.slice(0, depth + 1))));
}

function digest(path: FieldPath): string {
  return sha256(formatPath(path)).slice(0, DIGEST_LENGTH);
}

/** The tree without a field; list items are found by their keys or value. */
export function withoutField(tree: JsonObject, path: FieldPath): JsonObject {
  const [element, ...rest] = path;
  if (element?.kind !== 'field' || !Object.hasOwn(tree, element.name)) return tree;
  if (rest.length === 0) return omit(tree, element.name);
  const child = tree[element.name];
  return child === undefined ? tree : { ...tree, [element.name]: withoutBelow(child, rest) };
}

function withoutBelow(value: Json, path: FieldPath): Json {
  if (isJsonObject(value)) return withoutField(value, path);
  const [element, ...rest] = path;
  if (!isList(value) || element === undefined) return value;
  return value.flatMap((item) => {
    if (!denotes(element, item)) return [item];
    return rest.length === 0 ? [] : [withoutBelow(item, rest)];
  });
}

/** A key that the item leaves to a default counts as its own. */
function denotes(element: FieldPath[number], item: Json): boolean {
  if (element.kind === 'value') return sameJson(element.value, item);
  if (element.kind !== 'key' || !isJsonObject(item)) return false;
  const given = Object.entries(element.keys).filter(([name]) => Object.hasOwn(item, name));
  return given.length > 0 && given.every(([name, value]) => sameJson(value, item[name]));
}
