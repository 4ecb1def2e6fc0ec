/** What a command may ask of the process it runs in: output, environment, signals. `main` makes the real one. */
import { createInterface } from 'node:readline/promises';
import type { Environment } from '../base/environment.ts';

export interface Terminal {
  /** Results, on standard output. */
  out(text: string): void;
  /** Progress and problems, on standard error. */
  err(text: string): void;
  /** True where a person watches standard output. */
  readonly interactive: boolean;
  /** Colours: a terminal, and neither NO_COLOR nor TERM=dumb. */
  readonly colors: boolean;
  readonly columns: number;
  readonly rows: number;
  readonly environment: Environment;
  readonly hostname: string;
  /** Asks a person, where `interactive`; answers with the line, without its end. Empty: the input ended. */
  ask(question: string): Promise<string>;
  /** Called on SIGINT and SIGTERM; a second signal ends the process at once. Returns the way to stop. */
  onInterrupt(action: () => void): () => void;
}

/** The real process. */
export function processTerminal(process: NodeJS.Process, hostname: string): Terminal {
  const { env, stdout } = process;
  const interactive = stdout.isTTY === true && env['TERM'] !== 'dumb';
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive,
    colors: interactive && (env['NO_COLOR'] ?? '') === '',
    get columns() {
      return stdout.columns > 0 ? stdout.columns : 120; // some pseudo terminals say 0
    },
    get rows() {
      return stdout.rows > 0 ? stdout.rows : 40;
    },
    environment: env,
    hostname,
    async ask(question) {
      const lines = createInterface({ input: process.stdin, output: stdout });
      try {
        return await Promise.race([
          lines.question(question),
          new Promise<string>((end) => lines.once('close', () => end(''))),
        ]);
      } finally {
        lines.close();
      }
    },
    onInterrupt(action) {
      let count = 0;
      const listener = (): void => {
        count++;
        if (count > 1) process.exit(130);
        action();
      };
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, listener);
      return () => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, listener);
      };
    },
  };
}
