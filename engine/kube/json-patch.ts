/** JSON patch (RFC 6902), as far as the engine itself writes them: test, add and remove, on maps and lists. */
import { sameJson } from './canonical.ts';
import type { Json, JsonObject } from './object.ts';
import { asJson, getPath, isJsonObject, isList } from './value.ts';

export type Patched =
  | { readonly kind: 'patched'; readonly tree: JsonObject }
  /** A test fails, or the place of an operation is not there: nothing is changed. */
  | { readonly kind: 'refused'; readonly message: string };

/** The tree after all operations; the given one is not changed. */
export function applyJsonPatch(tree: JsonObject, patch: readonly JsonObject[]): Patched {
  let patched: Json = tree;
  for (const operation of patch) {
    const path = segmentsOf(String(operation.path));
    const next = changed(patched, path, operation);
    if (next === undefined)
      return { kind: 'refused', message: `${String(operation.op)} ${String(operation.path)} does not hold` };
    patched = next;
  }
  return isJsonObject(patched)
    ? { kind: 'patched', tree: patched }
    : { kind: 'refused', message: 'the patch leaves no object' };
}

function segmentsOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function changed(tree: Json, path: readonly string[], operation: JsonObject): Json | undefined {
  const [segment, ...rest] = path;
  if (segment === undefined) return undefined;
  if (rest.length === 0) return changedHere(tree, segment, operation);
  const below = getPath(tree, [segment]);
  const inner = below === undefined ? undefined : changed(asJson(below), rest, operation);
  return inner === undefined ? undefined : withEntry(tree, segment, inner);
}

function changedHere(tree: Json, segment: string, { op, value = null }: JsonObject): Json | undefined {
  const found = getPath(tree, [segment]);
  if (op === 'test') return found !== undefined && sameJson(asJson(found), value) ? tree : undefined;
  if (op === 'add') return added(tree, segment, value);
  return op === 'remove' && found !== undefined ? withEntry(tree, segment, undefined) : undefined;
}

function added(tree: Json, segment: string, value: Json): Json | undefined {
  if (!isList(tree)) return withEntry(tree, segment, value);
  const index = segment === '-' ? tree.length : Number(segment);
  return index >= 0 && index <= tree.length ? asJson(tree.toSpliced(index, 0, value)) : undefined;
}

/** Undefined as value removes the entry; undefined as answer: there is no such place. */
function withEntry(tree: Json, segment: string, value: Json | undefined): Json | undefined {
  if (isList(tree)) {
    const entry = value === undefined ? [] : [value];
    return asJson(tree.toSpliced(Number(segment), 1, ...entry));
  }
  if (!isJsonObject(tree)) return undefined;
  const { [segment]: _before, ...others } = tree;
  return value === undefined ? others : { ...tree, [segment]: value };
}
