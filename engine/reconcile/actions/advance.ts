/**
 * A run as a state machine: from what is stored and what is seen to the next status, and to what shall go on meanwhile.
 * Pure: the same run in the same world makes the same step, also after a crash.
 */
import type { JsonObject } from '../../kube/object.ts';
import { asJson, isJsonObject } from '../../kube/value.ts';
import type { Step } from '../../playbook/action-model.ts';
import { asBoolean, asList, evaluate } from '../evaluate.ts';
import type { LocalContext } from '../scope.ts';
import { discreet, evaluateNamed, runContext, varsAround } from './context.ts';
import type { Draft } from './draft.ts';
import { staleProbes } from './fresh.ts';
import { effectKey } from './names.ts';
import { outputsOf } from './outputs.ts';
import type { Progress, StepAt } from './pass.ts';
import { renderText } from './render.ts';
import { isActive, type StepRecord } from './run.ts';
import { clearFailed, clearStale } from './stale.ts';
import { stepProgress } from './step.ts';
import { CALL_TIMEOUT_SECONDS } from './step-call.ts';
import { resolveTargets } from './step-objects.ts';

/** Goes on until there is something to wait for: a write to be seen, an effect, time. */
export async function advance(draft: Draft): Promise<void> {
  const most = 2 * (draft.action.steps.length + draft.action.rollback.length) + 4;
  for (let round = 0; round < most && isActive(draft); round++) {
    const record = draft.current;
    if (record === undefined || isOver(record)) {
      if (draft.next() === undefined) finish(draft);
    } else if (record.phase === 'Waiting') {
      if (!(await enter(draft, record))) return;
    } else if (!draft.isStored(record) || !(await work(draft, record))) {
      return;
    }
  }
}

function isOver({ phase }: StepRecord): boolean {
  return phase !== 'Waiting' && phase !== 'Running';
}

/** Every step has come to its end. */
function finish(draft: Draft): void {
  const { ending, failed } = draft.status;
  if (ending === undefined) draft.end('Succeeded', 'Succeeded', '');
  else draft.end(ending, failed?.reason ?? ending, `${failed?.message ?? 'aborted'}; rolled back`);
}

function stepOf(draft: Draft, record: StepRecord): Step | undefined {
  return draft.steps.find(({ name }) => name === record.name);
}

/** What expressions of a step see: `within` says whether its own vars are there yet. */
async function localOf(draft: Draft, record: StepRecord, within: 'run' | 'step'): Promise<LocalContext> {
  const { scope, runs } = draft.pass;
  const seen = { ...draft.run, status: draft.status };
  const line = runs.line.some(({ uid }) => uid === seen.uid) ? runs.line : [...runs.line, seen];
  const vars = await varsAround(scope, line, seen, within);
  const { items, item = 0 } = record;
  const local = { run: runContext(scope, seen), vars };
  return items === undefined ? local : { ...local, item: items[item], index: item };
}

function stepAt(draft: Draft, step: Step, record: StepRecord, local: LocalContext): StepAt {
  return {
    pass: draft.pass,
    run: { ...draft.run, status: draft.status },
    action: draft.action,
    step,
    record,
    local,
  };
}

/** Begins the next attempt when everything that it needs can be told. True: go on at once. */
async function enter(draft: Draft, record: StepRecord): Promise<boolean> {
  const step = stepOf(draft, record);
  if (step === undefined) return broken(draft, undefined, 'PlaybookChanged', 'the step is gone');
  if (record.retryAt !== undefined && record.retryAt > draft.now)
    return waits(draft, record.message, record.retryAt);
  const busy = clearStale(draft.pass, draft.run) ?? clearFailed(draft.pass, draft.run, record);
  // Why there is another attempt is worth more than what it waits for.
  if (busy !== undefined) return waits(draft, record.reason === '' ? busy : record.message);
  const references = [step.when, step.unless, step.forEach].flatMap((e) => e?.references ?? []);
  // What was answered before the attempt that is over knows nothing of what that one did.
  const since = Math.max(record.startedAt, record.retryAt ?? 0);
  const stale = staleProbes(draft.pass, references, since);
  if (stale.length > 0) return waits(draft, `waits for a new round of ${stale.join(', ')}`);
  const outer = await localOf(draft, record, 'run');
  if (step.forEach !== undefined && record.items === undefined) return freezeItems(draft, step, outer);
  const verdict = await isMeant(draft, step, outer);
  if (typeof verdict === 'string') return waits(draft, verdict);
  if (verdict === undefined) return true;
  if (!verdict) return done(draft, {}, 'Skipped');
  return begin(draft, step, record, outer);
}

function waits(draft: Draft, message: string, until?: number): false {
  draft.note({ message });
  draft.pass.output.wake(until);
  return false;
}

function broken(draft: Draft, step: Step | undefined, reason: string, message: string): true {
  draft.fail(step, reason, message);
  return true;
}

function done(draft: Draft, outputs: JsonObject, phase: 'Succeeded' | 'Skipped' = 'Succeeded'): true {
  draft.succeed(outputs, phase);
  return true;
}

async function freezeItems(draft: Draft, step: Step, local: LocalContext): Promise<boolean> {
  if (step.forEach === undefined) return true;
  const list = asList(await evaluate(draft.pass.scope, step.forEach, local));
  if (list.kind === 'missing') return true;
  if (list.kind === 'blocked') {
    const { kind, reason, message } = list.blocker;
    return kind === 'pending' ? waits(draft, message) : broken(draft, step, reason, message);
  }
  draft.note({ items: list.value, item: 0, collected: [] });
  return list.value.length === 0 ? done(draft, {}) : true;
}

/** False: skipped. A text: why it can't be told yet. Undefined: the step failed over it. */
async function isMeant(draft: Draft, step: Step, local: LocalContext): Promise<boolean | string | undefined> {
  for (const [expression, wanted] of [
    [step.when, true],
    [step.unless, false],
  ] as const) {
    if (expression === undefined) continue;
    const verdict = asBoolean(await evaluate(draft.pass.scope, expression, local), expression);
    if (verdict.kind === 'blocked') {
      const { kind, reason, message } = verdict.blocker;
      if (kind === 'pending') return message;
      broken(draft, step, reason, message);
      return undefined;
    }
    const holds = verdict.kind === 'value' && verdict.value;
    if (holds !== wanted) return false;
  }
  return true;
}

async function begin(draft: Draft, step: Step, record: StepRecord, outer: LocalContext): Promise<boolean> {
  const { scope } = draft.pass;
  const own = await evaluateNamed(scope, step.vars, outer, { asVars: true });
  if (own.kind === 'blocked') {
    const { kind, reason, message } = own.blocker;
    return kind === 'pending' ? waits(draft, message) : broken(draft, step, reason, message);
  }
  const vars = { ...objectOf(outer.vars), ...own.values };
  const frozen = await freeze(stepAt(draft, step, record, { ...outer, vars }));
  if (frozen.kind === 'waits') return waits(draft, frozen.message);
  if (frozen.kind === 'failed') return broken(draft, step, frozen.reason, frozen.message);
  draft.begin(record, frozen.record, own.values);
  const begun = draft.current;
  if (begun !== undefined && (step.kind === 'exec' || step.kind === 'http'))
    draft.pass.output.begun.add(effectKey(draft.run, begun));
  if (step.kind !== 'commit') return true;
  draft.set({ committed: true });
  return done(draft, {});
}

function objectOf(vars: unknown): JsonObject {
  const json = asJson(vars ?? {});
  return isJsonObject(json) ? json : {};
}

type Frozen =
  | { readonly kind: 'frozen'; readonly record: Partial<StepRecord> }
  | { readonly kind: 'waits'; readonly message: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly message: string };

/** What must be decided, and stored, before the first request. */
async function freeze(at: StepAt): Promise<Frozen> {
  const { step, record } = at;
  if (step.kind === 'set' && record.values === undefined) return freezeValues(at, step);
  if (step.kind !== 'delete' || record.targets !== undefined) return { kind: 'frozen', record: {} };
  const targets = resolveTargets(at, step.target);
  if (targets.kind === 'missing') return { kind: 'waits', message: targets.message };
  if (targets.kind === 'error') return { kind: 'failed', reason: 'TemplateError', message: targets.message };
  return { kind: 'frozen', record: { targets: targets.value } };
}

async function freezeValues(at: StepAt, step: Extract<Step, { kind: 'set' }>): Promise<Frozen> {
  const given = await evaluateNamed(at.pass.scope, step.fields, at.local);
  if (given.kind === 'blocked') {
    const { kind, reason, message } = given.blocker;
    return kind === 'pending' ? { kind: 'waits', message } : { kind: 'failed', reason, message };
  }
  const missing = step.fields.filter(({ name }) => !Object.hasOwn(given.values, name));
  const names = missing.map(({ name, expression }) => `${name} (${expression.source})`).join(', ');
  if (names !== '')
    return { kind: 'failed', reason: 'ValueMissing', message: `there is no value for ${names}` };
  return { kind: 'frozen', record: { values: given.values } };
}

/** Looks what became of the attempt. True: go on at once. */
async function work(draft: Draft, record: StepRecord): Promise<boolean> {
  const step = stepOf(draft, record);
  if (step === undefined) return broken(draft, undefined, 'PlaybookChanged', 'the step is gone');
  if (isLost(draft, step, record)) {
    draft.repeat(record, 'EngineRestarted', 'the engine restarted while it ran; it is done again');
    return true;
  }
  const at = stepAt(draft, step, record, await localOf(draft, record, 'step'));
  const progress = await stepProgress(at);
  const ended = progress.kind === 'done' ? await outputsOf(at, progress.result) : progress;
  if (ended.kind === 'done') return done(draft, ended.result);
  if (ended.kind === 'failed')
    return broken(draft, step, ended.reason, discreet(draft.pass.scope, draft, ended.message));
  return goesOn(draft, at, ended);
}

/** A call whose attempt began in an engine that is no more: nobody knows what came of it. */
function isLost({ pass, run }: Draft, step: Step, record: StepRecord): boolean {
  if (step.kind !== 'exec' && step.kind !== 'http') return false;
  const key = effectKey(run, record);
  const { memory, actions } = pass.scope.snapshot;
  const known = memory.begun?.includes(key) === true || actions.outcomes[key] !== undefined;
  if (known) pass.output.begun.add(key);
  return !known;
}

function goesOn(
  draft: Draft,
  at: StepAt,
  { message, record, trouble }: Extract<Progress, { kind: 'going' }>,
): boolean {
  const { step } = at;
  const said =
    step.message === undefined ? undefined : renderText(step.message, draft.pass.scope.context(at.local));
  const what = said?.kind === 'value' && said.value !== '' ? said.value : message;
  const shown = trouble === undefined ? what : `${what}; ${trouble}`;
  const limit = limitOf(step);
  const due = limit === undefined ? undefined : (at.record.attemptAt ?? draft.now) + limit;
  if (due !== undefined && due <= draft.now) {
    const text = `took longer than ${step.timeoutSeconds} s${shown === '' ? '' : `: ${shown}`}`;
    return broken(draft, step, 'TimedOut', text);
  }
  draft.pass.output.wake(due);
  draft.note({ ...record, message: shown });
  return false;
}

/** The runner ends calls by itself and says how; this is for when it does not. */
const GRACE_MS = 5_000;

function limitOf(step: Step): number | undefined {
  if (step.kind === 'exec' || step.kind === 'http')
    return 1000 * (step.timeoutSeconds ?? CALL_TIMEOUT_SECONDS[step.kind]) + GRACE_MS;
  return step.timeoutSeconds === undefined ? undefined : 1000 * step.timeoutSeconds;
}
