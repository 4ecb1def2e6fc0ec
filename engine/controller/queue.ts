/**
 * The work queue: which key is reconciled next. It promises:
 * - a key is in work at most once at a time, and waits at most once; added while in work it comes again after;
 * - live events come before initial lists and resyncs, within each lane;
 * - lanes (one a controller) of a group (one a playbook) take turns, and so do the groups: none starves another;
 * - a key that fails comes back after 5 ms doubling to 1000 s, and holds nobody up meanwhile.
 * It does no work itself (workers.ts does), and takes time from the clock it is given.
 */
import { backoffDelay, QUEUE_BACKOFF } from '../base/backoff.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { QueueMetrics } from './queue-metrics.ts';

export type Priority = 'live' | 'initial';

/** One controller's part of the queue. */
export interface Lane {
  readonly name: string;
  readonly group: string;
  add(key: string, priority: Priority): void;
  /** Adds the key after a delay; of several delays asked for, the earliest counts. */
  addAfter(key: string, delayMs: number): void;
  /** Adds the key after its own backoff, or after `atLeastMs` if that is longer. Returns the delay. */
  retry(key: string, atLeastMs?: number): number;
  /** The key succeeded: its next failure starts from 5 ms. */
  forget(key: string): void;
  failures(key: string): number;
  /** Waiting and in work; not what is delayed. */
  readonly busy: number;
  /** Takes the lane away with all that waits or is delayed in it. Resolves when nothing of it is in work. */
  close(): Promise<void>;
}

/** A key taken out of the queue: `done` must be called when its work has ended. */
export interface Taken {
  readonly lane: Lane;
  readonly key: string;
  done(): void;
}

export interface WorkQueue {
  lane(options: { name: string; group: string }): Lane;
  take(): Taken | undefined;
  /** Called whenever `take` may have something new. */
  onReady(listener: () => void): void;
}

export function createWorkQueue(options: { clock: Clock; metrics: QueueMetrics }): WorkQueue {
  const groups = new Ring<Group>();
  let ready: () => void = () => {};
  const openLane = (o: { name: string; group: string }): LaneState => {
    const group = groups.find((g) => g.name === o.group) ?? groups.push(new Group(o.group));
    const lane = new LaneState({ ...o, ...options, wake: () => ready() });
    group.lanes.push(lane);
    lane.onClose = () => {
      group.lanes.remove(lane);
      if (group.lanes.size === 0) groups.remove(group);
    };
    return lane;
  };
  return {
    lane: openLane,
    take: () =>
      groups
        .next((g) => g.lanes.some((l) => l.waiting > 0))
        ?.lanes.next((l) => l.waiting > 0)
        ?.take(),
    onReady(listener) {
      ready = listener;
    },
  };
}

/** Members that take turns: the one just chosen is asked last the next time. */
class Ring<T> {
  private members: T[] = [];

  get size(): number {
    return this.members.length;
  }
  push(member: T): T {
    this.members.push(member);
    return member;
  }
  remove(member: T): void {
    this.members = this.members.filter((m) => m !== member);
  }
  find(test: (member: T) => boolean): T | undefined {
    return this.members.find(test);
  }
  some(test: (member: T) => boolean): boolean {
    return this.members.some(test);
  }
  next(test: (member: T) => boolean): T | undefined {
    const chosen = this.members.find(test);
    if (chosen !== undefined) this.members = [...this.members.filter((m) => m !== chosen), chosen];
    return chosen;
  }
}

class Group {
  readonly lanes = new Ring<LaneState>();
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

interface LaneOptions {
  readonly name: string;
  readonly group: string;
  readonly clock: Clock;
  readonly metrics: QueueMetrics;
  readonly wake: () => void;
}

/** A Map keeps insertion order, so each of `live` and `initial` is a queue without repetitions. */
class LaneState implements Lane {
  readonly name: string;
  readonly group: string;
  onClose: () => void = () => {};
  private readonly options: LaneOptions;
  /** Key → monotonic time it was added at. */
  private readonly live = new Map<string, number>();
  private readonly initial = new Map<string, number>();
  /** Keys in work; the value tells with which priority the key was added again meanwhile. */
  private readonly working = new Map<string, Priority | undefined>();
  private readonly delayed = new Map<string, { at: number; timer: Timer }>();
  private readonly failed = new Map<string, number>();
  private closed: { resolve: () => void; promise: Promise<void> } | undefined;

  constructor(options: LaneOptions) {
    this.options = options;
    this.name = options.name;
    this.group = options.group;
  }

  get waiting(): number {
    return this.live.size + this.initial.size;
  }

  get busy(): number {
    return this.waiting + this.working.size;
  }

  add(key: string, priority: Priority): void {
    if (this.closed !== undefined) return;
    if (this.working.has(key)) {
      if (this.working.get(key) !== 'live') this.working.set(key, priority);
      return;
    }
    if (this.live.has(key)) return;
    const since = this.initial.get(key);
    if (since !== undefined && priority === 'initial') return;
    this.initial.delete(key);
    (priority === 'live' ? this.live : this.initial).set(key, since ?? this.options.clock.monotonic());
    this.options.metrics.added(this.name, this.waiting);
    this.options.wake();
  }

  addAfter(key: string, delayMs: number): void {
    if (this.closed !== undefined) return;
    const at = this.options.clock.monotonic() + delayMs;
    const pending = this.delayed.get(key);
    if (pending !== undefined && pending.at <= at) return;
    pending?.timer.cancel();
    const timer = this.options.clock.after(delayMs, () => {
      this.delayed.delete(key);
      // A timer may be cut short (setTimeout's limit) or early by a fraction: ask again for what is left.
      const left = at - this.options.clock.monotonic();
      if (left > 1) this.addAfter(key, left);
      else this.add(key, 'live');
    });
    this.delayed.set(key, { at, timer });
  }

  retry(key: string, atLeastMs = 0): number {
    const failures = this.failures(key) + 1;
    this.failed.set(key, failures);
    const delay = Math.max(backoffDelay(QUEUE_BACKOFF, failures), atLeastMs);
    this.options.metrics.retried(this.name);
    this.addAfter(key, delay);
    return delay;
  }

  forget(key: string): void {
    this.failed.delete(key);
  }

  failures(key: string): number {
    return this.failed.get(key) ?? 0;
  }

  take(): Taken | undefined {
    const source = this.live.size > 0 ? this.live : this.initial;
    const first = source.entries().next().value;
    if (first === undefined) return undefined;
    const [key, since] = first;
    source.delete(key);
    this.working.set(key, undefined);
    const started = this.options.clock.monotonic();
    this.options.metrics.taken(this.name, this.waiting, started - since);
    return { lane: this, key, done: () => this.done(key, started) };
  }

  close(): Promise<void> {
    if (this.closed === undefined) {
      this.closed = Promise.withResolvers<void>();
      for (const { timer } of this.delayed.values()) timer.cancel();
      for (const part of [this.delayed, this.live, this.initial, this.failed]) part.clear();
      this.onClose();
      this.options.metrics.closed(this.name);
      this.settle();
    }
    return this.closed.promise;
  }

  private done(key: string, started: number): void {
    if (!this.working.has(key)) return;
    const again = this.working.get(key);
    this.working.delete(key);
    this.options.metrics.worked(this.name, this.options.clock.monotonic() - started);
    if (again !== undefined) this.add(key, again);
    this.settle();
  }

  private settle(): void {
    if (this.working.size === 0) this.closed?.resolve();
  }
}
