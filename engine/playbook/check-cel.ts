/**
 * What can be told of a CEL rule without an evaluator of CEL: brackets and quotes that do not close, an operator without
 * a right side, and fields of `self` and `oldSelf` that the schema around it has not. The API server has the last word.
 */
import type { Place } from '../base/diagnostic.ts';
import type { JsonObject } from '../kube/object.ts';
import type { LoadDocument, LoadNode } from './load-node.ts';
import { textOf } from './load-node.ts';
import type { Problems } from './load-problems.ts';
import { missingStep } from './missing-step.ts';
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
  for (const [root, ...path] of pathsIn(logic)) {
    const missing = missingStep(schema, path);
    if (missing?.hasFields !== true) continue;
    const { index, known } = missing;
    const [before, name] = [[root, ...path.slice(0, index), ''].join('.'), path[index] ?? ''];
    problems.error('UnknownPath', place, {
      message: `${before}${name} is not in the schema that the rule stands at`,
      hint: didYouMean(name, known, before),
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
  return [...found].map(([, root = '', rest = '']) => {
    const names = rest.split('.').map((s) => s.trim());
    // CEL escapes some names by __; what stands there under which one is the API server's to say.
    const escaped = names.findIndex((name) => name.includes('__'));
    return [root, ...names.slice(1, escaped < 0 ? undefined : escaped)];
  });
}
