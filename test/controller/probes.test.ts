import { describe, expect, test } from 'vitest';
import { createMetrics } from '../../engine/base/metrics.ts';
import { createProbeRunner } from '../../engine/controller/probes.ts';
import type { ProbeCall, ProbeNeed } from '../../engine/reconcile/model.ts';
import { EXEC, heldCalls, said, settled, testClock } from './calls-kit.ts';

const OWNER = { controller: 'db/Db.example.com', key: 'shop/orders' };

function setUp() {
  const calls = heldCalls();
  const clock = testClock();
  const runner = createProbeRunner({ calls, clock, metrics: createMetrics() });
  const woken: string[] = [];
  runner.listen(OWNER.controller, (key) => woken.push(key));
  const answer = async (text: string, exitCode = 0): Promise<void> => {
    await settled();
    await calls.open[0]?.answer(said(text, exitCode));
    await settled();
  };
  return { calls, clock, runner, woken, answer };
}

function need(changes: Partial<ProbeNeed> = {}): ProbeNeed {
  return {
    name: 'info',
    everyMs: 10_000,
    timeoutMs: 1_000,
    parse: 'json',
    list: false,
    calls: [{ call: EXEC }],
    ...changes,
  };
}

describe('a probe', () => {
  test('is asked at once, then every so often, while it is needed', async () => {
    const { calls, clock, runner, answer } = setUp();
    runner.reconcile(OWNER, [need()]);
    await answer('{"role":"primary"}');
    expect(runner.values(OWNER)).toMatchObject({ info: { ok: true, value: { role: 'primary' } } });
    await clock.pass(9_000);
    expect(calls.made).toBe(1);
    await clock.pass(1_000);
    expect(calls.made).toBe(2);
    runner.reconcile(OWNER, []);
    await clock.pass(60_000);
    expect(calls.made).toBe(2);
    expect(runner.values(OWNER)).toEqual({});
  });

  test('wakes its resource when what it says changes, and only then', async () => {
    const { clock, runner, woken, answer } = setUp();
    runner.reconcile(OWNER, [need()]);
    await answer('{"a":1}');
    expect(woken).toHaveLength(1);
    await clock.pass(10_000);
    await answer('{"a":1}');
    expect(woken).toHaveLength(1);
    await clock.pass(10_000);
    await answer('{"a":2}');
    expect(woken).toHaveLength(2);
  });

  test('that fails keeps the last good value with its time, and says why', async () => {
    const { clock, runner, woken, answer } = setUp();
    runner.reconcile(OWNER, [need()]);
    await answer('7');
    const at = new Date(clock.now()).toISOString();
    await clock.pass(10_000);
    await answer('refused\n', 1);
    expect(runner.values(OWNER)['info']).toEqual({
      ok: false,
      value: 7,
      at,
      error: 'exit code 1: refused',
    });
    expect(woken).toHaveLength(2);
  });

  test('that fails in the same way with other numbers wakes nobody again', async () => {
    const { clock, runner, woken, answer } = setUp();
    runner.reconcile(OWNER, [need()]);
    await answer('process 4711 of 12:01 gone', 1);
    await clock.pass(10_000);
    await answer('process 4712 of 12:02 gone', 1);
    expect(woken).toHaveLength(1);
    expect(runner.values(OWNER)).toMatchObject({
      info: { error: 'exit code 1: process 4711 of 12:01 gone' },
    });
  });

  test('with a list has a result for each key, in its order, and forgets keys that went', async () => {
    const { clock, runner, answer } = setUp();
    const call = (key: string): ProbeCall => ({ key, call: { ...EXEC, pod: key } });
    runner.reconcile(OWNER, [need({ list: true, calls: [call('db-0'), call('db-1')] })]);
    await answer('1');
    await answer('2');
    expect(runner.values(OWNER)).toMatchObject({
      info: [
        { key: 'db-0', value: 1 },
        { key: 'db-1', value: 2 },
      ],
    });
    runner.reconcile(OWNER, [need({ list: true, calls: [call('db-1')] })]);
    await clock.pass(500);
    await answer('3', 1);
    expect(runner.values(OWNER)).toMatchObject({ info: [{ key: 'db-1', value: 2, ok: false }] });
  });

  test('whose call changed is asked again soon, not in its next turn', async () => {
    const { calls, clock, runner, answer } = setUp();
    runner.reconcile(OWNER, [need()]);
    await answer('1');
    runner.reconcile(OWNER, [need({ calls: [{ call: { ...EXEC, pod: 'db-1' } }] })]);
    await clock.pass(500);
    expect(calls.made).toBe(2);
  });

  test('that a step waits for is asked anew after it began, and wakes with the same value', async () => {
    const { calls, clock, runner, woken, answer } = setUp();
    runner.reconcile(OWNER, [need()]);
    await answer('1');
    await clock.pass(2_000);
    const after = clock.now();
    runner.reconcile(OWNER, [need({ after })]);
    await clock.pass(1);
    await settled();
    expect(calls.made).toBe(2);
    await answer('1');
    expect(woken).toHaveLength(2);
    expect(runner.probedAt(OWNER)['info']).toBeGreaterThan(after);
  });

  test('whose call cannot be told is not ok, and costs nothing', async () => {
    const { calls, runner } = setUp();
    runner.reconcile(OWNER, [need({ calls: [{ call: 'observe.primary is missing' }] })]);
    await settled();
    expect(calls.made).toBe(0);
    expect(runner.values(OWNER)).toEqual({ info: { ok: false, error: 'observe.primary is missing' } });
  });

  test('without a call says nothing', async () => {
    const { runner } = setUp();
    runner.reconcile(OWNER, [need({ calls: [] }), need({ name: 'list', list: true, calls: [] })]);
    await settled();
    expect(runner.values(OWNER)).toEqual({ list: [] });
    expect(Object.keys(runner.probedAt(OWNER))).toEqual(['info', 'list']);
  });
});
