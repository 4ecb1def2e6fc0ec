/** Work that must be done once and may fail for a while: the API server is away, a right is missing. */
import { backoffDelay, REFLECTOR_BACKOFF } from '../base/backoff.ts';
import { type Clock, pause } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

export interface Insistence {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Logged with each failure. */
  readonly what: string;
  readonly signal: AbortSignal;
}

/** Tries until it succeeds, or `signal` aborts. */
export async function insist(
  { clock, logger, what, signal }: Insistence,
  work: () => Promise<void>,
): Promise<void> {
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      await work();
      return;
    } catch (error) {
      logger.warn(`${what} failed and is tried again`, { failures, error: errorMessage(error) });
      await pause(clock, backoffDelay(REFLECTOR_BACKOFF, failures), signal);
    }
  }
}
