/**
 * The programs of the embedded cluster, as paths. Looked for in this order: KUBEBUILDER_ASSETS, our cache, PATH (where the
 * version fits), the makers' own builds with their checksum, a build from pinned Go modules.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import { type Environment, processEnvironment } from '../base/environment.ts';
import { holdProcess } from '../base/hold.ts';
import { type Program, type ProgramName, program } from './catalog.ts';
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

export type ProgramPaths<Name extends ProgramName> = Readonly<Record<Name, string>>;

/** Finds each program, or gets it. Two at once wait for each other. Throws `ProgramsMissing` or `BuildFailed`. */
export function findPrograms<Name extends ProgramName>(
  names: readonly Name[],
  options: ProgramOptions = {},
): Promise<Partial<ProgramPaths<Name>>> {
  return holdProcess(async () => {
    const environment = options.environment ?? processEnvironment();
    const found = await locateAll(names, environment);
    const missing = names.filter((name) => found[name] === undefined);
    if (missing.length === 0) return found;
    await obtain(missing, { ...options, environment, clock: options.clock ?? systemClock() });
    return locateAll(names, environment);
  });
}

async function locateAll<Name extends ProgramName>(
  names: readonly Name[],
  environment: Environment,
): Promise<Partial<Record<Name, string>>> {
  const found: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const path = await locate(program(name), environment);
    if (path !== undefined) found[name] = path;
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
    await buildPrograms(missing, { environment, clock, progress, signal });
  });
}
