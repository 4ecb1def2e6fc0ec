import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseSample, HASHES, hashOf, isHealthy } from '../../engine/operator/rollout-sample.ts';

const uids = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `uid-${index}`);
const all = (count: number, healthy = true) => uids(count).map((uid) => ({ uid, healthy }));

function members(count: number, below: number): readonly string[] {
  return uids(count).filter((uid) => hashOf(uid) < below);
}

describe('the sample of a roll-out', () => {
  it.each([
    [10, 30, 3],
    [10, 1, 1],
    [3, 10, 1],
    [100, 25, 25],
    [7, 50, 4],
    [1, 1, 1],
  ])('of %i resources and %i percent are %i', (count, percent, size) => {
    const sample = chooseSample(all(count), { kind: 'share', percent });
    expect(sample).toMatchObject({ size, of: count, unhealthy: [] });
    expect(members(count, sample.below)).toHaveLength(size);
  });

  it('is never larger than what is there, and takes all where all are wished', () => {
    expect(chooseSample(all(3), { kind: 'count', count: 5 })).toMatchObject({ size: 3, below: HASHES });
    expect(chooseSample(all(4), { kind: 'share', percent: 100 })).toMatchObject({ size: 4, below: HASHES });
  });

  it('takes as many healthy ones as are wished, and names the others that fall among them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 10 }),
        (healths, count) => {
          const resources = healths.map((healthy, index) => ({ uid: `uid-${index}`, healthy }));
          const healthy = healths.filter(Boolean).length;
          const { below, size, unhealthy } = chooseSample(resources, { kind: 'count', count });
          const inside = resources.filter(({ uid }) => hashOf(uid) < below);
          expect(inside).toHaveLength(size);
          expect(inside.filter((r) => !r.healthy).map(({ uid }) => uid)).toEqual(unhealthy);
          if (healthy > 0 && count < healths.length)
            expect(inside.filter((r) => r.healthy)).toHaveLength(Math.min(count, healthy));
        },
      ),
    );
  });

  it('of none is a share of those to come', () => {
    expect(chooseSample([], { kind: 'share', percent: 25 })).toEqual({
      below: HASHES / 4,
      size: 0,
      of: 0,
      unhealthy: [],
    });
    expect(chooseSample([], { kind: 'count', count: 3 }).below).toBe(0);
  });

  it('counts as healthy what is Ready, and has no failed action', () => {
    const box = (...conditions: readonly { type: string; status: string }[]) => ({
      apiVersion: 'a.dev/v1',
      kind: 'Box',
      metadata: { name: 'a' },
      status: { conditions },
    });
    expect(isHealthy(box({ type: 'Ready', status: 'True' }))).toBe(true);
    expect(isHealthy(box({ type: 'Ready', status: 'False' }))).toBe(false);
    expect(isHealthy(box({ type: 'Ready', status: 'True' }, { type: 'ActionFailed', status: 'True' }))).toBe(
      false,
    );
    expect(isHealthy(box())).toBe(false);
  });
});
