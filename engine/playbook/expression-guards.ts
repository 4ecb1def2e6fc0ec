/**
 * Where a path's absence is provided for: `$exists(x)` itself, the left of `??` and `?:`, `x ? … : …`, and whatever
 * stands behind such a test: `$exists(x) and x.y = 1`, `$exists(x) ? x.y`. Paths are kept as texts.
 */
import { type AstNode, calledFunction, isBracketed, isPlainName, sides } from './expression-ast.ts';
import { isContextRoot, staticSegments } from './expression-references.ts';

export type Paths = ReadonlySet<string>;

export const NO_PATHS: Paths = new Set();

/** The paths that are there when the node's truth is as given. */
export function establishedBy(node: AstNode, truth: boolean): Paths {
  const single = node.type === 'block' && node.expressions?.length === 1 ? node.expressions[0] : undefined;
  if (single !== undefined) return establishedBy(single, truth);
  if (node.type === 'function') return ofCall(node, truth);
  if (node.type === 'binary') return ofBinary(node, truth);
  return truth ? pathOf(node) : NO_PATHS;
}

function ofCall(node: AstNode, truth: boolean): Paths {
  const argument = node.arguments?.[0];
  if (argument === undefined) return NO_PATHS;
  switch (calledFunction(node)) {
    case 'exists':
      return truth ? pathOf(argument) : NO_PATHS;
    case 'boolean':
      return establishedBy(argument, truth);
    case 'not':
      return establishedBy(argument, !truth);
    case 'ready':
      return truth ? pathOf(argument) : NO_PATHS;
    default:
      return NO_PATHS;
  }
}

function ofBinary(node: AstNode, truth: boolean): Paths {
  const operands = sides(node);
  if (node.value === 'and' || node.value === 'or') {
    if (truth !== (node.value === 'and')) return NO_PATHS;
    return union(operands.map((side) => establishedBy(side, truth)));
  }
  return truth ? union(operands.map(pathOf)) : NO_PATHS;
}

/** A condition that is just a path: its else part is what happens without it. */
export function testedPath(condition: AstNode): Paths {
  const argument = calledFunction(condition) === 'boolean' ? condition.arguments?.[0] : undefined;
  return pathOf(argument ?? condition);
}

/** The static path of a node that is nothing else. */
function pathOf(node: AstNode): Paths {
  if (node.type === 'variable') return isContextRoot(node.value) ? new Set([node.value]) : NO_PATHS;
  const steps = node.type === 'path' ? (node.steps ?? []) : [];
  const [first] = steps;
  if (first === undefined) return NO_PATHS;
  if (first.type === 'variable' && first.value === '$') return textOf(steps, 1);
  const named = isPlainName(first) || first.type === 'variable';
  return named && isContextRoot(first.value) && !isBracketed(first)
    ? textOf(steps, 1, first.value)
    : NO_PATHS;
}

function textOf(steps: readonly AstNode[], start: number, root?: string): Paths {
  const { path } = staticSegments(steps, start);
  return new Set([[...(root === undefined ? [] : [root]), ...path].join('.')]);
}

export function union(sets: readonly Paths[]): Paths {
  return new Set(sets.flatMap((set) => [...set]));
}

/** Is there a tested path that leads to this one, or that this one leads to? */
export function isEstablished(path: string, established: Paths): boolean {
  for (const tested of established) {
    if (tested === path || path.startsWith(`${tested}.`) || tested.startsWith(`${path}.`)) return true;
  }
  return false;
}

/** `a ?? b` and `a ?: b`: the tested part is a clone of the other, positions included. */
export function isDefault(node: AstNode): boolean {
  const { condition, then } = node;
  if (condition === undefined || then === undefined || node.else === undefined) return false;
  const tested = calledFunction(condition) === 'exists' ? condition.arguments?.[0] : condition;
  return tested !== undefined && JSON.stringify(tested) === JSON.stringify(then);
}
