/** Work that must be done once and may fail for a while: the API server is away, a right is missing. */
import { backoffDelay, REFLECTOR_BACKOFF } from './backoff.ts';
import { type Clock, pause } from './clock.ts';
import { errorMessage } from './errors.ts';
import type { Logger } from './logger.ts';

export interface Insistence {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Logged as a warning with each failure, and beside it `fields`. */
  readonly message: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Tries until it succeeds, or `signal` aborts. */
export async function insist(
  { clock, logger, message, fields, signal }: Insistence,
  work: () => Promise<void>,
): Promise<void> {
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      await work();
      return;
    } catch (error) {
      if (signal.aborted) return;
      logger.warn(message, { ...fields, failures, error: errorMessage(error) });
      await pause(clock, backoffDelay(REFLECTOR_BACKOFF, failures), signal);
    }
  }
}
