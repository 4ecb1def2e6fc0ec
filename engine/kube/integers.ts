/**
 * Whole numbers that the API server cannot hold: it keeps those of 64 bits with a sign, and sends a greater one back
 * rounded, as a float. The engine knows them as decimal texts, from the moment that it reads or computes them, so that
 * what is stored and what is asked anew compare as equal (a member id of etcd is such a number).
 */
import type { Json, JsonObject } from './object.ts';
import { asJson, isJsonObject, isList } from './value.ts';

const LEAST = -(2n ** 63n);
const GREATEST = 2n ** 63n - 1n;

/** The value with such numbers as texts; the very same value where there are none. */
export function textBeyondInt64(value: Json): Json {
  if (typeof value === 'bigint') return value < LEAST || value > GREATEST ? value.toString() : value;
  if (isList(value)) return listWithTexts(value.map(asJson), value);
  return isJsonObject(value) ? objectWithTexts(value) : value;
}

function objectWithTexts(value: JsonObject): JsonObject {
  const entries = Object.entries(value);
  const changed = entries.map(([name, inner]) => [name, textBeyondInt64(inner)] as const);
  return changed.every(([, inner], index) => inner === entries[index]?.[1])
    ? value
    : Object.fromEntries(changed);
}

function listWithTexts(items: readonly Json[], whole: Json): Json {
  const changed = items.map(textBeyondInt64);
  return changed.every((item, index) => item === items[index]) ? whole : changed;
}
