/**
 * A run's status as it is being changed in one pass, and the transitions that it can make. Intent comes before effect: a
 * step that begins here is acted upon when its record is seen in the store.
 */
import { backoffDelay } from '../../base/backoff.ts';
import { sameJson } from '../../kube/canonical.ts';
import type { JsonObject } from '../../kube/object.ts';
import type { Action, Step } from '../../playbook/action-model.ts';
import type { EventNote } from '../event.ts';
import { stepKey } from './names.ts';
import type { ActionPass } from './pass.ts';
import { type Run, type RunStatus, type StepRecord, statusJson } from './run.ts';
import { shadows } from './runs.ts';

const STEP_BACKOFF = { baseMs: 5_000, maxMs: 300_000 };
const RUN_BACKOFF = { baseMs: 10_000, maxMs: 300_000 };

export class Draft {
  readonly pass: ActionPass;
  readonly run: Run;
  readonly action: Action;
  status: RunStatus;
  readonly events: EventNote[] = [];

  constructor(pass: ActionPass, run: Run, action: Action) {
    this.pass = pass;
    this.run = run;
    this.action = action;
    this.status = run.status;
  }

  get now(): number {
    return this.pass.scope.snapshot.now;
  }

  get current(): StepRecord | undefined {
    return this.status.steps.at(-1);
  }

  get rollingBack(): boolean {
    return this.status.ending !== undefined;
  }

  /** The steps that are being worked through. */
  get steps(): readonly Step[] {
    return this.rollingBack ? this.action.rollback : this.action.steps;
  }

  /** True where the record stands in the store as it is here. */
  isStored(record: StepRecord): boolean {
    return this.run.status.steps.at(-1) === record;
  }

  set(change: Partial<RunStatus>): void {
    this.status = { ...this.status, ...change };
  }

  drop(...names: readonly (keyof RunStatus & ('finishedAt' | 'retryAt' | 'failed' | 'ending'))[]): void {
    const entries = Object.entries(this.status).filter(([name]) => !names.some((other) => other === name));
    // The rest of a RunStatus without optional fields is one.
    this.status = Object.fromEntries(entries) as unknown as RunStatus;
  }

  /** Changes the current record. */
  note(change: Partial<StepRecord>): void {
    const { steps } = this.status;
    const record = steps.at(-1);
    if (record === undefined) return;
    const same = Object.entries(change).every(([name, value]) =>
      Object.entries(record).some(([known, before]) => known === name && before === value),
    );
    if (!same) this.set({ steps: [...steps.slice(0, -1), { ...record, ...change }] });
  }

  tell(type: EventNote['type'], reason: string, message: string): void {
    this.events.push({ type, reason, message: `${this.action.name} ${this.run.name}: ${message}` });
  }

  start(vars: JsonObject): void {
    const { version } = this.pass.scope.snapshot.playbook;
    const resourceUID = this.pass.scope.owner.uid;
    this.set({ phase: 'Running', startedAt: this.now, playbookVersion: version, vars, resourceUID });
    this.set({ reason: 'Running', message: '' });
    this.tell('Normal', 'RunStarted', 'started');
  }

  /** The record of the next step; undefined when there is none. */
  next(): StepRecord | undefined {
    const records = this.status.steps.filter(({ rollback }) => rollback === this.rollingBack);
    const last = records.at(-1);
    const index = last === undefined ? 0 : 1 + this.steps.findIndex(({ name }) => name === last.name);
    const step = this.steps[index];
    if (step === undefined) return undefined;
    const key = stepKey({ name: step.name, rollback: this.rollingBack });
    const attempt = this.status.attempts[key] ?? 0;
    const record: StepRecord = {
      name: step.name,
      rollback: this.rollingBack,
      phase: 'Waiting',
      attempt,
      firstAttempt: attempt + 1,
      digest: step.digest,
      startedAt: this.now,
      reason: '',
      message: '',
    };
    this.set({ steps: [...this.status.steps, record] });
    return record;
  }

  begin(record: StepRecord, frozen: Partial<StepRecord>, stepVars: JsonObject): void {
    const { retryAt: _due, job: _job, finishedAt: _finished, ...rest } = record;
    const begun: StepRecord = {
      ...rest,
      ...frozen,
      phase: 'Running',
      attempt: record.attempt + 1,
      attemptAt: this.now,
      reason: '',
      message: '',
    };
    this.set({ steps: [...this.status.steps.slice(0, -1), begun], stepVars });
  }

  succeed(outputs: JsonObject, phase: 'Succeeded' | 'Skipped' = 'Succeeded'): void {
    const record = this.current;
    if (record === undefined) return;
    if (record.items !== undefined && record.items.length > 0) {
      this.succeedItem(record, outputs);
      return;
    }
    this.note({ phase, finishedAt: this.now, message: '', reason: '' });
    if (Object.keys(outputs).length > 0) this.keep(record, outputs);
    this.tellEnd(record, phase);
  }

  private succeedItem(record: StepRecord, outputs: JsonObject): void {
    const collected = [...(record.collected ?? []), outputs];
    const item = (record.item ?? 0) + 1;
    if (item < (record.items?.length ?? 0)) {
      const { targets: _targets, values: _values, job: _job, ...rest } = record;
      const again = { ...rest, collected, item, phase: 'Waiting', message: '', reason: '' } as const;
      const steps = this.status.steps.slice(0, -1);
      this.set({ steps: [...steps, { ...again, firstAttempt: record.attempt + 1 }] });
      return;
    }
    this.note({ phase: 'Succeeded', finishedAt: this.now, message: '', reason: '', collected });
    if (collected.some((each) => Object.keys(each).length > 0)) this.keep(record, collected);
    this.tellEnd(record, 'Succeeded');
  }

  private keep({ name }: StepRecord, outputs: JsonObject[string]): void {
    this.set({ outputs: { ...this.status.outputs, [name]: outputs } });
  }

  private tellEnd({ name }: StepRecord, phase: 'Succeeded' | 'Skipped'): void {
    this.tell('Normal', `Step${phase}`, `step ${name} ${phase === 'Skipped' ? 'is skipped' : 'succeeded'}`);
  }

  /** The attempt failed: another one follows, the rollback, or the end. */
  fail(step: Step | undefined, reason: string, message: string): void {
    const record = this.current;
    if (record === undefined) return;
    const tries = record.attempt - record.firstAttempt + 1;
    if (step !== undefined && record.phase === 'Running' && tries <= step.retries) {
      const retryAt = this.now + backoffDelay(STEP_BACKOFF, tries);
      this.note({ phase: 'Waiting', reason, message, retryAt });
      this.tell('Warning', 'StepRetried', `step ${record.name} failed and is tried again: ${message}`);
      return;
    }
    this.note({ phase: 'Failed', reason, message, finishedAt: this.now });
    this.tell('Warning', 'StepFailed', `step ${record.name} failed: ${message}`);
    if (this.rollingBack) {
      this.end('Failed', 'RollbackFailed', `rollback: ${message}`);
      return;
    }
    this.set({ failed: { step: record.name, reason, message } });
    if (!this.rollBack('Failed')) this.end('Failed', reason, `step ${record.name}: ${message}`);
  }

  abort(reason: string, message: string): void {
    const step = this.current?.name;
    this.endAttempt('Aborted', message);
    // A rollback reads what it is for.
    if (!this.rollingBack && step !== undefined) this.set({ failed: { step, reason, message } });
    if (this.rollingBack || !this.rollBack('Aborted')) this.end('Aborted', reason, message);
  }

  /** False where there is nothing to roll back. */
  private rollBack(ending: 'Failed' | 'Aborted'): boolean {
    if (this.status.committed || this.action.rollback.length === 0 || this.status.steps.length === 0)
      return false;
    const why = this.status.failed?.message ?? 'aborted';
    this.set({ phase: 'RollingBack', ending, stepVars: {}, reason: 'RollingBack', message: why });
    this.tell('Warning', 'RollingBack', `rolls back: ${why}`);
    return true;
  }

  /** Ends what is under way; the run goes on from there, or ends. */
  endAttempt(phase: 'Aborted' | 'Interrupted', message: string): void {
    const record = this.current;
    if (record?.phase === 'Running' || record?.phase === 'Waiting')
      this.note({ phase, message, finishedAt: this.now });
  }

  interrupt(by: string): void {
    this.endAttempt('Interrupted', `interrupted by ${by}`);
    this.set({ phase: 'Interrupted', reason: 'Interrupted', message: `interrupted by ${by}` });
    this.tell('Normal', 'Interrupted', `interrupted by ${by}`);
  }

  /** Goes on with the step where it was, as another attempt. */
  resume(): void {
    const record = this.current;
    this.drop('finishedAt', 'retryAt');
    this.set({
      phase: this.rollingBack ? 'RollingBack' : 'Running',
      reason: 'Running',
      message: '',
      released: false,
    });
    if (record !== undefined && record.phase !== 'Succeeded' && record.phase !== 'Skipped')
      this.repeat(record);
  }

  /** From the failed step; after a rollback from the first one, for what was done is undone. */
  retry(): void {
    this.set({ retry: Math.max(this.status.retry, this.run.wantedRetry) });
    if (!this.status.steps.some(({ rollback }) => rollback)) {
      this.drop('failed');
      this.tell('Normal', 'RunRetried', 'tried again from the failed step');
      this.resume();
      return;
    }
    const attempts = this.status.steps.map((record) => [stepKey(record), record.attempt] as const);
    this.set({
      steps: [],
      attempts: { ...this.status.attempts, ...Object.fromEntries(attempts) },
      outputs: {},
    });
    this.set({ committed: false });
    this.drop('failed', 'ending');
    this.tell('Normal', 'RunRetried', 'tried again from the first step');
    this.resume();
  }

  /** Another attempt, due now, that is no retry in the sense of `retries`. */
  repeat(record: StepRecord, reason = '', message = ''): void {
    const { finishedAt: _finished, ...rest } = record;
    const waiting: StepRecord = {
      ...rest,
      phase: 'Waiting',
      firstAttempt: record.attempt + 1,
      retryAt: this.now,
      reason,
      message,
    };
    this.set({ steps: [...this.status.steps.slice(0, -1), waiting] });
  }

  end(phase: 'Succeeded' | 'Failed' | 'Aborted', reason: string, message: string): void {
    const kept = phase === 'Failed' && this.keepsVars();
    const finishedAt = Math.max(this.now, this.pass.evidence.actions[this.action.name]?.at ?? 0);
    this.set({ phase, reason, message, finishedAt, released: !kept });
    if (!kept) this.set({ stepVars: {} });
    if (phase === 'Failed' && (this.run.trigger === 'Create' || this.run.trigger === 'Delete')) {
      const failures = this.status.failures + 1;
      this.set({ failures, retryAt: this.now + backoffDelay(RUN_BACKOFF, failures) });
    }
    const word = phase === 'Succeeded' ? 'succeeded' : `${phase.toLowerCase()}: ${message}`;
    this.tell(phase === 'Succeeded' ? 'Normal' : 'Warning', `Run${phase}`, word);
  }

  /** Giving them back would start what they hold down; a rollback that came to its end has put things right. */
  private keepsVars(): boolean {
    const { watch } = this.pass.scope;
    const rolledBack = this.rollingBack && this.current?.phase !== 'Failed';
    const own = { ...this.status.vars, ...this.status.stepVars };
    const parts = this.pass.runs.lineOf(this.run).slice(1);
    return (
      !rolledBack &&
      (shadows(watch, own) || parts.some(({ status }) => status.phase === 'Failed' && !status.released))
    );
  }

  write(): void {
    if (isSame(this.status, this.run.status)) return;
    if (sameJson(statusJson(this.run, this.status), statusJson(this.run, this.run.status))) return;
    this.set({ resourceUID: this.pass.scope.owner.uid });
    this.pass.output.status(this.run, this.status, this.events);
  }
}

/** Told at a glance, for most runs stay as they are; what looks different may still say the same. */
function isSame(a: RunStatus, b: RunStatus): boolean {
  const [ours, theirs] = [Object.entries(a), new Map<string, unknown>(Object.entries(b))];
  return ours.length === theirs.size && ours.every(([name, value]) => Object.is(value, theirs.get(name)));
}
