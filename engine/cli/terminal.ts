/** What a command may ask of the process it runs in: output, environment, signals. `main` makes the real one. */
import { createInterface, type Interface } from 'node:readline';
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
  const interrupts = new Set<() => void>();
  const closed = endOfOutput(process, () => {
    for (const action of interrupts) action();
  });
  return {
    out: (text) => void (closed() || stdout.write(text)),
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
    ask: asker(process),
    onInterrupt(action) {
      let count = 0;
      const listener = (): void => {
        count++;
        if (count > 1) process.exit(130);
        action();
      };
      interrupts.add(action);
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, listener);
      return () => {
        interrupts.delete(action);
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, listener);
      };
    },
  };
}

/**
 * A reader that has seen enough (`| head`) is no failure: what began is finished without output, and what runs until it is
 * interrupted ends. Answers whether nobody reads any more.
 */
function endOfOutput(process: NodeJS.Process, interrupt: () => void): () => boolean {
  let closed = false;
  process.stdout.on('error', (error: Error) => {
    if (closed) return;
    closed = true;
    if (Object(error).code === 'EPIPE') {
      interrupt();
      return;
    }
    process.stderr.write(`libretto: standard output can't be written: ${error.message}\n`);
    process.once('exit', () => {
      process.exitCode = 1;
    });
  });
  process.stderr.on('error', () => undefined);
  return () => closed;
}

/** Questions share one reader: lines that are pasted at once, or typed ahead, answer those that follow. */
function asker({ stdin, stdout }: NodeJS.Process): Terminal['ask'] {
  const answers: string[] = [];
  let reader: Interface | undefined;
  let ended = false;
  let heard = (): void => undefined;
  const open = (): Interface => {
    const lines = createInterface({ input: stdin, output: stdout });
    lines.on('line', (line) => {
      answers.push(line);
      heard();
    });
    lines.on('close', () => {
      ended = true;
      heard();
    });
    return lines;
  };
  return async (question) => {
    if (ended) return '';
    reader ??= open();
    reader.setPrompt(question);
    reader.prompt();
    if (answers.length === 0) await new Promise<void>((resolve) => (heard = resolve));
    // Else the process would wait for more.
    if (!ended) reader.pause();
    return answers.shift() ?? '';
  };
}
