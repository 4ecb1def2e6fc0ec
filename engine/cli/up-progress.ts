/** Tells what a slow step is doing: on a terminal one line that is redrawn, else a line at its start and end. */
import type { Progress } from '../embedded/progress.ts';
import type { Terminal } from './terminal.ts';

/** Steps shorter than this are not worth a line. */
const SHOWN_AFTER_MS = 1_000;

export interface ProgressLine {
  readonly report: Progress;
  /** Ends the line that is being redrawn. */
  clear(): void;
}

export function createProgressLine(terminal: Terminal): ProgressLine {
  let open = false;
  const clear = (): void => {
    if (open) terminal.err('\r\x1b[2K');
    open = false;
  };
  const announced = new Set<string>();
  return {
    clear,
    report({ step, state, elapsedMs, detail }) {
      const seconds = `${(elapsedMs / 1000).toFixed(1)} s`;
      if (state === 'done') {
        clear();
        if (elapsedMs >= SHOWN_AFTER_MS) terminal.err(`${step}: ${seconds}\n`);
      } else if (terminal.interactive) {
        terminal.err(
          `\r\x1b[2K${`${step} … ${seconds}${detail === undefined ? '' : ` ${detail}`}`.slice(0, terminal.columns - 1)}`,
        );
        open = true;
      } else if (elapsedMs >= SHOWN_AFTER_MS && !announced.has(step)) {
        announced.add(step);
        terminal.err(`${step} …\n`);
      }
    },
  };
}
