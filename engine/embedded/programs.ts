/**
 * The programs of the embedded cluster, as paths. Looked for in this order: KUBEBUILDER_ASSETS, our cache (which holds the
 * very version that is wanted), PATH where the version fits, the makers' own builds, a build from pinned Go modules.
 * LIBRETTO_DOWNLOADS=off leaves the makers' builds out.
 */
import { mkdir } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import { type Environment, processEnvironment } from '../base/environment.ts';
import { holdProcess } from '../base/hold.ts';
import { type Program, type ProgramName, program } from './catalog.ts';
import { downloadPrograms } from './download.ts';
import { buildPrograms } from './go-build.ts';
import { cacheFolder, locate } from './locate.ts';
import { withLock } from './lock.ts';
import type { Progress } from './progress.ts';

export interface ProgramOptions {
  readonly clock?: Clock;
  readonly environment?: Environment;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** Finds each program, or gets it. Two at once wait for each other. Throws `ProgramsMissing` or `BuildFailed`. */
export function findPrograms(
  names: readonly ProgramName[],
  options: ProgramOptions = {},
): Promise<ReadonlyMap<ProgramName, string>> {
  return holdProcess(async () => {
    const environment = options.environment ?? processEnvironment();
    const found = await locateAll(names, environment);
    const missing = names.filter((name) => !found.has(name));
    if (missing.length === 0) return found;
    await obtain(missing, { ...options, environment, clock: options.clock ?? systemClock() });
    return locateAll(names, environment);
  });
}

async function locateAll(
  names: readonly ProgramName[],
  environment: Environment,
): Promise<Map<ProgramName, string>> {
  const found = new Map<ProgramName, string>();
  for (const name of names) {
    const path = await locate(program(name), environment);
    if (path !== undefined) found.set(name, path);
  }
  return found;
}

interface Obtaining extends ProgramOptions {
  readonly clock: Clock;
  readonly environment: Environment;
}

async function obtain(names: readonly ProgramName[], options: Obtaining): Promise<void> {
  const { clock, environment, signal, progress } = options;
  const cache = cacheFolder(environment);
  await mkdir(cache, { recursive: true });
  const began = clock.monotonic();
  const onWait = (pid: number): void =>
    progress?.({
      step: `waiting for process ${pid}, which gets the same programs`,
      state: 'started',
      elapsedMs: clock.monotonic() - began,
    });
  await withLock({ file: join(cache, 'lock'), clock, signal, onWait }, async () => {
    const missing: Program[] = [];
    for (const one of names.map(program))
      if ((await locate(one, environment)) === undefined) missing.push(one);
    await downloadPrograms(missing, { environment, clock, progress, signal, system: goSystem(arch()) });
    await buildPrograms(await missingOf(missing, environment), { environment, clock, progress, signal });
  });
}

async function missingOf(programs: readonly Program[], environment: Environment): Promise<Program[]> {
  const missing: Program[] = [];
  for (const one of programs) if ((await locate(one, environment)) === undefined) missing.push(one);
  return missing;
}

/** This machine in Go's words, which downloads are named by. */
function goSystem(architecture: string): string {
  return `${platform()}-${architecture === 'x64' ? 'amd64' : architecture}`;
}
