import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../engine/base/logger.ts';
import { createMetrics } from '../../engine/base/metrics.ts';
import { createEffectRunner } from '../../engine/controller/effects.ts';
import type { Effect } from '../../engine/reconcile/effect.ts';
import { EXEC, heldCalls, said, settled, testClock } from './calls-kit.ts';

const OWNER = { controller: 'db/Db.example.com', key: 'shop/orders' };

function setUp() {
  const calls = heldCalls();
  const clock = testClock();
  const runner = createEffectRunner({ calls, clock, logger: silentLogger(), metrics: createMetrics() });
  const woken: string[] = [];
  runner.listen(OWNER.controller, (key) => woken.push(key));
  return { calls, clock, runner, woken };
}

function effect(key: string): Effect {
  return { ...EXEC, key, timeoutMs: 60_000 };
}

describe('effects of a plan', () => {
  test('begin once, however often they are listed', () => {
    const { calls, runner } = setUp();
    runner.reconcile(OWNER, [effect('a')]);
    runner.reconcile(OWNER, [effect('a')]);
    expect(calls.made).toBe(1);
    expect(runner.outcomes(OWNER)).toEqual({});
  });

  test('wake their resource when they end, and keep their outcome until they are listed no more', async () => {
    const { calls, runner, woken } = setUp();
    runner.reconcile(OWNER, [effect('a')]);
    await calls.open[0]?.answer(said('done', 3));
    expect(woken).toEqual(['shop/orders']);
    runner.reconcile(OWNER, [effect('a')]);
    expect(runner.outcomes(OWNER)).toMatchObject({ a: { kind: 'exec', exitCode: 3, stdout: 'done' } });
    expect(calls.made).toBe(1);
    runner.reconcile(OWNER, []);
    expect(runner.outcomes(OWNER)).toEqual({});
  });

  test('are ended when they are listed no more, and wake nobody then', async () => {
    const { calls, runner, woken } = setUp();
    runner.reconcile(OWNER, [effect('a')]);
    runner.reconcile(OWNER, [effect('b')]);
    await settled();
    expect(calls.made).toBe(2);
    expect(calls.open).toHaveLength(1);
    expect(woken).toEqual([]);
    expect(runner.running).toBe(1);
  });

  test('go on under `keep`, which starts nothing', async () => {
    const { calls, runner } = setUp();
    runner.reconcile(OWNER, [{ kind: 'keep', key: 'a', timeoutMs: 1 }]);
    expect(calls.made).toBe(0);
    runner.reconcile(OWNER, [effect('a')]);
    runner.reconcile(OWNER, [{ kind: 'keep', key: 'a', timeoutMs: 1 }]);
    await calls.open[0]?.answer(said(''));
    expect(runner.outcomes(OWNER)).toHaveProperty('a');
  });

  test('of two resources do not touch each other', async () => {
    const { calls, runner, woken } = setUp();
    const other = { ...OWNER, key: 'shop/stock' };
    runner.reconcile(OWNER, [effect('a')]);
    runner.reconcile(other, [effect('a')]);
    runner.reconcile(OWNER, []);
    await calls.open[0]?.answer(said('x'));
    expect(woken).toEqual(['shop/stock']);
    expect(runner.outcomes(other)).toHaveProperty('a');
  });

  test('are taken over by whoever listens under the same name', async () => {
    const { calls, runner, woken } = setUp();
    const end = runner.listen(OWNER.controller, (key) => woken.push(`old ${key}`));
    runner.reconcile(OWNER, [effect('a')]);
    runner.listen(OWNER.controller, (key) => woken.push(`new ${key}`));
    end();
    await calls.open[0]?.answer(said(''));
    expect(woken).toEqual(['new shop/orders']);
  });

  test('of a controller that is gone are ended', async () => {
    const { calls, runner } = setUp();
    runner.reconcile(OWNER, [effect('a')]);
    runner.end(OWNER.controller);
    await settled();
    expect(calls.open).toHaveLength(0);
    expect(runner.outcomes(OWNER)).toEqual({});
  });

  test('may finish while the engine ends, and are ended when the grace is over; none begins', async () => {
    const { calls, clock, runner, woken } = setUp();
    runner.reconcile(OWNER, [effect('short'), effect('long')]);
    const drained = runner.drain(5_000);
    await calls.open[0]?.answer(said('written down'));
    expect(woken).toEqual(['shop/orders']);
    runner.reconcile(OWNER, [effect('long'), effect('next')]);
    expect(calls.made).toBe(2);
    await clock.pass(5_000);
    await drained;
    expect(calls.open).toHaveLength(0);
    expect(woken).toHaveLength(1);
  });
});
