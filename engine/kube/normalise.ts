/**
 * The normal form N of a manifest: what is hashed, compared with managedFields, and read as `rendered.<id>`.
 * It leaves out whatever an apply would not keep, so that the same intent is the same value.
 * Quantities stay as they are written ("1000m" is not "1"): ownership goes by path, not by value.
 */
import { base64Encode } from '../base/base64.ts';
import { gvkOf, type Json, type JsonObject, type KubeObject } from './object.ts';
import type { SchemaNode } from './schema.ts';
import { asJson, deletePath, isJsonObject, isList, omit } from './value.ts';

/** Set by the API server; a manifest that names them means nothing by it. */
const SERVER_METADATA: readonly string[] = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'managedFields',
];

/**
 * The tree without nulls, status, server-set metadata, empty labels and annotations and the ignored paths (property names from
 * the root), and with a Secret's `stringData` moved into `data`.
 */
export function normalise(tree: JsonObject, ignored: readonly (readonly string[])[] = []): JsonObject {
  const { metadata, ...rest } = omit(dropNulls(tree), 'status');
  const kept = isJsonObject(metadata) ? { metadata: metadataOf(metadata) } : {};
  const { apiVersion, kind, ...body } = rest;
  const head = {
    ...(apiVersion === undefined ? {} : { apiVersion }),
    ...(kind === undefined ? {} : { kind }),
  };
  const whole = encodeStringData({ ...head, ...kept, ...body });
  return ignored.reduce((result, path) => deletePath(result, path), whole);
}

/** What an object as it is stored says beside its metadata, in normal form. */
export function contentOf(object: KubeObject): JsonObject {
  const content = asJson(object);
  return isJsonObject(content) ? omit(normalise(content), 'metadata') : {};
}

/** Empty labels and annotations are the same as none: the API server drops them, and forgets who set them. */
function metadataOf(metadata: JsonObject): JsonObject {
  const kept = Object.entries(omit(metadata, ...SERVER_METADATA));
  return Object.fromEntries(
    kept.filter(([, value]) => !isJsonObject(value) || Object.keys(value).length > 0),
  );
}

/** The tree without null, at any depth: null counts as missing and is never sent. */
function dropNulls(tree: JsonObject): JsonObject {
  const kept: Record<string, Json> = {};
  for (const [name, value] of Object.entries(tree)) {
    if (value !== null && value !== undefined) define(kept, name, withoutNulls(value));
  }
  return kept;
}

function withoutNulls(value: Json): Json {
  if (isList(value)) return value.filter((item) => item !== null).map(withoutNulls);
  return isJsonObject(value) ? dropNulls(value) : value;
}

/** Assignment would call the setter of a key `__proto__`. */
function define(target: Record<string, Json>, name: string, value: Json): void {
  if (name !== '__proto__') target[name] = value;
  else Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}

function encodeStringData(tree: JsonObject): JsonObject {
  if (!isSecret(tree) || !isJsonObject(tree.stringData)) return tree;
  const { stringData, ...rest } = tree;
  const encoded = Object.entries(stringData).map(([name, value]) => [name, encode(value)] as const);
  const data = isJsonObject(tree.data) ? tree.data : {};
  return { ...rest, data: { ...data, ...Object.fromEntries(encoded) } };
}

/** The API server refuses values that are no strings; they stay as they are, so that its message names them. */
function encode(value: Json): Json {
  return typeof value === 'string' ? base64Encode(value) : value;
}

export function isSecret(tree: { readonly apiVersion?: unknown; readonly kind?: unknown }): boolean {
  const { apiVersion, kind } = tree;
  if (typeof apiVersion !== 'string' || kind !== 'Secret') return false;
  return gvkOf({ apiVersion, kind }).group === '';
}

/**
 * Wraps a single value where the schema has a list: several results of an expression are a list, one is not (language.md,
 * Context). The same tree where nothing is to be wrapped.
 */
export function wrapArrays(tree: JsonObject, schema: SchemaNode | undefined): JsonObject {
  if (schema === undefined) return tree;
  let changed: Record<string, Json> | undefined;
  for (const [name, value] of Object.entries(tree)) {
    const child = schema.property(name) ?? schema.values;
    const wrapped = wrapValue(value, child);
    if (wrapped !== value) {
      changed ??= { ...tree };
      define(changed, name, wrapped);
    }
  }
  return changed ?? tree;
}

function wrapValue(value: Json, schema: SchemaNode | undefined): Json {
  if (schema === undefined || value === null) return value;
  if (schema.type === 'array' && !isList(value)) return [wrapValue(value, schema.items)];
  if (isList(value)) return wrapItems(value, schema.items);
  return isJsonObject(value) ? wrapArrays(value, schema) : value;
}

function wrapItems(list: readonly Json[], schema: SchemaNode | undefined): readonly Json[] {
  if (schema === undefined) return list;
  const wrapped = list.map((item) => wrapValue(item, schema));
  return wrapped.some((item, index) => item !== list[index]) ? wrapped : list;
}
