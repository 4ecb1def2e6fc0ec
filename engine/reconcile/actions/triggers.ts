/**
 * What starts a run by itself: creation, deletion, a value of `when`, a tick of the schedule. The run's name says which
 * start it is, so that none happens twice; what was done before stands in the evidence.
 */
import { backoffDelay } from '../../base/backoff.ts';
import { sha256 } from '../../base/hash.ts';
import { canonicalJson, sameJson } from '../../kube/canonical.ts';
import type { Json } from '../../kube/object.ts';
import type { Action } from '../../playbook/action-model.ts';
import { nextTicks } from '../../playbook/cron.ts';
import { formatPlace, terminal } from '../blocker.ts';
import { asBoolean, evaluate } from '../evaluate.ts';
import type { ActionEvidence } from './evidence.ts';
import { hashedName } from './names.ts';
import type { ActionPass } from './pass.ts';
import { renderValue, textOf } from './render.ts';
import { isEnded, isoTime, type Run, type RunTrigger, timeOf } from './run.ts';

export interface Start {
  readonly action: Action;
  readonly trigger: RunTrigger;
  readonly name: string;
  readonly value?: Json;
  readonly tick?: string;
}

export function evidenceOf({ evidence, output }: ActionPass, action: string): ActionEvidence {
  return output.evidence.get(action) ?? evidence.actions[action] ?? { runs: 0 };
}

/** The start that is due for an action; what it waits for goes to the output. */
export async function dueStart(pass: ActionPass, action: Action): Promise<Start | undefined> {
  if (pass.deleting) return onceOf(pass, action, 'Delete');
  return onceOf(pass, action, 'Create') ?? (await whenOf(pass, action)) ?? (await tickOf(pass, action));
}

function nameOf({ scope }: ActionPass, action: Action, of: readonly Json[]): string {
  const { metadata } = scope.snapshot.resource;
  return hashedName([metadata.name, action.name], [scope.owner.uid, action.name, ...of]);
}

/** Once for each resource: not again when it was done, nor beside a run that is tried again by itself. */
function onceOf(pass: ActionPass, action: Action, trigger: 'Create' | 'Delete'): Start | undefined {
  const { created, deleted } = evidenceOf(pass, action.name);
  const [wanted, isDone] = trigger === 'Create' ? [action.on.create, created] : [action.on.delete, deleted];
  if (!wanted || isDone === true || hasRun(pass, action, (run) => run.trigger === trigger)) return undefined;
  return { action, trigger, name: nameOf(pass, action, [trigger]) };
}

function hasRun({ runs }: ActionPass, action: Action, is: (run: Run) => boolean): boolean {
  return runs.roots.some((run) => run.action === action.name && is(run));
}

export function hashValue(value: Json): string {
  return sha256(canonicalJson(value)).slice(0, 16);
}

async function whenOf(pass: ActionPass, action: Action): Promise<Start | undefined> {
  const value = await whenValue(pass, action);
  if (value === undefined) return undefined;
  const evidence = evidenceOf(pass, action.name);
  if (value === null) {
    if (evidence.values !== undefined) arm(pass, action, evidence);
    return undefined;
  }
  const since = holdingSince(pass, action, hashValue(value));
  if (hasRun(pass, action, (run) => run.trigger === 'When' && !isEnded(run))) return undefined;
  if (!isNew(pass, action, value)) return undefined;
  const due = since + 1000 * action.on.forSeconds;
  if (due > pass.scope.snapshot.now) {
    pass.output.wake(due);
    return undefined;
  }
  if (isLimited(pass, action)) return undefined;
  return { action, trigger: 'When', name: nameOf(pass, action, ['When', value, evidence.runs]), value };
}

/** Null: false or missing, which arms the trigger. Undefined: it can't be told, or there is none. */
export async function whenValue(pass: ActionPass, action: Action): Promise<Json | undefined> {
  if (action.on.when === undefined) return undefined;
  const judgement = await evaluate(pass.scope, action.on.when);
  if (judgement.kind === 'missing') return null;
  if (judgement.kind === 'value') return judgement.value === false ? null : judgement.value;
  if (judgement.blocker.kind === 'terminal') pass.output.blockers.push(judgement.blocker);
  return undefined;
}

/** False or missing was seen: the same value may start a run again. */
function arm({ output }: ActionPass, action: Action, evidence: ActionEvidence): void {
  const { values: _values, ...rest } = evidence;
  output.evidence.set(action.name, rest);
}

function holdingSince({ scope, output }: ActionPass, action: Action, hash: string): number {
  const { memory, now } = scope.snapshot;
  const before = memory.holding?.[action.name];
  const since = before?.value === hash ? before.since : now;
  output.holding[action.name] = { value: hash, since };
  return since;
}

const LIMIT_BACKOFF = { baseMs: 10_000, maxMs: 600_000 };

/** A value that has had no run yet; after a failure also with a new generation, and under a limit by backoff. */
function isNew(pass: ActionPass, action: Action, value: Json): boolean {
  const evidence = evidenceOf(pass, action.name);
  const known = evidence.values?.[hashValue(value)];
  if (known === undefined) return true;
  if (known.result === 'Succeeded') return false;
  const { resource, now } = pass.scope.snapshot;
  if (Number(resource.metadata.generation ?? 0) > known.generation) return true;
  if (action.limit === undefined || known.result !== 'Failed') return false;
  const due = (evidence.at ?? 0) + backoffDelay(LIMIT_BACKOFF, Math.max(1, recentOf(pass, action).length));
  if (due > now) pass.output.wake(due);
  return due <= now;
}

function recentOf(pass: ActionPass, { name, limit }: Action): readonly number[] {
  const from = pass.scope.snapshot.now - 1000 * (limit?.perSeconds ?? 0);
  return (evidenceOf(pass, name).recent ?? []).filter((at) => at > from);
}

/** Stalled: someone must look why it was needed so often. */
function isLimited(pass: ActionPass, action: Action): boolean {
  const { limit, name } = action;
  if (limit === undefined) return false;
  const recent = recentOf(pass, action);
  const [first = 0] = recent;
  if (recent.length < limit.times) return false;
  const wakeAt = first + 1000 * limit.perSeconds;
  const message = `${name} has run ${recent.length} times within ${limit.perSeconds} s and is needed again; it may run from ${isoTime(wakeAt)} on`;
  pass.output.blockers.push({ ...terminal('LimitReached', message), wakeAt });
  return true;
}

/** The latest tick that is due; those before it are merged into it. */
async function tickOf(pass: ActionPass, action: Action): Promise<Start | undefined> {
  const plan = await scheduleOf(pass, action);
  const evidence = evidenceOf(pass, action.name);
  if (plan === undefined) {
    const { schedule, tick: _tick, ...rest } = evidence;
    if (schedule !== undefined) pass.output.evidence.set(action.name, rest);
    return undefined;
  }
  const { now } = pass.scope.snapshot;
  if (evidence.schedule !== plan.key) {
    // A schedule that is new owes nothing for the time before it.
    pass.output.evidence.set(action.name, { ...evidence, schedule: plan.key, tick: now });
    return undefined;
  }
  const { latest, next } = plan;
  if (next !== undefined) pass.output.wake(next + plan.delayMs);
  if (latest === undefined || latest <= (evidence.tick ?? now)) return undefined;
  if (latest + plan.delayMs > now) {
    pass.output.wake(latest + plan.delayMs);
    return undefined;
  }
  if (hasRun(pass, action, (run) => run.trigger === 'Schedule' && isTaken(run, latest))) return undefined;
  if (isLimited(pass, action)) return undefined;
  const tick = isoTime(latest);
  return { action, trigger: 'Schedule', name: nameOf(pass, action, ['Schedule', tick]), tick };
}

/** A run that has not ended takes in every tick until it has. */
function isTaken(run: Run, latest: number): boolean {
  return !isEnded(run) || (timeOf(run.tick) ?? 0) >= latest;
}

interface SchedulePlan {
  /** What is written, as a key: another line is another schedule. */
  readonly key: string;
  readonly delayMs: number;
  readonly latest?: number;
  readonly next?: number;
}

/** Undefined: none, suspended, or wrong (and said so). */
async function scheduleOf(pass: ActionPass, action: Action): Promise<SchedulePlan | undefined> {
  const { scope, output } = pass;
  const { schedule, timeZone, suspend, jitterSeconds } = action.on;
  if (schedule === undefined) return undefined;
  if (suspend !== undefined) {
    const verdict = asBoolean(await evaluate(scope, suspend), suspend);
    if (verdict.kind === 'blocked') output.blockers.push(verdict.blocker);
    if (verdict.kind === 'blocked' || (verdict.kind === 'value' && verdict.value)) return undefined;
  }
  const line = renderValue(schedule, scope.context());
  const zone = timeZone === undefined ? undefined : renderValue(timeZone, scope.context());
  if (line.kind === 'error') output.blockers.push(terminal('TemplateError', line.message));
  if (line.kind !== 'value' || line.value === undefined || line.value === null || line.value === '')
    return undefined;
  const zoneName = zone?.kind === 'value' ? textOf(zone.value) || 'UTC' : 'UTC';
  const { now, recall } = scope.snapshot;
  const found = (recall?.ticks.bind(recall) ?? nextTicks)(textOf(line.value), zoneName, now);
  if (found.kind === 'refused') {
    const message = `${formatPlace(schedule.place)}: schedule of ${action.name}: ${found.message}`;
    output.blockers.push(terminal('InvalidSchedule', message));
    return undefined;
  }
  const lot = Number.parseInt(sha256(`${scope.owner.uid}/${action.name}`).slice(0, 8), 16);
  const delayMs = jitterSeconds === 0 ? 0 : 1000 * (lot % (jitterSeconds + 1));
  return { key: `${zoneName} ${textOf(line.value)}`, delayMs, ...found.ticks };
}

/** A run of `when` that has not begun: its value may have changed meanwhile. */
export async function isStillWanted(pass: ActionPass, action: Action, run: Run): Promise<boolean> {
  if (run.trigger !== 'When') return true;
  const value = await whenValue(pass, action);
  return value === undefined || (value !== null && sameJson(value, run.value));
}
