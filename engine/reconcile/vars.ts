/** The named values of a watch, evaluated in dependency order. */
import { judge } from './evaluate.ts';
import type { Scope } from './scope.ts';

/**
 * A run's value takes the place of the watch's expression, also for the vars that are made of it. A var that hangs on
 * something absent is unknown: what names it waits with it. One that is merely missing (a spec field left out) stays
 * missing.
 */
export async function evaluateVars(scope: Scope): Promise<void> {
  for (const { name, expression } of scope.watch.vars) {
    const shadow = Object.hasOwn(scope.shadowed, name) ? scope.shadowed[name] : undefined;
    if (shadow !== undefined) {
      scope.setVar(name, shadow);
      continue;
    }
    const judgement = await judge(scope, expression);
    if (judgement.kind === 'value') scope.setVar(name, judgement.value);
    if (judgement.kind === 'blocked') scope.setUnknownVar(name, judgement.blocker);
  }
}
