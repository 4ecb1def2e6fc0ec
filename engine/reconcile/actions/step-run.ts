/** `run` steps: another action as a part of this one. It shares the lock, inherits the vars and gives back its outputs. */
import { ACTION_RUN } from '../../kube/kinds.ts';
import { ACTION_LABEL } from '../../kube/labels.ts';
import { apiVersionOf, type Json, type JsonObject } from '../../kube/object.ts';
import { asJson, isJsonObject } from '../../kube/value.ts';
import type { Step } from '../../playbook/action-model.ts';
import { childRunName, stepKey } from './names.ts';
import { failed, going, type Progress, type StepAt } from './pass.ts';
import { renderValue } from './render.ts';
import { isEnded, runReference } from './run.ts';

type RunStep = Extract<Step, { kind: 'run' }>;

export function runProgress(at: StepAt, step: RunStep): Progress {
  const { pass, run, record } = at;
  const child = pass.runs.childOf(run, record);
  if (child === undefined) return begin(at, step);
  const { phase, reason, message, outputs } = child.status;
  if (!isEnded(child)) return going(`${child.action} ${child.name}: ${message || phase}`);
  if (phase === 'Succeeded') return { kind: 'done', result: { outputs } };
  return failed(reason || `Run${phase}`, `${child.action} ${child.name}: ${message}`);
}

function begin(at: StepAt, step: RunStep): Progress {
  const params =
    step.params === undefined ? undefined : renderValue(step.params, at.pass.scope.context(at.local));
  if (params?.kind === 'missing') return going(params.message);
  if (params?.kind === 'error') return failed('TemplateError', params.message);
  const name = childRunName(at.run, at.record, step.action);
  at.pass.output.runs.push({ kind: 'create', body: childBody(at, step, name, params?.value), events: [] });
  return going(`${step.action} ${name} is being created`);
}

function childBody(
  { pass, run, record }: StepAt,
  step: RunStep,
  name: string,
  params: Json | undefined,
): JsonObject {
  const { actions } = pass.scope.snapshot;
  const item = record.item === undefined ? {} : { item: record.item };
  return {
    apiVersion: apiVersionOf(ACTION_RUN),
    kind: ACTION_RUN.kind,
    metadata: {
      name,
      namespace: actions.namespace,
      labels: { [ACTION_LABEL]: step.action },
      ownerReferences: [asJson(runReference(run))],
    },
    spec: {
      resource: resourceOf(pass.scope.snapshot.resource),
      action: step.action,
      trigger: 'Step',
      parent: { name: run.name, uid: run.uid, step: stepKey(record), attempt: record.attempt, ...item },
      ...(params !== undefined && isJsonObject(params) ? { params } : {}),
    },
  };
}

/** How a run names its resource. */
export function resourceOf({
  apiVersion,
  kind,
  metadata,
}: {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly uid?: string };
}): JsonObject {
  const { name, uid } = metadata;
  return { apiVersion, kind, name, ...(uid === undefined ? {} : { uid }) };
}
