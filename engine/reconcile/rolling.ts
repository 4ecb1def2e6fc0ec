/**
 * `rolling`: at most so many instances of a forEach not ready at once. Instances are created in ascending key order and
 * changed in descending order, as a StatefulSet does it. Repair of drift is no roll-out and is not limited.
 */
import { describeRef } from '../kube/object.ts';
import type { Rolling } from '../playbook/model.ts';
import { pending } from './blocker.ts';
import type { Step } from './decide.ts';
import type { Child } from './desired.ts';
import type { Readiness } from './readiness.ts';

export function limitRolling(
  steps: readonly Step[],
  readiness: ReadonlyMap<Child, Readiness>,
  rolling: Rolling,
): readonly Step[] {
  const isReady = (step: Step): boolean => readiness.get(step.child)?.kind === 'ready';
  const unready = steps.filter((step) => step.child.live !== undefined && !isReady(step));
  const budget = new Budget(rolling, rolling.max - unready.length);
  const created = admit(steps, budget, { applies: isCreation, cost: () => 1, stops: isMissing });
  const changed = admit(created.toReversed(), budget.anew(), {
    applies: isRollout,
    cost: (step) => (isReady(step) ? 1 : 0),
    stops: () => false,
  });
  return changed.toReversed();
}

function isCreation(step: Step): boolean {
  return step.change?.effect === 'create';
}

function isRollout(step: Step): boolean {
  return step.change?.effect === 'configure' || step.change?.effect === 'recreate';
}

function isMissing(step: Step): boolean {
  return step.child.live === undefined && step.change === undefined;
}

/** How many more may become not ready. */
class Budget {
  readonly rolling: Rolling;
  left: number;
  stopped = false;

  constructor(rolling: Rolling, left: number) {
    this.rolling = rolling;
    this.left = left;
  }

  /** The same budget for another order. */
  anew(): Budget {
    return new Budget(this.rolling, this.left);
  }

  take(cost: number): boolean {
    if (this.stopped || cost > Math.max(0, this.left)) {
      if (this.rolling.order === 'Ordered') this.stopped = true;
      return false;
    }
    this.left -= cost;
    return true;
  }
}

interface Rule {
  readonly applies: (step: Step) => boolean;
  readonly cost: (step: Step) => number;
  /** With order `Ordered`, those after such a one wait for it. */
  readonly stops: (step: Step) => boolean;
}

function admit(steps: readonly Step[], budget: Budget, rule: Rule): readonly Step[] {
  return steps.map((step) => {
    if (rule.stops(step) && budget.rolling.order === 'Ordered') budget.stopped = true;
    if (!rule.applies(step) || budget.take(rule.cost(step))) return step;
    return postponed(step, budget.rolling);
  });
}

function postponed(step: Step, { max }: Rolling): Step {
  const { change: _postponed, ...rest } = step;
  const message = `${describeRef(step.child.ref)} waits: at most ${max} may be not ready at once`;
  return { ...rest, blocker: pending('RollingOut', message) };
}
