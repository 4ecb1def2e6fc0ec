/**
 * Outputs of a step: evaluated once, when it ends, then frozen. What is marked secret goes to a Secret owned by the run
 * before the run says a word of it, and the run's status holds a mark alone.
 */
import { base64Encode } from '../../base/base64.ts';
import { canonicalJson } from '../../kube/canonical.ts';
import { RUN_UID_LABEL } from '../../kube/labels.ts';
import type { Json, JsonObject, ObjectRef } from '../../kube/object.ts';
import { refKey } from '../../kube/object.ts';
import { asJson, isJsonObject } from '../../kube/value.ts';
import { evaluateNamed, secretMark } from './context.ts';
import { staleProbes } from './fresh.ts';
import { attemptMark, hashedName, stepKey } from './names.ts';
import { failed, going, type Progress, type StepAt, WORK_RANK } from './pass.ts';
import { runReference } from './run.ts';
import { workLabels } from './step-job.ts';

const LARGEST_STEP_BYTES = 4 * 1024;
const LARGEST_RUN_BYTES = 64 * 1024;

/** `done` with the outputs as the run's status holds them. */
export async function outputsOf(at: StepAt, result: JsonObject): Promise<Progress> {
  const { step, record, pass } = at;
  const references = step.outputs.flatMap(({ expression }) => expression.references);
  const stale = staleProbes(pass, references, record.startedAt);
  if (stale.length > 0) return going(`waits for a new round of ${stale.join(', ')}`);
  const given = await evaluateNamed(pass.scope, step.outputs, { ...at.local, result });
  if (given.kind === 'blocked') {
    const { kind, message } = given.blocker;
    return kind === 'pending' ? going(message) : failed('OutputFailed', message);
  }
  const inherited = step.kind === 'run' && step.outputs.length === 0 ? objectOf(result.outputs) : {};
  const values = { ...inherited, ...given.values };
  const hidden = step.secretOutputs.filter((name) => Object.hasOwn(values, name));
  return hidden.length === 0 ? bounded(at, values) : hide(at, values, hidden);
}

function objectOf(value: Json | undefined): JsonObject {
  return value !== undefined && isJsonObject(value) ? value : {};
}

function bounded({ run, record }: StepAt, outputs: JsonObject): Progress {
  const size = bytesOf({ outputs, collected: record.collected ?? [] });
  if (size > LARGEST_STEP_BYTES)
    return tooLarge(`the outputs of step ${record.name} take ${size} bytes`, '4 KiB');
  const all = bytesOf({ ...run.status.outputs, [record.name]: outputs });
  if (all > LARGEST_RUN_BYTES) return tooLarge(`the outputs of the run take ${all} bytes`, '64 KiB');
  return { kind: 'done', result: outputs };
}

function bytesOf(value: Json): number {
  return new TextEncoder().encode(canonicalJson(value)).length;
}

function tooLarge(what: string, most: string): Progress {
  return failed('OutputTooLarge', `${what}, and may take ${most}`);
}

function hide(at: StepAt, values: JsonObject, hidden: readonly string[]): Progress {
  const { run, record } = at;
  const { actions, memory } = at.pass.scope.snapshot;
  const name = hashedName(
    [run.action, record.name, 'outputs'],
    [run.uid, stepKey(record), attemptMark(record)],
  );
  const ref: ObjectRef = { group: '', version: 'v1', kind: 'Secret', namespace: actions.namespace, name };
  const stored = actions.work.objects.some(
    ({ kind, metadata }) => kind === 'Secret' && metadata.name === name,
  );
  if (stored) {
    const marks = hidden.map((output) => [output, secretMark(name, output)] as const);
    return bounded(at, { ...values, ...Object.fromEntries(marks) });
  }
  const refusal = memory.refusals[refKey(ref)];
  at.pass.output.remember.add(refKey(ref));
  if (refusal !== undefined && refusal.kind !== 'foreign') return failed('SecretRefused', refusal.message);
  at.pass.output.changes.push({
    kind: 'create',
    ref,
    rank: WORK_RANK,
    basis: '',
    why: `keeps the secret outputs of step ${record.name}`,
    body: secretBody(at, ref, Object.fromEntries(hidden.map((key) => [key, values[key] ?? null]))),
    hash: '',
  });
  return going('its secret outputs are being kept');
}

function secretBody({ run, record }: StepAt, ref: ObjectRef, values: JsonObject): JsonObject {
  const data = Object.entries(values).map(
    ([key, value]) => [key, base64Encode(canonicalJson(value))] as const,
  );
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: ref.name,
      namespace: ref.namespace ?? '',
      labels: { ...workLabels(run, record), [RUN_UID_LABEL]: run.uid },
      ownerReferences: [asJson(runReference(run))],
    },
    immutable: true,
    data: Object.fromEntries(data),
  };
}
