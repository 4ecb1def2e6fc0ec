/**
 * Whether a roll-out goes on, stops or waits: from what the passes over the sample have found, and the time. Pure.
 */
import { conditionOf } from '../kube/conditions.ts';
import { describeRef, type KubeObject, refOf } from '../kube/object.ts';
import type { RolloutPolicy, Watch } from '../playbook/model.ts';
import type { Plan } from '../reconcile/model.ts';

/** What a pass with the new version has found a resource to be. */
export interface Verdict {
  readonly kind: 'ready' | 'waiting' | 'failed';
  readonly message: string;
}

/**
 * Of a pass whose writes all succeeded. Undefined where it had something to write: what it found was not yet of the new
 * version, and another pass follows.
 */
export function verdictOf(
  watch: Pick<Watch, 'ownsStatus'>,
  resource: KubeObject,
  plan: Plan,
): Verdict | undefined {
  const { outcome, changes, status, finalizer } = plan;
  if (outcome.kind === 'terminal')
    return { kind: 'failed', message: `${outcome.reason}: ${outcome.message}` };
  if (changes.length > 0 || status !== undefined || finalizer !== 'keep') return undefined;
  const failed = watch.ownsStatus ? conditionOf(resource, 'ActionFailed') : undefined;
  if (failed?.status === 'True') return { kind: 'failed', message: `${failed.reason}: ${failed.message}` };
  if (outcome.kind === 'pending' && (outcome.reason !== 'Progressing' || outcome.message !== ''))
    return { kind: 'waiting', message: `${outcome.reason}: ${outcome.message}` };
  const ready = watch.ownsStatus ? conditionOf(resource, 'Ready') : undefined;
  if (watch.ownsStatus && ready?.status !== 'True')
    return { kind: 'waiting', message: `${ready?.reason ?? 'Unknown'}: ${ready?.message ?? ''}` };
  return { kind: 'ready', message: '' };
}

export interface Judged {
  readonly resource: KubeObject;
  /** Undefined: not seen with the new version yet. */
  readonly verdict: Verdict | undefined;
  /** Since when it has been of this kind, epoch ms; of what was not seen: since when it could have been. */
  readonly since: number;
}

export type Judgement =
  | { readonly kind: 'goOn' }
  | { readonly kind: 'stop'; readonly reason: string }
  /** `until`: epoch ms, when time itself decides. */
  | { readonly kind: 'wait'; readonly until: number };

export function judge(
  sample: readonly Judged[],
  policy: Pick<RolloutPolicy, 'pauseSeconds' | 'deadlineSeconds'>,
  /** Since when this process has looked on, epoch ms. */
  { begunAt, now }: { readonly begunAt: number; readonly now: number },
): Judgement {
  const failed = sample.find(({ verdict }) => verdict?.kind === 'failed');
  if (failed !== undefined)
    return { kind: 'stop', reason: `${nameOf(failed)} has failed: ${failed.verdict?.message ?? ''}` };
  const onTheWay = sample.filter(({ verdict }) => verdict?.kind !== 'ready');
  const late = onTheWay.find(({ since }) => since + policy.deadlineSeconds * 1000 <= now);
  if (late !== undefined) {
    const why = late.verdict?.message ?? 'it has not been worked on';
    return {
      kind: 'stop',
      reason: `${nameOf(late)} was not Ready within ${policy.deadlineSeconds} s: ${why}`,
    };
  }
  if (onTheWay.length > 0) {
    const first = Math.min(...onTheWay.map(({ since }) => since));
    return { kind: 'wait', until: first + policy.deadlineSeconds * 1000 };
  }
  const until = Math.max(begunAt, ...sample.map(({ since }) => since)) + policy.pauseSeconds * 1000;
  return until <= now ? { kind: 'goOn' } : { kind: 'wait', until };
}

function nameOf({ resource }: Judged): string {
  return describeRef(refOf(resource));
}
