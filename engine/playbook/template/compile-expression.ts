/** From the parser's expressions to ours: paths resolved, helpers found, arguments counted, references noted. */
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import type { ContextRoot, ElementReference, Reference } from '../language.ts';
import { CONTEXT_ROOTS } from '../language.ts';
import { didYouMean } from '../suggest.ts';
import type { AstCall, AstExpression, AstPath } from './ast.ts';
import type { Absence, Helper } from './helpers.ts';
import { findHelper, HELPER_NAMES } from './helpers.ts';
import type { Scope } from './scope.ts';
import { below, resolvePath } from './scope.ts';
import type { Source } from './source.ts';
import { errorAt } from './source.ts';
import type { Expr, Origin, PathExpr } from './syntax.ts';

/** Everything one compilation collects. */
export interface Compilation {
  readonly source: Source;
  readonly roots: readonly ContextRoot[];
  readonly createOnly: boolean;
  readonly problems: Diagnostic[];
  readonly references: Reference[];
  readonly elements: ElementReference[];
}

/** Where an expression stands. */
export interface Position {
  readonly scope: Scope;
  readonly absence: Absence;
  /** Paths that an `if` around has found to be there. */
  readonly tested: readonly Origin[];
}

/** The output or condition `path params…`: a path, a literal, or a helper's call. Undefined: refused, and reported. */
export function compileCall(call: AstCall, position: Position, to: Compilation): Expr | undefined {
  const { path } = call;
  const [pair] = call.hash?.pairs ?? [];
  if (pair !== undefined) {
    const message = `named arguments (${pair.key}=…) are not taken`;
    to.problems.push(
      errorAt('TemplateArguments', placeOf(pair, to), { message, hint: 'give them in order' }),
    );
  }
  const name = simpleName(path, position.scope);
  if (name !== undefined && (call.params.length > 0 || findHelper(name) !== undefined)) {
    return compileHelper({ name, call }, position, to);
  }
  if (call.params.length === 0) return compileExpression(path, position, to);
  const text = to.source.excerpt(path.loc.start, path.loc.end);
  const message = `${text} is no helper, so it takes no arguments`;
  to.problems.push(
    errorAt('TemplateUnknownHelper', placeOf(path, to), {
      message,
      hint: `helpers are ${HELPER_NAMES.join(', ')}`,
    }),
  );
  return undefined;
}

export function compileExpression(ast: AstExpression, position: Position, to: Compilation): Expr | undefined {
  switch (ast.type) {
    case 'PathExpression':
      return compilePath(ast, position, to);
    case 'SubExpression':
      return compileSubExpression(ast, position, to);
    case 'NullLiteral':
    case 'UndefinedLiteral':
      to.problems.push(
        errorAt('TemplateNull', placeOf(ast, to), {
          message: 'null is never sent',
          hint: 'leave a part out by optional or if',
        }),
      );
      return undefined;
    default:
      return { kind: 'literal', value: ast.value };
  }
}

function compileSubExpression(ast: AstCall, position: Position, to: Compilation): Expr | undefined {
  const name = simpleName(ast.path, position.scope);
  if (name !== undefined) return compileHelper({ name, call: ast }, position, to);
  return compileCall(ast, position, to);
}

/** A bare word that is no block parameter: it may name a helper. */
function simpleName(path: AstExpression, scope: Scope): string | undefined {
  if (path.type !== 'PathExpression' || path.data || path.depth > 0 || path.parts.length !== 1)
    return undefined;
  const [name] = path.parts;
  if (name !== path.original) return undefined;
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent)
    if (at.params.includes(name)) return undefined;
  return name;
}

function compileHelper(
  given: { name: string; call: AstCall },
  position: Position,
  to: Compilation,
): Expr | undefined {
  const { name, call } = given;
  const helper = findHelper(name);
  const place = placeOf(call.path, to);
  if (helper === undefined) {
    to.problems.push(
      errorAt('TemplateUnknownHelper', place, {
        message: `${name} is no helper`,
        hint: unknownHelperHint(name),
      }),
    );
    return undefined;
  }
  const args = call.params.map((param, index) => {
    const absence = position.absence === 'quiet' ? 'quiet' : helper.absence(index, call.params.length);
    return compileExpression(param, { ...position, absence }, to);
  });
  checkUse({ helper, count: args.length, place }, to);
  const compiled = args.filter((arg) => arg !== undefined);
  const text = to.source.excerpt(call.loc.start, call.loc.end).replace(/^[({~]+|[)}~]+$/g, '');
  return compiled.length === args.length ? { kind: 'call', helper, args: compiled, text, place } : undefined;
}

function checkUse(use: { helper: Helper; count: number; place: Place }, to: Compilation): void {
  const { helper, count, place } = use;
  if (count < helper.least || count > helper.most) {
    const message = `${helper.name} takes ${helper.usage}, and got ${count} arguments`;
    const hint = count === 0 ? `write this.${helper.name} for a field of that name` : undefined;
    to.problems.push(errorAt('TemplateArguments', place, { message, hint }));
  }
  if (helper.createOnly && !to.createOnly) {
    const message = `${helper.name} would change the object on each pass`;
    const hint = 'use it in a manifest with policy: CreateOnly, and read its Secret elsewhere';
    to.problems.push(errorAt('TemplateRandom', place, { message, hint }));
  }
}

const HABITS: Readonly<Record<string, string>> = {
  toYaml: 'an object is inserted as it is: write the path alone',
  nindent: 'an object is inserted as it is: no indentation is needed',
  indent: 'an object is inserted as it is: no indentation is needed',
  quote: 'put the expression in quotes: "{{…}}"',
  toJson: 'it is called json',
  b64enc: 'it is called base64',
  b64dec: 'it is called base64decode',
  lookup: 'write the path itself, or compute it in vars',
  if: 'it is a block: {{#if …}}…{{/if}}',
  unless: 'it is a block: {{#unless …}}…{{/unless}}',
  each: 'it is a block: {{#each …}}…{{/each}}',
  with: 'it is a block: {{#with …}}…{{/with}}',
  else: 'it stands between the parts of a block',
  '-': 'blocks are {{#if …}}…{{/if}} and {{#each …}}…{{/each}}, and {{~ takes away the blanks before',
};

function unknownHelperHint(name: string): string {
  const habit = Object.hasOwn(HABITS, name) ? HABITS[name] : undefined;
  return habit ?? didYouMean(name, HELPER_NAMES) ?? `helpers are ${HELPER_NAMES.join(', ')}`;
}

function compilePath(ast: AstPath, position: Position, to: Compilation): PathExpr | undefined {
  const place = placeOf(ast, to);
  const resolved = resolvePath(ast, position.scope);
  if (resolved.kind === 'wrong') {
    to.problems.push(errorAt('TemplateUnknownName', place, resolved));
    return undefined;
  }
  const { up, read, segments, scope } = resolved;
  const [first, ...rest] = segments;
  const quiet = position.absence !== 'strict';
  const common = { kind: 'path', up, read, segments, quiet, text: ast.original, place } as const;
  if (scope.kind !== 'root') {
    const known = read === 'value' ? scope.origin : undefined;
    const origin = below(known, segments);
    noteElement({ origin, judged: known?.full?.length ?? 0, place }, to);
    const reference = refer(origin, { place, quiet, position, reported: known?.exact === true }, to);
    return { ...common, origin, reference, hint: scopeHint(ast, up) };
  }
  const root = to.roots.find((name) => name === first);
  if (root === undefined) {
    to.problems.push(errorAt('TemplateUnknownName', place, unknownRoot(ast, to.roots)));
    return undefined;
  }
  const origin = below({ root, path: [], exact: true, full: [] }, rest);
  noteElement({ origin, judged: 0, place }, to);
  const reference = refer(origin, { place, quiet, position, reported: true }, to);
  return { ...common, origin, reference, hint: undefined };
}

interface Referral {
  readonly place: Place;
  readonly quiet: boolean;
  readonly position: Position;
  /** False for a path below the items of a list: the list itself is reported. */
  readonly reported: boolean;
}

function refer(origin: Origin | undefined, how: Referral, to: Compilation): Reference | undefined {
  if (origin === undefined) return undefined;
  const guarded = how.quiet || how.position.tested.some((tested) => covers(tested, origin));
  const reference = { root: origin.root, path: origin.path, guarded, place: how.place };
  if (how.reported) to.references.push(reference);
  return reference;
}

interface ElementPath {
  readonly origin: Origin | undefined;
  /** How many names of the full path are judged where the block around begins. */
  readonly judged: number;
  readonly place: Place;
}

function noteElement({ origin, judged, place }: ElementPath, { elements }: Compilation): void {
  if (origin?.full === undefined || origin.exact) return;
  const from = Math.max(judged, origin.path.length);
  if (from < origin.full.length) elements.push({ root: origin.root, path: origin.full, from, place });
}

/** Where a path is there, each path above it is. */
function covers(tested: Origin, origin: Origin): boolean {
  return tested.root === origin.root && origin.path.every((segment, index) => tested.path[index] === segment);
}

function scopeHint(ast: AstPath, up: number): string | undefined {
  const head = ast.parts[0] ?? '';
  if (up > 0 || ast.original !== ast.parts.join('.') || !CONTEXT_ROOTS.some((name) => name === head))
    return undefined;
  return `inside each and with a path begins at the item: write @root.${ast.original}`;
}

function unknownRoot(ast: AstPath, roots: readonly ContextRoot[]): { message: string; hint: string } {
  const head = ast.parts[0] ?? ast.original;
  const literal = 'for a literal {{ write \\{{ or {{"{{"}}';
  if (CONTEXT_ROOTS.some((name) => name === head)) {
    return { message: `${head} is not available here`, hint: `available are ${roots.join(', ')}` };
  }
  const nearby = didYouMean(head, [...roots, ...HELPER_NAMES]) ?? `paths begin with ${roots.join(', ')}`;
  const quoted = ast.parts.length === 1 ? `; a text stands in quotes: "${ast.original}"` : '';
  return {
    message: `${ast.original} is no name that a template knows`,
    hint: `${nearby}${quoted}; ${literal}`,
  };
}

export function placeOf(node: { readonly loc: AstPath['loc'] }, to: Compilation): Place {
  return to.source.placeAt(to.source.offsetOf(node.loc.start));
}

/** The path that an expression's value stands at, where it is told by the text. */
export function originOf(expr: Expr | undefined): Origin | undefined {
  if (expr?.kind === 'call') return expr.helper.name === 'optional' ? originOf(expr.args[0]) : undefined;
  return expr?.kind === 'path' ? expr.origin : undefined;
}

/** The paths that are there where a condition is true. */
export function testedBy(condition: Expr | undefined): readonly Origin[] {
  if (condition?.kind === 'call')
    return condition.helper.name === 'and' ? condition.args.flatMap(testedBy) : [];
  const origin = originOf(condition);
  return origin === undefined ? [] : [origin];
}
