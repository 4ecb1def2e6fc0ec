/** The static paths in an expression, and which of them is missing. */
import { isObject } from '../kube/object.ts';
import { type AstNode, isBracketed, isPlainName } from './expression-ast.ts';
import { CONTEXT_ROOTS, type Context, type ContextRoot, type Reference } from './language.ts';

export function isContextRoot(name: unknown): name is ContextRoot {
  return CONTEXT_ROOTS.some((root) => root === name);
}

/** `children.db.status`. */
export function pathText({ root, path }: Pick<Reference, 'root' | 'path'>): string {
  return [root, ...path].join('.');
}

/** The plain names from `start` on; a name with a filter is the last one. `next` is the first step behind them. */
export function staticSegments(
  steps: readonly AstNode[],
  start: number,
): { readonly path: readonly string[]; readonly next: number } {
  const path: string[] = [];
  let next = start;
  for (; next < steps.length; next++) {
    const step = steps[next];
    if (step === undefined || !isPlainName(step)) break;
    path.push(step.value);
    if (isBracketed(step)) return { path, next: next + 1 };
  }
  return { path, next };
}

/** The longest unguarded reference that is not there; of guarded ones if no other is missing. */
export function missingPath(references: readonly Reference[], context: Context): string | undefined {
  const missing = references.filter(({ root, path }) => !exists(context[root], path));
  const unguarded = missing.filter(({ guarded }) => !guarded);
  const candidates = unguarded.length > 0 ? unguarded : missing;
  const [first, ...others] = candidates;
  if (first === undefined) return undefined;
  return pathText(others.reduce((a, b) => (b.path.length > a.path.length ? b : a), first));
}

/** As JSONata reads paths: through lists, where one item that has it is enough. */
function exists(value: unknown, path: readonly string[]): boolean {
  const [name, ...rest] = path;
  if (name === undefined) return value !== undefined;
  if (Array.isArray(value)) return value.some((item) => exists(item, path));
  return isObject(value) && Object.hasOwn(value, name) && exists(value[name], rest);
}
