/**
 * The long effects of action steps: calls that run beside the workers, on the leader alone. Level-triggered: each pass
 * lists what should be running for its resource; what is listed and unknown is started, what is no longer listed is
 * ended and its outcome forgotten. An outcome is kept, and wakes its resource, until then.
 *
 * Effects belong to a controller's name, not to the controller: a new version of a playbook takes them over.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Counter, Metrics } from '../base/metrics.ts';
import type { ApplicationCalls, ExecAnswer, HttpAnswer } from '../cluster/api.ts';
import type { Effect, EffectCall, EffectOutcome } from '../reconcile/effect.ts';

/** Whose effects these are: a controller's name and the key of a resource. */
export interface EffectOwner {
  readonly controller: string;
  readonly key: string;
}

/** Wakes a resource of a controller. */
export type Wake = (key: string) => void;

export interface EffectRunner {
  /** What is to be running for this resource now. */
  reconcile(owner: EffectOwner, effects: readonly Effect[]): void;
  outcomes(owner: EffectOwner): Readonly<Record<string, EffectOutcome>>;
  /** Who is told about the outcomes of a controller's effects; returns the way to stop. The latest one is. */
  listen(controller: string, wake: Wake): () => void;
  /** Ends everything of a controller that is gone for good. */
  end(controller: string): void;
  /** Starts nothing more; resolves when what runs has ended, or after `graceMs`, when it is ended. */
  drain(graceMs: number): Promise<void>;
  readonly running: number;
}

export interface EffectRunnerOptions {
  readonly calls: ApplicationCalls;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export function createEffectRunner(options: EffectRunnerOptions): EffectRunner {
  return new Runner(options);
}

/** The call that a step or a probe describes; never rejects. */
export function makeCall(
  call: EffectCall,
  calls: ApplicationCalls,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<ExecAnswer | HttpAnswer> {
  return call.kind === 'exec' ? calls.exec({ ...call, ...options }) : calls.http({ ...call, ...options });
}

interface Running {
  readonly abort: AbortController;
  outcome: EffectOutcome | undefined;
  readonly ended: Promise<void>;
}

class Runner implements EffectRunner {
  private readonly options: EffectRunnerOptions;
  private readonly ended: Counter;
  /** By controller, key, effect key. */
  private readonly owners = new Map<string, Map<string, Map<string, Running>>>();
  private readonly listeners = new Map<string, Wake>();
  private draining = false;

  constructor(options: EffectRunnerOptions) {
    this.options = options;
    this.ended = options.metrics.counter({
      name: 'libretto_effects_total',
      help: 'Calls of action steps that ended, by kind and result',
      labels: ['kind', 'result'],
    });
  }

  reconcile(owner: EffectOwner, effects: readonly Effect[]): void {
    const known = this.of(owner);
    const listed = new Set(effects.map((e) => e.key));
    for (const [key, running] of known ?? []) {
      if (listed.has(key)) continue;
      running.abort.abort();
      known?.delete(key);
    }
    for (const effect of effects) {
      if (effect.kind !== 'keep' && !known?.has(effect.key) && !this.draining) this.start(owner, effect);
    }
    this.tidy(owner);
  }

  outcomes(owner: EffectOwner): Readonly<Record<string, EffectOutcome>> {
    const entries = [...(this.of(owner) ?? [])];
    return Object.fromEntries(
      entries.flatMap(([key, { outcome }]) => (outcome === undefined ? [] : [[key, outcome]])),
    );
  }

  listen(controller: string, wake: Wake): () => void {
    this.listeners.set(controller, wake);
    return () => {
      if (this.listeners.get(controller) === wake) this.listeners.delete(controller);
    };
  }

  end(controller: string): void {
    for (const running of this.all(controller)) running.abort.abort();
    this.owners.delete(controller);
  }

  get running(): number {
    return this.unfinished().length;
  }

  async drain(graceMs: number): Promise<void> {
    this.draining = true;
    const all = Promise.allSettled(this.unfinished().map((r) => r.ended));
    const late = Promise.withResolvers<void>();
    const timer = this.options.clock.after(graceMs, late.resolve);
    await Promise.race([all, late.promise]);
    timer.cancel();
    for (const running of this.unfinished()) running.abort.abort();
    await all;
  }

  private start(owner: EffectOwner, effect: Effect & EffectCall): void {
    const abort = new AbortController();
    const { timeoutMs } = effect;
    const call = makeCall(effect, this.options.calls, { timeoutMs, signal: abort.signal });
    const running: Running = {
      abort,
      outcome: undefined,
      ended: call.then((answer) => {
        running.outcome = { ...answer, finishedAt: this.options.clock.now() };
        this.report(owner, effect, answer);
        if (!abort.signal.aborted) this.listeners.get(owner.controller)?.(owner.key);
      }),
    };
    const keys = this.owners.get(owner.controller) ?? new Map<string, Map<string, Running>>();
    this.owners.set(owner.controller, keys);
    keys.set(owner.key, (keys.get(owner.key) ?? new Map<string, Running>()).set(effect.key, running));
  }

  /** What was sent and what came back stay out of the log: both may hold secrets. */
  private report({ controller, key }: EffectOwner, effect: Effect, answer: ExecAnswer | HttpAnswer): void {
    const result = answer.kind === 'failed' ? answer.reason : resultOf(answer);
    this.ended.add({ kind: effect.kind, result: answer.kind === 'failed' ? answer.reason : 'answered' });
    this.options.logger.info('a call of an action ended', { controller, key, effect: effect.key, result });
  }

  private of({ controller, key }: EffectOwner): Map<string, Running> | undefined {
    return this.owners.get(controller)?.get(key);
  }

  private all(controller: string): readonly Running[] {
    return [...(this.owners.get(controller)?.values() ?? [])].flatMap((effects) => [...effects.values()]);
  }

  private unfinished(): readonly Running[] {
    return [...this.owners.keys()].flatMap((c) => this.all(c)).filter((r) => r.outcome === undefined);
  }

  private tidy({ controller, key }: EffectOwner): void {
    const keys = this.owners.get(controller);
    if (keys?.get(key)?.size === 0) keys.delete(key);
    if (keys?.size === 0) this.owners.delete(controller);
  }
}

function resultOf(answer: Exclude<ExecAnswer | HttpAnswer, { kind: 'failed' }>): string {
  return answer.kind === 'exec' ? `exit ${answer.exitCode}` : `status ${answer.status}`;
}
