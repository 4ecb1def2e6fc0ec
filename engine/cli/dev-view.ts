/** Shows each new state of `libretto dev`: on a terminal as a screen that is drawn anew, else as lines. */
import type { Clock, Timer } from '../base/clock.ts';
import { linesBetween } from './dev-lines.ts';
import { screenOf } from './dev-screen.ts';
import type { DevState } from './dev-state.ts';
import type { Terminal } from './terminal.ts';

export interface DevView {
  show(before: DevState, after: DevState): void;
  /** Shows what has not been shown yet. */
  end(): void;
}

export function createLines({ out }: Terminal): DevView {
  return {
    show: (before, after) =>
      out(
        linesBetween(before, after)
          .map((line) => `${line}\n`)
          .join(''),
      ),
    end() {},
  };
}

/** A burst of changes is drawn once. */
const DRAWN_AFTER_MS = 40;

export function createScreen(terminal: Terminal, clock: Clock): DevView {
  let pending: Timer | undefined;
  let newest: DevState | undefined;
  let begun = false;
  const draw = (): void => {
    pending = undefined;
    if (newest === undefined) return;
    const lines = screenOf(newest, terminal);
    const clear = begun ? '' : '\x1b[2J';
    begun = true;
    terminal.out(`${clear}\x1b[H${lines.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`);
  };
  return {
    show(_before, after) {
      newest = after;
      pending ??= clock.after(DRAWN_AFTER_MS, draw);
    },
    end() {
      pending?.cancel();
      draw();
    },
  };
}
