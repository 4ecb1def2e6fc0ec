/**
 * Judges what a manifest writes against its kind's schema: fields that the kind has not, and values of a type that it
 * does not take. What the schema or the values leave open passes; the API server has the last word.
 */
import { type Place, placeKey } from '../base/diagnostic.ts';
import type { SchemaNode } from '../kube/schema.ts';
import type { Names } from './check-references.ts';
import type { KnownPaths, Reference } from './language.ts';
import type { Problems } from './load-problems.ts';
import type { OutlineEntry, OutlineMap, OutlineNode, OutlineScalar } from './outline.ts';
import { describeType } from './schema-path.ts';
import { schemaAt } from './status-schema.ts';
import { didYouMean } from './suggest.ts';

export interface FieldCheck {
  readonly kind: string;
  /** What expressions in it may read; absent where it can hold none. */
  readonly names?: Names;
  readonly known?: KnownPaths;
  readonly problems: Problems;
  /** Places that were reported: a template's shapes share them. */
  readonly reported: Set<string>;
  /** By place: what the maps there hold in some shape. */
  readonly maps: Map<string, WrittenMap>;
}

interface WrittenMap {
  readonly place: Place;
  readonly required: readonly string[];
  readonly names: Set<string>;
  /** Keys that are not written out. */
  open: boolean;
}

/** After all shapes were checked: fields that must be there, and are in none of them. */
export function warnMissingFields({ kind, maps, problems }: FieldCheck): void {
  for (const { place, required, names, open } of maps.values()) {
    const missing = required.filter((name) => !names.has(name));
    if (open || missing.length === 0) continue;
    const message = `${kind} wants ${missing.join(', ')} here`;
    problems.warn('FieldMissing', place, { message, hint: 'add it' });
  }
}

export function checkFields(node: OutlineNode, schema: SchemaNode | undefined, check: FieldCheck): void {
  if (schema === undefined || schema.open) return;
  switch (node.kind) {
    case 'map':
      checkMap(node, schema, check);
      break;
    case 'list':
      if (schema.type === 'array') for (const item of node.items) checkFields(item, schema.items, check);
      else wrongType(node.place, { found: 'a list', schema }, check);
      break;
    default:
      checkScalar(node, schema, check);
  }
}

function checkMap(node: OutlineMap, schema: SchemaNode, check: FieldCheck): void {
  if (schema.type !== 'object' && schema.type !== undefined) {
    wrongType(node.place, { found: 'an object', schema }, check);
    return;
  }
  if (schema.intOrString) {
    wrongType(node.place, { found: 'an object', schema }, check);
    return;
  }
  noteMap(node, schema, check);
  for (const entry of node.entries) checkEntry(entry, schema, check);
}

function noteMap({ place, entries }: OutlineMap, { required }: SchemaNode, { maps }: FieldCheck): void {
  const key = placeKey(place);
  const map = maps.get(key) ?? { place, required, names: new Set<string>(), open: false };
  maps.set(key, map);
  for (const entry of entries) {
    if (entry.key === undefined) map.open = true;
    else map.names.add(entry.key);
  }
}

function checkEntry({ key, keyPlace, value }: OutlineEntry, schema: SchemaNode, check: FieldCheck): void {
  if (key === undefined) return;
  const below = schema.property(key) ?? schema.values;
  if (below === undefined && schema.type === 'object')
    report('UnknownField', keyPlace, check, {
      message: `${check.kind} has no field ${key} here`,
      hint: didYouMean(key, schema.propertyNames()),
    });
  checkFields(value, below, check);
}

function checkScalar(node: OutlineScalar, schema: SchemaNode, check: FieldCheck): void {
  if (node.kind === 'literal') {
    if (node.value === null) return;
    if (!takesLiteral(node.value, schema)) {
      const found = typeof node.value === 'string' ? `the text ${node.value}` : String(node.value);
      wrongType(node.place, { found, schema }, check);
    } else if (schema.enum !== undefined && !schema.enum.includes(node.value)) {
      const names = schema.enum.map(String);
      const message = `${node.value} is not one of ${names.join(', ')}`;
      report('FieldValue', node.place, check, { message, hint: didYouMean(String(node.value), names) });
    }
  } else if (node.kind === 'text') {
    if (schema.type !== undefined && schema.type !== 'string')
      wrongType(node.place, { found: `${node.source} in quotes is a text`, schema }, check);
  } else {
    checkReference(node, schema, check);
  }
}

function takesLiteral(value: string | number | bigint | boolean, schema: SchemaNode): boolean {
  if (schema.intOrString) return typeof value !== 'boolean';
  switch (schema.type) {
    case 'string':
      return typeof value === 'string';
    case 'integer':
      return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint';
    case 'boolean':
      return typeof value === 'boolean';
    case undefined:
      return true;
    default:
      return false;
  }
}

/** The types of the path that is read and of the field that takes it, where both are known. */
function checkReference(
  { place, source, reference }: Extract<OutlineScalar, { kind: 'value' }>,
  schema: SchemaNode,
  check: FieldCheck,
): void {
  const yielded = scalarOf(source, reference, check);
  if (yielded !== undefined && !takesScalar(yielded, schema)) {
    const hint =
      schema.type === 'string' ? `put it in quotes to make a text of it: "${source}"` : 'yield another type';
    wrongType(place, { found: `${source} is a ${yielded}`, schema, hint }, check);
  }
  if (reference === undefined || check.names === undefined) return;
  const read = schemaAt(reference.root, reference.path, check.names);
  if (read?.type === undefined || read.open || read.intOrString || schema.type === undefined) return;
  if (read.type === schema.type || (read.type === 'integer' && schema.type === 'number')) return;
  const scalar = read.type !== 'object' && read.type !== 'array';
  const hint =
    schema.type === 'string' && scalar
      ? `put it in quotes to make a text of it: "${source}"`
      : 'change the type in the schema of the one, or what is written into the other';
  wrongType(place, { found: `${source} is ${describeType(read)}`, schema, hint }, check);
}

/** Helpers that always make a text. */
const MAKES_TEXT =
  /^\{\{\s*(join|lower|upper|trim|replace|base64|base64decode|sha256|json|randomString)\s[^|]*\}\}$/;

/** What a var or a helper yields, where that is known. */
function scalarOf(
  source: string,
  reference: Reference | undefined,
  { known }: FieldCheck,
): 'string' | 'number' | 'boolean' | undefined {
  if (reference === undefined) return MAKES_TEXT.test(source) ? 'string' : undefined;
  const possible = reference.root === 'vars' ? known?.(reference) : undefined;
  if (possible?.values === undefined) return possible?.type;
  const types = new Set(
    possible.values.map((value) => (typeof value === 'bigint' ? 'number' : typeof value)),
  );
  const [type] = types;
  return types.size === 1 && (type === 'string' || type === 'number' || type === 'boolean')
    ? type
    : undefined;
}

function takesScalar(
  found: 'string' | 'number' | 'boolean',
  { type, intOrString, open }: SchemaNode,
): boolean {
  if (type === undefined || open) return true;
  if (intOrString) return found !== 'boolean';
  return found === 'number' ? type === 'integer' || type === 'number' : type === found;
}

interface WrongType {
  readonly found: string;
  readonly schema: SchemaNode;
  readonly hint?: string;
}

function wrongType(place: Place, { found, schema, hint }: WrongType, check: FieldCheck): void {
  const message = `${check.kind} takes ${describeType(schema)} here; ${found}`;
  const bare = /^the text (-?\d+(\.\d+)?|true|false)$/.test(found) ? 'write it without quotes' : undefined;
  const quotes = schema.type === 'string' ? 'put it in quotes' : bare;
  const plain = /in quotes is a text$/.test(found) ? 'write the expression without quotes' : undefined;
  report('FieldType', place, check, { message, hint: hint ?? plain ?? quotes });
}

function report(
  code: string,
  place: Place,
  { problems, reported }: FieldCheck,
  text: { readonly message: string; readonly hint: string | undefined },
): void {
  const key = `${code}:${placeKey(place)}`;
  if (reported.has(key)) return;
  reported.add(key);
  problems.error(code, place, text);
}
