/**
 * What an expression or a template gave before. Both are pure: no clock, nothing is read but their references. So the
 * same values at these give the same result, and most of what a pass asks was answered in the pass before it. Values of
 * a context are never changed in place, so that one that is the same object is the same value.
 *
 * Bounded: few results for each, none of long lists (an old list may be all that keeps its items in memory).
 */
import { isObject } from '../kube/object.ts';
import { isList } from '../kube/value.ts';
import type { Context, Reference } from './language.ts';

/** As many as the items of a usual forEach, whose expressions come round in each pass. */
const MOST_ENTRIES = 8;
const LONGEST_LIST = 1_000;
/** Parts of values that are compared one by one before they count as different. */
const MOST_COMPARED = 500;

interface Entry<Result> {
  readonly inputs: readonly unknown[];
  readonly result: Result;
}

export class Memo<Result> {
  readonly #paths: readonly Path[];
  /** The one used last comes first. */
  readonly #entries: Entry<Result>[] = [];

  constructor(references: readonly Reference[]) {
    this.#paths = withoutInner(references);
  }

  /** The values that are read. */
  inputsOf(context: Context): readonly unknown[] {
    const inputs: unknown[] = [];
    for (const { root, path } of this.#paths) pushInput(inputs, context[root], path);
    return inputs;
  }

  /** What these values gave. */
  recall(inputs: readonly unknown[]): Result | undefined {
    const at = this.#entries.findIndex((entry) => sameInputs(entry.inputs, inputs));
    const found = this.#entries[at];
    if (found === undefined) return undefined;
    // The newer values are kept: those before are garbage soon, and these are the same objects next time.
    this.#putFirst(at, { inputs, result: found.result });
    return found.result;
  }

  note(inputs: readonly unknown[], result: Result): void {
    if (inputs.some(isLong)) return;
    this.#putFirst(Math.min(this.#entries.length, MOST_ENTRIES - 1), { inputs, result });
  }

  #putFirst(at: number, entry: Entry<Result>): void {
    for (let index = at; index > 0; index--) {
      const before = this.#entries[index - 1];
      if (before !== undefined) this.#entries[index] = before;
    }
    this.#entries[0] = entry;
  }
}

type Path = Pick<Reference, 'root' | 'path'>;

/** Each path once, and none inside the value of another. */
function withoutInner(references: readonly Path[]): readonly Path[] {
  return references.filter(
    (path, index) =>
      !references.some(
        (other, at) => isInside(path, other) && (path.path.length > other.path.length || at < index),
      ),
  );
}

function isInside(inner: Path, outer: Path): boolean {
  return inner.root === outer.root && outer.path.every((name, index) => name === inner.path[index]);
}

/**
 * The value at the path and how many names lead to it: fewer where a list stands on the way, for what is read of its
 * items is part of it.
 */
function pushInput(inputs: unknown[], root: unknown, path: readonly string[]): void {
  let value = root;
  let names = 0;
  for (const name of path) {
    if (isList(value)) break;
    value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
    names += 1;
  }
  inputs.push(value, names);
}

function isLong(value: unknown): boolean {
  return isList(value) && value.length > LONGEST_LIST;
}

function sameInputs(before: readonly unknown[], now: readonly unknown[]): boolean {
  const budget = { left: MOST_COMPARED };
  for (let index = 0; index < before.length; index++)
    if (!sameValue(before[index], now[index], budget)) return false;
  return true;
}

/** The same to any expression: the order of keys counts as well, for `$keys` and `$string` show it. */
function sameValue(a: unknown, b: unknown, budget: { left: number }): boolean {
  if (Object.is(a, b)) return true;
  if (--budget.left < 0) return false;
  if (isList(a)) return isList(b) && sameItems(a, b, budget);
  return isObject(a) && isObject(b) && !isList(b) && sameMembers(a, b, budget);
}

function sameItems(a: readonly unknown[], b: readonly unknown[], budget: { left: number }): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (!sameValue(a[index], b[index], budget)) return false;
  return true;
}

function sameMembers(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
  budget: { left: number },
): boolean {
  const names = Object.keys(a);
  const others = Object.keys(b);
  if (names.length !== others.length) return false;
  for (const [index, name] of names.entries())
    if (name !== others[index] || !sameValue(a[name], b[name], budget)) return false;
  return true;
}
