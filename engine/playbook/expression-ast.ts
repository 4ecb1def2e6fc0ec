/**
 * The syntax tree that jsonata 2.2 evaluates, as far as we read and rewrite it. jsonata types it as `any`; here it has
 * a shape. Facts that are easily forgotten: `position` is the offset just behind a node's token, not before it; a path
 * has no position, only its steps have; `a ?? b` and `a ?: b` are conditions whose tested part is a clone of `a`.
 */

export interface AstStage {
  type: 'filter' | 'index' | 'predicate';
  expr?: AstNode;
  value?: unknown;
}

export interface AstNode {
  type: string;
  value?: unknown;
  position?: number;
  /** Of a path. */
  steps?: AstNode[];
  /** Filters on a step of a path. */
  stages?: AstStage[];
  /** Filters on anything else. */
  predicate?: AstStage[];
  /** `{…}` behind a value: pairs of key and value. */
  group?: { lhs: [AstNode, AstNode][]; position?: number };
  /** Binary: a node; an object constructor: pairs. */
  lhs?: AstNode | [AstNode, AstNode][];
  rhs?: AstNode;
  expression?: AstNode;
  expressions?: AstNode[];
  procedure?: AstNode;
  arguments?: AstNode[];
  signature?: unknown;
  body?: AstNode;
  thunk?: boolean;
  condition?: AstNode;
  then?: AstNode;
  else?: AstNode;
  pattern?: AstNode;
  update?: AstNode;
  delete?: AstNode;
  terms?: { descending: boolean; expression: AstNode }[];
  keepArray?: boolean;
  keepSingletonArray?: boolean;
  consarray?: boolean;
  tuple?: boolean;
  focus?: string;
  index?: string;
  ancestor?: unknown;
}

/** The one place where jsonata's tree is believed to have the shape above (as its parser builds it). */
export function asAst(tree: unknown): AstNode {
  return tree as AstNode;
}

/** The two sides of a binary node. */
export function sides(node: AstNode): readonly AstNode[] {
  return [node.lhs, node.rhs].filter((side): side is AstNode => side !== undefined && !Array.isArray(side));
}

/** The pairs of an object constructor. */
export function pairs(node: AstNode): readonly (readonly [AstNode, AstNode])[] {
  return Array.isArray(node.lhs) ? node.lhs : [];
}

/** All nodes directly below. */
export function childrenOf(node: AstNode): readonly AstNode[] {
  const {
    steps,
    expressions,
    arguments: args,
    expression,
    procedure,
    body,
    condition,
    pattern,
    update,
  } = node;
  const single = [expression, procedure, body, condition, node.then, node.else, pattern, update, node.delete];
  return [
    ...(steps ?? []),
    ...sides(node),
    ...pairs(node).flat(),
    ...(expressions ?? []),
    ...(args ?? []),
    ...single.filter((each) => each !== undefined),
    ...(node.terms ?? []).map((term) => term.expression),
    ...filtersOf(node),
    ...(node.group?.lhs ?? []).flat(),
  ];
}

/** What stands in the brackets behind a node. */
export function filtersOf(node: AstNode): readonly AstNode[] {
  return [...(node.stages ?? []), ...(node.predicate ?? [])].flatMap(({ expr }) =>
    expr === undefined ? [] : [expr],
  );
}

/** The name of the function that a call names: `$exists(…)` gives `exists`. */
export function calledFunction(node: AstNode): string | undefined {
  const named = node.type === 'function' || node.type === 'partial' ? node.procedure : undefined;
  return named?.type === 'variable' && typeof named.value === 'string' ? named.value : undefined;
}

/** A step that is a plain name, so that the path stays static behind it. */
export function isPlainName(node: AstNode): node is AstNode & { value: string } {
  return node.type === 'name' && typeof node.value === 'string';
}

export function isBracketed(node: AstNode): boolean {
  return (
    node.stages !== undefined ||
    node.predicate !== undefined ||
    node.group !== undefined ||
    node.tuple === true
  );
}
