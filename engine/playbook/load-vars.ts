/** The noun `vars`: named values in the order in which they need each other. */

import { describeCycle, orderByDependency } from './dependency-order.ts';
import type { LoadNode, NamedNode } from './load-node.ts';
import { expressionAt, type WatchScope } from './load-scope.ts';
import type { NamedExpression } from './model.ts';

interface Draft extends NamedExpression {
  readonly node: NamedNode;
}

/** In dependency order; a cycle is an error. */
export function loadVars(scope: WatchScope, node: LoadNode | undefined): readonly NamedExpression[] {
  const drafts = (node === undefined ? [] : scope.document.entries(node)).flatMap((entry): Draft[] => {
    const expression = expressionAt(scope, entry, { perItem: false, stage: 'vars' });
    return expression === undefined ? [] : [{ name: entry.name, expression, node: entry }];
  });
  const order = orderByDependency(
    drafts.map(({ name, expression }) => ({ id: name, before: varsReadBy(expression), precedence: 0 })),
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
