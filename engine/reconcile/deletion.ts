/** Deletion while the playbook is there: final actions first, then the teardown, which needs no playbook. */
import { FINALIZER } from '../kube/labels.ts';
import type { Watch } from '../playbook/model.ts';
import { dueFinals, parseEvidence } from './actions/evidence.ts';
import { whySkipped } from './actions/final.ts';
import { finalActions } from './actions/record.ts';
import type { Plan, Snapshot } from './model.ts';
import { planTeardown } from './teardown.ts';

/** True while a final action is to run, or to be tried again. */
export function awaitsFinalActions(watch: Watch, snapshot: Snapshot): boolean {
  if (!watch.ownsStatus || !(snapshot.resource.metadata.finalizers?.includes(FINALIZER) ?? false))
    return false;
  return dueOf(watch, snapshot).length > 0 && whySkipped(snapshot) === undefined;
}

function dueOf(watch: Watch, { resource }: Snapshot): readonly string[] {
  return dueFinals({ ...parseEvidence(resource), final: finalActions(watch) });
}

/**
 * The teardown, with a word about final actions that were due and did not run. A decorating watch decides nothing,
 * and leaves it to the playbook that owns the status to say what is waited for.
 */
export function planDeletion(watch: Watch, snapshot: Snapshot): Plan {
  if (!watch.ownsStatus) {
    const isServed = snapshot.kind(watch.gvk)?.servedByPlaybook === true;
    return { ...planTeardown(snapshot), ...(isServed ? { status: undefined } : {}) };
  }
  const skipped = dueOf(watch, snapshot).length > 0 ? whySkipped(snapshot) : undefined;
  return planTeardown(snapshot, {
    finalActions: 'done',
    ...(skipped === undefined ? {} : { events: [skipped] }),
  });
}
