/** Lets one process at a time do something: a file that names the holder. A dead holder's lock is taken over. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type Clock, pause } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { identify, isAlive, type ProcessIdentity } from './identity.ts';

export interface LockOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Told once, with the holder's pid, where it has to wait. */
  readonly onWait?: (pid: number) => void;
}

const POLL_MS = 200;

export async function withLock<T>(options: LockOptions, work: () => Promise<T>): Promise<T> {
  await acquire(options);
  try {
    return await work();
  } finally {
    rmSync(options.file, { force: true });
  }
}

async function acquire({ file, clock, signal, onWait }: LockOptions): Promise<void> {
  for (let told = false; ; ) {
    if (create(file)) return;
    const holder = readHolder(file);
    if (holder !== undefined && !isAlive(holder)) takeAway(file);
    else {
      if (!told && holder !== undefined) onWait?.(holder.pid);
      told = true;
      await pause(clock, POLL_MS, signal);
      if (signal?.aborted) throw new EngineError('Interrupted', `told to stop while waiting for ${file}`);
    }
  }
}

/** Written under another name and linked into place would need two steps; `wx` makes and owns it in one. */
function create(file: string): boolean {
  try {
    writeFileSync(file, JSON.stringify(identify(process.pid) ?? {}), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

/** Of two that see the same dead holder one renames; the other finds the file gone and tries again. */
function takeAway(file: string): void {
  try {
    renameSync(file, `${file}.${process.pid}`);
    rmSync(`${file}.${process.pid}`, { force: true });
  } catch {
    // Somebody else took it away.
  }
}

function readHolder(file: string): ProcessIdentity | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('started' in value))
      return undefined;
    const { pid, started } = value;
    return typeof pid === 'number' && typeof started === 'string' ? { pid, started } : undefined;
  } catch {
    return undefined; // Just being written, or just given free.
  }
}
