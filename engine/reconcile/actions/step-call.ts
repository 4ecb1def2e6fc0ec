/** `exec` and `http` steps: calls that run beside the worker; what came of them is read from the snapshot. */
import type { Json, JsonObject } from '../../kube/object.ts';
import type { HttpCall, Step } from '../../playbook/action-model.ts';
import type { EffectOutcome } from '../effect.ts';
import { unknownOf } from '../evaluate.ts';
import { parseJson } from './json.ts';
import { effectKey } from './names.ts';
import { failed, going, type Progress, type StepAt } from './pass.ts';
import { renderCall } from './render.ts';

export const CALL_TIMEOUT_SECONDS = { exec: 600, http: 60 } as const;

type CallStep = Extract<Step, { kind: 'exec' | 'http' }>;

export function callProgress(at: StepAt, step: CallStep): Progress {
  const { scope, output } = at.pass;
  const { namespace, outcomes } = scope.snapshot.actions;
  const key = effectKey(at.run, at.record);
  const timeoutMs = 1000 * (step.timeoutSeconds ?? CALL_TIMEOUT_SECONDS[step.kind]);
  const outcome = outcomes[key];
  if (outcome !== undefined) {
    output.effects.push({ key, timeoutMs, kind: 'keep' });
    return judgeOutcome(step, outcome);
  }
  const unknown = unknownOf(scope, { references: referencesOf(step) });
  const call = renderCall(step, scope.context(at.local), namespace);
  if (unknown !== undefined || call.kind === 'missing') {
    output.effects.push({ key, timeoutMs, kind: 'keep' });
    return going(unknown?.message ?? (call.kind === 'missing' ? call.message : ''));
  }
  if (call.kind === 'error') return failed('TemplateError', call.message);
  if (
    call.value.kind === 'exec' &&
    call.value.namespace !== namespace &&
    !scope.snapshot.allowances.otherNamespaces
  )
    return failed('NamespaceNotAllowed', `a command in namespace ${call.value.namespace} is not allowed`);
  output.effects.push({ key, timeoutMs, ...call.value });
  return going(
    call.value.kind === 'exec' ? `runs in pod ${call.value.pod}` : `${call.value.method} is under way`,
  );
}

function referencesOf(step: CallStep): ReturnType<typeof partsOf>[number]['references'] {
  return partsOf(step).flatMap(({ references }) => references);
}

function partsOf(step: CallStep) {
  const parts =
    step.kind === 'exec'
      ? [step.pod, step.namespace, step.container, step.stdin, ...step.command]
      : [step.url, step.body, step.ca, ...Object.values(step.headers)];
  return parts.filter((part) => part !== undefined);
}

function judgeOutcome(step: CallStep, outcome: EffectOutcome): Progress {
  switch (outcome.kind) {
    case 'failed':
      return failed(outcome.reason, outcome.message);
    case 'exec': {
      const { exitCode, stdout, stderr } = outcome;
      if (exitCode !== 0) {
        const words = quotable(step, stderr) || quotable(step, stdout);
        return failed('CommandFailed', `the command ended with ${exitCode}${words}`);
      }
      return { kind: 'done', result: { exit: exitCode, stdout, stderr, ...jsonOf(stdout) } };
    }
    case 'http': {
      const { status, headers, body } = outcome;
      if (step.kind === 'http' && !isExpected(step, status))
        return failed('UnexpectedStatus', `the answer has status ${status}${quotable(step, body)}`);
      return { kind: 'done', result: { status, headers, body, ...jsonOf(body) } };
    }
  }
}

function isExpected({ expectStatus }: HttpCall, status: number): boolean {
  return expectStatus === undefined ? status >= 200 && status < 300 : expectStatus.includes(status);
}

function jsonOf(source: string): { readonly json?: Json } & JsonObject {
  const json = parseJson(source);
  return json === undefined ? {} : { json };
}

const SHOWN = 1024;

/** The last words of an answer, behind a colon; none of a step whose answer may hold what it is to keep secret. */
function quotable({ secretOutputs }: Step, words: string): string {
  const last = words.trim().slice(-SHOWN);
  return secretOutputs.length > 0 || last === '' ? '' : `: ${last}`;
}
