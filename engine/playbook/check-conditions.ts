/** Where true or false is wanted, nothing is turned into it: a rule that can only yield something else never works. */
import { placeKey } from '../base/diagnostic.ts';
import type { Action, Step } from './action-model.ts';
import type { Expression, KnownPaths, Possible } from './language.ts';
import type { Problems } from './load-problems.ts';
import type { Watch } from './model.ts';

export function checkConditions(
  { manifests, health, actions }: Pick<Watch, 'manifests' | 'health' | 'actions'>,
  known: KnownPaths,
  problems: Problems,
): void {
  const rules = [
    ...manifests.flatMap(({ when, waitFor, ready }) => [when, waitFor, ready]),
    ...health.map(({ when }) => when),
    ...actions.flatMap(({ steps, rollback }: Action) => [...steps, ...rollback].flatMap(ofStep)),
  ];
  const judged = new Set<string>();
  for (const rule of rules) {
    const at = rule === undefined ? '' : placeKey(rule.place);
    // The objects of one file share its entry's rules.
    if (rule === undefined || judged.has(at)) continue;
    judged.add(at);
    const found = otherThanBoolean(rule.possible(known));
    if (found === undefined) continue;
    const message = `true or false is wanted here, and ${rule.source.trim()} is ${found}`;
    problems.error('NotBoolean', rule.place, { message, hint: 'compare it with a value, or ask $exists(…)' });
  }
}

function ofStep(step: Step): readonly (Expression | undefined)[] {
  return [step.when, step.unless, ...(step.kind === 'wait' ? [step.until] : [])];
}

/** What it is, where it is certain that it is no boolean. */
function otherThanBoolean({ values, type }: Possible): string | undefined {
  if (values === undefined) return type === undefined || type === 'boolean' ? undefined : `a ${type}`;
  const [first] = values;
  if (
    first === undefined ||
    first === null ||
    values.some((value) => typeof value === 'boolean' || value === null)
  )
    return undefined;
  return typeof first === 'object' ? undefined : `a ${typeof first === 'bigint' ? 'number' : typeof first}`;
}
