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
  if (isList(value)) return listWithTexts(value, value);
  return isJsonObject(value) ? objectWithTexts(value) : value;
}

function objectWithTexts(value: JsonObject): JsonObject {
  let changed: [string, Json][] | undefined;
  for (const [index, name] of Object.keys(value).entries()) {
    const inner = value[name];
    if (inner === undefined) continue;
    const text = textBeyondInt64(inner);
    if (text !== inner) changed ??= Object.entries(value).slice(0, index);
    changed?.push([name, text]);
  }
  return changed === undefined ? value : Object.fromEntries(changed);
}

function listWithTexts(list: readonly unknown[], whole: Json): Json {
  const items = list.map(asJson);
  const changed = items.map(textBeyondInt64);
  return changed.every((item, index) => item === items[index]) ? whole : changed;
}
