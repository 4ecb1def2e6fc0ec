/**
 * Playbook and Snapshot in, Plan out. Pure, the clock included in the snapshot: the same input gives the same plan.
 * Nothing changed means an empty plan: no change, no status, no event.
 */
import { conditionOf } from '../kube/conditions.ts';
import { FINALIZER } from '../kube/labels.ts';
import { describeRef, type GroupVersionKind, groupKind, type JsonObject, refKey } from '../kube/object.ts';
import { matchesSelector } from '../kube/selectors.ts';
import type { Watch } from '../playbook/model.ts';
import { type ActionOutcome, keepGoing, planActions, runsUnknown } from './actions/plan.ts';
import { finalActions } from './actions/record.ts';
import { readRuns, shadowedVars } from './actions/runs.ts';
import { type Blocker, DENIED, joinMessages } from './blocker.ts';
import type { Step } from './decide.ts';
import { awaitsFinalActions, planDeletion } from './deletion.ts';
import { planDenied, presentDenial, withoutDenial } from './denied.ts';
import { judgeHealth } from './health.ts';
import { initialStatus } from './held.ts';
import type { Change, EventNote, Memory, Outcome, Plan, Snapshot } from './model.ts';
import { decoratorName } from './owner.ts';
import { hasTracked, isOfWatch } from './ownership.ts';
import { runPass } from './pass.ts';
import type { Pass } from './pass-model.ts';
import { planPrune } from './prune.ts';
import { Scope } from './scope.ts';
import { planStatus, projectStatus, type StatusPlan } from './status.ts';
import { planTeardown } from './teardown.ts';

export async function planReconcile(watch: Watch, snapshot: Snapshot): Promise<Plan> {
  const denial = presentDenial(snapshot);
  if (denial !== undefined) return planDenied(new Scope(watch, snapshot), denial);
  return withoutDenial(await planAllowed(watch, snapshot));
}

async function planAllowed(watch: Watch, snapshot: Snapshot): Promise<Plan> {
  const { metadata } = snapshot.resource;
  const deleting = metadata.deletionTimestamp !== undefined;
  if (deleting && !awaitsFinalActions(watch, snapshot)) return planDeletion(watch, snapshot);
  if (!deleting && watch.selector !== undefined && !matchesSelector(watch.selector, metadata.labels)) {
    return planUnselected(watch, snapshot);
  }
  const scope = new Scope(watch, snapshot, shadowedVars(readRuns(snapshot).line));
  const unknownRuns = runsUnknown(scope);
  if (unknownRuns !== undefined)
    return unknownRuns.reason === DENIED ? planDenied(scope, unknownRuns) : holdAll(scope, unknownRuns);
  const held = deleting ? undefined : await initialStatus(scope);
  if (held !== undefined) return { ...held, actions: keepGoing(snapshot) };
  const pass = await runPass(scope);
  return assemble(pass, deleting);
}

/** Nothing is rendered, nothing begins; what runs goes on. */
function holdAll({ snapshot }: Scope, blocker: Blocker): Plan {
  const { memory } = snapshot;
  const actions = keepGoing(snapshot);
  const idle = { finalizer: 'keep', changes: [], status: undefined, events: [], kinds: [] } as const;
  return { ...idle, outcome: blocker, memory, actions };
}

/** The selector no longer matches: the children stay, or go with all marks of this watch. */
function planUnselected(watch: Watch, snapshot: Snapshot): Plan {
  if (watch.unselected === 'Remove') {
    const decorator = decoratorName(watch, snapshot.playbook.name);
    return planTeardown(snapshot, { includes: (object) => isOfWatch(object, decorator) });
  }
  const { memory } = snapshot;
  return {
    finalizer: 'keep',
    changes: [],
    status: undefined,
    events: [],
    outcome: { kind: 'done' },
    kinds: [],
    memory,
  };
}

async function assemble(pass: Pass, deleting: boolean): Promise<Plan> {
  const { scope } = pass;
  const steps = stepsOf(pass);
  const blockers = blockersOf(pass);
  const kept = keptSteps(pass, deleting);
  const pruned = blockers.length === 0 && !deleting ? planPrune(pass) : [];
  const projected = await projectStatus(scope);
  const acts = await planActions(pass, { steps: deleting ? kept : steps, pruned, deleting });
  if (acts.starting) return startPlan(pass, acts, blockers);
  const described = [...kept.flatMap(({ change }) => change?.change ?? []), ...pruned];
  const changes = [...described, ...acts.changes].sort((a, b) => a.rank - b.rank);
  const found = [...blockers, ...projected.blockers, ...acts.blockers];
  const after = await passAfter(pass, acts.fields);
  const health = await judgeHealth(after, {
    blockers: [...blockersOf(after), ...projected.blockers, ...acts.blockers],
    steps: keptSteps(after, deleting),
    conditions: acts.conditions,
  });
  const all = [...found, ...health.blockers];
  const status = planStatus(scope, {
    fields: projected.values,
    conditions: health.conditions,
    blockers: all,
    set: acts.fields,
  });
  const wakeAt = soonest(status.wakeAt, acts.wakeAt);
  return {
    finalizer: deleting ? 'keep' : finalizerOf(pass, { blockers: all, changes }),
    changes,
    status: status.status,
    events: [...summaries(scope, kept), ...status.events],
    outcome: outcomeOf(all, {
      changes,
      message: health.message,
      ...(wakeAt === undefined ? {} : { wakeAt }),
    }),
    kinds: newKinds(pass),
    memory: { ...memoryOf(pass, { status, blockers: all, acts }), ...acts.memory },
    actions: acts.plan,
  };
}

function stepsOf({ states }: Pass): readonly Step[] {
  return [...states.values()].flatMap((state) => state.steps);
}

function keptSteps(pass: Pass, deleting: boolean): readonly Step[] {
  return deleting ? updates(stepsOf(pass)) : admitted(pass, stepsOf(pass));
}

/**
 * The pass as it is once the held fields are written that actions set: conditions are written together with these and
 * must be true of them, or Ready would for a moment speak of the size before beside the new one.
 */
async function passAfter(pass: Pass, set: JsonObject): Promise<Pass> {
  if (Object.keys(set).length === 0) return pass;
  const { watch, snapshot, shadowed } = pass.scope;
  const resource = { ...snapshot.resource, status: { ...Object(snapshot.resource.status), ...set } };
  return await runPass(new Scope(watch, { ...snapshot, resource }, shadowed));
}

/** Beginning a run is the only write of its plan; what remembers and protects comes with it. */
function startPlan(pass: Pass, acts: ActionOutcome, blockers: readonly Blocker[]): Plan {
  const { snapshot } = pass.scope;
  const finalizer = finalizerOf(pass, { blockers: [...blockers, ...acts.blockers], changes: acts.changes });
  return {
    finalizer: finalizer === 'add' ? 'add' : 'keep',
    changes: [],
    status: undefined,
    events: [],
    outcome: { kind: 'pending', reason: 'ActionStarts', message: 'an action begins' },
    kinds: [],
    memory: { ...snapshot.memory, ...acts.memory },
    actions: acts.plan,
  };
}

/** While a resource goes, what is there may be changed, and nothing is made again. */
function updates(steps: readonly Step[]): readonly Step[] {
  return steps.map((step) => {
    const { effect, change } = step.change ?? {};
    const isUpdate = effect === 'configure' || (effect === 'repair' && change?.kind !== 'create');
    if (effect === undefined || isUpdate) return step;
    const { change: _none, ...rest } = step;
    return rest;
  });
}

function soonest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function blockersOf({ states }: Pass): readonly Blocker[] {
  return [...states.values()].flatMap(({ blockers, steps }) => [
    ...blockers,
    ...steps.flatMap(({ blocker }) => blocker ?? []),
  ]);
}

/** What one manifest cannot be rendered for its resource's sake keeps back everything new; repair goes on. */
function admitted({ states }: Pass, steps: readonly Step[]): readonly Step[] {
  const broken = [...states.values()].some(({ blockers }) =>
    blockers.some(({ kind }) => kind === 'terminal'),
  );
  if (!broken) return steps;
  return steps.map((step) => {
    const effect = step.change?.effect;
    if (effect === undefined || effect === 'repair' || effect === 'mark') return step;
    const { change: _kept, ...rest } = step;
    return rest;
  });
}

interface Findings {
  readonly blockers: readonly Blocker[];
  readonly changes: readonly Change[];
}

/** Needed for what an ownerReference cannot clean; taken away once nothing of it is left or to come. */
function finalizerOf(pass: Pass, { blockers, changes }: Findings): Plan['finalizer'] {
  const { snapshot } = pass.scope;
  const present = snapshot.resource.metadata.finalizers?.includes(FINALIZER) ?? false;
  const planned = [...pass.states.values()].flatMap(({ steps }) => steps.map(({ child }) => child));
  const needed =
    finalActions(pass.scope.watch).length > 0 ||
    planned.some(({ placement }) => placement !== 'owned') ||
    hasTracked(snapshot.candidates, pass.scope.owner);
  if (needed) return present ? 'keep' : 'add';
  const known = snapshot.inventory.every((gvk) => snapshot.kind(gvk)?.synced !== false);
  return present && known && blockers.length === 0 && changes.length === 0 ? 'remove' : 'keep';
}

/**
 * One Event for all that is created and one for all that is configured: an Event is a write too. What a resource that
 * was never looked at before gets is no news: it was asked for a moment ago, and the status tells how it goes on.
 */
function summaries({ watch, snapshot }: Scope, steps: readonly Step[]): readonly EventNote[] {
  if (watch.ownsStatus && conditionOf(snapshot.resource, 'Ready') === undefined) return [];
  const named = (effect: string): string =>
    joinMessages(
      steps.filter(({ change }) => change?.effect === effect).map(({ child }) => describeRef(child.ref)),
    ).replaceAll('; ', ', ');
  const notes: [reason: string, names: string][] = [
    ['Created', named('create')],
    ['Configured', named('configure')],
  ];
  return notes.flatMap(([reason, names]) =>
    names === '' ? [] : [{ type: 'Normal', reason, message: `${reason.toLowerCase()} ${names}` }],
  );
}

interface Rest {
  readonly changes: readonly Change[];
  readonly message: string;
  readonly wakeAt?: number;
}

function outcomeOf(blockers: readonly Blocker[], { changes, message, wakeAt }: Rest): Outcome {
  const times = [
    ...blockers.flatMap((blocker) => blocker.wakeAt ?? []),
    ...(wakeAt === undefined ? [] : [wakeAt]),
  ];
  const wake = times.length === 0 ? {} : { wakeAt: Math.min(...times) };
  const first = blockers.find(({ kind }) => kind === 'terminal') ?? blockers[0];
  if (first !== undefined) {
    const same = blockers.filter(({ kind }) => kind === first.kind);
    return {
      kind: first.kind,
      reason: first.reason,
      message: joinMessages(same.map((b) => b.message)),
      ...wake,
    };
  }
  if (changes.length > 0) {
    const names = joinMessages(changes.map(({ ref, why }) => `${describeRef(ref)} ${why}`));
    return { kind: 'pending', reason: 'Progressing', message: names, ...wake };
  }
  return message === '' && times.length === 0
    ? { kind: 'done' }
    : { kind: 'pending', reason: 'Progressing', message, ...wake };
}

/** Kinds with children (to be) that the inventory lacks. */
function newKinds({ scope, states }: Pass): readonly GroupVersionKind[] {
  const known = new Set(scope.snapshot.inventory.map(groupKind));
  const used = [...states.values()]
    .filter(({ steps }) => steps.length > 0)
    .map(({ manifest }) => manifest.gvk);
  return [...new Map(used.map((gvk) => [groupKind(gvk), gvk]))].flatMap(([name, gvk]) =>
    known.has(name) ? [] : [gvk],
  );
}

interface Remembered {
  readonly status: StatusPlan;
  readonly blockers: readonly Blocker[];
  readonly acts: ActionOutcome;
}

/** Of children that are gone for good nothing is remembered; for good means that everything wanted could be told. */
function memoryOf({ scope, states }: Pass, { status, blockers, acts }: Remembered): Memory {
  const { memory, now } = scope.snapshot;
  const children = [...states.values()].flatMap(({ steps }) => steps.map(({ child }) => refKey(child.ref)));
  const wanted = blockers.length === 0 ? new Set([...children, ...acts.remember]) : undefined;
  const remembered = <T>(entries: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
    wanted === undefined || Object.keys(entries).every((key) => wanted.has(key))
      ? entries
      : Object.fromEntries(Object.entries(entries).filter(([key]) => wanted.has(key)));
  return {
    ...memory,
    covered: Object.fromEntries(scope.covered),
    proven: remembered(memory.proven),
    refusals: remembered(memory.refusals),
    contested: { ...remembered(memory.contested), ...Object.fromEntries(scope.contested) },
    announced: status.announced,
    statusAt: status.status === undefined ? memory.statusAt : now,
  };
}
