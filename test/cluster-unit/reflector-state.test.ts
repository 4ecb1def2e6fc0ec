import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  INITIAL_STATE,
  type ReflectorCommand,
  type ReflectorFailure,
  type ReflectorInput,
  type ReflectorState,
  transition,
} from '../../engine/cluster/reflector-state.ts';

const other: ReflectorFailure = { kind: 'other', message: 'connection reset' };

function failed(failure: ReflectorFailure): ReflectorInput {
  return { kind: 'failed', failure };
}

/** Takes the inputs one after the other; what the last one led to. */
function afterInputs(
  inputs: readonly ReflectorInput[],
  random = 0,
): { state: ReflectorState; commands: readonly ReflectorCommand[] } {
  let state = INITIAL_STATE;
  let commands: readonly ReflectorCommand[] = [];
  for (const input of inputs) ({ state, commands } = transition(state, input, random));
  return { state, commands };
}

const start: ReflectorInput = { kind: 'start' };
const served: ReflectorInput = { kind: 'served' };
const listed: ReflectorInput = { kind: 'listed', resourceVersion: '10' };
const elapsed: ReflectorInput = { kind: 'elapsed' };
const watching = [start, served, listed];
const paging = [start, served, failed({ kind: 'noStreamingList' })];

describe('the reflector', () => {
  it('waits until the kind is served, then streams the list and goes on with the same watch', () => {
    expect(afterInputs([start]).commands).toEqual([{ do: 'seek', ask: false }]);
    expect(afterInputs([start, served]).commands).toEqual([{ do: 'list', method: 'stream' }]);
    expect(afterInputs(watching).commands).toEqual([
      { do: 'commit', resourceVersion: '10' },
      { do: 'report', failure: undefined },
    ]);
    expect(afterInputs(watching).state).toMatchObject({ phase: 'watching', resourceVersion: '10' });
  });

  it('reads pages where the server does not stream lists, and remembers that', () => {
    expect(afterInputs(paging).commands).toEqual([{ do: 'list', method: 'pages' }]);
    expect(afterInputs([...paging, { kind: 'page', next: 't' }]).commands).toEqual([
      { do: 'nextPage', next: 't' },
    ]);
    expect(afterInputs([...paging, listed]).commands).toContainEqual({ do: 'watch', resourceVersion: '10' });
    expect(afterInputs([...paging, listed, failed({ kind: 'gone' })]).commands).toEqual([
      { do: 'list', method: 'pages' },
    ]);
  });

  it('opens the next watch where the last one ended', () => {
    const inputs: ReflectorInput[] = [
      ...watching,
      { kind: 'progressed', resourceVersion: '17' },
      { kind: 'ended', lastedMs: 300_000 },
    ];
    expect(afterInputs(inputs).commands).toEqual([{ do: 'watch', resourceVersion: '17' }]);
  });

  it('waits after a watch that ended at once', () => {
    expect(afterInputs([...watching, { kind: 'ended', lastedMs: 3 }]).state.phase).toBe('waiting');
  });

  it('lists anew at once after 410, and with a delay when that repeats', () => {
    const once = [...watching, failed({ kind: 'gone' })];
    expect(afterInputs(once).commands).toEqual([{ do: 'list', method: 'stream' }]);
    expect(afterInputs([...once, listed, failed({ kind: 'gone' })]).state).toMatchObject({
      phase: 'waiting',
      next: { go: 'list' },
    });
  });

  it('lists anew at once also where the 410 follows an outage', () => {
    const inputs = [...watching, failed(other), elapsed, failed(other), elapsed, failed({ kind: 'gone' })];
    expect(afterInputs(inputs).commands).toEqual([{ do: 'list', method: 'stream' }]);
  });

  it('reads the list in one answer where its pages expire', () => {
    const inputs = [...paging, { kind: 'page', next: 't' } as const, failed({ kind: 'gone' })];
    expect(afterInputs(inputs).commands).toEqual([{ do: 'list', method: 'whole' }]);
    expect(afterInputs([...inputs, listed]).state).toMatchObject({ phase: 'watching', method: 'pages' });
  });

  it('resumes a broken watch from where it was, and lists where the server lost that history', () => {
    expect(afterInputs([...watching, failed(other)]).state).toMatchObject({
      next: { go: 'watch', resourceVersion: '10' },
    });
    expect(afterInputs([...watching, failed(other), elapsed]).commands).toEqual([
      { do: 'watch', resourceVersion: '10' },
    ]);
    expect(afterInputs([...watching, failed({ kind: 'tooLarge' })]).state).toMatchObject({
      next: { go: 'list' },
    });
  });

  it('waits 0.8 s to 30 s, longer with each failure, and starts over after an event', () => {
    let state = afterInputs(watching).state;
    const delays: number[] = [];
    for (let tries = 0; tries < 12; tries++) {
      const next = transition(state, failed(other), 0);
      delays.push(...next.commands.flatMap((command) => (command.do === 'wait' ? [command.ms] : [])));
      state = transition(next.state, elapsed, 0).state;
    }
    expect(delays.slice(0, 6)).toEqual([800, 1600, 3200, 6400, 12800, 15000]);
    expect(delays.at(-1)).toBe(15000);
    expect(state.failures).toBe(12);
    expect(transition(state, { kind: 'progressed', resourceVersion: '11' }, 0).state.failures).toBe(0);
  });

  it('waits as long as the server asks', () => {
    const failure: ReflectorFailure = { ...other, retryAfterMs: 20_000 };
    expect(afterInputs([...watching, failed(failure)]).commands).toContainEqual({ do: 'wait', ms: 20_000 });
  });

  it('reports a refusal, distrusts what it holds and lists again: it never narrows', () => {
    const denied = afterInputs([...watching, failed({ kind: 'denied', message: 'forbidden' })]);
    expect(denied.commands).toContainEqual({ do: 'distrust' });
    expect(denied.commands).toContainEqual({ do: 'report', failure: 'forbidden' });
    expect(denied.state).toMatchObject({ phase: 'waiting', next: { go: 'list' } });
  });

  it('asks discovery when the kind is gone, and waits for it', () => {
    const inputs = [...watching, failed({ kind: 'notServed' })];
    expect(afterInputs(inputs).commands).toContainEqual({ do: 'distrust' });
    expect(afterInputs(inputs).commands).toContainEqual({ do: 'wait', ms: 100 });
    expect(afterInputs([...inputs, elapsed]).commands).toEqual([{ do: 'seek', ask: true }]);
    expect(afterInputs([...inputs, elapsed, served]).commands).toEqual([{ do: 'list', method: 'stream' }]);
  });

  it('says that it is well again as soon as the watch is accepted', () => {
    expect(afterInputs([...watching, failed(other), elapsed, { kind: 'opened' }]).commands).toEqual([
      { do: 'report', failure: undefined },
    ]);
  });

  it('does nothing after it was stopped', () => {
    expect(afterInputs([...watching, { kind: 'stop' }]).commands).toEqual([{ do: 'abort' }]);
    expect(afterInputs([...watching, { kind: 'stop' }, failed(other)]).commands).toEqual([]);
  });
});

describe('whatever happens', () => {
  const failure = fc.constantFrom<ReflectorFailure>(
    { kind: 'gone' },
    { kind: 'tooLarge' },
    { kind: 'notServed' },
    { kind: 'noStreamingList' },
    { kind: 'denied', message: 'no' },
    other,
  );
  const input = fc.oneof(
    fc.constantFrom<ReflectorInput>(
      start,
      served,
      listed,
      elapsed,
      { kind: 'page', next: 't' },
      { kind: 'opened' },
    ),
    fc.nat({ max: 2_000 }).map((lastedMs): ReflectorInput => ({ kind: 'ended', lastedMs })),
    fc.nat().map((rv): ReflectorInput => ({ kind: 'progressed', resourceVersion: String(rv) })),
    failure.map(failed),
  );

  it('something is always on its way: a request, a timer, or the wait for discovery', () => {
    fc.assert(
      fc.property(fc.array(input), fc.double({ min: 0, max: 0.999, noNaN: true }), (inputs, random) => {
        let state = transition(INITIAL_STATE, start, random).state;
        let active = true;
        for (const next of inputs) {
          const before = state.phase;
          const step = transition(state, next, random);
          const begins = step.commands.some((c) =>
            ['seek', 'list', 'nextPage', 'watch', 'wait'].includes(c.do),
          );
          // A failure, an end, or time that elapsed closes what was on its way.
          const closes =
            next.kind === 'failed' ||
            next.kind === 'ended' ||
            next.kind === 'elapsed' ||
            next.kind === 'page';
          const relevant =
            before === 'listing' ||
            before === 'watching' ||
            (before === 'waiting' && next.kind === 'elapsed');
          if (
            closes &&
            relevant &&
            !(next.kind === 'elapsed' && before !== 'waiting') &&
            !(next.kind === 'page' && before !== 'listing')
          )
            active = begins;
          expect(active).toBe(true);
          state = step.state;
        }
      }),
    );
  });

  it('a wait lasts between 0.1 s and 30 s', () => {
    fc.assert(
      fc.property(fc.array(input), fc.double({ min: 0, max: 0.999, noNaN: true }), (inputs, random) => {
        let state = INITIAL_STATE;
        for (const next of [start, ...inputs]) {
          const step = transition(state, next, random);
          for (const command of step.commands) {
            if (command.do === 'wait') expect(command.ms).toBeGreaterThanOrEqual(100);
            if (command.do === 'wait') expect(command.ms).toBeLessThanOrEqual(30_000);
          }
          state = step.state;
        }
      }),
    );
  });
});
