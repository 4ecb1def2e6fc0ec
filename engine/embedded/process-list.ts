/** The list of a control plane's processes, kept in its data folder: who runs it, and what runs for it. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, pause } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { identify, isAlive, type ProcessIdentity, signalProcess } from './identity.ts';

export interface ProcessList {
  add(name: string, identity: ProcessIdentity): void;
  drop(pid: number): void;
  /** Gives the data folder free. */
  remove(): void;
}

interface Listed extends ProcessIdentity {
  readonly name: string;
}

interface Contents {
  readonly owner: ProcessIdentity;
  readonly processes: readonly Listed[];
}

const FILE = 'processes.json';
const GRACE_MS = 5_000;
const POLL_MS = 50;

/** Writes this process down as the one that runs `dataDir`. Throws `DataFolderInUse` while another one does. */
export async function claimDataDir(clock: Clock, dataDir: string): Promise<ProcessList> {
  const file = join(dataDir, FILE);
  const previous = readList(file);
  if (previous !== undefined && isOther(previous.owner)) throw inUse(dataDir, previous.owner.pid);
  if (previous !== undefined) await endProcesses(clock, previous.processes);
  rmSync(file, { force: true });
  const owner = identify(process.pid) ?? { pid: process.pid, started: '' };
  createList(file, dataDir, { owner, processes: [] });
  return openList(file, owner);
}

/** Ends what a dead engine left running in `dataDir`; false while its engine lives or where no list stands. */
export async function endLeftovers(clock: Clock, dataDir: string): Promise<boolean> {
  const list = readList(join(dataDir, FILE));
  if (list === undefined || isAlive(list.owner)) return false;
  await endProcesses(clock, list.processes);
  return true;
}

function openList(file: string, owner: ProcessIdentity): ProcessList {
  const processes = new Map<number, Listed>();
  const save = (): void => {
    writeFileSync(
      `${file}.new`,
      `${JSON.stringify({ owner, processes: [...processes.values()] }, null, 1)}\n`,
    );
    renameSync(`${file}.new`, file);
  };
  let removed = false;
  return {
    add(name, identity) {
      processes.set(identity.pid, { name, ...identity });
      save();
    },
    drop(pid) {
      if (processes.delete(pid) && !removed) save();
    },
    remove() {
      removed = true;
      rmSync(file, { force: true });
    },
  };
}

/** Two starts at once: the file is made by one of them alone (`wx`). */
function createList(file: string, dataDir: string, contents: Contents): void {
  try {
    writeFileSync(file, JSON.stringify(contents), { flag: 'wx' });
  } catch (cause) {
    throw inUse(dataDir, readList(file)?.owner.pid, cause);
  }
}

function inUse(dataDir: string, pid: number | undefined, cause?: unknown): EngineError {
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  return new EngineError('DataFolderInUse', `${who} runs a control plane in ${dataDir}`, {
    hint: 'end it first, or name another data folder',
    cause,
  });
}

function isOther(owner: ProcessIdentity): boolean {
  return isAlive(owner);
}

async function endProcesses(clock: Clock, processes: readonly Listed[]): Promise<void> {
  for (const one of processes) {
    signalProcess(one, 'SIGTERM');
    signalProcess(one, 'SIGCONT');
  }
  const deadline = clock.monotonic() + GRACE_MS;
  while (processes.some(isAlive) && clock.monotonic() < deadline) await pause(clock, POLL_MS);
  for (const one of processes) signalProcess(one, 'SIGKILL');
  while (processes.some(isAlive) && clock.monotonic() < deadline + GRACE_MS) await pause(clock, POLL_MS);
}

function readList(file: string): Contents | undefined {
  try {
    return parseList(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined; // No list, or one cut short by a crash while it was first written: nothing had started then.
  }
}

function parseList(value: unknown): Contents | undefined {
  if (!isRecord(value) || !Array.isArray(value.processes)) return undefined;
  const owner = parseIdentity(value.owner);
  const processes = value.processes.flatMap((one: unknown) => {
    const identity = parseIdentity(one);
    return identity === undefined || !isRecord(one) ? [] : [{ name: String(one.name), ...identity }];
  });
  return owner === undefined ? undefined : { owner, processes };
}

function parseIdentity(value: unknown): ProcessIdentity | undefined {
  if (!isRecord(value)) return undefined;
  const { pid, started } = value;
  return typeof pid === 'number' && typeof started === 'string' ? { pid, started } : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
