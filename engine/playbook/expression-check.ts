/**
 * The walk over an expression's tree when it is loaded: which names it reads and whether they can be read there, which
 * functions it calls, what it may not do at all. Nothing is decided by running it. All problems at once.
 *
 * Names belong to the context at the top, and to the element inside `[…]`, behind a dot, in an order or a grouping.
 */
import { type Diagnostic, placeKey } from '../base/diagnostic.ts';
import {
  type AstNode,
  calledFunction,
  childrenOf,
  filtersOf,
  isBracketed,
  isPlainName,
  sides,
} from './expression-ast.ts';
import { type Origin, placeOf, problemAt } from './expression-errors.ts';
import {
  establishedBy,
  isDefault,
  isEstablished,
  NO_PATHS,
  type Paths,
  testedPath,
  union,
} from './expression-guards.ts';
import { type Facts, lint } from './expression-lint.ts';
import {
  checkBinding,
  checkElementName,
  checkFunction,
  checkRoot,
  type Finding,
} from './expression-names.ts';
import { isContextRoot, pathText, staticSegments } from './expression-references.ts';
import type { ContextRoot, Reference } from './language.ts';

export interface CheckInput {
  readonly origin: Origin;
  readonly roots: readonly ContextRoot[];
  readonly facts: Facts;
}

export interface Findings {
  readonly problems: readonly Diagnostic[];
  readonly references: readonly Reference[];
}

interface Scope {
  /** Names belong to an element, not to the context. */
  readonly element: boolean;
  /** Variables bound so far; a block adds to its own copy. */
  readonly locals: Set<string>;
  readonly established: Paths;
  /** All references below are provided for. */
  readonly guarded: boolean;
}

interface Walk extends CheckInput {
  readonly problems: Diagnostic[];
  readonly references: Reference[];
}

export function checkExpression(root: AstNode, input: CheckInput): Findings {
  const walk: Walk = { ...input, problems: [], references: [] };
  visit(walk, root, { element: false, locals: new Set(), established: NO_PATHS, guarded: false });
  return { problems: walk.problems, references: withoutRepetitions(walk.references) };
}

function visit(walk: Walk, node: AstNode, scope: Scope): void {
  visitNode(walk, node, scope);
  report(
    walk,
    lint(node, { facts: walk.facts, isGuarded: (path) => isGuarded(path, scope), element: scope.element }),
  );
  const inside = { ...scope, element: true };
  if (node.type !== 'path') for (const filter of filtersOf(node)) visit(walk, filter, inside);
  visitGroup(walk, node, scope);
}

function visitNode(walk: Walk, node: AstNode, scope: Scope): void {
  switch (node.type) {
    case 'path':
      visitPath(walk, node, scope);
      break;
    case 'variable':
      visitVariable(walk, [node], scope);
      break;
    case 'binary':
      visitBinary(walk, node, scope);
      break;
    case 'condition':
      visitCondition(walk, node, scope);
      break;
    case 'function':
    case 'partial':
      visitCall(walk, node, scope);
      break;
    case 'block':
      visitAll(walk, node.expressions ?? [], { ...scope, locals: new Set(scope.locals) });
      break;
    case 'bind':
      visitBind(walk, node, scope);
      break;
    case 'lambda':
      visitLambda(walk, node, scope);
      break;
    case 'transform':
      visitTransform(walk, node, scope);
      break;
    case 'unary':
    case 'apply':
    case 'sort':
      visitAll(walk, childrenOf({ ...node, stages: [], predicate: [], group: { lhs: [] } }), scope);
      break;
    case 'wildcard':
    case 'descendant':
      if (!scope.element)
        refuse(walk, node, 'a wildcard here would read everything there is', 'name what is read');
      break;
    case 'parent':
      refuse(walk, node, "% (the parent) can't be followed here", 'bind the parent: list@$parent.…');
      break;
    case 'name':
    case 'string':
    case 'number':
    case 'value':
    case 'regex':
    case 'operator':
      break;
    default:
      refuse(walk, node, `${node.type} can't be said in a playbook`);
      break;
  }
}

function visitAll(walk: Walk, nodes: readonly AstNode[], scope: Scope): void {
  for (const node of nodes) visit(walk, node, scope);
}

function refuse(walk: Walk, node: AstNode, message: string, hint?: string): void {
  report(walk, [{ node, code: 'ExpressionRefused', message, hint }]);
}

function report(walk: Walk, findings: readonly Finding[]): void {
  for (const finding of findings) walk.problems.push(placed(walk.origin, finding));
}

export function placed(origin: Origin, { node, severity, ...finding }: Finding): Diagnostic {
  return problemAt(origin, positionOf(node), finding, severity);
}

/** A path has no position of its own. */
function positionOf(node: AstNode): number {
  const first = node.steps?.[0] ?? sides(node)[0] ?? node.procedure;
  return node.position ?? (first === undefined ? 0 : positionOf(first));
}

function visitPath(walk: Walk, node: AstNode, scope: Scope): void {
  const steps = node.steps ?? [];
  const inside: Scope = { ...scope, element: true, locals: new Set(scope.locals) };
  steps.forEach((step, at) => {
    for (const name of [step.focus, step.index]) bindLocal(walk, step, name, inside.locals);
    const isStart = step.type === 'variable' || (at === 0 && isPlainName(step));
    if (isStart) visitStart(walk, steps.slice(at), at === 0 ? scope : inside);
    if (!isStart && !isPlainName(step)) {
      visit(walk, step, at === 0 ? scope : inside);
      return;
    }
    report(walk, lint(step, { facts: walk.facts, isGuarded: () => true, element: true }));
    visitAll(walk, filtersOf(step), inside);
  });
  for (const pair of node.group?.lhs ?? []) visitAll(walk, pair, inside);
}

function visitStart(walk: Walk, steps: readonly AstNode[], scope: Scope): void {
  const [first] = steps;
  if (first === undefined) return;
  if (first.type === 'variable') visitVariable(walk, steps, scope);
  else if (scope.element) report(walk, checkElementName(first, String(first.value)));
  else visitRoot(walk, steps, scope);
}

/** `spec.x` where names belong to the context, or `$spec.x` anywhere. */
function visitRoot(walk: Walk, steps: readonly AstNode[], scope: Scope): void {
  const [first] = steps;
  if (first === undefined) return;
  const name = String(first.value);
  const findings = checkRoot(first, name, walk.roots);
  report(walk, findings);
  if (findings.length > 0 || !isContextRoot(name)) return;
  const path = isBracketed(first) ? [] : staticSegments(steps, 1).path;
  refer(walk, first, { root: name, path }, scope);
}

/** `$spec.x`, `$$.spec.x`, `$.spec.x`, a variable of the expression's own, a function as value. */
function visitVariable(walk: Walk, steps: readonly AstNode[], scope: Scope): void {
  const [first, second] = steps;
  if (first === undefined) return;
  const name = String(first.value);
  if (name === '$' || (name === '' && !scope.element)) {
    if (second !== undefined && isPlainName(second)) visitRoot(walk, steps.slice(1), scope);
    else refuse(walk, first, `$${name} alone would read everything there is`, 'name what is read: $$.spec');
  } else if (name !== '' && !scope.locals.has(name)) {
    if (isContextRoot(name)) visitRoot(walk, steps, scope);
    else report(walk, checkFunction(first, name, walk.roots));
  }
}

function refer(walk: Walk, node: AstNode, target: Pick<Reference, 'root' | 'path'>, scope: Scope): void {
  walk.references.push({
    ...target,
    guarded: isGuarded(pathText(target), scope),
    place: placeOf(walk.origin, node.position ?? 0),
  });
}

function isGuarded(path: string, scope: Scope): boolean {
  return scope.guarded || isEstablished(path, scope.established);
}

function visitBinary(walk: Walk, node: AstNode, scope: Scope): void {
  const [left, right] = sides(node);
  if (left === undefined || right === undefined) return;
  visit(walk, left, scope);
  const logical = node.value === 'and' || node.value === 'or';
  visit(walk, right, logical ? withPaths(scope, establishedBy(left, node.value === 'and')) : scope);
}

function withPaths(scope: Scope, paths: Paths): Scope {
  return { ...scope, established: union([scope.established, paths]) };
}

function visitCondition(walk: Walk, node: AstNode, scope: Scope): void {
  const { condition, then, else: otherwise } = node;
  if (condition === undefined || then === undefined) return;
  if (isDefault(node)) visit(walk, then, { ...scope, guarded: true });
  else {
    visit(walk, condition, otherwise === undefined ? scope : withPaths(scope, testedPath(condition)));
    visit(walk, then, withPaths(scope, establishedBy(condition, true)));
  }
  if (otherwise !== undefined) visit(walk, otherwise, withPaths(scope, establishedBy(condition, false)));
}

function visitCall(walk: Walk, node: AstNode, scope: Scope): void {
  const { procedure } = node;
  const name = calledFunction(node);
  if (procedure === undefined) return;
  if (name === undefined) visitCallee(walk, procedure, scope);
  else if (!scope.locals.has(name)) report(walk, checkFunction(procedure, name, walk.roots));
  visitAll(walk, node.arguments ?? [], name === 'exists' ? { ...scope, guarded: true } : scope);
}

/** `exists(x)`: jsonata reads the name as a path, and finds nothing to call when it runs. */
function visitCallee(walk: Walk, procedure: AstNode, scope: Scope): void {
  const [only, ...others] = procedure.type === 'path' ? (procedure.steps ?? []) : [];
  const bare = only !== undefined && isPlainName(only) && others.length === 0;
  if (bare) report(walk, checkFunction(only, only.value, walk.roots));
  else visit(walk, procedure, scope);
}

function visitBind(walk: Walk, node: AstNode, scope: Scope): void {
  const name = Array.isArray(node.lhs) ? undefined : node.lhs?.value;
  bindLocal(walk, node, name, scope.locals);
  if (node.rhs !== undefined) visit(walk, node.rhs, scope);
}

function bindLocal(walk: Walk, node: AstNode, name: unknown, locals: Set<string>): void {
  if (typeof name !== 'string') return;
  report(walk, checkBinding(node, name));
  locals.add(name);
}

function visitLambda(walk: Walk, node: AstNode, scope: Scope): void {
  const hint = 'leave out the part in angle brackets';
  if (node.signature !== undefined) refuse(walk, node, "a function's signature can't be given here", hint);
  const locals = new Set(scope.locals);
  if (node.thunk !== true)
    for (const parameter of node.arguments ?? []) bindLocal(walk, parameter, parameter.value, locals);
  if (node.body !== undefined) visit(walk, node.body, { ...scope, locals });
}

/**
 * A transform changes what its pattern finds: that must be the copy it made of its input, so the pattern may be names and
 * wildcards only.
 */
function visitTransform(walk: Walk, node: AstNode, scope: Scope): void {
  const inside = { ...scope, element: true };
  const { pattern, update, delete: removed } = node;
  const steps = pattern?.type === 'path' ? (pattern.steps ?? []) : [pattern];
  const plain =
    steps.every((step) => step !== undefined && isInnerStep(step)) && pattern?.group === undefined;
  if (!plain)
    refuse(
      walk,
      node,
      'the first part of a transform must be a path of plain names',
      'such as |spec.ports|{…}|',
    );
  for (const step of steps) if (step !== undefined) visitAll(walk, filtersOf(step), inside);
  for (const part of [update, removed]) if (part !== undefined) visit(walk, part, inside);
}

function isInnerStep(step: AstNode): boolean {
  if (step.type === 'variable') return step.value === '';
  return step.type === 'name' || step.type === 'wildcard' || step.type === 'descendant';
}

function visitGroup(walk: Walk, node: AstNode, scope: Scope): void {
  if (node.type === 'path') return;
  for (const pair of node.group?.lhs ?? []) visitAll(walk, pair, { ...scope, element: true });
}

function withoutRepetitions(references: readonly Reference[]): readonly Reference[] {
  const unique = new Map(references.map((each) => [`${pathText(each)} ${placeKey(each.place)}`, each]));
  return [...unique.values()];
}
