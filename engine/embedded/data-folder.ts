/** Where a control plane keeps its data: a folder that was named, or a temporary one that goes when it stops. */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { claimDataDir, endLeftovers, type ProcessList } from './process-list.ts';

export interface DataFolder {
  readonly path: string;
  readonly temporary: boolean;
  readonly list: ProcessList;
  /** Gives it free, and removes it where it is temporary. */
  release(): Promise<void>;
}

const PREFIX = 'libretto-';

/** Opens `dataDir`, or a new temporary folder; first ends what an engine that died has left running. */
export async function openDataFolder(clock: Clock, dataDir: string | undefined): Promise<DataFolder> {
  await sweepTemporary(clock);
  const temporary = dataDir === undefined;
  const path = temporary ? await mkdtemp(join(tmpdir(), PREFIX)) : resolve(dataDir);
  await mkdir(path, { recursive: true, mode: 0o700 });
  const list = await claimDataDir(clock, path);
  return {
    path,
    temporary,
    list,
    async release() {
      list.remove();
      if (temporary) await rm(path, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

async function sweepTemporary(clock: Clock): Promise<void> {
  const names = await readdir(tmpdir());
  for (const name of names.filter((one) => one.startsWith(PREFIX))) {
    const folder = join(tmpdir(), name);
    if (await endLeftovers(clock, folder)) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
