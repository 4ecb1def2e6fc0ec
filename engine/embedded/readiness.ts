/** Waits until something answers as it should, unless what it depends on has failed. */
import { type Clock, pause } from '../base/clock.ts';
import { EngineError, errorMessage } from '../base/errors.ts';

export interface Waiting {
  readonly what: string;
  /** A rejection means: not yet. */
  readonly done: () => Promise<boolean>;
  /** Why waiting is of no use any more, or undefined. */
  readonly failed: () => string | undefined;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

const POLL_MS = 50;

/** Throws `ControlPlaneFailed` when a process ended or the time is over, `Interrupted` when the signal came. */
export async function waitUntil(waiting: Waiting): Promise<void> {
  const { clock, what, signal } = waiting;
  const deadline = clock.monotonic() + waiting.timeoutMs;
  let last = '';
  for (;;) {
    const failure = waiting.failed();
    if (failure !== undefined) throw new EngineError('ControlPlaneFailed', failure);
    if (signal?.aborted) throw new EngineError('Interrupted', `told to stop while waiting for ${what}`);
    try {
      if (await waiting.done()) return;
    } catch (error) {
      last = ` (${errorMessage(error)})`;
    }
    if (clock.monotonic() > deadline) {
      throw new EngineError(
        'ControlPlaneFailed',
        `${what} not ready in ${waiting.timeoutMs / 1000} s${last}`,
      );
    }
    await pause(clock, POLL_MS, signal);
  }
}
