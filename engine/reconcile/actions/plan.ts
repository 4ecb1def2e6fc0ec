/**
 * What actions want of a pass: runs to write, effects to go on, Jobs to make, status fields to set, and what the
 * resource's conditions say of it. Comes after manifests, health and projections.
 */
import type { ConditionNow } from '../../kube/conditions.ts';
import { reasonName } from '../../kube/conditions.ts';
import type { JsonObject } from '../../kube/object.ts';
import type { ActionPlan } from '../action-contract.ts';
import { type Blocker, joinMessages, pending, terminal, unknown } from '../blocker.ts';
import type { Step } from '../decide.ts';
import type { Change, Memory, Snapshot } from '../model.ts';
import type { Pass } from '../pass-model.ts';
import { isStale, type Scope } from '../scope.ts';
import { dueFinals, type Evidence, parseEvidence } from './evidence.ts';
import { collectHistory } from './history.ts';
import { workRuns } from './lock.ts';
import { effectKey } from './names.ts';
import { type ActionPass, Output } from './pass.ts';
import { probeErrors, probeNeeds } from './probes.ts';
import { evidenceAnnotation } from './record.ts';
import { isActive, isEnded, type Run } from './run.ts';
import { type RunSet, readRuns } from './runs.ts';

export interface ActionOutcome {
  readonly plan: ActionPlan;
  readonly changes: readonly Change[];
  /** Held status fields that are set. */
  readonly fields: JsonObject;
  readonly blockers: readonly Blocker[];
  readonly conditions: readonly Omit<ConditionNow, 'observedGeneration'>[];
  /** A run is made: it is the plan's only write. */
  readonly starting: boolean;
  readonly wakeAt?: number;
  readonly memory: Pick<Memory, 'begun' | 'holding'>;
  readonly remember: ReadonlySet<string>;
}

export interface ActionWorld {
  /** Every step of the pass, before anything is held back. */
  readonly steps: readonly Step[];
  readonly pruned: readonly Change[];
  readonly deleting: boolean;
}

export async function planActions(pass: Pass, world: ActionWorld): Promise<ActionOutcome> {
  const { scope } = pass;
  const output = new Output();
  const actionPass: ActionPass = {
    scope,
    states: pass.states,
    runs: readRuns(scope.snapshot),
    evidence: evidenceIn(scope.snapshot),
    deleting: world.deleting,
    unsettled: unsettledOf(pass, world),
    output,
  };
  const concerned = scope.watch.actions.length > 0 || actionPass.runs.all.length > 0;
  if (concerned && scope.watch.ownsStatus) await workRuns(actionPass);
  if (concerned && actionPass.runs.holder === undefined && !output.starting) collectHistory(actionPass);
  const needs = await probeNeeds(scope, actionPass.runs, output.probesAfter);
  return outcomeOf(actionPass, needs);
}

function evidenceIn({ resource, recall }: Snapshot): Evidence {
  return recall?.evidence(resource) ?? parseEvidence(resource);
}

/** A refused or postponed write on what exists is not applied; a creation that waits for others may wait for this run. */
function unsettledOf({ scope }: Pass, { steps, pruned }: ActionWorld): string | undefined {
  if (pruned.length > 0) return 'waits until what is no longer described is gone';
  for (const { child, change, blocker } of steps) {
    const name = `${child.ref.kind} ${child.ref.name}`;
    if (change !== undefined) return `waits until ${name} is applied`;
    if (blocker !== undefined && (child.live !== undefined || blocker.kind === 'terminal'))
      return `waits for ${name}: ${blocker.message}`;
    if (isStale(child.live)) return `waits until the controller of ${name} has seen the latest change`;
  }
  const surplus = scope.snapshot.candidates.find(
    ({ metadata }) =>
      metadata.deletionTimestamp !== undefined &&
      metadata.labels?.['libretto.dev/owner-uid'] === scope.owner.uid,
  );
  return surplus === undefined ? undefined : `waits until ${surplus.kind} ${surplus.metadata.name} is gone`;
}

function outcomeOf(pass: ActionPass, needs: ActionPlan['probeNeeds']): ActionOutcome {
  const { output, scope } = pass;
  const errors = probeErrors(scope, needs);
  const wakeAt = output.wakeAt.length === 0 ? {} : { wakeAt: Math.min(...output.wakeAt) };
  return {
    plan: {
      runs: output.runs,
      effects: output.effects,
      probeNeeds: needs,
      annotations: scope.watch.ownsStatus && !output.starting ? evidenceAnnotation(pass) : {},
    },
    changes: output.changes,
    fields: output.fields,
    blockers: [...output.blockers, ...blockersOf(pass)],
    conditions: [...actingConditions(pass), ...failedConditions(pass), ...probeConditions(errors)],
    starting: output.starting,
    ...wakeAt,
    memory: { begun: [...output.begun], holding: output.holding },
    remember: output.remember,
  };
}

/** Ready waits for the actions that belong to the creation; what stands still says so. */
function blockersOf(pass: ActionPass): readonly Blocker[] {
  const { runs, scope, evidence } = pass;
  const { holder } = runs;
  const stuck: Blocker[] = [];
  if (holder?.status.phase === 'Halted') stuck.push(terminal('PlaybookChanged', tellRun(holder)));
  if (holder?.status.phase === 'Failed') {
    const way = 'raise spec.retry of the run to try again, or set spec.abort to give its vars back';
    stuck.push(terminal('ActionFailed', `${tellRun(holder)}; its vars hold; ${way}`));
  }
  if (pass.deleting) return [...stuck, ...finalBlockers(pass)];
  const due = scope.watch.actions.filter(
    ({ name, on }) => on.create && evidence.actions[name]?.created !== true,
  );
  return [
    ...stuck,
    ...due.map(({ name }) => {
      const run = runs.roots.findLast((known) => known.action === name && known.trigger === 'Create');
      return pending('CreateAction', run === undefined ? `${name} has not run yet` : tellRun(run));
    }),
  ];
}

function finalBlockers({ runs, evidence, scope }: ActionPass): readonly Blocker[] {
  const names = dueFinals({
    ...evidence,
    final: scope.watch.actions.filter(({ on }) => on.delete).map(({ name }) => name),
  });
  return names.map((name) => {
    const run = runs.roots.findLast((known) => known.action === name && known.trigger === 'Delete');
    return pending('FinalAction', run === undefined ? `${name} runs before the deletion` : tellRun(run));
  });
}

function tellRun({ action, name, status }: Run): string {
  const { phase, message, steps } = status;
  const record = steps.at(-1);
  const where =
    record === undefined || phase !== 'Running' ? '' : ` step ${record.name}, attempt ${record.attempt}`;
  const words = phase === 'Running' || phase === 'RollingBack' ? (record?.message ?? '') : message;
  return `${action} ${name}: ${phase === 'Running' ? 'runs' : phase}${where}${words === '' ? '' : `: ${words}`}`;
}

type Verdict = Omit<ConditionNow, 'observedGeneration'>;

function actingConditions({ runs }: ActionPass): readonly Verdict[] {
  const going = runs.roots.filter((run) => isActive(run) || run.status.phase === 'Interrupted');
  const [first] = going;
  if (first === undefined) return [];
  return [
    {
      type: 'Acting',
      status: 'True',
      reason: pascal(first.action),
      message: joinMessages(going.map(tellRun)),
    },
  ];
}

/** The newest run of an action failed. */
function failedConditions({ runs }: ActionPass): readonly Verdict[] {
  const newest = [...Map.groupBy(runs.roots.filter(isEnded), ({ action }) => action).values()].flatMap(
    (group) => group.toSorted((a, b) => (a.status.finishedAt ?? 0) - (b.status.finishedAt ?? 0)).at(-1) ?? [],
  );
  const failed = newest.filter(({ status }) => status.phase === 'Failed');
  const [first] = failed;
  if (first === undefined) return [];
  const message = joinMessages(failed.map(tellRun));
  return [{ type: 'ActionFailed', status: 'True', reason: pascal(first.action), message }];
}

function probeConditions(errors: readonly string[]): readonly Verdict[] {
  if (errors.length === 0) return [];
  return [{ type: 'ProbeFailed', status: 'True', reason: 'ProbeFailed', message: joinMessages(errors) }];
}

function pascal(name: string): string {
  return reasonName(`${name.slice(0, 1).toUpperCase()}${name.slice(1)}`);
}

/**
 * Why nothing may be rendered: runs whose vars would shadow the watch's are not known. Without actions that is no
 * question.
 */
export function runsUnknown({ watch, snapshot }: Scope): Blocker | undefined {
  const { runs, work } = snapshot.actions;
  if (watch.actions.length === 0) return undefined;
  if (!runs.synced) return unknown('ActionRun', runs);
  return work.synced ? undefined : unknown('Jobs of runs', work);
}

/** While a pass cannot decide, what runs goes on and nothing begins. */
export function keepGoing(snapshot: Snapshot): ActionPlan {
  const runs: RunSet = readRuns(snapshot);
  const effects = runs.all.flatMap((run) => {
    const record = run.status.steps.at(-1);
    if (!isActive(run) || record?.phase !== 'Running') return [];
    return [{ key: effectKey(run, record), timeoutMs: 0, kind: 'keep' } as const];
  });
  return { runs: [], effects, probeNeeds: [], annotations: {} };
}
