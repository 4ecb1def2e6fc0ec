/**
 * Paths as server-side apply writes them (KEP-555, structured-merge-diff's fieldpath): elements that name a field, an
 * item of an associative list by its keys, an item of a set by its value, or an index.
 */
import { canonicalJson } from './canonical.ts';
import { isObject, type Json } from './object.ts';
import { asJson } from './value.ts';

export type PathElement =
  | { readonly kind: 'field'; readonly name: string }
  /** An item of an associative list. */
  | { readonly kind: 'key'; readonly keys: Readonly<Record<string, Json>> }
  /** An item of a set. */
  | { readonly kind: 'value'; readonly value: Json }
  | { readonly kind: 'index'; readonly index: number };

export type FieldPath = readonly PathElement[];

/** A field's path from its property names: `fieldPath('spec', 'replicas')`. */
export function fieldPath(...names: readonly string[]): FieldPath {
  return names.map((name) => ({ kind: 'field', name }));
}

/** As a person reads it: `spec.template.spec.containers[name=app].image`. */
export function formatPath(path: FieldPath): string {
  return path.map(formatElement).join('').replace(/^\./, '');
}

function formatElement(element: PathElement): string {
  switch (element.kind) {
    case 'field':
      return /^[\w-]+$/.test(element.name) ? `.${element.name}` : `[${JSON.stringify(element.name)}]`;
    case 'key':
      return `[${Object.entries(element.keys)
        .map(([name, value]) => `${name}=${plain(value)}`)
        .join(',')}]`;
    case 'value':
      return `[=${plain(element.value)}]`;
    case 'index':
      return `[${element.index}]`;
  }
}

function plain(value: Json): string {
  return typeof value === 'string' ? value : canonicalJson(value);
}

/** The element's key in fieldsV1: `f:spec`, `k:{"name":"app"}`, `v:"a"`, `i:0`, with the escapes of Go's encoder. */
export function serializeElement(element: PathElement): string {
  switch (element.kind) {
    case 'field':
      return `f:${element.name}`;
    case 'key':
      return `k:${goJson(element.keys)}`;
    case 'value':
      return `v:${goJson(element.value)}`;
    case 'index':
      return `i:${element.index}`;
  }
}

/** Reads a key of fieldsV1; undefined for `.` and for what is none. */
export function parseElement(text: string): PathElement | undefined {
  const content = text.slice(2);
  switch (text.slice(0, 2)) {
    case 'f:':
      return { kind: 'field', name: content };
    case 'k:': {
      const keys = parseJson(content);
      return isObject(keys) ? { kind: 'key', keys: asJsonRecord(keys) } : undefined;
    }
    case 'v:': {
      const value = parseJson(content);
      return value === undefined ? undefined : { kind: 'value', value: asJson(value) };
    }
    case 'i:':
      return /^\d+$/.test(content) ? { kind: 'index', index: Number(content) } : undefined;
    default:
      return undefined;
  }
}

/** Go escapes these in JSON strings; JavaScript does not. */
const GO_ESCAPED = /[<>&\u2028\u2029]/g;

function goJson(value: Json): string {
  return canonicalJson(value).replace(
    GO_ESCAPED,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asJsonRecord(record: Record<string, unknown>): Readonly<Record<string, Json>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, asJson(value)]));
}
