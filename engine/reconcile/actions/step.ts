/** What one attempt of a step has come to, by its kind. */
import { sameJson } from '../../kube/canonical.ts';
import { asJson, getPath } from '../../kube/value.ts';
import type { Step } from '../../playbook/action-model.ts';
import { asBoolean, evaluate } from '../evaluate.ts';
import { staleProbes } from './fresh.ts';
import { failed, going, type Progress, type StepAt } from './pass.ts';
import { callProgress } from './step-call.ts';
import { jobProgress } from './step-job.ts';
import { applyProgress, deleteProgress } from './step-objects.ts';
import { runProgress } from './step-run.ts';

export async function stepProgress(at: StepAt): Promise<Progress> {
  const { step } = at;
  switch (step.kind) {
    case 'job':
      return jobProgress(at, step.template);
    case 'exec':
    case 'http':
      return callProgress(at, step);
    case 'wait':
      return waitProgress(at, step);
    case 'set':
      return setProgress(at);
    case 'delete':
      return deleteProgress(at, step.target);
    case 'run':
      return runProgress(at, step);
    case 'apply':
      return applyProgress(at, step.template);
    case 'commit':
      return { kind: 'done', result: {} };
  }
}

/** Judged only when what the manifests say now is in the cluster: else it would pass on the state before. */
async function waitProgress(
  { pass, record, local }: StepAt,
  { until }: Extract<Step, { kind: 'wait' }>,
): Promise<Progress> {
  const stale = staleProbes(pass, until.references, record.attemptAt ?? record.startedAt);
  if (pass.unsettled !== undefined) return going(pass.unsettled);
  if (stale.length > 0) return going(`waits for a new round of ${stale.join(', ')}`);
  const verdict = asBoolean(await evaluate(pass.scope, until, local), until);
  if (verdict.kind === 'blocked') {
    const { kind, reason, message } = verdict.blocker;
    return kind === 'pending' ? going(message) : failed(reason, message);
  }
  if (verdict.kind === 'missing') return going(`waits for ${until.source} (${verdict.path} is missing)`);
  return verdict.value ? { kind: 'done', result: {} } : going(`waits for ${until.source}`);
}

/** The frozen values are done when the stored status has them. */
function setProgress({ pass, record }: StepAt): Progress {
  const { resource } = pass.scope.snapshot;
  const values = Object.entries(record.values ?? {});
  const different = values.filter(([name, value]) => {
    const stored = getPath(resource.status, [name]);
    return stored === undefined || !sameJson(asJson(stored), value);
  });
  if (different.length === 0) return { kind: 'done', result: {} };
  for (const [name, value] of different) pass.output.fields[name] = value;
  return going(`sets ${different.map(([name]) => `status.${name}`).join(', ')}`);
}
