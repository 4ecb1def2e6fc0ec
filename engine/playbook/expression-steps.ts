/** What each step of an evaluation is charged, worked out once from the tree. */
import { type AstNode, childrenOf, filtersOf, pairs, sides } from './expression-ast.ts';
import { type Condition, decidingCondition, tracedNodes } from './expression-truth.ts';

export interface Step {
  /** Units of expression-meter.ts. */
  readonly price: number;
  /** An operand of `=` or `!=`, which compare it as a whole. */
  readonly walked: boolean;
  /**
   * More, when the result is a function of JavaScript: jsonata wraps a function anew each time it is handed on, and a call
   * goes through all those wraps. A regular expression is never wrapped so.
   */
  readonly ifFunction: number;
  /** Its result decides about the expression's. */
  readonly traced: boolean;
}

export interface Steps {
  readonly of: ReadonlyMap<AstNode, Step>;
  readonly condition: Condition;
}

/** Of a node that jsonata makes while it evaluates (a chain of functions, a partial application). */
export const UNKNOWN_STEP: Step = { price: 3, ifFunction: 200, walked: false, traced: false };

/**
 * A call, a closure and a path make frames and lists; a partial application parses a function anew; the rest is a look at
 * a value. Measured, not guessed.
 */
const BY_TYPE: Readonly<Record<string, number>> = {
  path: 2,
  function: 2,
  lambda: 4,
  partial: 250,
  block: 2,
  transform: 4,
};

/** A filter makes a list. A key appends to a copy of its group. An order asks for each term n·log n times, by recursion. */
const FILTER = 3;
const KEY = 8;
const TERM = 4;

export function stepsOf(root: AstNode, regexes: ReadonlySet<AstNode>): Steps {
  const condition = decidingCondition(root);
  const traced = new Set(condition.kind === 'value' ? [] : tracedNodes(condition));
  const extra = new Map<AstNode, number>();
  const walked = new Set<AstNode>();
  const nodes = allNodes(root);
  for (const node of nodes) {
    for (const [key] of [...(node.group?.lhs ?? []), ...pairs(node)]) extra.set(key, KEY);
    for (const term of node.terms ?? []) extra.set(term.expression, TERM);
    if (node.type === 'binary' && (node.value === '=' || node.value === '!=')) {
      for (const side of sides(node)) walked.add(side);
    }
  }
  const price = (node: AstNode): number =>
    (BY_TYPE[node.type] ?? 1) + (extra.get(node) ?? 0) + FILTER * filtersOf(node).length;
  const step = (node: AstNode): Step => ({
    price: price(node),
    ifFunction: regexes.has(node) ? 0 : 200,
    walked: walked.has(node),
    traced: traced.has(node),
  });
  return { condition, of: new Map(nodes.map((node) => [node, step(node)])) };
}

export function allNodes(root: AstNode): readonly AstNode[] {
  return [root, ...childrenOf(root).flatMap(allNodes)];
}
