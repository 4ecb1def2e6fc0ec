/**
 * Field sets (metadata.managedFields[].fieldsV1): does a manager's entry cover what a manifest sets, and who owns a
 * field. The walk is that of structured-merge-diff's toFieldSet, which the API server uses to record an apply.
 *
 * What the API server records, tried on 1.35: scalars, atomic lists and maps, and empty maps as leaves; items of
 * associative lists by their keys with the schema's defaults; items of sets by value; nothing for null, for an empty
 * associative list, for apiVersion, kind and the metadata that the server sets.
 *
 * Without a schema (or below a field that it does not know) the entry itself tells: `k:` and `v:` prove a list
 * associative, all others are atomic, and maps are granular, as the API server deduces for untyped data.
 */
import { canonicalJson, sameJson } from './canonical.ts';
import { type FieldPath, type PathElement, parseElement, serializeElement } from './fieldpath.ts';
import {
  type GroupVersionKind,
  gvkOf,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  type ManagedFieldsEntry,
} from './object.ts';
import type { SchemaNode } from './schema.ts';
import { asJson, isJsonObject, isList, omit } from './value.ts';

/** Never part of a field set (the API server strips them). */
const STRIPPED_METADATA: readonly string[] = [
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
];

export interface CoverOptions {
  /**
   * The live object, given where the entry is still the `Update` of a create. Such an entry is the difference between
   * what was stored and an empty Go struct, so for built-in kinds it holds no false, 0, '', {} or []: those are either
   * dropped (`omitempty`) or there from the beginning (`value: 0`, `podSelector: {}`). They count as covered where the
   * live object has none or the same, no manager holds them, and its generation is still 1: later, one that is missing
   * may have been recorded and removed (`allowPrivilegeEscalation: false`), and only an apply brings certainty.
   */
  readonly live?: KubeObject;
}

/**
 * The fields of `tree` (a manifest in normal form) that `fieldsV1` does not hold, in the tree's order; empty when the
 * entry covers the tree. A missing item of an associative list is one path, not one for each of its fields.
 */
export function uncovered(
  tree: JsonObject,
  fieldsV1: JsonObject,
  schema: SchemaNode | undefined,
  options: CoverOptions = {},
): readonly FieldPath[] {
  const found: Uncovered[] = [];
  walkMap(recordable(tree), fieldsV1, schema, { path: [], found });
  return found.filter((f) => !isUnrecordedZero(f, options.live)).map((f) => f.path);
}

/** The tree without what field sets never record. */
function recordable(tree: JsonObject): JsonObject {
  const { metadata, ...rest } = omit(tree, 'apiVersion', 'kind');
  const kept = isJsonObject(metadata) ? omit(metadata, ...STRIPPED_METADATA) : {};
  return Object.keys(kept).length === 0 ? rest : { metadata: kept, ...rest };
}

/** Every path that an entry holds, in the entry's order. */
export function pathsIn(fieldsV1: JsonObject): readonly FieldPath[] {
  const paths: FieldPath[] = [];
  const visit = (node: JsonObject, path: FieldPath): void => {
    if (path.length > 0 && isMember(node)) paths.push(path);
    for (const [key, child] of Object.entries(node)) {
      const element = parseElement(key);
      if (element !== undefined && isJsonObject(child)) visit(child, [...path, element]);
    }
  };
  visit(fieldsV1, []);
  return paths;
}

/** True where the entry holds the path itself, a leaf above it (an atomic parent), or something below it. */
export function holdsPath(fieldsV1: JsonObject, path: FieldPath): boolean {
  let node = fieldsV1;
  for (const [depth, element] of path.entries()) {
    if (depth > 0 && Object.keys(node).length === 0) return true;
    const child = childOf(node, element);
    if (child === undefined) return false;
    node = child;
  }
  return true;
}

export interface FieldOwner {
  readonly manager: string;
  readonly operation: ManagedFieldsEntry['operation'];
  readonly subresource?: string;
  readonly time?: string;
}

/**
 * Who owns a field now, the latest first; `except` leaves one manager out. Nobody, where a field was removed.
 * This is what an Event names: "spec.replicas was changed by kubectl-edit".
 */
export function ownersOf(
  path: FieldPath,
  managedFields: readonly ManagedFieldsEntry[] | undefined,
  except?: string,
): readonly FieldOwner[] {
  return (managedFields ?? [])
    .filter((entry) => entry.manager !== except && holdsPath(entry.fieldsV1 ?? {}, path))
    .sort((a, b) => (b.time ?? '').localeCompare(a.time ?? ''))
    .map(({ manager, operation, subresource, time }) => ({
      manager,
      operation,
      ...(subresource === undefined ? {} : { subresource }),
      ...(time === undefined ? {} : { time }),
    }));
}

export interface OwnEntry {
  /** Position in metadata.managedFields. */
  readonly index: number;
  readonly entry: ManagedFieldsEntry;
}

/** A manager's entry on the object itself (no subresource): its Apply entry, or else the latest of its Update ones. */
export function ownEntry(
  managedFields: readonly ManagedFieldsEntry[] | undefined,
  manager: string,
): OwnEntry | undefined {
  const entries = (managedFields ?? [])
    .map((entry, index) => ({ entry, index }))
    .filter(({ entry }) => entry.manager === manager && (entry.subresource ?? '') === '');
  const latest = (a: OwnEntry, b: OwnEntry): number =>
    (b.entry.time ?? '').localeCompare(a.entry.time ?? '') || b.index - a.index;
  return entries.find(({ entry }) => entry.operation === 'Apply') ?? entries.sort(latest)[0];
}

/** The value at a field path of an object; list items are found by key or value. Undefined where there is none. */
export function valueAt(object: unknown, path: FieldPath): unknown {
  let current = object;
  for (const element of path) {
    current = step(current, element);
    if (current === undefined) return undefined;
  }
  return current;
}

interface Uncovered {
  readonly path: FieldPath;
  readonly value: Json;
}

interface Walk {
  readonly path: FieldPath;
  readonly found: Uncovered[];
}

type Fields = JsonObject | undefined;

function walk(value: Json, node: Fields, schema: SchemaNode | undefined, at: Walk): void {
  if (value === null) return;
  if (isList(value)) walkList(value, node, schema, at);
  else if (!isJsonObject(value) || isAtomicMap(node, schema)) need(isMember(node), value, at);
  else if (Object.keys(value).length === 0) need(node !== undefined, value, at);
  else walkMap(value, node, schema, at);
}

/** Without a schema a map that has fields but is recorded as a leaf must be atomic. */
function isAtomicMap(node: Fields, schema: SchemaNode | undefined): boolean {
  if (schema !== undefined) return schema.mapType === 'atomic';
  return node !== undefined && Object.keys(node).length === 0;
}

/** What the API server deduces of data below an open node: lists are atomic, maps granular. */
const DEDUCED: SchemaNode = {
  intOrString: false,
  open: true,
  property: () => undefined,
  propertyNames: () => [],
  listType: 'atomic',
  listKeys: [],
  mapType: 'granular',
  required: [],
  nullable: true,
};

function walkMap(map: JsonObject, node: Fields, schema: SchemaNode | undefined, at: Walk): void {
  for (const [name, value] of Object.entries(map)) {
    const element: PathElement = { kind: 'field', name };
    const child = schema?.property(name) ?? schema?.values ?? (schema?.open === true ? DEDUCED : undefined);
    walk(value, childOf(node, element), child, below(at, element));
  }
}

function walkList(list: readonly Json[], node: Fields, schema: SchemaNode | undefined, at: Walk): void {
  if (schema === undefined) walkUntypedList(list, node, at);
  else if (schema.listType === 'atomic') need(isMember(node), list, at);
  else {
    const elements = list.map((item) => elementOf(item, schema));
    walkItems(list, elements, node, schema.items, at);
  }
}

/** A held item is walked further, unless it is a leaf: an atomic map, or one of several with the same key. */
function walkItems(
  items: readonly Json[],
  elements: readonly PathElement[],
  node: Fields,
  schema: SchemaNode | undefined,
  at: Walk,
): void {
  const keys = elements.map(serializeElement);
  const repeated = repeatedIn(keys);
  for (const [index, element] of elements.entries()) {
    const item = items[index] ?? null;
    const child = childOf(node, element);
    const leaf = isAtomicMap(child, schema) || repeated.has(keys[index]);
    if (child === undefined) need(false, item, below(at, element));
    else if (isJsonObject(item) && !leaf) walkMap(item, child, schema, below(at, element));
  }
}

function repeatedIn(keys: readonly string[]): ReadonlySet<string | undefined> {
  const seen = new Set<string>();
  return new Set(keys.filter((key) => seen.size === seen.add(key).size));
}

function walkUntypedList(list: readonly Json[], node: Fields, at: Walk): void {
  const recorded = Object.keys(node ?? {}).map(parseElement);
  const associative = recorded.some((e) => e?.kind === 'key' || e?.kind === 'value');
  if (list.length === 0) return;
  if (!associative) {
    need(isMember(node), list, at);
    return;
  }
  const elements = list.map(
    (item) => recorded.find((e) => e !== undefined && denotes(e, item)) ?? guess(item, recorded),
  );
  walkItems(list, elements, node, undefined, at);
}

/** An element for an item that the entry does not hold, with the keys of its neighbours. */
function guess(item: Json, recorded: readonly (PathElement | undefined)[]): PathElement {
  const neighbour = recorded.find((e) => e?.kind === 'key');
  if (!isJsonObject(item) || neighbour?.kind !== 'key') return { kind: 'value', value: item };
  return { kind: 'key', keys: pick(item, Object.keys(neighbour.keys)) };
}

function elementOf(item: Json, schema: SchemaNode): PathElement {
  if (schema.listType === 'set' || !isJsonObject(item)) return { kind: 'value', value: item };
  const keys: Record<string, Json> = {};
  for (const { name, default: fallback } of schema.listKeys) {
    const value = (Object.hasOwn(item, name) ? item[name] : undefined) ?? fallback;
    if (value !== undefined) keys[name] = value;
  }
  return { kind: 'key', keys };
}

/** True when the element can stand for the item: each key has the item's value, or the item leaves it to a default. */
function denotes(element: PathElement, item: Json): boolean {
  if (element.kind === 'value') return sameJson(element.value, item);
  if (element.kind !== 'key' || !isJsonObject(item)) return false;
  const given = Object.entries(element.keys).filter(
    ([name]) => Object.hasOwn(item, name) && item[name] !== null,
  );
  return given.length > 0 && given.every(([name, value]) => sameJson(value, item[name]));
}

function below(at: Walk, element: PathElement): Walk {
  return { path: [...at.path, element], found: at.found };
}

function need(covered: boolean, value: Json, at: Walk): void {
  if (!covered) at.found.push({ path: at.path, value });
}

/** A node that is a leaf, or says of itself (`.`) that it is held. */
function isMember(node: Fields): boolean {
  if (node === undefined) return false;
  return Object.hasOwn(node, '.') || Object.keys(node).length === 0;
}

function childOf(node: Fields, element: PathElement): Fields {
  if (node === undefined) return undefined;
  const key = serializeElement(element);
  const direct = Object.hasOwn(node, key) ? node[key] : spelledOtherwise(node, element, key);
  return isJsonObject(direct) ? direct : undefined;
}

/** Keys with escapes can be spelled in several ways, so they are compared by value. */
function spelledOtherwise(node: JsonObject, element: PathElement, key: string): Json | undefined {
  if (element.kind === 'field' || !key.includes('\\')) return undefined;
  const same = (name: string): boolean => {
    const parsed = parseElement(name);
    return parsed !== undefined && canonicalElement(parsed) === canonicalElement(element);
  };
  const name = Object.keys(node).find(same);
  return name === undefined ? undefined : node[name];
}

function canonicalElement(element: PathElement): string {
  return canonicalJson(asJson(element));
}

function step(value: unknown, element: PathElement): unknown {
  if (element.kind === 'field') {
    return isObject(value) && Object.hasOwn(value, element.name) ? value[element.name] : undefined;
  }
  if (!isList(value)) return undefined;
  if (element.kind === 'index') return value[element.index];
  return value.find((item) => denotes(element, asJson(item)));
}

/** The live object may be cut down to what playbooks read, so managedFields is asked as well: nobody may hold the field. */
function isUnrecordedZero({ path, value }: Uncovered, live: KubeObject | undefined): boolean {
  if (live?.metadata.generation !== 1 || !isZero(value) || !isBuiltIn(gvkOf(live))) return false;
  const stored = valueAt(live, path);
  if (stored !== undefined && !sameJson(asJson(stored), value)) return false;
  return ownersOf(path, live.metadata.managedFields).length === 0;
}

/** Kinds that the API server keeps as Go structs; custom resources are stored as they were sent. */
function isBuiltIn({ group }: GroupVersionKind): boolean {
  return !group.includes('.') || group.endsWith('.k8s.io');
}

function isZero(value: Json): boolean {
  if (value === false || value === 0 || value === 0n || value === '') return true;
  if (isList(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

function pick(map: JsonObject, names: readonly string[]): Readonly<Record<string, Json>> {
  return Object.fromEntries(Object.entries(map).filter(([name]) => names.includes(name)));
}
