/**
 * What comes out of an evaluation, as plain JSON: no marks of jsonata on lists, no functions, no numbers that JSON lacks.
 * And the two readings that a planner needs: a boolean, where nothing is coerced, and a list.
 */
import type { Diagnostic, Place } from '../base/diagnostic.ts';
import { isObject, type Json } from '../kube/object.ts';
import { asJson } from '../kube/value.ts';
import type { Evaluation } from './language.ts';

export type Plain =
  | { readonly kind: 'plain'; readonly value: Json | undefined }
  | { readonly kind: 'unfit'; readonly message: string };

const DEEPEST = 200;
const MOST_NODES = 200_000;

class Unfit extends Error {}

/** Parts of the context that are plain already are shared, not copied. */
export function toPlainJson(raw: unknown): Plain {
  if (isFunction(raw)) return { kind: 'unfit', message: 'the expression yields a function, not a value' };
  let nodes = 0;
  const plain = (value: unknown, depth: number): unknown => {
    if (++nodes > MOST_NODES) throw new Unfit(`the result has more than ${MOST_NODES} parts`);
    if (depth > DEEPEST) throw new Unfit(`the result is nested deeper than ${DEEPEST} levels`);
    if (Array.isArray(value)) return plainList(value, (item) => plain(item, depth + 1));
    if (isObject(value)) return plainObject(value, (item) => plain(item, depth + 1));
    if (typeof value === 'number' && !Number.isFinite(value))
      throw new Unfit('the result is no finite number');
    return value;
  };
  try {
    return { kind: 'plain', value: raw === undefined ? undefined : asJson(plain(raw, 0)) };
  } catch (error) {
    if (error instanceof Unfit) return { kind: 'unfit', message: error.message };
    throw error;
  }
}

/** jsonata marks its lists with further properties; those are always new lists, never the context's. */
function plainList(list: readonly unknown[], plain: (value: unknown) => unknown): readonly unknown[] {
  const marked = Object.keys(list).length !== list.length || 'cons' in list;
  let changed = marked;
  const items: unknown[] = [];
  for (const item of list) {
    const next = isFunction(item) ? undefined : plain(item);
    if (next !== item || next === undefined) changed = true;
    if (next !== undefined) items.push(next);
  }
  return changed ? items : list;
}

function plainObject(object: Record<string, unknown>, plain: (value: unknown) => unknown): object {
  let changed = Object.getPrototypeOf(object) !== Object.prototype;
  const entries: [string, unknown][] = [];
  for (const [key, value] of Object.entries(object)) {
    const next = isFunction(value) ? undefined : plain(value);
    if (next !== value || next === undefined) changed = true;
    if (next !== undefined) entries.push([key, next]);
  }
  return changed ? Object.fromEntries(entries) : object;
}

/** A JavaScript function, or one of jsonata's own or the playbook's. */
export function isFunction(value: unknown): boolean {
  if (typeof value === 'function') return true;
  return isObject(value) && (value._jsonata_function === true || value._jsonata_lambda === true);
}

/** The JSON type of a value, as a message names it. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'bigint') return 'a number';
  return `a ${typeof value}`;
}

export type Truth = boolean | 'missing' | { readonly kind: 'problem'; readonly problem: Diagnostic };

/** For boolean positions: true, false or missing; whatever else is a problem, for `"false"` would count as true. */
export function asBoolean(evaluation: Evaluation, place: Place): Truth {
  if (evaluation.kind === 'missing') return 'missing';
  if (evaluation.kind === 'error') return { kind: 'problem', problem: evaluation.problem };
  const { value } = evaluation;
  return typeof value === 'boolean' ? value : { kind: 'problem', problem: notBoolean(value, place) };
}

function notBoolean(value: Json, place: Place): Diagnostic {
  const shown =
    typeof value === 'string' || typeof value === 'number' ? ` (${shorten(JSON.stringify(value))})` : '';
  return {
    ...{ file: place.file, line: place.line, column: place.column },
    code: 'NotBoolean',
    severity: 'error',
    message: `a condition must be true or false, and this is ${typeName(value)}${shown}`,
    hint: 'nothing is turned into a boolean here; compare it, or ask $exists(…)',
  };
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

export type Items =
  | { readonly kind: 'list'; readonly items: readonly Json[] }
  | { readonly kind: 'problem'; readonly problem: Diagnostic };

/** For lists: jsonata gives one match as itself and no match as missing, so one is a list of one and none is empty. */
export function asList(evaluation: Evaluation): Items {
  if (evaluation.kind === 'error') return { kind: 'problem', problem: evaluation.problem };
  if (evaluation.kind === 'missing') return { kind: 'list', items: [] };
  return { kind: 'list', items: isJsonList(evaluation.value) ? evaluation.value : [evaluation.value] };
}

function isJsonList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
