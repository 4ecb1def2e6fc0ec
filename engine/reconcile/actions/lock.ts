/**
 * One run of a resource at a time: which one goes on, which begins, which is interrupted. File order is priority; final
 * actions come before all else.
 */
import type { Action } from '../../playbook/action-model.ts';
import { claim, createRun, refusalOf, refuse, say, startRun, waitsFor } from './admit.ts';
import { advance } from './advance.ts';
import { Draft } from './draft.ts';
import { changedStep } from './halt.ts';
import type { ActionPass } from './pass.ts';
import { recordEnded } from './record.ts';
import { isActive, isEnded, type Run } from './run.ts';
import { clearStale } from './stale.ts';
import { dueStart, type Start } from './triggers.ts';

export async function workRuns(pass: ActionPass): Promise<void> {
  const recorded = recordEnded(pass);
  const starts = new Map<string, Start>();
  for (const action of pass.scope.watch.actions) {
    const start = await dueStart(pass, action);
    if (start !== undefined) starts.set(action.name, start);
  }
  const stale = clearStale(pass);
  const waiting = pass.runs.roots.filter((run) => run.status.phase === 'Pending' && !judged(pass, run));
  if (pass.deleting && abortOthers(pass)) return;
  const holder = pass.runs.holder;
  if (holder !== undefined) await workHolder(pass, holder, { waiting, starts });
  else if (stale !== undefined || recorded) tellAll(pass, waiting, stale ?? 'waits for the run before it');
  else await beginOne(pass, waiting, starts);
  for (const run of pass.runs.all) if (run.parent !== undefined) await workPart(pass, run);
}

interface Candidates {
  readonly waiting: readonly Run[];
  readonly starts: ReadonlyMap<string, Start>;
}

/** True where a run that has not begun is written to for its own sake. */
function judged(pass: ActionPass, run: Run): boolean {
  const refusal = refusalOf(pass, run);
  if (refusal === undefined) return claim(pass, run);
  refuse(pass, run, refusal);
  return true;
}

function actionOf({ scope }: ActionPass, run: Run): Action | undefined {
  return scope.watch.actions.find(({ name }) => name === run.action);
}

/** An action that the playbook no longer has: its run can be ended, nothing else. */
function knownAction(pass: ActionPass, run: Run): Action {
  return actionOf(pass, run) ?? unknownAction(run);
}

function unknownAction({ action, object }: Run): Action {
  return {
    name: action,
    place: { file: object.metadata.name, line: 1, column: 1 },
    on: { create: false, delete: false, request: false, forSeconds: 0, jitterSeconds: 0 },
    vars: [],
    steps: [],
    rollback: [],
    after: [],
    interrupts: [],
    history: 1,
  };
}

/** Deletion ends every run but the final ones; nothing is rolled back on what is about to go. */
function abortOthers(pass: ActionPass): boolean {
  const others = pass.runs.roots.filter((run) => run.trigger !== 'Delete' && (!isEnded(run) || holdsOn(run)));
  for (const run of others) {
    if (run.status.phase === 'Pending') continue;
    const draft = new Draft(pass, run, { ...knownAction(pass, run), rollback: [] });
    draft.drop('ending');
    draft.abort('ResourceDeleted', 'the resource is being deleted');
    draft.write();
  }
  return others.length > 0;
}

function holdsOn({ status }: Run): boolean {
  return status.phase === 'Failed' && !status.released;
}

async function workHolder(pass: ActionPass, holder: Run, { waiting, starts }: Candidates): Promise<void> {
  const by = interrupter(pass, holder, { waiting, starts });
  const draft = new Draft(pass, holder, knownAction(pass, holder));
  if (by !== undefined) draft.interrupt(by);
  else if (holder.status.phase === 'Failed') workFailed(draft, waiting);
  else await workActive(draft);
  draft.write();
  tellAll(pass, waiting, `waits for ${holder.action} ${holder.name}`);
}

/** The action that may break in now. */
function interrupter(pass: ActionPass, holder: Run, { waiting, starts }: Candidates): string | undefined {
  if (!isActive(holder) || pass.deleting) return undefined;
  const found = pass.scope.watch.actions.find(
    (action) =>
      action.interrupts.includes(holder.action) &&
      (starts.has(action.name) || waiting.some((run) => run.action === action.name)) &&
      waitsFor(pass, action) === undefined,
  );
  return found?.name;
}

/** It keeps its vars until someone says how to go on. */
function workFailed(draft: Draft, waiting: readonly Run[]): void {
  const { run, now } = draft;
  const newer = waiting.find(({ createdAt }) => 1000 + createdAt > (run.status.finishedAt ?? 0));
  if (run.abort) {
    draft.set({ phase: 'Aborted', released: true, stepVars: {}, finishedAt: now, reason: 'Aborted' });
    draft.tell('Normal', 'RunAborted', 'aborted; its vars are given back');
  } else if (isRetried(draft)) {
    draft.retry();
  } else if (newer !== undefined) {
    draft.set({ released: true, stepVars: {} });
    draft.tell('Normal', 'RunReleased', `gives its vars back for ${newer.action} ${newer.name}`);
  } else {
    draft.pass.output.wake(run.status.retryAt);
  }
}

function isRetried({ run, now }: Draft): boolean {
  const { retry, retryAt } = run.status;
  return run.wantedRetry > retry || (retryAt !== undefined && retryAt <= now);
}

async function workActive(draft: Draft): Promise<void> {
  if (draft.run.abort && !draft.rollingBack) draft.abort('Aborted', 'aborted');
  const changed = changedStep(draft);
  if (changed !== undefined && !isEnded(draft)) return halt(draft, changed);
  if (draft.status.phase === 'Halted') draft.resume();
  await advance(draft);
}

/** The playbook has another idea of what was done already: a person decides. */
function halt(draft: Draft, why: string): void {
  if (draft.run.wantedRetry > draft.status.retry) {
    const steps = draft.status.steps.map((record) => {
      const list = record.rollback ? draft.action.rollback : draft.action.steps;
      const digest = list.find(({ name }) => name === record.name)?.digest ?? record.digest;
      return { ...record, digest };
    });
    draft.set({ steps, retry: draft.run.wantedRetry });
    if (changedStep(draft) === undefined) {
      draft.resume();
      return;
    }
  }
  const message = `${why}; raise spec.retry to go on with the steps as they are now, or set spec.abort`;
  if (draft.status.phase !== 'Halted') draft.tell('Warning', 'PlaybookChanged', message);
  draft.set({ phase: 'Halted', reason: 'PlaybookChanged', message });
}

function tellAll(pass: ActionPass, waiting: readonly Run[], message: string): void {
  for (const run of waiting) {
    if (run.abort) abortWaiting(pass, run);
    else say(pass, run, 'Waiting', message);
  }
}

function abortWaiting(pass: ActionPass, run: Run): void {
  const draft = new Draft(pass, run, knownAction(pass, run));
  draft.end('Aborted', 'Aborted', 'aborted before it began');
  draft.write();
}

/** The lock is free: the first in file order that may begin; an interrupted run goes on before all but interrupters. */
async function beginOne(
  pass: ActionPass,
  waiting: readonly Run[],
  starts: Candidates['starts'],
): Promise<void> {
  const { interrupted } = pass.runs;
  const messages = new Map<string, string>();
  for (const action of pass.scope.watch.actions) {
    if (!interrupted.every((run) => action.interrupts.includes(run.action))) continue;
    const chosen = await beginOf(pass, action, { waiting, starts });
    if (chosen === true)
      return tellAll(
        pass,
        waiting.filter((run) => run.action !== action.name),
        `waits for ${action.name}`,
      );
    if (chosen !== undefined) messages.set(action.name, chosen);
  }
  for (const run of waiting) say(pass, run, 'Waiting', messages.get(run.action) ?? 'waits for its turn');
  const last = interrupted.at(-1);
  if (last === undefined) return;
  const draft = new Draft(pass, last, knownAction(pass, last));
  draft.resume();
  draft.tell('Normal', 'RunResumed', 'goes on');
  await workActive(draft);
  draft.write();
}

/** True: something of this action begins. A text: it waits for something else. */
async function beginOf(
  pass: ActionPass,
  action: Action,
  { waiting, starts }: Candidates,
): Promise<true | string | undefined> {
  const again = pass.runs.roots.find((run) => run.action === action.name && mayTryAgain(pass, run));
  const pending = waiting.find((run) => run.action === action.name);
  const start = starts.get(action.name);
  if (again === undefined && pending === undefined && start === undefined) return undefined;
  if (pending?.abort === true) {
    abortWaiting(pass, pending);
    return true;
  }
  const first = waitsFor(pass, action);
  if (first !== undefined) return first;
  if (again !== undefined) await tryAgain(new Draft(pass, again, action));
  else if (pending !== undefined) await startRun(pass, pending, action);
  else if (start !== undefined) createRun(pass, start);
  return true;
}

function mayTryAgain({ scope, output, deleting }: ActionPass, run: Run): boolean {
  const { phase, retry, retryAt } = run.status;
  if (phase !== 'Failed' || run.abort || (deleting && run.trigger !== 'Delete')) return false;
  if (retryAt !== undefined && retryAt > scope.snapshot.now) output.wake(retryAt);
  return run.wantedRetry > retry || (retryAt !== undefined && retryAt <= scope.snapshot.now);
}

async function tryAgain(draft: Draft): Promise<void> {
  draft.retry();
  await advance(draft);
  draft.write();
}

/** A run inside another: it needs no lock, and ends when the attempt that began it is over. */
async function workPart(pass: ActionPass, run: Run): Promise<void> {
  const { phase } = run.status;
  if (isEnded(run) || phase === 'Interrupted') return;
  const action = knownAction(pass, run);
  const forsaken = pass.runs.isForsaken(run);
  const draft = new Draft(pass, run, forsaken && pass.deleting ? { ...action, rollback: [] } : action);
  if (forsaken && !draft.rollingBack) {
    // What it began itself ends before its rollback begins, and that is seen with the next plan.
    draft.abort('Aborted', 'the step that began it is over');
  } else if (phase === 'Pending') {
    const refusal = refusalOf({ ...pass, deleting: false }, run);
    if (refusal !== undefined) return refuse(pass, run, refusal);
    return startRun(pass, run, draft.action);
  } else {
    await workActive(draft);
  }
  draft.write();
}
