/** What jsonata throws, as Diagnostics with a place and a way out. */
import type { Diagnostic, Place } from '../base/diagnostic.ts';
import { isObject } from '../kube/object.ts';
import { LimitReached } from './expression-meter.ts';
import { type Locate, tokenStart } from './expression-place.ts';

export interface Origin {
  readonly source: string;
  readonly locate: Locate;
}

/** Of the token that ends at `end`. */
export function placeOf({ source, locate }: Origin, end: number): Place {
  return locate(tokenStart(source, end));
}

/** A problem at the token that ends at `end`. */
export function problemAt(
  origin: Origin,
  end: number,
  problem: { readonly code: string; readonly message: string; readonly hint?: string | undefined },
  severity: Diagnostic['severity'] = 'error',
): Diagnostic {
  const { code, message, hint } = problem;
  return { ...placeOf(origin, end), code, severity, message, ...(hint === undefined ? {} : { hint }) };
}

/** The source is no JSONata. */
export function syntaxProblem(origin: Origin, thrown: unknown): Diagnostic {
  if (thrown instanceof RangeError) {
    const message = 'the expression is nested too deep';
    return problemAt(origin, 0, { code: 'ExpressionTooDeep', message, hint: 'name parts of it in vars' });
  }
  const end = positionOf(thrown) ?? origin.source.length;
  const message = `no valid JSONata: ${textOf(thrown)}`;
  return problemAt(origin, end, { code: 'ExpressionSyntax', message, hint: habitHint(origin.source, end) });
}

/** What people bring along from other languages. */
const HABITS: readonly (readonly [RegExp, string])[] = [
  [/^={2,3}/, 'JSONata compares with ='],
  [/^!==/, 'JSONata compares with !='],
  [/^&&/, 'write `and`'],
  [/^\|\|/, 'write `or`'],
  [/^!/, 'write $not(…)'],
];

function habitHint(source: string, end: number): string | undefined {
  if (source.includes('{{')) return 'this is an expression, no template: leave the braces out';
  for (let at = Math.max(0, end - 3); at <= end; at++) {
    const habit = HABITS.find(([pattern]) => pattern.test(source.slice(at)));
    if (habit !== undefined) return habit[1];
  }
  return undefined;
}

const LESS = 'select less, or do it in fewer steps';

/** The evaluation failed; `value` parts of the message are jsonata's own. */
export function failure(origin: Origin, thrown: unknown): Diagnostic {
  const end = positionOf(thrown) ?? 0;
  if (thrown instanceof LimitReached || isLimit(codeOf(thrown))) {
    const message = `stopped: ${thrown instanceof LimitReached ? thrown.message : textOf(thrown)}`;
    return problemAt(origin, end, { code: 'ExpressionLimit', message, hint: LESS });
  }
  return problemAt(origin, end, {
    code: 'ExpressionFailed',
    message: textOf(thrown),
    hint: typeHint(thrown),
  });
}

function isLimit(code: string | undefined): boolean {
  return code === 'D1011' || code === 'D1012' || code === 'D2014' || code === 'D2015';
}

function typeHint(thrown: unknown): string | undefined {
  switch (codeOf(thrown)) {
    case 'T2001':
    case 'T2002':
      return '$number(…) reads a number from text; an integer beyond 2^53 is kept exact and can only be compared for equality or written out';
    case 'T2009':
    case 'T2010':
      return 'compare numbers with numbers and text with text; $compareVersions(a, b) compares versions';
    case 'T1003':
      return 'wrap it in $string(…)';
    default:
      return undefined;
  }
}

function positionOf(thrown: unknown): number | undefined {
  const position = isObject(thrown) ? thrown.position : undefined;
  return typeof position === 'number' ? position : undefined;
}

function codeOf(thrown: unknown): string | undefined {
  const code = isObject(thrown) ? thrown.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** jsonata throws plain objects with a message, and now and then an Error of JavaScript. */
function textOf(thrown: unknown): string {
  const message = isObject(thrown) ? thrown.message : undefined;
  const text = typeof message === 'string' && message !== '' ? message : 'it can not be evaluated';
  return text.length > 300 ? `${text.slice(0, 299)}…` : text;
}
