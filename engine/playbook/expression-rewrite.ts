/**
 * Changes in jsonata's tree before it is ever evaluated, where the evaluator itself would be unsafe:
 * - `a & b` becomes a call of ours, with a price and exact for bigint;
 * - a regular expression becomes a variable that holds a matcher in linear time;
 * - `list[]` and `list{…}` work on a copy, for jsonata marks and fills the very list that it was given.
 * - a tail call becomes a plain call.
 * A node keeps its identity.
 */
import type { AstNode } from './expression-ast.ts';
import { childrenOf } from './expression-ast.ts';
import { CONCATENATE, OWN_COPY } from './expression-functions.ts';
import { type CompiledRegex, compileRegex } from './expression-regex.ts';

export interface FoundRegex {
  readonly node: AstNode;
  /** The variable that stands for it; no name that a source can say. */
  readonly variable: string;
  readonly compiled: CompiledRegex;
}

/** Rewrites the tree in place; gives the regular expressions that were in it. */
export function rewrite(root: AstNode): readonly FoundRegex[] {
  const found: FoundRegex[] = [];
  const visit = (node: AstNode): void => {
    unwrapTailCall(node);
    for (const child of childrenOf(node)) visit(child);
    if (node.type === 'regex') found.push(replaceRegex(node, found.length));
    if (node.type === 'binary' && node.value === '&') replaceConcatenation(node);
    if (node.type === 'path') copyBeforeMarking(node);
    else if (node.group !== undefined) callWith(node, OWN_COPY);
  };
  visit(root);
  return found;
}

/** A tail call is a call like others: then its errors have their own place, and recursion has a depth. */
function unwrapTailCall(node: AstNode): void {
  const { body } = node;
  if (node.thunk !== true || body === undefined) return;
  delete node.thunk;
  delete node.body;
  Object.assign(node, body);
}

function replaceRegex(node: AstNode, index: number): FoundRegex {
  const { value } = node;
  const variable = ` regex${index}`;
  node.type = 'variable';
  node.value = variable;
  if (value instanceof RegExp) return { node, variable, compiled: compileRegex(value) };
  // The clone of `??` and `?:` loses it: they copy their left side as JSON.
  const message = "a regular expression can't stand on the left of ?? or ?:";
  return { node, variable, compiled: { kind: 'refused', message } };
}

function replaceConcatenation(node: AstNode): void {
  const { lhs, rhs } = node;
  if (lhs === undefined || Array.isArray(lhs) || rhs === undefined) return;
  node.type = 'function';
  node.procedure = { type: 'variable', value: CONCATENATE };
  node.arguments = [lhs, rhs];
  delete node.lhs;
  delete node.rhs;
}

function copyBeforeMarking(path: AstNode): void {
  const last = path.steps?.at(-1);
  if (path.keepSingletonArray !== true && path.group === undefined) return;
  if (last !== undefined && last.type !== 'sort') callWith(last, OWN_COPY);
}

const STAYS_OUTSIDE = [
  'stages',
  'predicate',
  'group',
  'tuple',
  'focus',
  'index',
  'ancestor',
  'keepArray',
] as const;
const GOES_INSIDE = [
  'steps',
  'lhs',
  'rhs',
  'expression',
  'expressions',
  'body',
  'condition',
  'then',
  'else',
  'pattern',
  'update',
  'delete',
] as const;

/** Makes the node a call with what it was as argument; what stands behind it (filters, bindings) stays on the call. */
function callWith(node: AstNode, name: string): void {
  const inner: AstNode = { ...node };
  for (const key of STAYS_OUTSIDE) delete inner[key];
  for (const key of GOES_INSIDE) delete node[key];
  node.type = 'function';
  node.value = '(';
  node.procedure = { type: 'variable', value: name };
  node.arguments = [inner.type === 'name' ? { type: 'path', steps: [inner] } : inner];
}
