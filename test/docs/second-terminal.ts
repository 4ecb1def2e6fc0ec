/** A command that goes on while a page's next commands are typed, as in a second terminal. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const PATIENCE_MS = 240_000;

export class SecondTerminal {
  readonly #child: ChildProcess;
  #lines: readonly string[] = [];
  #rest = '';
  /** Lines before this one have been looked at. */
  #seen = 0;
  #wake = (): void => undefined;
  #ended: string | undefined;

  constructor(commands: string, options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }) {
    const script = `exec 2>&1\n${commands.trimEnd().replace(/^(.*)$(?![\s\S])/m, 'exec $1')}\n`;
    this.#child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
      ...options,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    this.#child.once('exit', (code, signal) => {
      this.#ended = `it ended with ${code ?? signal}`;
      this.#wake();
    });
  }

  #take(text: string): void {
    const parts = `${this.#rest}${text}`.split('\n');
    this.#rest = parts.pop() ?? '';
    this.#lines = [...this.#lines, ...parts];
    this.#wake();
  }

  /** Waits until it has printed lines like these, in this order; others may stand between. */
  async shows(patterns: readonly RegExp[]): Promise<void> {
    const timer = setTimeout(() => {
      this.#ended ??= `nothing more came within ${PATIENCE_MS / 1000} s`;
      this.#wake();
    }, PATIENCE_MS);
    try {
      for (const pattern of patterns) await this.#find(pattern);
    } finally {
      clearTimeout(timer);
    }
  }

  async #find(pattern: RegExp): Promise<void> {
    for (;;) {
      const index = this.#lines.findIndex((line, at) => at >= this.#seen && pattern.test(line));
      if (index >= 0) {
        this.#seen = index + 1;
        return;
      }
      if (this.#ended !== undefined)
        throw new Error(`no line like ${pattern}: ${this.#ended}\n${this.#lines.join('\n')}`);
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  /** Ctrl-C. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGINT');
    await ended;
  }
}
