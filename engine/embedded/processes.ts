/**
 * The child processes of a control plane: each logs into a file, is known to the reaper and stands in a list in the data
 * folder, so that nothing outlives the engine unnoticed. Children have process groups of their own: a Ctrl-C on the
 * terminal reaches the engine alone, which then ends them in order.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, pause } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { identify, type ProcessIdentity } from './identity.ts';
import type { ProcessList } from './process-list.ts';
import type { Reaper } from './reaper.ts';

export interface ProcessSpec {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

export interface ProcessExit {
  readonly name: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of its log. */
  readonly log: string;
}

/** A running child. Its pid is the program's own. */
export interface ChildProcess {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  readonly running: boolean;
  /** Sends a signal; an end that follows from it is not reported as a crash. */
  kill(signal: NodeJS.Signals): void;
  /** Stops its execution (SIGSTOP) until `resume`. */
  pause(): void;
  resume(): void;
  /** Resolves when it has ended. */
  readonly exited: Promise<ProcessExit>;
  /** SIGTERM, and SIGKILL after `graceMs`. */
  end(graceMs: number): Promise<void>;
}

export interface Spawner {
  readonly clock: Clock;
  readonly logDir: string;
  readonly reaper: Reaper;
  readonly list: ProcessList;
  /** Called when a child ends that nobody told to end. */
  readonly onCrash: (exit: ProcessExit) => void;
}

const LOG_TAIL = 4_000;

export async function startProcess(spawner: Spawner, spec: ProcessSpec): Promise<ChildProcess> {
  const logFile = join(spawner.logDir, `${spec.name}.log`);
  const log = openSync(logFile, 'a');
  const child = spawn(spec.program, spec.args, { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  const state = { told: false, running: true };
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('exit', (code, signal) => {
      state.running = false;
      resolve({ name: spec.name, code, signal, log: logTail(logFile) });
    });
  });
  const identity = await spawned(child, spec);
  spawner.reaper.add(identity.pid);
  spawner.list.add(spec.name, identity);
  void exited.then((exit) => {
    spawner.reaper.drop(identity.pid);
    spawner.list.drop(identity.pid);
    if (!state.told) spawner.onCrash(exit);
  });
  const send = (signal: NodeJS.Signals): void => void (state.running && child.kill(signal));
  const tell = (signal: NodeJS.Signals): void => {
    state.told = true;
    send(signal);
  };
  return {
    name: spec.name,
    pid: identity.pid,
    logFile,
    exited,
    get running() {
      return state.running;
    },
    kill: tell,
    pause: () => send('SIGSTOP'),
    resume: () => send('SIGCONT'),
    async end(graceMs) {
      tell('SIGTERM');
      send('SIGCONT');
      await Promise.race([exited, pause(spawner.clock, graceMs)]);
      tell('SIGKILL');
      await exited;
    },
  };
}

/** How a child ended, in words. */
export function describeExit(exit: ProcessExit): string {
  const how = exit.signal === null ? `with code ${exit.code}` : `by ${exit.signal}`;
  return `${exit.name} ended ${how}${exit.log === '' ? '' : `; the end of its log:\n${exit.log}`}`;
}

function spawned(child: ReturnType<typeof spawn>, spec: ProcessSpec): Promise<ProcessIdentity> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(
        new EngineError('ProgramNotStarted', `${spec.program} can't be started: ${cause.message}`, { cause }),
      ),
    );
    child.once('spawn', () => {
      const pid = child.pid ?? -1;
      resolve(identify(pid) ?? { pid, started: 'ended' });
    });
  });
}

function logTail(file: string): string {
  try {
    const lines = readFileSync(file, 'utf8').slice(-LOG_TAIL).trimEnd().split('\n');
    return lines.slice(-12).join('\n');
  } catch {
    return '';
  }
}
