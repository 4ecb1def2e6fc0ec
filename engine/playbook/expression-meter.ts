/**
 * What one evaluation may cost. jsonata's own limits (time, depth, length of a sequence) bound neither CPU nor memory:
 * `$pad("x", 2e8)` is a single step. So work has a price in units of half a microsecond (a microsecond in code that
 * runs for the first time), paid before it is done:
 * a step of the evaluator costs one, long strings and lists more, functions by what they are given. Counting instead of
 * looking at a clock keeps an evaluation pure: the same input always ends the same way, on a busy machine too.
 */
import { isObject } from '../kube/object.ts';

/**
 * Enough for a filter over 5,000 objects (35,000 units, 15 to 40 ms); little enough that nothing blocks the loop for
 * 50 ms.
 */
export const UNITS_PER_EVALUATION = 45_000;

/** How many items a list may get in an evaluation. */
export const LONGEST_LIST = 10_000;

/** Thrown into jsonata, which may add position and token. */
export class LimitReached extends Error {
  position?: number;
  token?: unknown;
}

export interface Meter {
  /** Takes `units`; throws LimitReached when they are not there. */
  pay(units: number): void;
  /** Pays for a value that is looked at once: its text, or its items and those of lists in it. */
  payValue(value: unknown): void;
  /** Pays for walking through a whole value, objects too: one unit for each eight nodes. */
  payTree(value: unknown): void;
}

export function createMeter(units = UNITS_PER_EVALUATION): Meter {
  let left = units;
  const pay = (price: number): void => {
    left -= price;
    if (left < 0 || Number.isNaN(left)) throw new LimitReached('the expression does too much work');
  };
  const payValue = (value: unknown): void => {
    if (typeof value === 'string') pay(value.length / 64);
    else if (Array.isArray(value)) payList(value, payValue, pay);
  };
  return { pay, payValue, payTree: (value) => walk(value, pay) };
}

/**
 * Lists in lists are paid for again wherever they stand: the same one a thousand times costs jsonata, which flattens and
 * searches through them, a thousand times as much.
 */
function payList(
  list: readonly unknown[],
  payItem: (item: unknown) => void,
  pay: (units: number) => void,
): void {
  pay((list.length + 1) / 8);
  for (const item of list) if (Array.isArray(item)) payItem(item);
}

function walk(root: unknown, pay: (units: number) => void): void {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    pay(0.125);
    if (typeof value === 'string') pay(value.length / 64);
    else if (Array.isArray(value)) for (const item of value) open.push(item);
    else if (isObject(value)) for (const key of Object.keys(value)) open.push(value[key]);
  }
}
