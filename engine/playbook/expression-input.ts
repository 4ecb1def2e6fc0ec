/** Whether an expression may read the context as a whole, past its references. */
import { type AstNode, calledFunction } from './expression-ast.ts';
import { allNodes } from './expression-steps.ts';

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

/** Through a function that is called with too few arguments, or may be. */
export function readsInput(root: AstNode): boolean {
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
