/**
 * What the engine around the planner does for actions, in a golden case: keeps runs, answers their calls and Jobs as
 * the case says, and asks probes anew when a step waits for it.
 */
import { ACTION_RUN } from '../../kube/kinds.ts';
import { RUN_STEP_LABEL, RUN_UID_LABEL } from '../../kube/labels.ts';
import { apiVersionOf, isObject, type Json, type JsonObject, type KubeObject } from '../../kube/object.ts';
import { asJson, getPath, isJsonObject, isList, text } from '../../kube/value.ts';
import type { ActionInputs, ActionPlan, ProbeNeed, RunWrite } from '../action-contract.ts';
import { stepKey, stepLabel } from '../actions/names.ts';
import { isoTime, type Run } from '../actions/run.ts';
import { resourceOf } from '../actions/step-run.ts';
import type { Effect, EffectOutcome } from '../effect.ts';
import type { Recall } from '../recall.ts';
import { AnswerBook, endOfJob, outcomeOf } from './answers.ts';
import type { RequestedRun } from './model.ts';
import { type CaseObjects, objectOf, treeOf } from './objects.ts';

const WORK_KINDS = ['Job', 'Pod', 'Secret'];

export class CaseActions {
  readonly #objects: CaseObjects;
  readonly #namespace: string;
  readonly #recall: Recall;
  #answers = new AnswerBook();
  #outcomes: Record<string, EffectOutcome> = {};
  #probes: Record<string, Json> = {};
  #probedAt: Record<string, number> = {};
  #requested = 0;
  /** Pods that were deleted since the case last said what probes find: they do not answer any more. */
  readonly #silent = new Set<string>();
  /** By `action/step`: what the last call of this step of the case asked for. */
  calls: Record<string, Effect> = {};

  constructor(objects: CaseObjects, namespace: string, recall: Recall) {
    this.#objects = objects;
    this.#namespace = namespace;
    this.#recall = recall;
  }

  get runs(): readonly Run[] {
    return this.#objects.all
      .filter(({ kind }) => kind === ACTION_RUN.kind)
      .map((object) => this.#recall.run(object));
  }

  inputs(select: ActionInputs['select']): ActionInputs {
    const runs = this.runs;
    const uids = new Set(runs.map(({ uid }) => uid));
    const work = this.#objects.all.filter(
      ({ kind, metadata }) => WORK_KINDS.includes(kind) && uids.has(metadata.labels?.[RUN_UID_LABEL] ?? ''),
    );
    return {
      namespace: this.#namespace,
      runs: { synced: true, objects: runs.map(({ object }) => object) },
      work: { synced: true, objects: work },
      outcomes: this.#outcomes,
      probes: this.#probes,
      probedAt: this.#probedAt,
      select,
    };
  }

  /** A step of the case begins: its answers are what calls come to until the next. */
  begin(answers: AnswerBook): void {
    this.#answers = answers;
    this.calls = {};
  }

  get unusedAnswers(): readonly string[] {
    return this.#answers.unused;
  }

  /** What the application says from now on. */
  setProbes(given: JsonObject, now: number): void {
    if (Object.keys(given).length > 0) this.#silent.clear();
    for (const [name, value] of Object.entries(given)) {
      const answer = isList(value) ? value.map((one) => withTime(asJson(one), now)) : withTime(value, now);
      this.#setProbe(name, answer, now);
    }
  }

  #setProbe(name: string, answer: Json, at: number): void {
    this.#probes = { ...this.#probes, [name]: answer };
    this.#probedAt = { ...this.#probedAt, [name]: at };
  }

  silence(pod: string): void {
    this.#silent.add(pod);
  }

  /** Effects that were under way are lost with their engine. */
  forget(): void {
    this.#outcomes = {};
  }

  request({ action, params, name }: RequestedRun, resource: KubeObject, now: number): void {
    this.#requested += 1;
    const { apiVersion, kind, name: of } = resourceOf(resource);
    this.#create(
      {
        apiVersion: apiVersionOf(ACTION_RUN),
        kind: ACTION_RUN.kind,
        metadata: { name: name ?? `requested-${this.#requested}`, namespace: this.#namespace },
        spec: {
          resource: { apiVersion: apiVersion ?? '', kind: kind ?? '', name: of ?? '' },
          action,
          ...(params === undefined ? {} : { params }),
        },
      },
      now,
    );
  }

  write(write: RunWrite, now: number): void {
    if (write.kind === 'create') {
      this.#create(write.body, now);
      return;
    }
    const live = this.#objects.get(write.ref);
    if (live === undefined) return;
    if (write.kind === 'delete') this.#objects.remove(live);
    else if (write.kind === 'patch') this.#objects.jsonPatch(live, write.patch);
    else if (live.metadata.resourceVersion === write.resourceVersion)
      this.#objects.replaceStatus(live, write.status);
  }

  #create(body: JsonObject, now: number): void {
    const run = objectOf(body);
    const creationTimestamp = isoTime(now).replace(/\.\d+Z$/, 'Z');
    this.#objects.add({ ...run, metadata: { ...run.metadata, creationTimestamp } });
  }

  /** Runs what the plan lists and ends what it does not. True where something came of it. */
  work(plan: ActionPlan | undefined, now: number): boolean {
    const answered = this.#call(plan?.effects ?? [], now);
    const ended = this.#endJobs(now);
    const probed = this.#probe(plan?.probeNeeds ?? [], now);
    return answered || ended || probed;
  }

  #call(effects: readonly Effect[], now: number): boolean {
    const before = this.#outcomes;
    this.#outcomes = {};
    let answered = false;
    for (const effect of effects) {
      const known = before[effect.key];
      if (known !== undefined) this.#outcomes[effect.key] = known;
      if (known !== undefined || effect.kind === 'keep') continue;
      const name = this.#stepOfEffect(effect);
      this.calls[name] = effect;
      const answer = this.#answers.take(name);
      if (answer === undefined) continue;
      this.#outcomes[effect.key] = outcomeOf(effect, answer, now);
      answered = true;
    }
    return answered;
  }

  /** The key of an effect is the run's uid, the step and the attempt. */
  #stepOfEffect({ key }: Effect): string {
    const [uid, ...step] = key.split('/').slice(0, -1);
    const run = this.runs.find((known) => known.uid === uid);
    return [run?.action ?? '', ...step].join('/');
  }

  #endJobs(now: number): boolean {
    let ended = false;
    for (const [name, job] of this.openJobs) {
      const answer = this.#answers.take(name);
      if (answer === undefined) continue;
      const { status, pods } = endOfJob(job, answer, isoTime(now));
      this.#objects.patch(job, { status });
      for (const pod of pods) this.#objects.add(pod);
      ended = true;
    }
    return ended;
  }

  /** Jobs of runs that have not ended, by `action/step`. */
  get openJobs(): readonly (readonly [name: string, job: KubeObject])[] {
    return this.jobs.filter(([, job]) => !hasEnded(job));
  }

  get jobs(): readonly (readonly [name: string, job: KubeObject])[] {
    return this.#objects.all
      .filter(({ kind }) => kind === 'Job')
      .flatMap((job) => {
        const name = this.stepOf(job);
        return name === undefined ? [] : [[name, job] as const];
      });
  }

  /** `action/step` of what a run made; undefined for all else. */
  stepOf({ metadata }: Pick<KubeObject, 'metadata'>): string | undefined {
    const run = this.runs.find(({ uid }) => uid === metadata.labels?.[RUN_UID_LABEL]);
    const label = metadata.labels?.[RUN_STEP_LABEL];
    if (run === undefined || label === undefined) return undefined;
    const record = run.status.steps.find((known) => stepLabel(known) === label);
    return `${run.action}/${record === undefined ? label : stepKey(record)}`;
  }

  /** A step waits for a new round: the application says what it said, as far as it is there. */
  #probe(needs: readonly ProbeNeed[], now: number): boolean {
    const due = needs.filter(
      ({ name, after }) =>
        after !== undefined && name in this.#probes && (this.#probedAt[name] ?? 0) <= after,
    );
    for (const need of due) this.#setProbe(need.name, this.#answerOf(need, now), now);
    return due.length > 0;
  }

  #answerOf({ name, calls }: ProbeNeed, now: number): Json {
    const known = this.#probes[name] ?? null;
    const gone = new Map(
      calls.flatMap(({ key, call }) =>
        typeof call === 'object' && call.kind === 'exec' && this.#silent.has(call.pod)
          ? [[key, call.pod] as const]
          : [],
      ),
    );
    const asked = (result: Json): Json => {
      const pod = isJsonObject(result) ? gone.get(text(result.key)) : undefined;
      if (pod === undefined || !isJsonObject(result)) return result;
      return { ...result, ok: false, error: `there is no pod ${pod}`, at: isoTime(now) };
    };
    return isList(known) ? known.map((result) => asked(asJson(result))) : asked(known);
  }
}

export function hasEnded({ status }: KubeObject): boolean {
  return isList(getPath(status, ['conditions']));
}

function withTime(result: Json, now: number): Json {
  if (!isJsonObject(result)) return result;
  return { ok: !('error' in result), at: isoTime(now), ...result };
}

/** What a case compares with: the run's status, and what started it. */
export function viewOf(run: Run): JsonObject {
  const { spec, status } = treeOf(run.object);
  const { resource: _of, ...asked } = isObject(spec) ? spec : {};
  const shown: JsonObject = isJsonObject(status) ? status : {};
  const record = run.status.steps.at(-1);
  const steps = run.status.steps.map((one) => [stepKey(one), one.phase] as const);
  const message = text(shown.message) ?? record?.message;
  return {
    ...Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, asJson(value)])),
    trigger: run.trigger,
    phase: run.status.phase,
    ...shown,
    ...(message === undefined ? {} : { message }),
    steps: Object.fromEntries(steps),
  };
}
