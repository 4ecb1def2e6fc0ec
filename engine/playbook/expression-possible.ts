/**
 * What an expression can yield, worked out from its literals and from what is known of the paths that it reads. It never
 * claims too much: what it does not understand may be anything, and so may be what no schema describes.
 */
import { sameJson } from '../kube/canonical.ts';
import type { Json } from '../kube/object.ts';
import {
  ANY_NUMBER,
  canBeEqual,
  canStand,
  combined,
  hull,
  type Order,
  type Range,
  rangeOf,
} from '../kube/range.ts';
import { type AstNode, calledFunction, isBracketed, isPlainName, sides } from './expression-ast.ts';
import { CONCATENATE } from './expression-functions.ts';
import { isContextRoot, staticSegments } from './expression-references.ts';
import type { KnownPaths, Possible, Reference } from './language.ts';

const ANYTHING: Possible = { missing: true };

export function possibleValues(node: AstNode, known: KnownPaths): Possible {
  if (isBracketed(node) || node.keepArray === true || node.keepSingletonArray === true) return ANYTHING;
  switch (node.type) {
    case 'string':
    case 'number':
    case 'value':
      return ofLiteral(node.value);
    case 'path':
      return ofPath(node, known);
    case 'binary':
      return ofBinary(node, known);
    case 'function':
      return ofCall(node, known);
    case 'condition':
      return ofCondition(node, known);
    case 'block': {
      const [only, second] = node.expressions ?? [];
      return only === undefined || second !== undefined ? ANYTHING : possibleValues(only, known);
    }
    default:
      return ANYTHING;
  }
}

/** Nothing that the expression can yield counts as true. */
export function isNeverTrue({ values }: Possible): boolean {
  return values?.every((value) => !isTruthy(value)) === true;
}

/** All that it can yield counts as true. */
export function isAlwaysTrue({ values, missing }: Possible): boolean {
  return !missing && values !== undefined && values.length > 0 && values.every(isTruthy);
}

function ofLiteral(value: unknown): Possible {
  const scalar =
    value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return scalar ? { missing: false, values: [value] } : ANYTHING;
}

function ofPath(node: AstNode, known: KnownPaths): Possible {
  const path = pathOf(node);
  return path === undefined ? ANYTHING : (known(path) ?? ANYTHING);
}

/** `spec.mode`, `$spec.mode`, `$$.spec.mode`. */
export function pathOf({ type, steps = [] }: AstNode): Pick<Reference, 'root' | 'path'> | undefined {
  const [first, ...rest] = steps;
  if (type !== 'path' || first === undefined) return undefined;
  if (steps.some((step) => isBracketed(step) || step.keepArray === true)) return undefined;
  if (first.type === 'variable' && first.value === '$') return pathOf({ type: 'path', steps: rest });
  if ((first.type !== 'variable' && !isPlainName(first)) || !isContextRoot(first.value)) return undefined;
  const { path, next } = staticSegments(steps, 1);
  return next === steps.length ? { root: first.value, path } : undefined;
}

function ofBinary(node: AstNode, known: KnownPaths): Possible {
  const [lhs, rhs] = sides(node);
  if (lhs === undefined || rhs === undefined) return ANYTHING;
  const left = possibleValues(lhs, known);
  switch (node.value) {
    case '=':
    case '!=':
      return ofEquality(left, possibleValues(rhs, known), node.value === '=');
    case 'in':
      return ofMembership(left, rhs, known);
    case 'and':
    case 'or':
      return ofLogic(left, possibleValues(rhs, known), node.value);
    default:
      return ofNumbers(String(node.value), left, possibleValues(rhs, known));
  }
}

const OPPOSITE: Readonly<Record<Order, Order>> = { '<': '>=', '<=': '>', '>': '<=', '>=': '<' };

/** Arithmetic and order, of values that are numbers (or texts, where they are ordered): else jsonata fails. */
function ofNumbers(operator: string, left: Possible, right: Possible): Possible {
  const missing = left.missing || right.missing;
  const [a, b] = [numbersOf(left), numbersOf(right)];
  if (/^[-+*/%]$/.test(operator)) {
    const range = a === undefined || b === undefined ? undefined : combined(a, operator, b);
    return { missing, type: 'number', ...(range === undefined ? {} : { range }) };
  }
  if (!isOrder(operator)) return ANYTHING;
  const can = (order: Order): boolean => a === undefined || b === undefined || canStand(a, order, b);
  return booleans({ isTrue: can(operator), isFalse: can(OPPOSITE[operator]), missing });
}

function isOrder(operator: string): operator is Order {
  return Object.hasOwn(OPPOSITE, operator);
}

/** Undefined where it may be something else than a number. */
function numbersOf({ values, type, range }: Possible): Range | undefined {
  if (values === undefined) return type === 'number' ? (range ?? ANY_NUMBER) : undefined;
  const numbers = values.filter((value) => typeof value === 'number');
  return numbers.length < values.length ? undefined : rangeOf(numbers);
}

/**
 * With a side that is missing, `=` is false to jsonata and missing to a condition: either is taken as possible. What `!=`
 * then says, and `=` of two that are missing, is left open.
 */
function ofEquality(left: Possible, right: Possible, wanted: boolean): Possible {
  const missing = left.missing || right.missing;
  const open = missing && (!wanted || (left.missing && right.missing));
  const equal = couldEqual(left, right);
  const differ = couldDiffer(left, right);
  return booleans({
    isTrue: open || (wanted ? equal : differ),
    isFalse: missing || (wanted ? differ : equal),
    missing,
  });
}

export function couldEqual(left: Possible, right: Possible): boolean {
  if (left.values !== undefined && right.values !== undefined) {
    const { values } = right;
    return left.values.some((a) => values.some((b) => sameJson(a, b)));
  }
  const [a, b] = [numbersOf(left), numbersOf(right)];
  if (a !== undefined && b !== undefined) return canBeEqual(a, b);
  const [some, others] = [typesOf(left), typesOf(right)];
  return some === undefined || others === undefined || some.some((type) => others.includes(type));
}

/** Unless both have one value, and it is the same. */
function couldDiffer({ values: left }: Possible, { values: right }: Possible): boolean {
  if (left === undefined || right === undefined) return true;
  const [value, ...others] = [...left, ...right];
  return value === undefined || others.some((other) => !sameJson(value, other));
}

function typesOf({ values, type }: Possible): readonly string[] | undefined {
  if (values === undefined) return type === undefined ? undefined : [type];
  const types = values.map((value) => (typeof value === 'bigint' ? 'number' : typeof value));
  return types.includes('object') ? undefined : types;
}

/** `spec.mode in ["a", "b"]`, with literals alone. */
function ofMembership(left: Possible, list: AstNode, known: KnownPaths): Possible {
  if (list.type !== 'unary' || list.value !== '[' || isBracketed(list)) return ANYTHING;
  const items = (list.expressions ?? []).map((item) => possibleValues(item, known));
  if (items.some(({ values, missing }) => missing || values?.length !== 1)) return ANYTHING;
  const isTrue = items.some((item) => couldEqual(left, item));
  const inList = (value: Json): boolean => items.some(({ values = [] }) => sameJson(values[0], value));
  const isFalse = left.missing || left.values?.every(inList) !== true;
  return booleans({ isTrue, isFalse, missing: left.missing });
}

function ofLogic(left: Possible, right: Possible, operator: 'and' | 'or'): Possible {
  const both = (can: (side: Possible) => boolean): boolean => can(left) && can(right);
  const one = (can: (side: Possible) => boolean): boolean => can(left) || can(right);
  const [isTrue, isFalse] =
    operator === 'and' ? [both(canBeTrue), one(canBeFalse)] : [one(canBeTrue), both(canBeFalse)];
  return booleans({ isTrue, isFalse, missing: left.missing || right.missing });
}

const MAKES_TEXT = new Set([CONCATENATE, 'string', 'uppercase', 'lowercase', 'trim', 'join', 'substring']);
const MAKES_NUMBER = new Set(['sum', 'number', 'round', 'floor', 'ceil', 'abs']);

function ofCall(node: AstNode, known: KnownPaths): Possible {
  const called = calledFunction(node) ?? '';
  if (called === CONCATENATE) return { missing: false, type: 'string' };
  if (MAKES_TEXT.has(called)) return { missing: true, type: 'string' };
  const [argument, second] = node.arguments ?? [];
  const single = argument !== undefined && second === undefined;
  const given = single ? possibleValues(argument, known) : ANYTHING;
  if (called === 'count' || called === 'length') return ofLength(called, given);
  if (MAKES_NUMBER.has(called)) return { missing: true, type: 'number' };
  if (!single) return ANYTHING;
  switch (called) {
    case 'exists':
      return booleans({ isTrue: true, isFalse: given.missing, missing: false });
    case 'not':
      return booleans({ isTrue: canBeFalse(given), isFalse: canBeTrue(given), missing: given.missing });
    case 'boolean':
      return booleans({ isTrue: canBeTrue(given), isFalse: canBeFalse(given), missing: given.missing });
    default:
      return ANYTHING;
  }
}

const NOT_NEGATIVE: Range = { min: 0, max: Infinity };

/** `$count` of what is missing is 0, `$length` of it missing. */
function ofLength(called: 'count' | 'length', { missing, values, type, length }: Possible): Possible {
  const isOfKind = values === undefined && type === (called === 'count' ? undefined : 'string');
  const range = isOfKind && length !== undefined ? length : NOT_NEGATIVE;
  return { missing, type: 'number', range: called === 'count' && missing ? hull(range, NONE) : range };
}

const NONE: Range = { min: 0, max: 0 };

function ofCondition({ condition, then, else: otherwise }: AstNode, known: KnownPaths): Possible {
  if (condition === undefined || then === undefined) return ANYTHING;
  const tested = possibleValues(condition, known);
  const sidesTaken = [
    ...(canBeTrue(tested) ? [possibleValues(then, known)] : []),
    ...(canBeFalse(tested)
      ? [otherwise === undefined ? { missing: true, values: [] } : possibleValues(otherwise, known)]
      : []),
  ];
  return oneOf(sidesTaken);
}

/** Lengths are left open. */
function oneOf(several: readonly Possible[]): Possible {
  const missing = several.some((each) => each.missing);
  const values = several.map((each) => each.values);
  if (values.every((each) => each !== undefined)) return { missing, values: values.flat() };
  const ranges = several.filter((each) => each.values?.length !== 0).map(numbersOf);
  if (!ranges.every((each) => each !== undefined)) return { missing };
  return { missing, type: 'number', range: ranges.reduce(hull) };
}

function booleans(can: {
  readonly isTrue: boolean;
  readonly isFalse: boolean;
  readonly missing: boolean;
}): Possible {
  return {
    missing: can.missing,
    values: [...(can.isTrue ? [true] : []), ...(can.isFalse ? [false] : [])],
  };
}

function canBeTrue({ values }: Possible): boolean {
  return values === undefined || values.some(isTruthy);
}

function canBeFalse({ values, missing }: Possible): boolean {
  return missing || values === undefined || !values.every(isTruthy);
}

/** The effective boolean value of a scalar; of anything else nothing is claimed. */
function isTruthy(value: Json): boolean {
  return (typeof value === 'object' && value !== null) || Boolean(value);
}
