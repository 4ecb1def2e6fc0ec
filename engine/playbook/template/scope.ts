/**
 * What a path in a template refers to, told from where it stands. `each` and `with` open a scope of their own; `if`
 * does not. `../` goes out one scope (by the text, whatever the values are).
 */
import type { AstPath } from './ast.ts';
import type { Origin, PathExpr } from './syntax.ts';

export interface Scope {
  readonly kind: 'root' | 'each' | 'with';
  readonly parent: Scope | undefined;
  readonly origin: Origin | undefined;
  /** The names after `as`: first the value, second the key. */
  readonly params: readonly string[];
}

/** A path as seen from its scope, or what is wrong with it. */
export type Resolved =
  | {
      readonly kind: 'read';
      readonly up: number;
      readonly read: PathExpr['read'];
      readonly segments: readonly string[];
      readonly scope: Scope;
    }
  | { readonly kind: 'wrong'; readonly message: string; readonly hint: string };

export function resolvePath(path: AstPath, scope: Scope): Resolved {
  if (path.data) return resolveData(path, scope);
  const [head, ...rest] = path.parts;
  const named =
    path.depth === 0 && head !== undefined && !isScoped(path) ? findParam(head, scope) : undefined;
  if (named !== undefined) return { kind: 'read', ...named, segments: rest };
  const target = outer(scope, path.depth);
  if (target === undefined) {
    return {
      kind: 'wrong',
      message: `${path.original} leads out of the template`,
      hint: 'each ../ leaves one each or with',
    };
  }
  return { kind: 'read', up: path.depth, read: 'value', segments: path.parts, scope: target };
}

/** `this.x` and `./x` never name a block parameter. */
function isScoped(path: AstPath): boolean {
  return /^(this([./]|$)|\.)/.test(path.original);
}

function findParam(
  name: string,
  from: Scope,
): { up: number; read: PathExpr['read']; scope: Scope } | undefined {
  let up = 0;
  for (let scope: Scope | undefined = from; scope !== undefined; scope = scope.parent, up++) {
    const index = scope.params.indexOf(name);
    if (index >= 0) return { up, read: index === 0 ? 'value' : 'key', scope };
  }
  return undefined;
}

function outer(from: Scope, depth: number): Scope | undefined {
  let scope: Scope | undefined = from;
  for (let i = 0; i < depth; i++) scope = scope?.parent;
  return scope;
}

/** `@root.…`, and `@key`, `@index`, `@first`, `@last` of the nearest each; `@../key` of the one around it. */
function resolveData(path: AstPath, from: Scope): Resolved {
  const [name = '', ...segments] = path.parts;
  let skip = name === 'root' ? 0 : path.depth;
  let up = 0;
  for (let scope: Scope | undefined = from; scope !== undefined; scope = scope.parent, up++) {
    if (name === 'root' && scope.kind === 'root') return { kind: 'read', up, read: 'value', segments, scope };
    if (!isLoopVariable(name) || scope.kind !== 'each' || skip-- > 0) continue;
    if (segments.length === 0) return { kind: 'read', up, read: name, segments, scope };
  }
  const known = isLoopVariable(name) && segments.length === 0;
  const message = known ? `no each stands around ${path.original}` : `${path.original} is not known`;
  return { kind: 'wrong', message, hint: 'there are @root, and @index, @key, @first, @last inside each' };
}

function isLoopVariable(name: string): name is 'key' | 'index' | 'first' | 'last' {
  return ['key', 'index', 'first', 'last'].includes(name);
}

/** The origin of what stands `segments` below; an exact path ends before the first index. */
export function below(origin: Origin | undefined, segments: readonly string[]): Origin | undefined {
  if (origin === undefined) return undefined;
  const full = segments.includes('length') ? undefined : origin.full && [...origin.full, ...segments];
  if (!origin.exact) return { ...origin, full };
  const index = segments.findIndex((segment) => /^\d+$/.test(segment) || segment === 'length');
  const known = index < 0 ? segments : segments.slice(0, index);
  return { root: origin.root, path: [...origin.path, ...known], exact: index < 0, full };
}
