/**
 * The helpers of templates: pure functions of their arguments. Absent arguments (missing, null, dropped by
 * `optional`) make the result absent, but for the helpers that are there to deal with absence.
 */
import { base64Decode, base64Encode } from '../../base/base64.ts';
import { errorMessage } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { canonicalJson, sameJson } from '../../kube/canonical.ts';
import type { Json, JsonObject } from '../../kube/object.ts';
import { isJsonObject } from '../../kube/value.ts';
import type { Value } from './values.ts';
import { asList, Failure, jsonFrom, kindOf, textOf } from './values.ts';

/**
 * How a missing path as an argument is taken. `strict`: it is reported. `condition`: a path counts as false, a call
 * inside follows its own rule. `quiet`: nothing inside is reported.
 */
export type Absence = 'strict' | 'condition' | 'quiet';

export interface Helper {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** The arguments as a person writes them. */
  readonly usage: string;
  absence(index: number, count: number): Absence;
  /** Also called with absent arguments. */
  readonly total: boolean;
  /** May be used only where a manifest is created and never changed. */
  readonly createOnly: boolean;
  run(args: readonly Value[], site: CallSite): Value | Failure;
}

/** What a helper may ask for beside its arguments. */
export interface CallSite {
  random(length: number): string | Failure;
}

/** No helper makes a longer text. */
const LONGEST_TEXT = 4 << 20;
const LONGEST_RANGE = 10_000;
const LONGEST_RANDOM = 1024;

type Run = (args: readonly Json[], site: CallSite) => Value | Failure;

/** A helper whose arguments must all be there. */
function strict(name: string, counts: readonly [number, number], usage: string, run: Run): Helper {
  const [least, most] = counts;
  return {
    name,
    least,
    most,
    usage,
    absence: () => 'strict',
    total: false,
    createOnly: false,
    run: (args, site) =>
      run(
        args.filter((arg) => arg !== undefined),
        site,
      ),
  };
}

interface TotalHelper {
  readonly name: string;
  readonly counts: readonly [number, number];
  readonly usage: string;
  readonly absence: Helper['absence'];
  readonly run: (args: readonly Value[]) => Value | Failure;
}

/** A helper that has an answer for absent arguments. */
function total({ name, counts, usage, absence, run }: TotalHelper): Helper {
  return { name, least: counts[0], most: counts[1], usage, absence, total: true, createOnly: false, run };
}

const MANY = 16;

const HELPERS: readonly Helper[] = [
  total({
    name: 'default',
    counts: [2, MANY],
    usage: 'VALUE FALLBACK',
    absence: (index, count) => (index === count - 1 ? 'strict' : 'quiet'),
    run: (args) => args.find((arg) => arg !== undefined),
  }),
  total({
    name: 'optional',
    counts: [1, 1],
    usage: 'VALUE',
    absence: () => 'quiet',
    run: ([value]) => value,
  }),
  comparison('eq', (a, b) => sameJson(a, b)),
  comparison('ne', (a, b) => !sameJson(a, b)),
  ordering('lt', (a, b) => a < b),
  ordering('gt', (a, b) => a > b),
  truth('and', [1, MANY], (args) => args.every(isTrue)),
  truth('or', [1, MANY], (args) => args.some(isTrue)),
  truth('not', [1, 1], (args) => !args.some(isTrue)),
  strict('join', [1, 2], 'LIST [SEPARATOR]', join),
  onText('lower', (text) => text.toLowerCase()),
  onText('upper', (text) => text.toUpperCase()),
  onText('trim', (text) => text.trim()),
  strict('replace', [3, 3], 'TEXT SEARCHED REPLACEMENT', replace),
  onText('base64', base64Encode),
  onText('base64decode', (text) => base64Decode(text) ?? new Failure('the text is no base64 of UTF-8')),
  strict('sha256', [1, 1], 'VALUE', ([value]) =>
    sha256(typeof value === 'string' ? value : canonicalJson(value ?? null)),
  ),
  strict('json', [1, 1], 'VALUE', ([value]) => canonicalJson(value ?? null)),
  onText('parseJson', parseJson),
  strict('merge', [1, MANY], 'OBJECT OBJECT…', merge),
  strict('range', [1, 2], 'COUNT or FROM END', range),
  { ...strict('randomString', [1, 1], 'LENGTH', randomString), createOnly: true },
];

const BY_NAME: ReadonlyMap<string, Helper> = new Map(HELPERS.map((helper) => [helper.name, helper]));

export const HELPER_NAMES: readonly string[] = HELPERS.map((helper) => helper.name);

export function findHelper(name: string): Helper | undefined {
  return BY_NAME.get(name);
}

/** As Handlebars judges conditions: false, absent, '', 0 and the empty list are false; `{}` is true. */
export function isTrue(value: Value): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

function onText(name: string, run: (text: string) => Value | Failure): Helper {
  return strict(name, [1, 1], 'TEXT', ([value]) => {
    const text = textOf(value);
    return text instanceof Failure ? text : run(text);
  });
}

/** An absent argument equals nothing but another absent one. */
function comparison(name: string, run: (a: Value, b: Value) => boolean): Helper {
  return total({ name, counts: [2, 2], usage: 'A B', absence: () => 'strict', run: ([a, b]) => run(a, b) });
}

function truth(
  name: string,
  counts: readonly [number, number],
  run: (args: readonly Value[]) => boolean,
): Helper {
  return total({ name, counts, usage: 'CONDITION…', absence: () => 'condition', run });
}

/** Numbers by size, texts by code unit; an absent argument is neither less nor greater. */
function ordering(
  name: string,
  run: (a: number | bigint | string, b: number | bigint | string) => boolean,
): Helper {
  return total({
    name,
    counts: [2, 2],
    usage: 'A B',
    absence: () => 'strict',
    run: ([a, b]) => {
      if (a === undefined || b === undefined) return false;
      if (typeof a === 'string' && typeof b === 'string') return run(a, b);
      if (isNumber(a) && isNumber(b)) return run(a, b);
      return new Failure(`${kindOf(a)} and ${kindOf(b)} have no order`, 'compare two numbers or two texts');
    },
  });
}

function isNumber(value: Json): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function join([list, separator = ',']: readonly Json[]): Value | Failure {
  const items = asList(list);
  if (items === undefined) return new Failure(`join takes a list, not ${kindOf(list)}`);
  const texts: string[] = [];
  for (const item of items) {
    const text = textOf(item);
    if (text instanceof Failure) return text;
    texts.push(text);
  }
  const between = textOf(separator);
  if (between instanceof Failure) return between;
  const length = texts.reduce((sum, text) => sum + text.length + between.length, 0);
  return length > LONGEST_TEXT ? tooLong() : texts.join(between);
}

function replace(args: readonly Json[]): Value | Failure {
  const [text, searched, replacement] = args.map(textOf);
  for (const each of [text, searched, replacement]) if (each instanceof Failure) return each;
  if (typeof text !== 'string' || typeof searched !== 'string' || typeof replacement !== 'string')
    return undefined;
  if (searched === '') return new Failure('replace cannot search for the empty text');
  const parts = text.split(searched);
  const length = text.length + parts.length * replacement.length;
  return length > LONGEST_TEXT ? tooLong() : parts.join(replacement);
}

function tooLong(): Failure {
  return new Failure(`the text would have more than ${LONGEST_TEXT} characters`);
}

function parseJson(text: string): Value | Failure {
  try {
    return jsonFrom(text) ?? undefined;
  } catch (error) {
    return new Failure(`the text is no JSON: ${errorMessage(error)}`);
  }
}

/** Later objects win; objects are merged all the way down, lists are replaced. */
function merge(args: readonly Json[]): Value | Failure {
  let result: JsonObject = {};
  for (const arg of args) {
    if (!isJsonObject(arg)) return new Failure(`merge takes objects, not ${kindOf(arg)}`);
    result = mergeTwo(result, arg);
  }
  return result;
}

function mergeTwo(a: JsonObject, b: JsonObject): JsonObject {
  const merged = new Map(Object.entries(a));
  for (const [key, value] of Object.entries(b)) {
    const before = merged.get(key);
    merged.set(key, isJsonObject(before) && isJsonObject(value) ? mergeTwo(before, value) : value);
  }
  return Object.fromEntries(merged);
}

/** `range 3` is 0, 1, 2; `range 1 4` is 1, 2, 3: the end is not part of it. */
function range(args: readonly Json[]): Value | Failure {
  const [from, end] = args.length === 1 ? [0, args[0]] : args;
  if (!isCount(from) || !isCount(end)) return new Failure('range takes whole numbers');
  if (end - from > LONGEST_RANGE) return new Failure(`range has at most ${LONGEST_RANGE} items`);
  return Array.from({ length: Math.max(0, end - from) }, (_, index) => from + index);
}

function randomString([length]: readonly Json[], site: CallSite): Value | Failure {
  if (!isCount(length) || length < 1 || length > LONGEST_RANDOM) {
    return new Failure(`randomString takes a length from 1 to ${LONGEST_RANDOM}`);
  }
  return site.random(length);
}

function isCount(value: Value): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value);
}
