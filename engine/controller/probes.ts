/**
 * Asks applications how they are: a probe runs every so often while the latest plan of its resource lists it, on the
 * leader alone, and costs nothing otherwise. What it says is read by the next pass; only a change of it wakes the
 * resource, or a round that a step waits for.
 */
import type { Clock, Timer } from '../base/clock.ts';
import type { Counter, Metrics } from '../base/metrics.ts';
import type { ApplicationCalls } from '../cluster/api.ts';
import { canonicalJson } from '../kube/canonical.ts';
import type { Json } from '../kube/object.ts';
import type { ProbeCall, ProbeNeed } from '../reconcile/model.ts';
import { type EffectOwner, makeCall, type Wake } from './effects.ts';
import { differs, nextResult, objectOf, type ProbeResult, type Reading, readAnswer } from './probe-result.ts';
import { Slots } from './slots.ts';

export interface ProbeRunner {
  /** Which probes of this resource are to run now. */
  reconcile(owner: EffectOwner, needs: readonly ProbeNeed[]): void;
  /** By probe name, as expressions see it; absent before the first round has ended. */
  values(owner: EffectOwner): Readonly<Record<string, Json>>;
  /** By probe name: when the latest round that has ended began, epoch ms. */
  probedAt(owner: EffectOwner): Readonly<Record<string, number>>;
  listen(controller: string, wake: Wake): () => void;
  /** Ends everything of a controller that is gone for good. */
  end(controller: string): void;
  /** Ends everything. */
  stop(): void;
}

export interface ProbeRunnerOptions {
  readonly calls: ApplicationCalls;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Calls at once; default 64. */
  readonly concurrency?: number;
}

export function createProbeRunner(options: ProbeRunnerOptions): ProbeRunner {
  const owners = new Map<string, Map<string, Map<string, ProbeLoop>>>();
  const listeners = new Map<string, Wake>();
  const shared: Shared = {
    ...options,
    slots: new Slots(options.concurrency ?? 64),
    rounds: options.metrics.counter({
      name: 'libretto_probes_total',
      help: 'Calls of probes, by result',
      labels: ['result'],
    }),
  };
  const of = ({ controller, key }: EffectOwner): ReadonlyMap<string, ProbeLoop> =>
    owners.get(controller)?.get(key) ?? new Map<string, ProbeLoop>();
  const endAll = (keys: ReadonlyMap<string, ReadonlyMap<string, ProbeLoop>> | undefined): void => {
    for (const loops of keys?.values() ?? []) for (const loop of loops.values()) loop.stop();
  };
  const replace = ({ controller, key }: EffectOwner, loops: Map<string, ProbeLoop>): void => {
    const keys = owners.get(controller) ?? new Map<string, Map<string, ProbeLoop>>();
    if (loops.size > 0) keys.set(key, loops);
    else keys.delete(key);
    if (keys.size > 0) owners.set(controller, keys);
    else owners.delete(controller);
  };
  return {
    reconcile(owner, needs) {
      const before = of(owner);
      const wake = (): void => listeners.get(owner.controller)?.(owner.key);
      const loops = needs.map((need) => {
        const loop = before.get(need.name) ?? new ProbeLoop(shared, wake);
        loop.need(need);
        return [need.name, loop] as const;
      });
      const after = new Map(loops);
      for (const [name, loop] of before) if (!after.has(name)) loop.stop();
      replace(owner, after);
    },
    values: (owner) =>
      Object.fromEntries(
        [...of(owner)].flatMap(([name, { value }]) => (value === undefined ? [] : [[name, value]])),
      ),
    probedAt: (owner) =>
      Object.fromEntries(
        [...of(owner)].flatMap(([name, { probedAt }]) => (probedAt === undefined ? [] : [[name, probedAt]])),
      ),
    listen(controller, wake) {
      listeners.set(controller, wake);
      return () => {
        if (listeners.get(controller) === wake) listeners.delete(controller);
      };
    },
    end(controller) {
      endAll(owners.get(controller));
      owners.delete(controller);
    },
    stop() {
      for (const keys of owners.values()) endAll(keys);
      owners.clear();
    },
  };
}

interface Shared extends ProbeRunnerOptions {
  readonly slots: Slots;
  readonly rounds: Counter;
}

/** However often a plan asks: a round begins at most once in this time. */
const SHORTEST_INTERVAL_MS = 500;

/** One probe of one resource. */
class ProbeLoop {
  probedAt: number | undefined;
  private readonly shared: Shared;
  private readonly wake: () => void;
  private readonly abort = new AbortController();
  private wanted: ProbeNeed | undefined;
  private results: readonly ProbeResult[] | undefined;
  /** When the latest round began, and of which calls, whether it has ended or not. */
  private begun: { readonly at: number; readonly calls: string } | undefined;
  private busy = false;
  private timer: Timer | undefined;

  constructor(shared: Shared, wake: () => void) {
    this.shared = shared;
    this.wake = wake;
  }

  get value(): Json | undefined {
    const objects = this.results?.map(objectOf);
    return this.wanted?.list === true ? objects : objects?.[0];
  }

  need(need: ProbeNeed): void {
    this.wanted = need;
    if (!this.busy) this.plan(need);
  }

  stop(): void {
    this.timer?.cancel();
    this.abort.abort();
  }

  private plan(need: ProbeNeed): void {
    this.timer?.cancel();
    const delay = this.dueAt(need) - this.shared.clock.now();
    if (delay <= 0) void this.round(need);
    else this.timer = this.shared.clock.after(delay, () => void this.round(this.wanted ?? need));
  }

  private dueAt(need: ProbeNeed): number {
    const waited = need.after === undefined ? 0 : need.after + 1;
    if (this.begun === undefined) return waited;
    const { at, calls } = this.begun;
    if (at < waited) return Math.max(waited, at + SHORTEST_INTERVAL_MS);
    const changed = calls !== describeCalls(need);
    return at + (changed ? SHORTEST_INTERVAL_MS : Math.max(SHORTEST_INTERVAL_MS, need.everyMs));
  }

  private async round(need: ProbeNeed): Promise<void> {
    if (this.abort.signal.aborted || this.busy) return;
    this.busy = true;
    const at = this.shared.clock.now();
    this.begun = { at, calls: describeCalls(need) };
    const readings = await Promise.all(need.calls.map((call) => this.ask(call, need)));
    this.busy = false;
    if (this.abort.signal.aborted) return;
    this.conclude(need, readings, at);
    this.plan(this.wanted ?? need);
  }

  private conclude(need: ProbeNeed, readings: readonly Reading[], began: number): void {
    const before = this.results;
    const now = this.shared.clock.now();
    this.results = need.calls.map(({ key }, i) =>
      nextResult(
        before?.find((result) => result.key === key),
        { key, reading: readings[i] ?? { ok: false, error: 'not asked' }, now },
      ),
    );
    const { after } = this.wanted ?? need;
    const awaited =
      after !== undefined && (this.probedAt ?? Number.NEGATIVE_INFINITY) <= after && began > after;
    this.probedAt = began;
    if (awaited || differs(before, this.results)) this.wake();
  }

  private async ask({ call }: ProbeCall, need: ProbeNeed): Promise<Reading> {
    if (typeof call === 'string') return { ok: false, error: call };
    const { calls, slots, rounds } = this.shared;
    const { signal } = this.abort;
    const { timeoutMs } = need;
    const answer = await slots.run(() => makeCall(call, calls, { timeoutMs, signal }));
    const reading = readAnswer(answer, need);
    rounds.add({ result: reading.ok ? 'ok' : 'failed' });
    return reading;
  }
}

function describeCalls({ calls, parse, list }: ProbeNeed): string {
  return canonicalJson([parse, list, ...calls.map(({ key = null, call }) => [key, call])]);
}
