/**
 * What an attempt that is over has left running: its Job goes, a run that it began ends. Nothing new begins beside it.
 */
import { conditionOf } from '../../kube/conditions.ts';
import { RUN_ATTEMPT_LABEL, RUN_STEP_LABEL, RUN_UID_LABEL } from '../../kube/labels.ts';
import { describeRef, type KubeObject, refOf } from '../../kube/object.ts';
import { getPath } from '../../kube/value.ts';
import { isTerminating, labelOf } from '../ownership.ts';
import { attemptMark, stepLabel } from './names.ts';
import type { ActionPass } from './pass.ts';
import { isActive, type Run, type StepRecord } from './run.ts';

/** Why nothing may begin now, or no step of `asking`; asks for the removal of what is in the way. */
export function clearStale(pass: ActionPass, asking?: Run): string | undefined {
  // The rollback of a run that is over for those above it waits for what it began itself, never for itself or them.
  const line = asking === undefined ? [] : pass.runs.upFrom(asking);
  const forsaken = pass.runs.all.find(
    (run) => isActive(run) && pass.runs.isForsaken(run) && !line.includes(run.uid),
  );
  const left = workOf(pass).filter((object) => !isCurrent(pass, object) && !isFinished(object));
  for (const object of left) {
    if (object.kind === 'Job' && !isTerminating(object))
      pass.output.deleteObject(object, 'the attempt that made it is over', 'Foreground');
  }
  const [first] = left;
  if (forsaken !== undefined) return `waits until ${forsaken.action} ${forsaken.name} has ended`;
  return first === undefined ? undefined : `waits until ${describeRef(refOf(first))} is gone`;
}

/** Another attempt of a job step begins when the failed Job of the one before and its pods are gone. */
export function clearFailed(pass: ActionPass, run: Run, record: StepRecord): string | undefined {
  const left = workOf(pass).filter(
    (object) =>
      labelOf(object, RUN_UID_LABEL) === run.uid &&
      labelOf(object, RUN_STEP_LABEL) === stepLabel(record) &&
      !isSucceeded(object),
  );
  for (const object of left) {
    if (object.kind === 'Job' && !isTerminating(object))
      pass.output.deleteObject(object, 'another attempt follows', 'Foreground');
  }
  const [first] = left;
  return first === undefined ? undefined : `waits until ${describeRef(refOf(first))} is gone`;
}

function workOf({ scope }: ActionPass): readonly KubeObject[] {
  return scope.snapshot.actions.work.objects.filter(({ kind }) => kind === 'Job' || kind === 'Pod');
}

function isCurrent({ runs }: ActionPass, object: KubeObject): boolean {
  const run = runs.all.find(({ uid }) => uid === labelOf(object, RUN_UID_LABEL));
  const record = run?.status.steps.at(-1);
  if (run === undefined || record === undefined || record.phase !== 'Running') return false;
  if (!isActive(run) && run.status.phase !== 'Halted') return false;
  return (
    labelOf(object, RUN_STEP_LABEL) === stepLabel(record) &&
    labelOf(object, RUN_ATTEMPT_LABEL) === attemptMark(record)
  );
}

function isFinished(object: KubeObject): boolean {
  if (isTerminating(object)) return false;
  return isSucceeded(object) || hasFailed(object);
}

function isSucceeded(object: KubeObject): boolean {
  if (object.kind === 'Job') return conditionOf(object, 'Complete')?.status === 'True';
  return getPath(object.status, ['phase']) === 'Succeeded';
}

function hasFailed(object: KubeObject): boolean {
  if (object.kind === 'Job') return conditionOf(object, 'Failed')?.status === 'True';
  return getPath(object.status, ['phase']) === 'Failed';
}
