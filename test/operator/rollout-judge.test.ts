import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../engine/kube/object.ts';
import { type Judged, judge, verdictOf } from '../../engine/operator/rollout-judge.ts';
import { initialMemory } from '../../engine/reconcile/memory.ts';
import type { Outcome, Plan } from '../../engine/reconcile/model.ts';

const POLICY = { pauseSeconds: 300, deadlineSeconds: 600 };
const START = 1_000_000;

function box(
  name: string,
  ...conditions: readonly [type: string, status: string, reason?: string][]
): KubeObject {
  const status = {
    conditions: conditions.map(([type, value, reason = 'R']) => ({
      type,
      status: value,
      reason,
      message: 'm',
    })),
  };
  return { apiVersion: 'a.dev/v1', kind: 'Box', metadata: { name, namespace: 'n' }, status };
}

function judged(kind: 'ready' | 'waiting' | 'failed' | undefined, seconds: number): Judged {
  const verdict = kind === undefined ? undefined : { kind, message: 'why' };
  return { resource: box('a'), verdict, since: START + seconds * 1000 };
}

const at = (seconds: number) => ({ begunAt: START, now: START + seconds * 1000 });
const until = (seconds: number) => ({ kind: 'wait', until: START + seconds * 1000 });

describe('a roll-out', () => {
  it('goes on when all have been Ready for the whole pause', () => {
    const sample = [judged('ready', 10), judged('ready', 40)];
    expect(judge(sample, POLICY, at(339))).toEqual(until(340));
    expect(judge(sample, POLICY, at(340))).toEqual({ kind: 'goOn' });
  });

  it('waits for the pause also where nobody of the sample tells anything', () => {
    expect(judge([], POLICY, at(0))).toEqual(until(300));
    expect(judge([], POLICY, at(300))).toEqual({ kind: 'goOn' });
  });

  it('waits for those that are on their way, and stops when one has been so for too long', () => {
    const sample = [judged('ready', 0), judged('waiting', 500), judged(undefined, 400)];
    expect(judge(sample, POLICY, at(900))).toEqual(until(1000));
    const end = judge(sample, POLICY, at(1000));
    expect(end).toEqual({
      kind: 'stop',
      reason: 'Box n/a was not Ready within 600 s: it has not been worked on',
    });
    expect(judge([judged('waiting', 0)], POLICY, at(600))).toMatchObject({ kind: 'stop', reason: /: why$/ });
  });

  it('stops at once when one has failed', () => {
    const end = judge([judged('ready', 0), judged('failed', 1)], POLICY, at(2));
    expect(end).toEqual({ kind: 'stop', reason: 'Box n/a has failed: why' });
  });
});

const DONE: Outcome = { kind: 'done' };

function plan(outcome: Outcome, changes: Partial<Plan> = {}): Plan {
  const idle = { finalizer: 'keep', changes: [], status: undefined, events: [], kinds: [] } as const;
  return { ...idle, memory: initialMemory(), outcome, ...changes };
}

describe('what a pass tells of the new version', () => {
  const own = { ownsStatus: true };
  const ready = box('a', ['Ready', 'True']);

  it('is nothing while it still has something to write', () => {
    expect(verdictOf(own, ready, plan(DONE, { status: { ready: 1 } }))).toBeUndefined();
    expect(verdictOf(own, ready, plan(DONE, { finalizer: 'add' }))).toBeUndefined();
  });

  it('is Ready where the status says so, and nothing is waited for but the time', () => {
    expect(verdictOf(own, ready, plan(DONE))?.kind).toBe('ready');
    const scheduled: Outcome = { kind: 'pending', reason: 'Progressing', message: '', wakeAt: 1 };
    expect(verdictOf(own, ready, plan(scheduled))?.kind).toBe('ready');
    const syncing: Outcome = { kind: 'pending', reason: 'Synchronizing', message: 'waits for a list' };
    expect(verdictOf(own, ready, plan(syncing))?.kind).toBe('waiting');
    expect(verdictOf(own, box('a', ['Ready', 'False', 'Starting']), plan(DONE))).toEqual({
      kind: 'waiting',
      message: 'Starting: m',
    });
  });

  it('is a failure where the resource is Stalled or an action has failed', () => {
    const stalled: Outcome = { kind: 'terminal', reason: 'Invalid', message: 'no' };
    expect(verdictOf(own, ready, plan(stalled))).toEqual({ kind: 'failed', message: 'Invalid: no' });
    const failed = box('a', ['Ready', 'True'], ['ActionFailed', 'True', 'StepFailed']);
    expect(verdictOf(own, failed, plan(DONE))).toEqual({ kind: 'failed', message: 'StepFailed: m' });
  });

  it('goes by the outcome alone where the status is another’s', () => {
    expect(verdictOf({ ownsStatus: false }, box('a'), plan(DONE))?.kind).toBe('ready');
  });
});
