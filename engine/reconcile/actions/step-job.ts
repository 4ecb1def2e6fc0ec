/**
 * `job` steps: a Job is made once for each attempt and never applied again (its template is immutable). Its outcome is
 * read from the Job and its pods, so that it is known after a crash too.
 */

import { conditionOf } from '../../kube/conditions.ts';
import { computeStatus } from '../../kube/kstatus.ts';
import { RUN_ATTEMPT_LABEL, RUN_STEP_LABEL, RUN_UID_LABEL } from '../../kube/labels.ts';
import {
  describeRef,
  type Json,
  type JsonObject,
  type KubeObject,
  type ObjectRef,
  refKey,
} from '../../kube/object.ts';
import { asJson, getPath, isJsonObject, isList, text, wholeNumber } from '../../kube/value.ts';
import type { Template } from '../../playbook/model.ts';
import { isTerminating } from '../ownership.ts';
import { withMetadata } from '../stamp.ts';
import { parseJson } from './json.ts';
import { attemptMark, stepLabel, workName } from './names.ts';
import { failed, going, type Progress, type StepAt, WORK_RANK } from './pass.ts';
import { renderingProblem } from './render.ts';
import { type Run, runReference, type StepRecord } from './run.ts';

/** The labels by which everything that an attempt makes is found. */
export function workLabels(run: Pick<Run, 'uid'>, record: StepRecord): Readonly<Record<string, string>> {
  return {
    [RUN_UID_LABEL]: run.uid,
    [RUN_STEP_LABEL]: stepLabel(record),
    [RUN_ATTEMPT_LABEL]: attemptMark(record),
  };
}

export function jobProgress(at: StepAt, template: Template): Progress {
  const { record } = at;
  const ref = jobRef(at);
  const job = at.pass.scope.snapshot.actions.work.objects.find(
    ({ kind, metadata }) => kind === 'Job' && metadata.name === ref.name,
  );
  if (job === undefined) {
    if (record.job !== undefined)
      return failed('JobVanished', `${describeRef(ref)} was deleted by someone else`);
    return createJob(at, ref, template);
  }
  if (isTerminating(job))
    return failed('JobVanished', `${describeRef(ref)} is being deleted by someone else`);
  const seen = record.job === job.metadata.uid ? undefined : { job: job.metadata.uid ?? '' };
  return judgeJob(at, job, seen);
}

function jobRef({ pass, run, record }: StepAt): ObjectRef {
  const { namespace } = pass.scope.snapshot.actions;
  return { group: 'batch', version: 'v1', kind: 'Job', namespace, name: workName(run, record) };
}

function createJob(at: StepAt, ref: ObjectRef, template: Template): Progress {
  const { scope, output } = at.pass;
  const refusal = scope.snapshot.memory.refusals[refKey(ref)];
  output.remember.add(refKey(ref));
  if (refusal !== undefined && refusal.kind !== 'foreign')
    return failed('JobRefused', `${describeRef(ref)}: ${refusal.message}`);
  const rendering = template.render(scope.context(at.local));
  if (rendering.kind === 'missing') return going(renderingProblem(rendering).message);
  if (rendering.kind === 'error') return failed('TemplateError', renderingProblem(rendering).message);
  const [document] = rendering.documents;
  if (document === undefined) return failed('TemplateError', `${template.file} yields no Job`);
  output.changes.push({
    kind: 'create',
    ref,
    rank: WORK_RANK,
    basis: '',
    why: `step ${at.record.name} of ${at.run.name} runs`,
    body: jobBody(at, ref, document.tree),
    hash: '',
  });
  return going(`${describeRef(ref)} is being created`);
}

function jobBody({ run, record }: StepAt, ref: ObjectRef, tree: JsonObject): JsonObject {
  const labels = workLabels(run, record);
  const spec = objectAt(tree, 'spec');
  const named = withMetadata(tree, {
    name: ref.name,
    namespace: ref.namespace ?? '',
    labels: { ...objectAt(tree.metadata, 'labels'), ...labels },
    ownerReferences: [asJson(runReference(run))],
  });
  return { ...named, spec: { backoffLimit: 0, ...spec, template: podTemplate(spec, labels) } };
}

/** Where a container fails without a termination message, the last lines of its log take its place. */
function podTemplate(spec: JsonObject, labels: Readonly<Record<string, string>>): JsonObject {
  const template = objectAt(spec, 'template');
  const metadata = objectAt(template, 'metadata');
  const pod = objectAt(template, 'spec');
  const talking = (list: Json | undefined): Json =>
    asJson(
      isList(list)
        ? list.map((container) => ({
            terminationMessagePolicy: 'FallbackToLogsOnError',
            ...objectOf(container),
          }))
        : [],
    );
  return {
    ...template,
    metadata: { ...metadata, labels: { ...objectAt(metadata, 'labels'), ...labels } },
    spec: {
      restartPolicy: 'Never',
      ...pod,
      containers: talking(pod.containers),
      ...(pod.initContainers === undefined ? {} : { initContainers: talking(pod.initContainers) }),
    },
  };
}

function objectAt(value: unknown, name: string): JsonObject {
  return objectOf(getPath(value, [name]));
}

function objectOf(value: unknown): JsonObject {
  const json = asJson(value ?? {});
  return isJsonObject(json) ? json : {};
}

function judgeJob(at: StepAt, job: KubeObject, seen: Partial<StepRecord> | undefined): Progress {
  const pods = podsOf(at);
  const { message } = computeStatus(job, { now: at.pass.scope.snapshot.now });
  if (conditionOf(job, 'Complete')?.status === 'True') return { kind: 'done', result: resultOf(pods) };
  if (conditionOf(job, 'Failed')?.status === 'True') {
    // A pod that was to tell a secret may have told it before it failed.
    const words = lastWords(pods, { quoted: at.step.secretOutputs.length === 0 });
    return failed('JobFailed', words === '' ? message : `${message}: ${words}`);
  }
  const trouble = pods.flatMap((pod) => waitingReason(pod) ?? [])[0];
  const goesOn = going(`${describeRef(jobRef(at))} ${message}`, seen);
  return trouble === undefined ? goesOn : { ...goesOn, trouble };
}

function podsOf({ pass, run, record }: StepAt): readonly KubeObject[] {
  const wanted = Object.entries(workLabels(run, record));
  return pass.scope.snapshot.actions.work.objects.filter(
    ({ kind, metadata }) =>
      kind === 'Pod' && wanted.every(([name, value]) => metadata.labels?.[name] === value),
  );
}

interface Terminated {
  readonly exit: number;
  readonly message: string;
}

function terminatedOf(pod: KubeObject): readonly Terminated[] {
  return ['initContainerStatuses', 'containerStatuses'].flatMap((list) => {
    const statuses = getPath(pod.status, [list]);
    if (!isList(statuses)) return [];
    return statuses.flatMap((status): readonly Terminated[] => {
      const state = getPath(status, ['state', 'terminated']) ?? getPath(status, ['lastState', 'terminated']);
      const exit = wholeNumber(getPath(state, ['exitCode']));
      return exit === undefined ? [] : [{ exit, message: text(getPath(state, ['message'])) ?? '' }];
    });
  });
}

/** What the last container to speak said. */
function resultOf(pods: readonly KubeObject[]): JsonObject {
  const ends = pods.flatMap(terminatedOf);
  const message = ends.findLast((end) => end.exit === 0 && end.message !== '')?.message ?? '';
  const json = parseJson(message);
  return { exit: 0, message, ...(json === undefined ? {} : { json }) };
}

/** What a failed pod said last goes into the run. */
const LONGEST_WORDS = 2048;

function lastWords(pods: readonly KubeObject[], { quoted }: { readonly quoted: boolean }): string {
  const ends = pods.flatMap(terminatedOf).filter(({ exit }) => exit !== 0);
  const end = ends.findLast(({ message }) => message !== '') ?? ends.at(-1);
  if (end === undefined) return '';
  const said = quoted ? end.message.trim().slice(-LONGEST_WORDS) : '';
  return `exit ${end.exit}${said === '' ? '' : `, ${said}`}`;
}

/** No node that takes it, an image that can't be pulled and the like: the Job itself says nothing of it. */
function waitingReason(pod: KubeObject): string | undefined {
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (scheduled?.status === 'False')
    return `${scheduled.reason ?? 'Unscheduled'}: ${scheduled.message ?? ''}`;
  for (const list of ['initContainerStatuses', 'containerStatuses']) {
    const statuses = getPath(pod.status, [list]);
    for (const status of isList(statuses) ? statuses : []) {
      const reason = text(getPath(status, ['state', 'waiting', 'reason']));
      if (reason === undefined || reason === 'ContainerCreating' || reason === 'PodInitializing') continue;
      const message = text(getPath(status, ['state', 'waiting', 'message']));
      return message === undefined ? reason : `${reason}: ${message}`;
    }
  }
  return undefined;
}
