/**
 * Between which numbers a value lies. Ranges only ever grow when they are worked with, so that what lies outside of one
 * is certain; a range that holds nothing is never made.
 */
import type { Json, JsonObject } from './object.ts';

/** The ends belong to it unless `openMin`, `openMax` say otherwise; infinite where there is no limit. */
export interface Range {
  readonly min: number;
  readonly max: number;
  readonly openMin?: boolean;
  readonly openMax?: boolean;
}

export const ANY_NUMBER: Range = Object.freeze({ min: -Infinity, max: Infinity });

export type Order = '<' | '<=' | '>' | '>=';

/** What `minimum`, `maximum` and their exclusive forms (booleans, as OpenAPI v3.0 has them) leave of numbers. */
export function numberRange(schema: JsonObject): Range | undefined {
  const [min, max] = [limit(schema.minimum) ?? -Infinity, limit(schema.maximum) ?? Infinity];
  const [openMin, openMax] = [schema.exclusiveMinimum === true, schema.exclusiveMaximum === true];
  if (schema.type !== 'integer') return usual({ min, max, openMin, openMax });
  return usual({
    min: openMin && Number.isInteger(min) ? min + 1 : Math.ceil(min),
    max: openMax && Number.isInteger(max) ? max - 1 : Math.floor(max),
  });
}

/** How long texts and lists may be. */
export function lengthRange({
  type,
  minLength,
  maxLength,
  minItems,
  maxItems,
}: JsonObject): Range | undefined {
  const [low, high] = type === 'string' ? [minLength, maxLength] : [minItems, maxItems];
  const [min, max] = [limit(low), limit(high)];
  if ((type !== 'string' && type !== 'array') || (min === undefined && max === undefined)) return undefined;
  return usual({ min: min ?? 0, max: max ?? Infinity });
}

/** Limits beyond 2^53 come as bigint, which no number stands for. */
function limit(value: Json | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** Undefined where it says nothing, or contradicts itself. */
function usual(range: Range): Range | undefined {
  const empty = range.min > range.max || (range.min === range.max && (range.openMin || range.openMax));
  return empty || (range.min === -Infinity && range.max === Infinity) ? undefined : range;
}

/** The smallest range with all of these numbers; undefined: there are none. */
export function rangeOf(numbers: readonly number[]): Range | undefined {
  return numbers.length === 0 ? undefined : { min: Math.min(...numbers), max: Math.max(...numbers) };
}

/** The smallest range that holds both; their ends count as belonging to it. */
export function hull(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

/** Is there a number of the one and a number of the other that stand in this order? */
export function canStand(a: Range, order: Order, b: Range): boolean {
  if (order === '>' || order === '>=') return canStand(b, order === '>' ? '<' : '<=', a);
  if (a.min !== b.max) return a.min < b.max;
  return order === '<=' && a.openMin !== true && b.openMax !== true;
}

export function canBeEqual(a: Range, b: Range): boolean {
  return canStand(a, '<=', b) && canStand(b, '<=', a);
}

/** What `+`, `-` and `*` make of them. Rounding keeps the order of numbers, but may bring them onto an open end. */
export function combined(a: Range, operator: string, b: Range): Range | undefined {
  if (operator === '+') return finite(a.min + b.min, a.max + b.max);
  if (operator === '-') return finite(a.min - b.max, a.max - b.min);
  if (operator !== '*') return undefined;
  const corners = [a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max];
  return corners.some(Number.isNaN) ? undefined : finite(Math.min(...corners), Math.max(...corners));
}

function finite(min: number, max: number): Range | undefined {
  return Number.isNaN(min) || Number.isNaN(max) ? undefined : usual({ min, max });
}

/** `from 1 to 9`, `at least 1`. */
export function describeRange({ min, max, openMin, openMax }: Range): string {
  const low = openMin === true ? `above ${min}` : `at least ${min}`;
  const high = openMax === true ? `below ${max}` : `at most ${max}`;
  if (max === Infinity) return low;
  if (min === -Infinity) return high;
  if (min === max) return `always ${min}`;
  return openMin || openMax ? `${low} and ${high}` : `from ${min} to ${max}`;
}
