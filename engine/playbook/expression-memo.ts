/**
 * Evaluations that were made before. An expression is pure: no clock, no randomness, nothing is read but its references.
 * So the same values at these give the same evaluation, and most of what a pass asks was answered in the pass before it.
 * Values of a context are never changed in place, so that one that is the same object is the same value.
 *
 * Bounded: few evaluations for each expression, none of long lists (an old list may be all that keeps its items in memory).
 */
import { isObject } from '../kube/object.ts';
import { isList } from '../kube/value.ts';
import { type AstNode, calledFunction } from './expression-ast.ts';
import { allNodes } from './expression-steps.ts';
import type { Context, Evaluation, Reference } from './language.ts';

/** As many as the items of a usual forEach, whose expressions come round in each pass. */
const MOST_ENTRIES = 8;
const LONGEST_LIST = 1_000;
/** Parts of values that are compared one by one before they count as different. */
const MOST_COMPARED = 500;

interface Entry {
  readonly inputs: readonly unknown[];
  readonly evaluation: Evaluation;
}

export interface Memo {
  /** What the expression gave for these values. */
  recall(inputs: readonly unknown[]): Evaluation | undefined;
  note(inputs: readonly unknown[], evaluation: Evaluation): void;
  /** The values that the expression reads. */
  inputsOf(context: Context): readonly unknown[];
}

/** Undefined for an expression that reads more than its references say. */
export function createMemo(root: AstNode, references: readonly Reference[]): Memo | undefined {
  return readsInput(root) ? undefined : new EvaluationMemo(references);
}

class EvaluationMemo implements Memo {
  readonly #paths: readonly Path[];
  /** The one used last comes first. */
  readonly #entries: Entry[] = [];

  constructor(references: readonly Reference[]) {
    this.#paths = withoutInner(references);
  }

  inputsOf(context: Context): readonly unknown[] {
    return this.#paths.flatMap(({ root, path }) => inputAt(context[root], path));
  }

  recall(inputs: readonly unknown[]): Evaluation | undefined {
    const at = this.#entries.findIndex((entry) => sameInputs(entry.inputs, inputs));
    const found = this.#entries[at];
    if (found === undefined) return undefined;
    // The newer values are kept: those before are garbage soon, and these are the same objects next time.
    this.#putFirst(at, { inputs, evaluation: found.evaluation });
    return found.evaluation;
  }

  note(inputs: readonly unknown[], evaluation: Evaluation): void {
    if (evaluation.kind === 'error' || inputs.some(isLong)) return;
    this.#putFirst(Math.min(this.#entries.length, MOST_ENTRIES - 1), { inputs, evaluation });
  }

  #putFirst(at: number, entry: Entry): void {
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
function inputAt(value: unknown, path: readonly string[]): readonly [value: unknown, names: number] {
  let current = value;
  for (const [index, name] of path.entries()) {
    if (isList(current)) return [current, index];
    if (!isObject(current) || !Object.hasOwn(current, name)) return [undefined, path.length];
    current = current[name];
  }
  return [current, path.length];
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

/**
 * jsonata's functions that take any object as their first argument, and the context's where there is none: how many
 * arguments they need to read nothing else.
 */
const TAKE_INPUT: ReadonlyMap<string, number> = new Map([
  ['string', 1],
  ['boolean', 1],
  ['not', 1],
  ['keys', 1],
  ['spread', 1],
  ['lookup', 2],
  ['sift', 2],
  ['each', 2],
]);

/** May it read the context as a whole, through a function that is called with too few arguments? */
function readsInput(root: AstNode): boolean {
  const nodes = allNodes(root);
  const called = new Set(nodes.filter((node) => hasEnough(node)).map(({ procedure }) => procedure));
  return nodes.some(
    (node) => node.type === 'variable' && TAKE_INPUT.has(String(node.value)) && !called.has(node),
  );
}

function hasEnough(node: AstNode): boolean {
  const least = TAKE_INPUT.get(calledFunction(node) ?? '');
  return node.type === 'function' && least !== undefined && (node.arguments?.length ?? 0) >= least;
}
