/**
 * Expressions as decisions. Absence never decides anything: where an unguarded value of the cluster is not known,
 * missing or stale, the answer is a blocker, and what exists stays.
 */
import { textBeyondInt64 } from '../kube/integers.ts';
import type { Json } from '../kube/object.ts';
import { isList } from '../kube/value.ts';
import type { Expression } from '../playbook/model.ts';
import { type Blocker, formatPlace, isUnknown, terminal } from './blocker.ts';
import type { LocalContext, Scope } from './scope.ts';

export type Judgement<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'missing'; readonly path: string }
  | { readonly kind: 'blocked'; readonly blocker: Blocker };

/** Evaluates where absence holds (`when`, `forEach`, `key`, `waitFor`, `vars`). */
export async function judge(
  scope: Scope,
  expression: Expression,
  local?: LocalContext,
): Promise<Judgement<Json>> {
  const blocker = holdOf(scope, expression);
  return blocker === undefined ? evaluateNow(scope, expression, local) : { kind: 'blocked', blocker };
}

/** What makes a decision impossible: an unguarded value that is absent, or any that is not even known to be absent. */
function holdOf(scope: Scope, { references }: Pick<Expression, 'references'>): Blocker | undefined {
  for (const reference of references) {
    const blocker = scope.absenceOf(reference);
    if (blocker !== undefined && (!reference.guarded || isUnknown(blocker))) return blocker;
  }
  return undefined;
}

/** What is not even known to be absent among the values that a template reads. */
export function unknownOf(scope: Scope, { references }: Pick<Expression, 'references'>): Blocker | undefined {
  for (const reference of references) {
    const blocker = scope.withheld(reference);
    if (blocker !== undefined && isUnknown(blocker)) return blocker;
  }
  return undefined;
}

/** Evaluates with absence as a plain missing value (health, status); what is not even known to be absent blocks. */
export async function evaluate(
  scope: Scope,
  expression: Expression,
  local?: LocalContext,
): Promise<Judgement<Json>> {
  const blocker = unknownOf(scope, expression);
  return blocker === undefined ? evaluateNow(scope, expression, local) : { kind: 'blocked', blocker };
}

async function evaluateNow(
  scope: Scope,
  expression: Expression,
  local: LocalContext | undefined,
): Promise<Judgement<Json>> {
  const evaluation = await expression.evaluate(scope.context(local));
  switch (evaluation.kind) {
    case 'value':
      return { kind: 'value', value: textBeyondInt64(evaluation.value) };
    case 'missing':
      return { kind: 'missing', path: evaluation.path ?? expression.source };
    case 'error': {
      const { problem } = evaluation;
      return blocked('ExpressionError', `${formatPlace(problem)}: ${problem.message}`);
    }
  }
}

/** Nothing is coerced: true, false or missing. */
export function asBoolean(judgement: Judgement<Json>, expression: Expression): Judgement<boolean> {
  if (judgement.kind !== 'value') return judgement;
  const { value } = judgement;
  if (typeof value === 'boolean') return { kind: 'value', value };
  const message = `${formatPlace(expression.place)}: ${expression.source} must be true or false, but is ${describe(value)}`;
  return blocked('ExpressionError', message);
}

/** One value is a list of it, missing is the empty list. */
export function asList(judgement: Judgement<Json>): Judgement<readonly Json[]> {
  if (judgement.kind === 'blocked') return judgement;
  if (judgement.kind === 'missing' || judgement.value === null) return { kind: 'value', value: [] };
  const { value } = judgement;
  return { kind: 'value', value: isJsonList(value) ? value : [value] };
}

function isJsonList(value: Json): value is readonly Json[] {
  return isList(value);
}

function blocked(reason: string, message: string): { readonly kind: 'blocked'; readonly blocker: Blocker } {
  return { kind: 'blocked', blocker: terminal(reason, message) };
}

function describe(value: Json): string {
  if (value === null) return 'null';
  if (isList(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return `the ${typeof value} ${JSON.stringify(String(value))}`;
}
