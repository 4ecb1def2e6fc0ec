import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../engine/base/clock.ts';
import { silentLogger } from '../../engine/base/logger.ts';
import type { ClusterClient } from '../../engine/cluster/api.ts';
import type { KubeObject } from '../../engine/kube/object.ts';
import { Rollout } from '../../engine/operator/rollout.ts';
import { type Candidate, formatRecord } from '../../engine/operator/rollout-record.ts';
import { HASHES, hashOf } from '../../engine/operator/rollout-sample.ts';

const part: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'box', namespace: 'n' } };
const owner = { name: 'box', part };
const files = new Map([['watches.yaml', '']]);
const former = { version: '1', content: 'one', files };
const next = { version: '2', content: 'two', files };

const [inside, outside] = ['a', 'b'].toSorted((x, y) => hashOf(x) - hashOf(y));
const below = hashOf(inside ?? '') + 1;

function box(uid = ''): KubeObject {
  return { apiVersion: 'a.dev/v1', kind: 'Box', metadata: { name: uid, uid } };
}

/** One that is written down already, as an engine finds it that starts. */
async function found(changes: Partial<Candidate>): Promise<Rollout> {
  const candidate = {
    version: '2',
    content: 'two',
    phase: 'Canary',
    startedAt: 1000,
    below,
    size: 1,
    of: 2,
    unhealthy: [],
    ...changes,
  } as const;
  const versions = candidate.phase === 'Rolling' ? { stable: next, previous: former } : { stable: former };
  const stored = JSON.parse(JSON.stringify(formatRecord(owner, { ...versions, candidate })));
  const decided = Promise.withResolvers<void>();
  const leads = Promise.withResolvers<boolean>();
  const rollout = new Rollout({
    client: { get: async () => stored } as unknown as ClusterClient, // as: it is read, and nothing else
    clock: systemClock(),
    logger: silentLogger(),
    mayWrite: () => leads.promise,
    owner,
    policy: { canary: { kind: 'count', count: 1 }, pauseSeconds: 3600, deadlineSeconds: 3600 },
    former,
    next,
    onPhase: () => decided.resolve(),
    onOver: () => {},
  });
  onTestFinished(() => rollout.end());
  rollout.begin([]);
  expect(rollout.sideOf(box(inside), () => [])).toBeUndefined();
  leads.resolve(true);
  await decided.promise;
  return rollout;
}

describe('the version of a resource in a roll-out', () => {
  it('is the new one for the sample alone, and for all once they follow', async () => {
    const canary = await found({});
    expect([inside, outside].map((uid) => canary.sideOf(box(uid), () => []))).toEqual(['next', 'former']);
    const stopped = await found({ phase: 'Stopped' });
    expect([inside, outside].map((uid) => stopped.sideOf(box(uid), () => []))).toEqual(['next', 'former']);
    const all = await found({ below: HASHES });
    expect([inside, outside].map((uid) => all.sideOf(box(uid), () => []))).toEqual(['next', 'next']);
  });

  it('stays the one that a run began with until that has ended, also for an engine that comes later', async () => {
    const rollout = await found({});
    expect(rollout.sideOf(box(inside), () => [999])).toBe('former');
    expect(rollout.sideOf(box(inside), () => [5000])).toBe('former');
    expect(rollout.sideOf(box(inside), () => [])).toBe('next');
    expect(rollout.sideOf(box(inside), () => [5000])).toBe('next');
    const later = await found({});
    expect(later.sideOf(box(inside), () => [5000])).toBe('next');
  });

  it('is that of before for the others, where a run is older than their turn', async () => {
    const rollout = await found({ phase: 'Rolling', rollingAt: 2000 });
    expect(rollout.sideOf(box(outside), () => [1500])).toBe('former');
    const later = await found({ phase: 'Rolling', rollingAt: 2000 });
    expect(later.sideOf(box(outside), () => [2500])).toBe('next');
  });

  it('is not decided for good while the runs are not known', async () => {
    const rollout = await found({});
    expect(rollout.sideOf(box(inside), () => undefined)).toBe('former');
    expect(rollout.sideOf(box(inside), () => [5000])).toBe('next');
  });
});
