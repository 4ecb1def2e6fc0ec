/**
 * What can be told of a CEL rule without an evaluator of CEL: brackets and quotes that do not close, an operator without
 * a right side, and fields of `self` and `oldSelf` that the schema around it has not. The API server has the last word.
 */
import type { Place } from '../base/diagnostic.ts';
import type { Json, JsonObject } from '../kube/object.ts';
import { isJsonObject } from '../kube/value.ts';
import type { LoadDocument, LoadNode } from './load-node.ts';
import { textOf } from './load-node.ts';
import type { Problems } from './load-problems.ts';
import { didYouMean } from './suggest.ts';

/** Judges the `rule` of each of the rules against the schema of what they stand at. */
export function checkRules(
  rules: LoadNode | undefined,
  schema: JsonObject,
  { document, problems }: { readonly document: LoadDocument; readonly problems: Problems },
): void {
  for (const entry of document.items(rules)) {
    const rule = document.get(entry, 'rule');
    const text = textOf(rule);
    if (rule !== undefined && text !== undefined) checkRule(text, schema, { place: rule.place, problems });
  }
}

interface RuleCheck {
  readonly place: Place;
  readonly problems: Problems;
}

function checkRule(rule: string, schema: JsonObject, { place, problems }: RuleCheck): void {
  const logic = withoutTexts(rule);
  const fault = logic === undefined ? 'a quote is not closed' : (bracketFault(logic) ?? endFault(logic));
  if (fault !== undefined || logic === undefined) {
    problems.error('BadSchema', place, { message: `no valid CEL: ${fault}`, hint: 'correct the rule' });
    return;
  }
  for (const path of pathsIn(logic)) {
    const unknown = unknownField(path, schema);
    if (unknown === undefined) continue;
    problems.error('UnknownPath', place, {
      message: `${unknown.path} is not in the schema that the rule stands at`,
      hint: didYouMean(unknown.name, unknown.names, unknown.before),
    });
  }
}

/** Comments, raw texts, texts. */
const NO_CODE =
  /\/\/[^\n]*|[rR](?:"""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')|"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;

/** The rule with an empty text in place of each, and without comments; undefined where a text does not close. */
function withoutTexts(rule: string): string | undefined {
  const logic = rule.replace(NO_CODE, (found) => (found.startsWith('//') ? ' ' : "''"));
  return /["']/.test(logic.replaceAll("''", '')) ? undefined : logic;
}

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

function bracketFault(logic: string): string | undefined {
  const open: string[] = [];
  for (const character of logic.match(/[()[\]{}]/g) ?? []) {
    const closing = CLOSING[character];
    if (closing !== undefined) open.push(closing);
    else if (open.pop() !== character) return `there is a ${character} too many`;
  }
  return open.length === 0 ? undefined : `a ${open.at(-1)} is missing`;
}

function endFault(logic: string): string | undefined {
  const [operator] = /(&&|\|\||[=!<>]=|[<>=+\-*/%?:.,!&|])\s*$/.exec(logic) ?? [];
  if (operator !== undefined) return `nothing follows ${operator.trim()}`;
  return /[^=!<>]=[^=]/.test(logic) ? 'equality is ==' : undefined;
}

/** `self.a.b` without a method that is called on it. A macro might give the name to its own variable. */
function pathsIn(logic: string): readonly (readonly string[])[] {
  if (/\(\s*(self|oldSelf)\s*,/.test(logic)) return [];
  const found = logic.matchAll(/(?<![\w.])(self|oldSelf)((?:\s*\.\s*[A-Za-z_]\w*(?!\w*\s*\())+)/g);
  return [...found].map(([, root = '', rest = '']) => [
    root,
    ...rest
      .split('.')
      .slice(1)
      .map((s) => s.trim()),
  ]);
}

interface Unknown {
  readonly path: string;
  readonly name: string;
  readonly before: string;
  readonly names: readonly string[];
}

/** Undefined where the path leads to a field, or to where anything may be. */
function unknownField([root, ...path]: readonly string[], schema: JsonObject): Unknown | undefined {
  let at: Json = schema;
  for (const [index, name] of path.entries()) {
    if (!isJsonObject(at) || name.includes('__') || at['x-kubernetes-preserve-unknown-fields'] === true)
      return undefined;
    const properties: Json = at['properties'] ?? null;
    if (!isJsonObject(properties)) return undefined;
    const next: Json | undefined = properties[name];
    const before = [root, ...path.slice(0, index)].map((each) => `${each}.`).join('');
    if (next === undefined) return { path: `${before}${name}`, name, before, names: Object.keys(properties) };
    at = next;
  }
  return undefined;
}
