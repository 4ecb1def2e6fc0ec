/** Reading and changing plain JSON values. Nothing here changes its argument: what is unchanged is shared. */
import { isObject, type Json, type JsonObject } from './object.ts';

/**
 * JSON out of a value known to be JSON already (a part of an API object, a result of JSON.parse).
 * The one place where `unknown` is believed to be JSON; nothing is checked or copied.
 */
export function asJson(value: unknown): Json {
  return value as Json;
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return isObject(value);
}

export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** The value at a path of property names (a decimal segment addresses a list's item); undefined where there is none. */
export function getPath(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const segment of path) {
    if (isList(current)) current = /^\d+$/.test(segment) ? current[Number(segment)] : undefined;
    else current = isObject(current) && Object.hasOwn(current, segment) ? current[segment] : undefined;
  }
  return current;
}

/**
 * The tree without what stands at the path, and without parents that are empty for its sake: an ignored field must
 * leave no claim on the map around it. The same tree where there is nothing to remove.
 */
export function deletePath(tree: JsonObject, path: readonly string[]): JsonObject {
  const [segment, ...rest] = path;
  if (segment === undefined || !Object.hasOwn(tree, segment)) return tree;
  if (rest.length === 0) return omit(tree, segment);
  const child = tree[segment];
  if (!isJsonObject(child)) return tree;
  const shorter = deletePath(child, rest);
  if (shorter === child) return tree;
  return Object.keys(shorter).length === 0 ? omit(tree, segment) : { ...tree, [segment]: shorter };
}

/** The tree with a value at a path of property names; maps on the way are created. */
export function setPath(tree: JsonObject, path: readonly string[], value: Json): JsonObject {
  const [segment, ...rest] = path;
  if (segment === undefined) return tree;
  if (rest.length === 0) return { ...tree, [segment]: value };
  const child = Object.hasOwn(tree, segment) ? tree[segment] : undefined;
  return { ...tree, [segment]: setPath(isJsonObject(child) ? child : {}, rest, value) };
}

export function omit(tree: JsonObject, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(tree).filter(([name]) => !names.includes(name)));
}

/** A whole number as the API sends it; undefined for anything else. */
export function wholeNumber(value: unknown): number | undefined {
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' && Number.isInteger(value) ? value : undefined;
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
