/** Steps are known by name: one that changed, up to the current one, makes what was done unclear. */
import type { Draft } from './draft.ts';

/** What changed in the playbook under a run; undefined: nothing that concerns it. */
export function changedStep({ action, status }: Pick<Draft, 'action' | 'status'>): string | undefined {
  for (const rollback of [false, true]) {
    const records = status.steps.filter((record) => record.rollback === rollback);
    const steps = rollback ? action.rollback : action.steps;
    for (const [index, record] of records.entries()) {
      const step = steps[index];
      if (!steps.some(({ name }) => name === record.name))
        return `step ${record.name} is gone from ${action.name}`;
      if (step === undefined || step.name !== record.name)
        return `the steps of ${action.name} up to ${record.name} are others by now`;
      if (step.digest !== record.digest) return `step ${record.name} of ${action.name} changed`;
    }
  }
  return undefined;
}
