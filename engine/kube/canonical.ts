/** One text for each value, whatever the order of its keys: what is hashed and compared. */
import type { Json } from './object.ts';

/**
 * JSON without white space and with sorted keys. A `bigint` is written as the integer it is, so that 1n and 1 are the
 * same; a property that is undefined is left out; -0 is 0.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members: string[] = [];
  for (const name of Object.keys(value).sort()) {
    const member = value[name];
    if (member !== undefined) members.push(`${JSON.stringify(name)}:${canonicalJson(member)}`);
  }
  return `{${members.join(',')}}`;
}

/** The same data: key order and the kind of integer do not matter. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return canonicalJson(a) === canonicalJson(b);
}

/** Array.isArray does not narrow a readonly list. */
function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
