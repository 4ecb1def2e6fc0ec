/** The noun `vars`: named values in the order in which they need each other. */

import { describeCycle, orderByDependency } from './dependency-order.ts';
import type { LoadNode, NamedNode } from './load-node.ts';
import { expressionAt, type Position, type WatchScope } from './load-scope.ts';
import type { NamedExpression } from './model.ts';

interface Draft extends NamedExpression {
  readonly node: NamedNode;
}

/** Where vars stand, and the vars around that they may shadow: `replicas: vars.replicas - 1` reads the outer one. */
export interface VarsSurroundings {
  readonly position: Position;
  readonly outer: ReadonlySet<string>;
}

const OF_THE_WATCH: VarsSurroundings = { position: { perItem: false, stage: 'vars' }, outer: new Set() };

/** In dependency order; a cycle is an error. */
export function loadVars(
  scope: WatchScope,
  node: LoadNode | undefined,
  { position, outer }: VarsSurroundings = OF_THE_WATCH,
): readonly NamedExpression[] {
  const drafts = (node === undefined ? [] : scope.document.entries(node)).flatMap((entry): Draft[] => {
    const expression = expressionAt(scope, entry, position);
    return expression === undefined ? [] : [{ name: entry.name, expression, node: entry }];
  });
  const order = orderByDependency(
    drafts.map(({ name, expression }) => ({
      id: name,
      before: varsReadBy(expression).filter((read) => read !== name || !outer.has(name)),
      precedence: 0,
    })),
  );
  reportCycle(scope, order.cycle, drafts);
  return drafts
    .toSorted((a, b) => (order.ranks.get(a.name) ?? 0) - (order.ranks.get(b.name) ?? 0))
    .map(({ name, expression }) => ({ name, expression }));
}

function varsReadBy(expression: NamedExpression['expression']): readonly string[] {
  return expression.references.flatMap(({ root, path }) => (root === 'vars' ? path.slice(0, 1) : []));
}

function reportCycle(
  scope: WatchScope,
  cycle: readonly string[] | undefined,
  drafts: readonly Draft[],
): void {
  const first = drafts.find(({ name }) => name === cycle?.[0]);
  if (cycle === undefined || first === undefined) return;
  scope.problems.error('VarsCycle', first.node.keyPlace, {
    message: `these vars need each other: ${describeCycle(cycle)}`,
    hint: 'let one of them do without the others',
  });
}
