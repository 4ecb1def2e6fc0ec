/** A clock that stands still until a test moves it. */
import type { Clock } from '../../engine/base/clock.ts';

export interface FakeClock extends Clock {
  /** Moves time on, calling what becomes due in order. */
  advance(ms: number): void;
}

export function fakeClock(start = 1_800_000_000_000): FakeClock {
  let elapsed = 0;
  let due: { at: number; action: () => void }[] = [];
  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    after(delayMs, action) {
      const entry = { at: elapsed + Math.max(0, delayMs), action };
      due.push(entry);
      return {
        cancel() {
          due = due.filter((e) => e !== entry);
        },
      };
    },
    advance(ms) {
      const end = elapsed + ms;
      for (;;) {
        const next = due.filter((e) => e.at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        due = due.filter((e) => e !== next);
        elapsed = next.at;
        next.action();
      }
      elapsed = end;
    },
  };
}
