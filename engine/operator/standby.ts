/**
 * What a process does that does not lead and finds something missing that only the leader may write: it looks again from
 * time to time whether the leader has written it, so that it has everything ready before it must take over.
 */
import { backoffDelay, REFLECTOR_BACKOFF } from '../base/backoff.ts';
import { type Clock, pause } from '../base/clock.ts';
import type { MayWrite } from './leadership.ts';

export interface Standby {
  readonly clock: Clock;
  readonly mayWrite: MayWrite;
  readonly signal: AbortSignal;
}

/** With what `look` finds; `lead` once this process may write it itself; `stopped` where `signal` aborts before. */
export type Found<T> = { readonly kind: 'found'; readonly value: T } | { readonly kind: 'lead' | 'stopped' };

export async function findOrLead<T>(
  { clock, mayWrite, signal }: Standby,
  look: () => Promise<T | undefined>,
): Promise<Found<T>> {
  for (let looks = 1; !signal.aborted; looks++) {
    const value = await look();
    if (value !== undefined) return { kind: 'found', value };
    const ended = new AbortController();
    const both = AbortSignal.any([signal, ended.signal]);
    const leading = mayWrite(both);
    const again = pause(clock, backoffDelay(REFLECTOR_BACKOFF, looks), both).then(() => false);
    const leads = await Promise.race([leading, again]);
    ended.abort();
    if (leads) return { kind: 'lead' };
  }
  return { kind: 'stopped' };
}
