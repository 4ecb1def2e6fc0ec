/** Exponential backoff as pure arithmetic; the caller keeps the count of failures. */

export interface Backoff {
  /** First delay, in milliseconds. */
  readonly baseMs: number;
  /** Longest delay, in milliseconds. */
  readonly maxMs: number;
}

/** The work queue's convention (client-go's ItemExponentialFailureRateLimiter): 5 ms doubling to 1000 s. */
export const QUEUE_BACKOFF: Backoff = { baseMs: 5, maxMs: 1_000_000 };

/** The reflector's convention (client-go): 800 ms doubling to 30 s; add jitter. */
export const REFLECTOR_BACKOFF: Backoff = { baseMs: 800, maxMs: 30_000 };

/** The delay before the next try after `failures` failures in a row (1 = the first), in milliseconds. */
export function backoffDelay(backoff: Backoff, failures: number): number {
  return Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.min(failures - 1, 40));
}
