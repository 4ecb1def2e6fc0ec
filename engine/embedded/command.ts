/** Runs a command to its end and keeps the end of what it said. */
import { spawn } from 'node:child_process';
import type { Environment } from '../base/environment.ts';
import { errorMessage } from '../base/errors.ts';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly environment: Environment;
  readonly signal?: AbortSignal | undefined;
  /** Told of each line, from both outputs. */
  readonly onLine?: (line: string) => void;
}

export interface CommandResult {
  /** null: it could not be started, or was ended by a signal. */
  readonly code: number | null;
  readonly output: string;
}

const KEPT = 64_000;

export function runCommand(command: Command): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(command.program, command.args, {
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      ...(command.signal === undefined ? {} : { signal: command.signal }),
      env: { ...command.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const hear = (part: Buffer): void => {
      const text = part.toString('utf8');
      output = `${output}${text}`.slice(-KEPT);
      for (const line of text.split('\n')) if (line.trim() !== '') command.onLine?.(line.trim());
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', (error) => resolve({ code: null, output: `${output}${errorMessage(error)}` }));
    child.once('close', (code) => resolve({ code, output }));
  });
}
