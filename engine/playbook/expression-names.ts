/** Whether a name may be read, called or bound where it stands; what to write instead. */
import type { Severity } from '../base/diagnostic.ts';
import type { AstNode } from './expression-ast.ts';
import { PLAYBOOK_FUNCTIONS } from './expression-functions.ts';
import { isNative, NATIVE_NAMES } from './expression-natives.ts';
import { isContextRoot } from './expression-references.ts';
import type { ContextRoot } from './language.ts';
import { didYouMean, nearest } from './suggest.ts';

/** A Diagnostic still without a place. */
export interface Finding {
  readonly node: AstNode;
  readonly code: string;
  readonly severity?: Severity;
  readonly message: string;
  readonly hint?: string | undefined;
}

const FUNCTIONS = [...PLAYBOOK_FUNCTIONS, ...NATIVE_NAMES];

/** Functions of jsonata that a playbook does not have, with the reason. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['now', 'there is no clock in an expression'],
  ['millis', 'there is no clock in an expression'],
  ['random', 'there is no randomness in an expression'],
  ['shuffle', 'there is no randomness in an expression'],
  ['eval', 'text is never run as an expression'],
  ['formatInteger', 'its work grows with the number'],
  ['parseInteger', 'its work grows with the picture'],
]);

function isFunctionName(name: string): boolean {
  return isNative(name) || PLAYBOOK_FUNCTIONS.some((each) => each === name);
}

/** A bare word, or a root as a variable, where names belong to the context. */
export function checkRoot(node: AstNode, name: string, roots: readonly ContextRoot[]): readonly Finding[] {
  if (isContextRoot(name)) {
    if (roots.includes(name)) return [];
    const hint = `there are ${roots.join(', ')}`;
    return [{ node, code: 'NameNotHere', message: `${name} is not known here`, hint }];
  }
  const message = `${name} is no name of the context`;
  const root = nearest(name, roots);
  const hint =
    root === undefined ? `put text in quotes; there are ${roots.join(', ')}` : `did you mean ${root}?`;
  return [{ node, code: 'UnknownName', message, hint }];
}

/** Elements are mostly Kubernetes objects, which have these themselves. */
const ELEMENTS_HAVE: readonly string[] = ['metadata', 'spec', 'status'];

/** A bare word where names belong to the element. */
export function checkElementName(node: AstNode, name: string): readonly Finding[] {
  if (!isContextRoot(name)) return [];
  if (ELEMENTS_HAVE.includes(name)) {
    const message = `${name} is the element's own here`;
    const hint = `write $.${name} to say so, or $$.${name} for the resource's`;
    return [{ node, code: 'AmbiguousName', severity: 'warning', message, hint }];
  }
  const message = `inside brackets and behind a dot, names belong to the element: this is its ${name}`;
  const hint = `write $$.${name} or $${name} for the context's, $.${name} for the element's`;
  return [{ node, code: 'NameInElement', message, hint }];
}

/** `$name` that is neither bound nor a root: a function, as value or called. */
export function checkFunction(
  node: AstNode,
  name: string,
  roots: readonly ContextRoot[],
): readonly Finding[] {
  const reason = REFUSED.get(name);
  if (reason !== undefined)
    return [{ node, code: 'FunctionRefused', message: `$${name} is refused: ${reason}` }];
  if (isFunctionName(name)) {
    if (node.type === 'variable') return [];
    return [{ node, code: 'UnknownFunction', message: `${name} is no function`, hint: `write $${name}` }];
  }
  const message = `there is no $${name}`;
  const hint = didYouMean(name, [...FUNCTIONS, ...roots], '$');
  return [{ node, code: 'UnknownFunction', message, hint }];
}

/** `$name := …`, a parameter, `@$name`, `#$name`. */
export function checkBinding(node: AstNode, name: string): readonly Finding[] {
  if (!isFunctionName(name) && !REFUSED.has(name)) return [];
  return [
    {
      node,
      code: 'NameTaken',
      message: `$${name} is a function and can't be another value`,
      hint: 'take another name',
    },
  ];
}
