/**
 * Names that stand below items: behind a filter, in a function that goes through a list, behind a variable. What an
 * expression reads of the context by a static path is known already (its references); here the tree is walked with what
 * is known of each value, a static path or nothing, so that such names can be judged by the schemas as well.
 *
 * A value is known only where it can be nothing else: what is bound twice, made by a function of the playbook or chosen
 * among several paths is not. JSONata reads a name of each item of a list, so the path of an item is that of its list.
 */
import { placeKey } from '../base/diagnostic.ts';
import {
  type AstNode,
  calledFunction,
  childrenOf,
  filtersOf,
  isBracketed,
  isPlainName,
  pairs,
} from './expression-ast.ts';
import { type Origin, placeOf } from './expression-errors.ts';
import { isDefault } from './expression-guards.ts';
import { isContextRoot } from './expression-references.ts';
import { allNodes } from './expression-steps.ts';
import type { ContextRoot, ElementReference } from './language.ts';
import { ITEM } from './schema-path.ts';

/** What is known of a value; undefined: it can be anything. */
type Known =
  | { readonly kind: 'context' }
  | { readonly kind: 'path'; readonly root: ContextRoot; readonly path: readonly string[] }
  /** Nothing stands below: `[]`, `{}`, null, what is missing. */
  | { readonly kind: 'empty' }
  | undefined;

type Locals = Map<string, Known>;

interface Scope {
  /** What names belong to. */
  readonly input: Known;
  /** Variables bound so far; a block adds to its own copy. */
  readonly locals: Locals;
}

interface Walk {
  readonly origin: Origin;
  /** Names that are assigned, and bound elsewhere as well: when they mean what is not told by the text. */
  readonly unsteady: ReadonlySet<string>;
  readonly found: Map<string, ElementReference>;
}

const EMPTY: Known = { kind: 'empty' };

/** The names below items, each with the path that leads to it. */
export function elementsOf(root: AstNode, origin: Origin): readonly ElementReference[] {
  const walk: Walk = { origin, unsteady: unsteadyNames(root), found: new Map() };
  knownOf(walk, root, { input: { kind: 'context' }, locals: new Map() });
  return [...walk.found.values()];
}

function unsteadyNames(root: AstNode): ReadonlySet<string> {
  const nodes = allNodes(root);
  const assigned = nodes.flatMap((node) => (node.type === 'bind' ? [assignedName(node)] : []));
  const others = nodes.flatMap((node) => [
    ...(node.type === 'lambda' ? (node.arguments ?? []).map(({ value }) => value) : []),
    ...boundByStep(node),
  ]);
  const taken = new Set<unknown>(others);
  const unsteady = assigned.filter((name) => {
    const again = taken.has(name);
    taken.add(name);
    return again;
  });
  return new Set(unsteady.filter((name) => name !== undefined));
}

function assignedName({ lhs }: AstNode): string | undefined {
  const name = Array.isArray(lhs) ? undefined : lhs?.value;
  return typeof name === 'string' ? name : undefined;
}

/** `@$name`, `#$name`. */
function boundByStep({ focus, index, stages = [] }: AstNode): readonly unknown[] {
  const indexes = stages.flatMap(({ type, value }) => (type === 'index' ? [value] : []));
  return [focus, index, ...indexes].filter((name) => name !== undefined);
}

/** Walks through the node and all below it. */
function knownOf(walk: Walk, node: AstNode, scope: Scope): Known {
  if (node.type === 'path') return ofPath(walk, node, scope);
  return behind(walk, node, { ...scope, input: ofNode(walk, node, scope) });
}

/** What stands in brackets and braces behind a value. */
function behind(walk: Walk, node: AstNode, scope: Scope): Known {
  for (const filter of filtersOf(node)) knownOf(walk, filter, scope);
  for (const each of (node.group?.lhs ?? []).flat()) knownOf(walk, each, scope);
  return node.group === undefined ? scope.input : undefined;
}

function ofNode(walk: Walk, node: AstNode, scope: Scope): Known {
  switch (node.type) {
    case 'name':
      return below(scope.input, String(node.value));
    case 'wildcard':
      return below(scope.input, ITEM);
    case 'variable':
      return ofVariable(String(node.value), scope);
    case 'value':
      return node.value === null ? EMPTY : undefined;
    case 'block':
      return ofBlock(walk, node, scope);
    case 'bind':
      return ofBinding(walk, node, scope);
    case 'condition':
      return ofCondition(walk, node, scope);
    case 'function':
      return ofCall(walk, node, { scope, piped: [] });
    case 'apply':
      return ofApplication(walk, node, scope);
    case 'lambda': {
      const result = bodyOf(walk, node, { scope, given: [] });
      return node.thunk === true ? result : undefined;
    }
    case 'unary':
      return ofConstructor(walk, node, scope);
    case 'sort':
      for (const { expression } of node.terms ?? []) knownOf(walk, expression, scope);
      return scope.input;
    case 'transform':
      return through(walk, node, { ...scope, input: undefined });
    default:
      return through(walk, node, scope);
  }
}

/** Of a node that gives something new. */
function through(walk: Walk, node: AstNode, scope: Scope): undefined {
  for (const child of childrenOf({ ...node, stages: [], predicate: [], group: { lhs: [] } }))
    knownOf(walk, child, scope);
}

function below(value: Known, name: string): Known {
  switch (value?.kind) {
    case 'context':
      return isContextRoot(name) ? { kind: 'path', root: name, path: [] } : undefined;
    case 'path':
      return { ...value, path: [...value.path, name] };
    default:
      return value;
  }
}

function ofVariable(name: string, { input, locals }: Scope): Known {
  if (name === '') return input;
  if (name === '$') return { kind: 'context' };
  return locals.has(name) ? locals.get(name) : below({ kind: 'context' }, name);
}

/** With `list@$item` names go on to belong to what the list was read of. */
function ofPath(walk: Walk, path: AstNode, scope: Scope): Known {
  const locals = new Map(scope.locals);
  let current = scope.input;
  /** The path up to here is one of the expression's references. */
  let isReference = current?.kind === 'context';
  for (const step of path.steps ?? []) {
    const value = ofNode(walk, step, { input: current, locals });
    if (step.type === 'variable') isReference = isOfContext(step, { input: current, locals });
    else if (!isPlainName(step)) isReference = false;
    else if (!isReference) note(walk, step, value);
    isReference &&= !isBracketed(step);
    for (const name of boundByStep(step)) bind(walk, locals, name, name === step.focus ? value : undefined);
    const after = step.focus === undefined ? value : current;
    current = behind(walk, step, { input: after, locals });
  }
  return behind(walk, path, { input: current, locals });
}

/** `$$`, `$spec`, and `$` where it is the context. */
function isOfContext({ value }: AstNode, { input, locals }: Scope): boolean {
  return value === '' ? input?.kind === 'context' : !locals.has(String(value));
}

function note({ origin, found }: Walk, node: AstNode, value: Known): void {
  if (value?.kind !== 'path' || value.path.length === 0) return;
  const { root, path } = value;
  const place = placeOf(origin, node.position ?? 0);
  const key = [placeKey(place), root, ...path].join(' ');
  found.set(key, { root, path, from: path.length - 1, place });
}

function bind({ unsteady }: Walk, locals: Locals, name: unknown, value: Known): void {
  if (typeof name === 'string') locals.set(name, unsteady.has(name) ? undefined : value);
}

function ofBlock(walk: Walk, { expressions = [] }: AstNode, scope: Scope): Known {
  const inside = { ...scope, locals: new Map(scope.locals) };
  return expressions.map((each) => knownOf(walk, each, inside)).at(-1);
}

function ofBinding(walk: Walk, node: AstNode, scope: Scope): Known {
  const value = node.rhs === undefined ? undefined : knownOf(walk, node.rhs, scope);
  bind(walk, scope.locals, assignedName(node), value);
  return value;
}

function ofCondition(walk: Walk, node: AstNode, scope: Scope): Known {
  const { condition, then, else: otherwise } = node;
  if (condition !== undefined && !isDefault(node)) knownOf(walk, condition, scope);
  return either([then, otherwise].map((each) => (each === undefined ? EMPTY : knownOf(walk, each, scope))));
}

/** `[a, b]` is known where both are the same; an object made here has names of its own. */
function ofConstructor(walk: Walk, node: AstNode, scope: Scope): Known {
  if (node.value === '[') return either((node.expressions ?? []).map((each) => knownOf(walk, each, scope)));
  if (node.value === '{' && pairs(node).length === 0) return EMPTY;
  return through(walk, node, scope);
}

function either(values: readonly Known[]): Known {
  const [first = EMPTY, ...others] = values.filter((value) => value?.kind !== 'empty');
  if (values.includes(undefined)) return undefined;
  return others.every((other) => JSON.stringify(other) === JSON.stringify(first)) ? first : undefined;
}

interface Call {
  readonly scope: Scope;
  /** What stands before `~>`: the first argument. */
  readonly piped: readonly Known[];
}

function ofApplication(walk: Walk, node: AstNode, scope: Scope): Known {
  const { lhs, rhs } = node;
  if (lhs === undefined || Array.isArray(lhs) || rhs?.type !== 'function') return through(walk, node, scope);
  const piped = [knownOf(walk, lhs, scope)];
  return behind(walk, rhs, { ...scope, input: ofCall(walk, rhs, { scope, piped }) });
}

function ofCall(walk: Walk, node: AstNode, { scope, piped }: Call): Known {
  const name = calledFunction(node);
  if (name === undefined || scope.locals.has(name)) return through(walk, node, scope);
  const known = [...piped];
  const results: Known[] = [];
  for (const argument of node.arguments ?? []) {
    if (argument.type === 'lambda') {
      const given = known.length === 1 ? parametersOf(name, known[0]) : [];
      results.push(bodyOf(walk, argument, { scope, given }));
      known.push(undefined);
    } else known.push(knownOf(walk, argument, scope));
  }
  return resultOf(name, { known, results, key: literalKey(node, piped) });
}

interface Given {
  readonly scope: Scope;
  readonly given: readonly Known[];
}

/** What a function yields. A thunk is what jsonata makes of a call at the end of a function's body. */
function bodyOf(walk: Walk, node: AstNode, { scope, given }: Given): Known {
  const locals = new Map(scope.locals);
  if (node.thunk !== true)
    node.arguments?.forEach((parameter, at) => {
      bind(walk, locals, parameter.value, given[at]);
    });
  return node.body === undefined ? undefined : knownOf(walk, node.body, { ...scope, locals });
}

/** What a function hands to the function that goes with it. */
function parametersOf(name: string, of: Known): readonly Known[] {
  switch (name) {
    case 'map':
    case 'filter':
    case 'single':
      return [of, undefined, of];
    case 'sort':
      return [of, of];
    case 'reduce':
      return [undefined, of, undefined, of];
    case 'each':
    case 'sift':
      return [below(of, ITEM), undefined, of];
    default:
      return [];
  }
}

interface Arguments {
  readonly known: readonly Known[];
  /** What the lambdas among them yield. */
  readonly results: readonly Known[];
  readonly key: string | undefined;
}

function resultOf(name: string, { known, results, key }: Arguments): Known {
  const [first, second] = known;
  switch (name) {
    case 'filter':
    case 'single':
    case 'sort':
    case 'sift':
    case 'reverse':
    case 'distinct':
    case 'byName':
    case 'clone':
      return first;
    case 'append':
      return either([first, second]);
    case 'lookup':
      return below(first, key ?? ITEM);
    case 'map':
    case 'each':
      return results[0];
    default:
      return undefined;
  }
}

/** `"a"` of `$lookup(x, "a")`. */
function literalKey(node: AstNode, piped: readonly Known[]): string | undefined {
  const key = node.arguments?.[1 - piped.length];
  return key?.type === 'string' ? String(key.value) : undefined;
}
