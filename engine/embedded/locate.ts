/** Looks for programs that are there already: named by KUBEBUILDER_ASSETS, on PATH in a fitting version, or in our cache. */
import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Environment } from '../base/environment.ts';
import type { Program } from './catalog.ts';
import { runCommand } from './command.ts';

/** `${LIBRETTO_CACHE:-~/.cache/libretto}`. */
export function cacheFolder(environment: Environment): string {
  const named = environment.LIBRETTO_CACHE;
  if (named !== undefined && named !== '') return named;
  const base = environment.XDG_CACHE_HOME;
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), '.cache'), 'libretto');
}

export function cachedPath(environment: Environment, program: Program): string {
  return join(cacheFolder(environment), `${program.name}-${program.version}`, program.name);
}

/** The program's path, or undefined where it must be had first. */
export async function locate(program: Program, environment: Environment): Promise<string | undefined> {
  const assets = environment.KUBEBUILDER_ASSETS;
  if (assets !== undefined && assets !== '') {
    const file = join(assets, program.name);
    if (await isExecutable(file)) return file; // Named by the user: taken whatever its version.
  }
  const cached = cachedPath(environment, program);
  if (program.name !== 'kubectl' && (await isExecutable(cached))) return cached;
  for (const folder of (environment.PATH ?? '').split(delimiter).filter(isAbsolute)) {
    const file = join(folder, program.name);
    if ((await isExecutable(file)) && (await fits(program, file, environment))) return file;
  }
  return (await isExecutable(cached)) ? cached : undefined;
}

async function fits(program: Program, file: string, environment: Environment): Promise<boolean> {
  if (program.fits === 'any') return true;
  const { code, output } = await runCommand({ program: file, args: program.versionArgs, environment });
  const [, major, minor] = /v?(\d+)\.(\d+)\.\d+/.exec(output) ?? [];
  return code === 0 && program.version.startsWith(`v${major}.${minor}.`);
}

export async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
