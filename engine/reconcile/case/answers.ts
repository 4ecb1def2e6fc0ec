/**
 * What steps of actions come to in a golden case: one answer for a Job, a command or a request, in the words that a
 * playbook reads in `result`. A call without an answer goes on.
 */
import { canonicalJson } from '../../kube/canonical.ts';
import type { Json, JsonObject, KubeObject } from '../../kube/object.ts';
import { refOf } from '../../kube/object.ts';
import type { Effect, EffectOutcome } from '../effect.ts';

export interface Answer {
  /** What a command or a Job's container ended with; default 0. */
  readonly exit?: number;
  /** What it said: stdout, the answer's body, the termination message. */
  readonly text?: string;
  /** The same, as JSON. */
  readonly json?: Json;
  readonly stderr?: string;
  /** Of an answer by HTTP; default 200. */
  readonly status?: number;
  readonly headers?: JsonObject;
  /** Why there is no answer at all: `TimedOut`, `PodNotFound`, for a Job `DeadlineExceeded`… */
  readonly failed?: string;
  readonly message?: string;
}

export type Answers = Readonly<Record<string, Answer | readonly Answer[]>>;

/** Hands out each answer once; a single one serves every call of its step. */
export class AnswerBook {
  readonly #left = new Map<string, Answer | Answer[]>();
  readonly #used = new Set<string>();

  constructor(answers: Answers = {}) {
    for (const [name, given] of Object.entries(answers))
      this.#left.set(name, isAnswers(given) ? [...given] : given);
  }

  take(name: string): Answer | undefined {
    const given = this.#left.get(name);
    if (given === undefined) return undefined;
    this.#used.add(name);
    return Array.isArray(given) ? given.shift() : given;
  }

  /** What nobody asked for. */
  get unused(): readonly string[] {
    return [...this.#left].flatMap(([name, given]) => {
      if (Array.isArray(given) && given.length > 0) return [name];
      return this.#used.has(name) ? [] : [name];
    });
  }
}

function isAnswers(given: Answer | readonly Answer[]): given is readonly Answer[] {
  return Array.isArray(given);
}

function saidIn({ text, json }: Answer): string {
  return text ?? (json === undefined ? '' : canonicalJson(json));
}

export function outcomeOf({ kind }: Effect, answer: Answer, now: number): EffectOutcome {
  const { exit = 0, stderr = '', status = 200, headers = {}, failed, message = '' } = answer;
  if (failed !== undefined) return { kind: 'failed', reason: failed, message, finishedAt: now };
  const common = { truncated: false, finishedAt: now };
  return kind === 'http'
    ? { kind: 'http', status, headers, body: saidIn(answer), ...common }
    : { kind: 'exec', exitCode: exit, stdout: saidIn(answer), stderr, ...common };
}

/** The Job's status and the pod that its controller made for it. */
export function endOfJob(
  job: KubeObject,
  answer: Answer,
  at: string,
): { readonly status: JsonObject; readonly pods: readonly KubeObject[] } {
  const { exit = 0, failed, message = '' } = answer;
  const ended = { lastTransitionTime: at, status: 'True' };
  if (failed !== undefined) {
    const condition = { ...ended, type: 'Failed', reason: failed, message };
    return { status: { failed: 1, conditions: [condition] }, pods: [] };
  }
  const pods = [podOf(job, exit, saidIn(answer))];
  if (exit === 0) {
    const condition = { ...ended, type: 'Complete', reason: 'CompletionsReached', message: '' };
    return { status: { succeeded: 1, conditions: [condition] }, pods };
  }
  const why = { reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
  return { status: { failed: 1, conditions: [{ ...ended, type: 'Failed', ...why }] }, pods };
}

function podOf(job: KubeObject, exitCode: number, message: string): KubeObject {
  const { apiVersion, kind, metadata } = job;
  const { name, uid = '', namespace, labels = {} } = metadata;
  const owner = { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
  const place = namespace === undefined ? {} : { namespace };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${refOf(job).name}-pod`, ...place, labels, ownerReferences: [owner] },
    status: {
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      containerStatuses: [{ state: { terminated: { exitCode, message } } }],
    },
  };
}
