/** Takes ended runs into the evidence on the resource, each once, before another begins. */
import { ACTION_STATE_ANNOTATION } from '../../kube/labels.ts';
import type { Watch } from '../../playbook/model.ts';
import { type ActionEvidence, type Evidence, printEvidence } from './evidence.ts';
import type { ActionPass } from './pass.ts';
import { isEnded, type Run, timeOf } from './run.ts';
import { evidenceOf, hashValue } from './triggers.ts';

/** True where something was taken in: nothing begins in this pass. */
export function recordEnded(pass: ActionPass): boolean {
  const ended = pass.runs.roots
    .filter((run) => isEnded(run) && run.status.phase !== 'Refused')
    .toSorted((a, b) => endOf(a) - endOf(b))
    .filter((run) => isUnknown(pass, run));
  for (const run of ended) pass.output.evidence.set(run.action, withRun(pass, run));
  return ended.length > 0;
}

function endOf({ status }: Run): number {
  return status.finishedAt ?? 0;
}

function isUnknown(pass: ActionPass, run: Run): boolean {
  const { run: known, at = 0 } = pass.evidence.actions[run.action] ?? {};
  return endOf(run) > at || (endOf(run) === at && run.name !== known && isNewer(pass, run, known));
}

/** Two runs that ended in one millisecond: the later one by its place among the runs. */
function isNewer({ runs }: ActionPass, run: Run, known: string | undefined): boolean {
  const names = runs.roots.map(({ name }) => name);
  return names.indexOf(run.name) > names.indexOf(known ?? '');
}

const MOST_VALUES = 50;

function withRun(pass: ActionPass, run: Run): ActionEvidence {
  const { values, recent, ...before } = evidenceOf(pass, run.action);
  const { phase, startedAt } = run.status;
  const begun = startedAt !== undefined;
  const generation = Number(pass.scope.snapshot.resource.metadata.generation ?? 0);
  const handled =
    begun && run.trigger === 'When' && run.value !== undefined
      ? { ...values, [hashValue(run.value)]: { result: phase, generation } }
      : values;
  const limit = pass.scope.watch.actions.find(({ name }) => name === run.action)?.limit;
  const window = pass.scope.snapshot.now - 1000 * (limit?.perSeconds ?? 0);
  const times = [...(recent ?? []), ...(begun ? [startedAt] : [])].filter((at) => at > window);
  const tick = timeOf(run.tick);
  return {
    ...before,
    runs: before.runs + 1,
    run: run.name,
    at: endOf(run),
    result: phase,
    ...(run.trigger === 'Create' && phase === 'Succeeded' ? { created: true } : {}),
    ...(run.trigger === 'Delete' && phase === 'Succeeded' ? { deleted: true } : {}),
    ...(handled === undefined
      ? {}
      : { values: Object.fromEntries(Object.entries(handled).slice(-MOST_VALUES)) }),
    ...(tick === undefined ? {} : { tick: Math.max(tick, before.tick ?? 0) }),
    ...(limit === undefined || times.length === 0 ? {} : { recent: times }),
  };
}

/** Actions that a resource may not go without. */
export function finalActions(watch: Watch): readonly string[] {
  return watch.actions.filter(({ on }) => on.delete).map(({ name }) => name);
}

/** The annotation as it must be, where it is not yet. */
export function evidenceAnnotation(pass: ActionPass): Readonly<Record<string, string | undefined>> {
  const { resource } = pass.scope.snapshot;
  const next: Evidence = {
    actions: { ...pass.evidence.actions, ...Object.fromEntries(pass.output.evidence) },
    final: finalActions(pass.scope.watch),
  };
  const text = printEvidence(next);
  if (text === resource.metadata.annotations?.[ACTION_STATE_ANNOTATION]) return {};
  if (text === printEvidence(pass.evidence) && text !== undefined) return {};
  return { [ACTION_STATE_ANNOTATION]: text };
}
