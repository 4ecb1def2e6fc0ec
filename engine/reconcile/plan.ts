/**
 * Playbook and Snapshot in, Plan out. Pure, the clock included in the snapshot: the same input gives the same plan.
 * Nothing changed means an empty plan: no change, no status, no event.
 */
import { conditionOf } from '../kube/conditions.ts';
import { FINALIZER } from '../kube/labels.ts';
import { describeRef, type GroupVersionKind, groupKind, refKey } from '../kube/object.ts';
import { matchesSelector } from '../kube/selectors.ts';
import type { Watch } from '../playbook/model.ts';
import { type Blocker, joinMessages } from './blocker.ts';
import type { Step } from './decide.ts';
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
  const { metadata } = snapshot.resource;
  if (metadata.deletionTimestamp !== undefined) return planTeardown(snapshot);
  if (watch.selector !== undefined && !matchesSelector(watch.selector, metadata.labels)) {
    return planUnselected(watch, snapshot);
  }
  const scope = new Scope(watch, snapshot);
  const held = await initialStatus(scope);
  if (held !== undefined) return held;
  const pass = await runPass(scope);
  return assemble(pass);
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

async function assemble(pass: Pass): Promise<Plan> {
  const { scope } = pass;
  const steps = [...pass.states.values()].flatMap((state) => state.steps);
  const blockers = blockersOf(pass);
  const kept = admitted(pass, steps);
  const pruned = blockers.length === 0 ? planPrune(pass) : [];
  const changes = [...kept.flatMap(({ change }) => change?.change ?? []), ...pruned].sort(
    (a, b) => a.rank - b.rank,
  );
  const projected = await projectStatus(scope);
  const found = [...blockers, ...projected.blockers];
  const health = await judgeHealth(pass, { blockers: found, steps: kept });
  const all = [...found, ...health.blockers];
  const status = planStatus(scope, {
    fields: projected.values,
    conditions: health.conditions,
    blockers: all,
  });
  return {
    finalizer: finalizerOf(pass, { blockers: all, changes }),
    changes,
    status: status.status,
    events: [...summaries(scope, kept), ...status.events],
    outcome: outcomeOf(all, { changes, message: health.message, status }),
    kinds: newKinds(pass),
    memory: memoryOf(pass, status, all),
  };
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
  readonly status: StatusPlan;
}

function outcomeOf(blockers: readonly Blocker[], { changes, message, status }: Rest): Outcome {
  const times = [
    ...blockers.flatMap(({ wakeAt }) => wakeAt ?? []),
    ...(status.wakeAt === undefined ? [] : [status.wakeAt]),
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

/** Of children that are gone for good nothing is remembered; for good means that everything wanted could be told. */
function memoryOf({ scope, states }: Pass, status: StatusPlan, blockers: readonly Blocker[]): Memory {
  const { memory, now } = scope.snapshot;
  const children = [...states.values()].flatMap(({ steps }) => steps.map(({ child }) => refKey(child.ref)));
  const wanted = blockers.length === 0 ? new Set(children) : undefined;
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
