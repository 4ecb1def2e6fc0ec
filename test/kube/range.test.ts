/** Ranges never claim too much: what two numbers do, their ranges can do. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canBeEqual,
  canStand,
  combined,
  describeRange,
  hull,
  lengthRange,
  numberRange,
  type Range,
} from '../../engine/kube/range.ts';

const number = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.double({ noNaN: true, min: -1e6, max: 1e6 }));

/** A range with a number that lies in it. */
const inside = fc
  .tuple(number, fc.option(fc.nat(5)), fc.option(fc.nat(5)), fc.boolean(), fc.boolean())
  .map(([value, below, above, openMin, openMax]): readonly [number, Range] => [
    value,
    {
      min: below === null ? -Infinity : value - below,
      max: above === null ? Infinity : value + above,
      ...(openMin && below !== null && value - below < value ? { openMin } : {}),
      ...(openMax && above !== null && value + above > value ? { openMax } : {}),
    },
  ]);

function holds(range: Range | undefined, value: number): boolean {
  if (range === undefined) return true;
  const { min, max, openMin = false, openMax = false } = range;
  return (openMin ? value > min : value >= min) && (openMax ? value < max : value <= max);
}

describe('ranges of two numbers', () => {
  test('allow every order that the numbers have', () => {
    fc.assert(
      fc.property(inside, inside, ([a, from], [b, to]) => {
        if (a < b) expect(canStand(from, '<', to)).toBe(true);
        if (a <= b) expect(canStand(from, '<=', to)).toBe(true);
        if (a > b) expect(canStand(from, '>', to)).toBe(true);
        if (a >= b) expect(canStand(from, '>=', to)).toBe(true);
        if (a === b) expect(canBeEqual(from, to)).toBe(true);
      }),
    );
  });

  test('give a range in which the outcome of their arithmetic lies', () => {
    fc.assert(
      fc.property(inside, inside, ([a, from], [b, to]) => {
        expect(holds(combined(from, '+', to), a + b)).toBe(true);
        expect(holds(combined(from, '-', to), a - b)).toBe(true);
        expect(holds(combined(from, '*', to), a * b)).toBe(true);
        expect(holds(hull(from, to), a) && holds(hull(from, to), b)).toBe(true);
      }),
    );
  });
});

describe('the limits of a schema', () => {
  test('are those of numbers, with exclusive ends; of integers the next one inside', () => {
    expect(numberRange({ type: 'number', minimum: 0, exclusiveMinimum: true })).toMatchObject({
      min: 0,
      max: Infinity,
      openMin: true,
    });
    expect(numberRange({ type: 'integer', minimum: 0, exclusiveMinimum: true, maximum: 9.5 })).toEqual({
      min: 1,
      max: 9,
    });
  });

  test('are how long texts and lists may be', () => {
    expect(lengthRange({ type: 'string', maxLength: 5, minItems: 3 })).toEqual({ min: 0, max: 5 });
    expect(lengthRange({ type: 'array', minItems: 1 })).toEqual({ min: 1, max: Infinity });
    expect(lengthRange({ type: 'string' })).toBeUndefined();
  });

  test('say nothing where there are none, or where they contradict each other', () => {
    expect(numberRange({ type: 'integer' })).toBeUndefined();
    expect(numberRange({ type: 'integer', minimum: 5, maximum: 2 })).toBeUndefined();
    expect(numberRange({ type: 'number', minimum: 5, maximum: 5, exclusiveMaximum: true })).toBeUndefined();
    expect(numberRange({ type: 'integer', maximum: 2n ** 60n })).toBeUndefined();
  });

  test('are told in words', () => {
    expect(describeRange({ min: 1, max: 9 })).toBe('from 1 to 9');
    expect(describeRange({ min: 1, max: Infinity })).toBe('at least 1');
    expect(describeRange({ min: 0, max: 1, openMin: true })).toBe('above 0 and at most 1');
    expect(describeRange({ min: 3, max: 3 })).toBe('always 3');
  });
});
