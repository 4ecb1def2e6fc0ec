/**
 * A comparison with something missing is neither true nor false, but jsonata's `=` says false, and `and`, `or` make that
 * final. So the conditions that decide an expression's result (through `and`, `or`, `$not`, brackets) are watched while
 * jsonata evaluates, and their outcome is worked out anew with three values. jsonata leaves the right side out as soon
 * as the left one is false to it: missing `and` whatever is missing.
 */
import { type AstNode, calledFunction, sides } from './expression-ast.ts';

export type Condition =
  | { readonly kind: 'and' | 'or'; readonly left: Condition; readonly right: Condition }
  | { readonly kind: 'not'; readonly inner: Condition }
  /** The result is missing when one of the operands is. */
  | { readonly kind: 'comparison'; readonly node: AstNode; readonly operands: readonly AstNode[] }
  | { readonly kind: 'value'; readonly node: AstNode };

/** What the watched nodes gave. Each is evaluated at most once: none stands in a loop. */
export type Trace = Map<AstNode, unknown>;

/** The conditions that decide the result. Only a node that decides alone is looked through. */
export function decidingCondition(node: AstNode): Condition {
  if (node.predicate !== undefined || node.group !== undefined) return { kind: 'value', node };
  const [left, right] = sides(node);
  if (node.type === 'binary' && left !== undefined && right !== undefined) return ofBinary(node, left, right);
  const last = node.type === 'block' ? node.expressions?.at(-1) : undefined;
  if (last !== undefined) return decidingCondition(last);
  const negated =
    calledFunction(node) === 'not' && node.type === 'function' ? node.arguments?.[0] : undefined;
  if (negated !== undefined) return { kind: 'not', inner: decidingCondition(negated) };
  return { kind: 'value', node };
}

function ofBinary(node: AstNode, left: AstNode, right: AstNode): Condition {
  if (node.value === 'and' || node.value === 'or') {
    return { kind: node.value, left: decidingCondition(left), right: decidingCondition(right) };
  }
  if (node.value === '=' || node.value === '!=') return { kind: 'comparison', node, operands: [left, right] };
  return { kind: 'value', node };
}

/** All nodes whose results must be traced. */
export function tracedNodes(condition: Condition): readonly AstNode[] {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return [...tracedNodes(condition.left), ...tracedNodes(condition.right)];
    case 'not':
      return tracedNodes(condition.inner);
    case 'comparison':
      return [condition.node, ...condition.operands];
    case 'value':
      return [condition.node];
  }
}

/** The outcome with three values; undefined is missing. */
export function outcome(condition: Condition, trace: Trace): boolean | undefined {
  switch (condition.kind) {
    case 'and': {
      const left = outcome(condition.left, trace);
      return left === true ? outcome(condition.right, trace) : left;
    }
    case 'or': {
      const left = outcome(condition.left, trace);
      const right = left === true ? true : outcome(condition.right, trace);
      return right === true ? true : left === undefined ? undefined : right;
    }
    case 'not': {
      const inner = outcome(condition.inner, trace);
      return inner === undefined ? undefined : !inner;
    }
    case 'comparison':
      if (condition.operands.some((operand) => isMissing(trace.get(operand)))) return undefined;
      return truthy(trace.get(condition.node));
    case 'value':
      return truthy(trace.get(condition.node));
  }
}

/** A sequence of none is missing; a list of the context that is empty is not. */
export function isMissing(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0 && 'sequence' in value);
}

/** The effective boolean value of the JSONata specification ($boolean); undefined for missing. */
function truthy(value: unknown): boolean | undefined {
  if (isMissing(value)) return undefined;
  if (Array.isArray(value)) return value.some((item) => truthy(item) === true);
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}
