import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWorkQueue, type Lane, type WorkQueue } from '../../engine/controller/queue.ts';
import type { QueueMetrics } from '../../engine/controller/queue-metrics.ts';
import { fakeClock } from '../base/fake-clock.ts';

const noMetrics: QueueMetrics = { added() {}, taken() {}, worked() {}, retried() {}, closed() {} };

function build() {
  const clock = fakeClock();
  const queue = createWorkQueue({ clock, metrics: noMetrics });
  const lane = queue.lane({ name: 'a', group: 'a' });
  return { clock, queue, lane };
}

function drain(queue: WorkQueue): string[] {
  const out: string[] = [];
  for (let taken = queue.take(); taken !== undefined; taken = queue.take()) {
    out.push(taken.key);
    taken.done();
  }
  return out;
}

describe('the work queue', () => {
  it('keeps one entry of a key, however often it is added', () => {
    const { queue, lane } = build();
    for (const key of ['x', 'y', 'x', 'x']) lane.add(key, 'live');
    expect(drain(queue)).toEqual(['x', 'y']);
  });

  it('never hands out a key that is in work, and hands it out again after if it was added meanwhile', () => {
    const { queue, lane } = build();
    lane.add('x', 'live');
    const first = queue.take();
    lane.add('x', 'initial');
    expect(queue.take()).toBeUndefined();
    first?.done();
    expect(drain(queue)).toEqual(['x']);
  });

  it('does not bring a key back that nobody added while it was in work', () => {
    const { queue, lane } = build();
    lane.add('x', 'live');
    queue.take()?.done();
    expect(queue.take()).toBeUndefined();
  });

  it('takes live events before the initial list, and lifts a waiting key that becomes live', () => {
    const { queue, lane } = build();
    for (const key of ['i1', 'i2', 'i3']) lane.add(key, 'initial');
    lane.add('l1', 'live');
    lane.add('i3', 'live');
    expect(drain(queue)).toEqual(['l1', 'i3', 'i1', 'i2']);
  });

  it('lets playbooks take turns, so that a thousand keys of one do not delay another', () => {
    const { queue, lane } = build();
    const other = queue.lane({ name: 'b', group: 'b' });
    for (let i = 0; i < 1000; i++) lane.add(`a${i}`, 'live');
    other.add('b0', 'live');
    expect([queue.take()?.key, queue.take()?.key]).toContain('b0');
  });

  it('counts a playbook once, however many watches it has', () => {
    const { queue } = build();
    const lanes = ['one', 'two', 'three'].map((name) => queue.lane({ name, group: 'many' }));
    const single = queue.lane({ name: 'single', group: 'single' });
    for (let i = 0; i < 30; i++) {
      for (const lane of lanes) lane.add(`${lane.name}${i}`, 'live');
      single.add(`single${i}`, 'live');
    }
    const order = drain(queue).slice(0, 20);
    expect(order.filter((key) => key.startsWith('single'))).toHaveLength(10);
  });

  it('retries after 5 ms, doubling to 1000 s, and from the start again once forgotten', () => {
    const { lane } = build();
    const delays = Array.from({ length: 20 }, () => lane.retry('x'));
    expect(delays.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(delays.at(-1)).toBe(1_000_000);
    lane.forget('x');
    expect(lane.retry('x')).toBe(5);
  });

  it('waits as long as the server asked for, if that is longer than the backoff', () => {
    const { lane } = build();
    expect(lane.retry('x', 3000)).toBe(3000);
  });

  it('adds a delayed key when its time has come, the earliest of several times', () => {
    const { clock, queue, lane } = build();
    lane.addAfter('x', 1000);
    lane.addAfter('x', 100);
    lane.addAfter('x', 500);
    clock.advance(99);
    expect(queue.take()).toBeUndefined();
    clock.advance(1);
    expect(drain(queue)).toEqual(['x']);
    clock.advance(10_000);
    expect(queue.take()).toBeUndefined();
  });

  it('drops what waits when a lane closes, and resolves once what is in work has ended', async () => {
    const { clock, queue, lane } = build();
    lane.add('x', 'live');
    lane.add('y', 'live');
    lane.addAfter('z', 10);
    const taken = queue.take();
    let closed = false;
    const closing = lane.close().then(() => {
      closed = true;
    });
    clock.advance(20);
    expect(queue.take()).toBeUndefined();
    await Promise.resolve();
    expect(closed).toBe(false);
    taken?.done();
    await closing;
    expect(closed).toBe(true);
  });

  it('loses no key and works on none twice at once, whatever the order of adds, takes and ends', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), key: fc.integer({ min: 0, max: 4 }), live: fc.boolean() }),
      fc.record({ do: fc.constant('take' as const) }),
      fc.record({ do: fc.constant('done' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { queue, lane } = build();
        const owed = new Set<string>();
        const inWork: { lane: Lane; key: string; done(): void }[] = [];
        for (const s of steps) {
          if (s.do === 'add') {
            lane.add(`k${s.key}`, s.live ? 'live' : 'initial');
            owed.add(`k${s.key}`);
          } else if (s.do === 'take') {
            const taken = queue.take();
            if (taken === undefined) continue;
            expect(inWork.map((t) => t.key)).not.toContain(taken.key);
            owed.delete(taken.key);
            inWork.push(taken);
          } else inWork.shift()?.done();
        }
        for (const taken of inWork) taken.done();
        expect(new Set(drain(queue))).toEqual(owed);
      }),
    );
  });
});
