/** What starts a run, what keeps it from starting, and what is remembered of it. */
import { describe, expect, test } from 'vitest';
import { ActionWorld } from './actions-kit.ts';
import { configMap, watchOf } from './kit.ts';

const CALL = 'http: {method: POST, url: "http://app/"}';
const ASK = `steps: [{name: ask, ${CALL}}]`;

function world(actions: string, spec = {}, more = ''): ActionWorld {
  const nouns = `status: {version: {initial: spec.version}, size: {initial: spec.size}}
manifests: [main.yaml.hbs]
${more}actions:
${actions}`;
  return new ActionWorld(watchOf(nouns, { 'main.yaml.hbs': configMap('main', 'size: "{{spec.size}}"') }), {
    size: 3,
    version: '1',
    ...spec,
  });
}

const ok = { status: 200 };

describe('a trigger by value', () => {
  const grow = `  grow:
    on: {when: "spec.size > status.size ? spec.size"}
    vars: {target: run.value}
    steps: [{name: ask, ${CALL}}, {set: {size: vars.target}}]
`;

  test('starts a run for each value, once', async () => {
    const at = world(grow);
    await at.turn();
    expect(at.of('grow')).toEqual([]);
    for (const size of [4, 5]) {
      at.setSpec({ size, version: '1' });
      await at.turn();
      await at.answer(ok);
    }
    expect(at.of('grow').map((name) => at.phase(name))).toEqual(['Succeeded', 'Succeeded']);
    expect([at.held('size'), at.called.length]).toEqual([5, 2]);
  });

  test('starting a run is the only write of its plan', async () => {
    const at = world(grow);
    await at.turn();
    at.setSpec({ size: 4, version: '1' });
    const plan = await at.plan(at.watch);
    expect(plan.actions?.runs).toMatchObject([{ kind: 'create' }]);
    expect([plan.changes, plan.status, plan.events]).toEqual([[], undefined, []]);
  });

  test('has one name for one start, so that starting twice is impossible', async () => {
    const at = world(grow);
    await at.turn();
    at.setSpec({ size: 4, version: '1' });
    const [one, other] = [await at.plan(at.watch), await at.plan(at.watch)];
    expect(one.actions?.runs).toEqual(other.actions?.runs);
  });

  test('after a failure starts again for a new generation, not by itself', async () => {
    const at = world(`  fix: {on: {when: spec.broken = true}, ${ASK}}\n`, { broken: true });
    await at.turn();
    await at.answer({ status: 500 });
    await at.after(7200);
    expect(at.called.length).toBe(1);
    at.setSpec({ size: 4, version: '1', broken: true });
    await at.turn();
    expect(at.called.length).toBe(2);
  });

  test('is armed again by false', async () => {
    const at = world(`  fix: {on: {when: spec.broken = true}, ${ASK}}\n`, { broken: true });
    await at.turn();
    await at.answer(ok);
    at.setSpec({ size: 3, version: '1', broken: true, other: 1 });
    await at.turn();
    expect(at.called.length).toBe(1);
    at.setSpec({ size: 3, version: '1' });
    await at.turn();
    at.setSpec({ size: 3, version: '1', broken: true });
    await at.turn();
    expect(at.called.length).toBe(2);
  });

  test('must hold for its time, which starts anew with the engine', async () => {
    const at = world(`  fix: {on: {when: spec.broken = true, for: 10s}, ${ASK}}\n`, { broken: true });
    await at.turn();
    await at.after(9);
    at.restart();
    await at.turn();
    await at.after(9);
    expect(at.of('fix')).toEqual([]);
    await at.after(2);
    expect(at.of('fix').length).toBe(1);
  });

  test('is checked again as the run starts', async () => {
    const at = world(
      `  a: {on: {request: true}, ${ASK}}\n  fix: {on: {when: spec.broken = true}, ${ASK}}\n`,
      { broken: true },
    );
    await at.step(at.watch);
    await at.step(at.watch);
    while (at.of('fix').length === 0) await at.step(at.watch);
    at.setSpec({ size: 3, version: '1' });
    await at.turn();
    expect(at.of('fix').map((name) => at.status(name).reason)).toEqual(['NoLongerWanted']);
    expect(at.called).toEqual([]);
  });

  test('under a limit is tried again by backoff, then Stalled with a Warning', async () => {
    const at = world(`  fix: {on: {when: spec.broken = true}, limit: {times: 3, per: 1h}, ${ASK}}\n`, {
      broken: true,
    });
    await at.turn();
    for (let i = 0; i < 3; i++) {
      if (i > 0) await at.after(600);
      await at.answer({ status: 500 });
    }
    await at.after(600);
    expect(at.called.length).toBe(3);
    expect(at.condition('Stalled')).toMatchObject({ status: 'True', reason: 'LimitReached' });
    expect(at.events).toContainEqual(expect.objectContaining({ type: 'Warning', reason: 'LimitReached' }));
    await at.after(3600);
    expect(at.called.length).toBe(4);
    expect(at.condition('Stalled')).toMatchObject({ status: 'False' });
  });
});

describe('a create action', () => {
  const create = `  init: {on: {create: true}, ${ASK}}\n`;

  test('runs once for each resource, and Ready waits for it', async () => {
    const at = world(create);
    await at.turn();
    expect(at.condition('Ready')).toMatchObject({ status: 'False', reason: 'CreateAction' });
    await at.answer(ok);
    expect(at.condition('Ready')).toMatchObject({ status: 'True' });
    await at.after(3600);
    expect(at.called.length).toBe(1);
  });

  test('is tried again in the same run, from the failed step', async () => {
    const at = world(create.replace('[{name: ask', '[{set: {version: \'"2"\'}}, {name: ask'));
    await at.turn();
    await at.answer({ status: 500 });
    expect(at.condition('Ready')).toMatchObject({ status: 'False' });
    await at.after(600);
    expect(at.called.length).toBe(2);
    await at.answer(ok);
    expect(at.of('init').map((name) => at.steps(name))).toEqual([['set Succeeded', 'ask Succeeded']]);
  });

  test('does not run again when all its runs were deleted', async () => {
    const at = world(create);
    await at.turn();
    await at.answer(ok);
    at.runs.clear();
    at.restart();
    await at.after(60);
    expect([at.called.length, at.of('init')]).toEqual([1, []]);
    expect(at.condition('Ready')).toMatchObject({ status: 'True' });
  });

  test('nor does one of another kind: value and tick stand on the resource too', async () => {
    const at = world(
      `  fix: {on: {when: spec.broken = true}, ${ASK}}\n  nightly: {on: {schedule: "0 * * * *"}, ${ASK}}\n`,
      { broken: true },
    );
    await at.turn();
    await at.answer(ok);
    await at.after(3600);
    await at.answer(ok);
    at.runs.clear();
    at.restart();
    await at.after(60);
    expect(at.called.length).toBe(2);
  });
});

describe('a schedule', () => {
  const hourly = (more = '') => `  nightly: {on: {schedule: "0 * * * *"${more}}, ${ASK}}\n`;

  test('owes nothing for the time before it, and then runs at each tick', async () => {
    const at = world(hourly());
    await at.turn();
    expect(at.of('nightly')).toEqual([]);
    const plan = await at.plan(at.watch);
    expect(plan.outcome).toMatchObject({ wakeAt: at.now + 3_600_000 });
    await at.after(3600);
    await at.answer(ok);
    await at.after(3600);
    await at.answer(ok);
    expect(at.of('nightly').map((name) => at.phase(name))).toEqual(['Succeeded', 'Succeeded']);
  });

  test('makes up for the latest of the missed ticks alone', async () => {
    const at = world(hourly());
    await at.turn();
    await at.after(5 * 3600 + 600);
    await at.answer(ok);
    await at.after(60);
    expect(at.called.length).toBe(1);
    const [run = ''] = at.of('nightly');
    expect(at.run(run).spec).toMatchObject({ tick: '2026-01-01T05:00:00.000Z' });
  });

  test('ticks that come due while its run goes on are one more run after it', async () => {
    const at = world(
      `  nightly: {on: {schedule: "0 * * * *"}, steps: [{name: ask, timeout: 9h, ${CALL}}]}\n`,
    );
    await at.turn();
    await at.after(3600);
    await at.after(3600);
    await at.after(3600);
    expect(at.of('nightly').length).toBe(1);
    await at.answer(ok);
    await at.answer(ok);
    await at.after(60);
    expect(at.of('nightly').map((name) => at.run(name).spec)).toMatchObject([
      { tick: '2026-01-01T01:00:00.000Z' },
      { tick: '2026-01-01T03:00:00.000Z' },
    ]);
  });

  test('fires nothing twice when the clock is set back', async () => {
    const at = world(hourly());
    await at.turn();
    await at.after(3600);
    await at.answer(ok);
    await at.after(-600);
    await at.after(700);
    expect(at.called.length).toBe(1);
  });

  test('stands still while suspended, and owes nothing for that time', async () => {
    const at = world(hourly(', suspend: spec.quiet = true'), { quiet: true });
    await at.turn();
    await at.after(3 * 3600 + 60);
    expect(at.of('nightly')).toEqual([]);
    at.setSpec({ size: 3, version: '1' });
    await at.after(60);
    expect(at.of('nightly')).toEqual([]);
    await at.after(3600);
    expect(at.of('nightly').length).toBe(1);
  });

  test('is meant in its time zone', async () => {
    const at = world(`  nightly: {on: {schedule: "0 1 * * *", timeZone: "Europe/Berlin"}, ${ASK}}\n`);
    at.now = Date.UTC(2026, 5, 1, 22, 30);
    await at.turn();
    expect((await at.plan(at.watch)).outcome).toMatchObject({ wakeAt: Date.UTC(2026, 5, 1, 23) });
  });

  test('is delayed by a jitter of the resource’s own, always the same', async () => {
    const at = world(hourly(', jitter: 10m'));
    await at.turn();
    await at.after(3600);
    const first = await at.plan(at.watch);
    at.restart();
    await at.turn();
    expect((await at.plan(at.watch)).outcome).toEqual(first.outcome);
    await at.after(600);
    expect(at.of('nightly').length).toBe(1);
  });

  test('that is wrong is a state with a reason, and all else goes on', async () => {
    const at = world(
      `  nightly: {on: {schedule: "{{spec.line}}"}, ${ASK}}\n  a: {on: {request: true}, ${ASK}}\n`,
      { line: '61 * * * *' },
    );
    await at.turn();
    expect(at.condition('Stalled')).toMatchObject({ status: 'True', reason: 'InvalidSchedule' });
    expect(at.condition('Stalled')?.message).toContain('nightly');
    at.request('r', 'a');
    await at.turn();
    await at.answer(ok);
    expect(at.phase('r')).toBe('Succeeded');
  });
});

describe('a requested run', () => {
  const actions = `  a:
    on: {request: true}
    params: {type: object, required: [name], properties: {name: {type: string}, size: {type: integer}}}
    ${ASK}
  hidden: {on: {create: true}, ${ASK}}
`;

  test.each([
    ['a', { params: { name: 7 } }, 'InvalidParams', /name/],
    ['a', {}, 'InvalidParams', /name/],
    ['a', { params: { name: 'x', size: 'big' } }, 'InvalidParams', /size/],
    ['nothing', {}, 'NoSuchAction', /there are a, hidden/],
    ['hidden', {}, 'NotRequestable', /cannot be requested/],
  ])('of %s with %j is refused: %s', async (action, spec, reason, message) => {
    const at = world(actions);
    await at.turn();
    at.request('r', action, spec);
    await at.turn();
    expect(at.status('r')).toMatchObject({
      phase: 'Refused',
      reason,
      message: expect.stringMatching(message),
    });
    expect(at.events).toContainEqual(expect.objectContaining({ type: 'Warning', reason: 'RunRefused' }));
  });

  test('is tied to its resource, and says what it waits for', async () => {
    const at = world(`  a: {on: {request: true}, ${ASK}}\n`);
    await at.turn();
    at.request('r1', 'a');
    at.request('r2', 'a');
    await at.turn();
    expect(at.run('r1').metadata.ownerReferences).toMatchObject([{ kind: 'App', name: 'web' }]);
    expect(at.status('r2')).toMatchObject({ reason: 'Waiting', message: 'waits for a r1' });
    expect(at.called.length).toBe(1);
    await at.answer(ok);
    expect([at.phase('r1'), at.phase('r2')]).toEqual(['Succeeded', 'Running']);
  });

  test('that is aborted before it began does not begin', async () => {
    const at = world(`  a: {on: {request: true}, ${ASK}}\n`);
    await at.turn();
    at.request('r1', 'a');
    await at.turn();
    at.request('r2', 'a');
    at.steer('r2', { abort: true });
    await at.turn();
    expect(at.phase('r2')).toBe('Aborted');
  });
});

describe('after', () => {
  test('waits for actions that must have succeeded, for every trigger', async () => {
    const at = world(
      `  init: {on: {create: true}, ${ASK}}\n  a: {on: {request: true}, after: [init], ${ASK}}\n`,
    );
    await at.turn();
    at.request('r', 'a');
    await at.turn();
    await at.answer({ status: 500 });
    await at.turn();
    expect(at.status('r')).toMatchObject({ message: 'waits until init has succeeded' });
    await at.after(600);
    await at.answer(ok);
    expect(at.phase('r')).toBe('Running');
  });

  test('waits for manifests that must be ready', async () => {
    const at = world(`  init: {on: {create: true}, after: [main], ${ASK}}\n`);
    at.lingering = true;
    const first = await at.plan(at.watch);
    expect(first.actions?.runs ?? []).toEqual([]);
    await at.turn();
    expect(at.called.length).toBe(1);
    expect(at.names('ConfigMap')).toEqual(['main']);
  });
});

describe('one run at a time', () => {
  test('file order is priority', async () => {
    const at = world(`  urgent: {on: {request: true}, ${ASK}}\n  a: {on: {request: true}, ${ASK}}\n`);
    await at.turn();
    at.request('r', 'a');
    at.request('u', 'urgent');
    await at.turn();
    expect([at.phase('u'), at.phase('r')]).toEqual(['Running', 'Pending']);
  });

  test('an interrupter ends the other’s attempt, which goes on afterwards as a new one', async () => {
    const at = world(
      `  urgent: {on: {when: spec.broken = true}, interrupts: [a], steps: [{name: fix, ${CALL}}]}\n  a: {on: {request: true}, ${ASK}}\n`,
    );
    await at.turn();
    at.request('r', 'a');
    await at.turn();
    const [before] = at.effects;
    at.setSpec({ size: 3, version: '1', broken: true });
    await at.turn();
    expect(at.phase('r')).toBe('Interrupted');
    expect(at.effects.map(({ key }) => key)).not.toContain(before?.key);
    await at.answer(ok);
    expect(at.of('urgent').map((name) => at.phase(name))).toEqual(['Succeeded']);
    expect(at.status('r')).toMatchObject({ phase: 'Running', step: 'ask', attempt: 2 });
    await at.answer(ok);
    expect(at.phase('r')).toBe('Succeeded');
  });

  test('an interrupted run’s parts roll back first, each after its own, and then the interrupter begins', async () => {
    const undo = `rollback: [{name: undo, ${CALL}}]`;
    const at = world(
      `  urgent: {on: {when: spec.broken = true}, interrupts: [a], steps: [{name: fix, ${CALL}}]}\n  a: {on: {request: true}, steps: [{name: outer, run: part}]}\n  part: {steps: [{name: inner, run: inmost}], ${undo}}\n  inmost: {${ASK}, ${undo}}\n`,
    );
    await at.turn();
    at.request('r', 'a');
    await at.turn();
    at.setSpec({ size: 3, version: '1', broken: true });
    await at.turn();
    const phases = () =>
      ['part', 'inmost', 'urgent'].map((action) => at.of(action).map((name) => at.phase(name)));
    expect(phases()).toEqual([['RollingBack'], ['RollingBack'], []]);
    await at.answer(ok);
    expect(phases()).toEqual([['RollingBack'], ['Aborted'], []]);
    await at.answer(ok);
    expect(phases()).toEqual([['Aborted'], ['Aborted'], ['Running']]);
    await at.answer(ok);
    expect(at.of('urgent').map((name) => at.phase(name))).toEqual(['Succeeded']);
    expect(at.status('r')).toMatchObject({ phase: 'Running', step: 'outer', attempt: 2 });
  });

  test('runs that are not known let nothing be rendered', async () => {
    const at = world(`  a: {on: {request: true}, ${ASK}}\n`);
    at.runsSynced = false;
    const plan = await at.plan(at.watch);
    expect([plan.changes, plan.status]).toEqual([[], undefined]);
  });
});

describe('history', () => {
  test('is collected but for the newest', async () => {
    const at = world(`  a: {on: {request: true}, history: 2, ${ASK}}\n`);
    await at.turn();
    for (const name of ['r1', 'r2', 'r3', 'r4']) {
      at.request(name, 'a');
      await at.turn();
      await at.answer(ok);
      await at.after(60);
    }
    expect([...at.runs.keys()]).toEqual(['r3', 'r4']);
  });

  test('keeps create runs and those inside the window of a limit', async () => {
    const at = world(
      `  init: {on: {create: true, request: true}, history: 1, ${ASK}}\n  b: {on: {request: true}, limit: {times: 9, per: 1h}, history: 1, ${ASK}}\n`,
    );
    await at.turn();
    await at.answer(ok);
    const [first = ''] = at.of('init');
    for (const [name, action] of [
      ['i1', 'init'],
      ['i2', 'init'],
      ['b1', 'b'],
      ['b2', 'b'],
    ] as const) {
      at.request(name, action);
      await at.turn();
      await at.answer(ok);
      await at.after(60);
    }
    expect([...at.runs.keys()]).toEqual([first, 'i2', 'b1', 'b2']);
    await at.after(3600);
    expect([...at.runs.keys()]).toEqual([first, 'i2', 'b2']);
  });
});
