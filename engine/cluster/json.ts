/**
 * JSON as the API speaks it, with integers kept exact: one beyond 2^53 becomes a `bigint` and goes back as written.
 * The common case costs one scan of the text: only a text that holds a run of 16 digits after a separator takes the
 * slow path (JSON.parse source text access; about four times slower).
 */
import type { Json } from '../kube/object.ts';

declare global {
  // ECMAScript 2026 "JSON.parse source text access", in Node 24 and not yet in TypeScript's library.
  interface JSON {
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
    rawJSON(text: string): object;
  }
}

const MAY_HOLD_LONG_INTEGER = /[:,[\s]-?\d{16}/;
const INTEGER = /^-?\d+$/;

/** Throws a SyntaxError where the text is no JSON. */
export function parseJson(text: string): Json {
  if (!MAY_HOLD_LONG_INTEGER.test(text)) return JSON.parse(text);
  const value: unknown = JSON.parse(text, keepExact);
  // The one cast: JSON.parse yields JSON, and keepExact adds bigint alone.
  return value as Json;
}

function keepExact(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context.source ?? '';
  return INTEGER.test(source) ? BigInt(source) : value;
}

/** Undefined members are left out; a bigint is written as the integer that it is. */
export function stringifyJson(value: unknown): string {
  return JSON.stringify(value, writeExact);
}

function writeExact(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? JSON.rawJSON(value.toString()) : value;
}
