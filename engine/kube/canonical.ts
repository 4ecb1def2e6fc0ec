/** One text for each value, whatever the order of its keys: what is hashed and compared. */
import type { Json, JsonObject } from './object.ts';

/**
 * JSON without white space and with sorted keys. A `bigint` is written as the integer it is, so that 1n and 1 are the
 * same; a property that is undefined is left out; -0 is 0.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return isArray(value) ? canonicalList(value) : canonicalMap(value);
}

function canonicalList(list: readonly Json[]): string {
  let text = '[';
  for (const item of list) text += text === '[' ? canonicalJson(item) : `,${canonicalJson(item)}`;
  return `${text}]`;
}

function canonicalMap(map: JsonObject): string {
  let text = '{';
  for (const name of Object.keys(map).sort()) {
    const member = map[name];
    if (member === undefined) continue;
    if (text !== '{') text += ',';
    text += `${quoted(name)}:${canonicalJson(member)}`;
  }
  return `${text}}`;
}

/** Nearly all texts are plain; JSON.stringify takes several times as long for a short one. */
function quoted(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON escapes
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/;

/** The same data: key order and the kind of integer do not matter. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || typeof a === 'string' || typeof b === 'string') return false;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return typeof a !== 'object' && typeof b !== 'object' && canonicalJson(a) === canonicalJson(b);
  if (isArray(a)) return isArray(b) && a.length === b.length && a.every((item, at) => sameJson(item, b[at]));
  return !isArray(b) && sameMembers(a, b);
}

function sameMembers(a: JsonObject, b: JsonObject): boolean {
  for (const name of Object.keys(a)) if (!sameJson(a[name], memberOf(b, name))) return false;
  for (const name of Object.keys(b))
    if (b[name] !== undefined && memberOf(a, name) === undefined) return false;
  return true;
}

function memberOf(map: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}

/** Array.isArray does not narrow a readonly list. */
function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
