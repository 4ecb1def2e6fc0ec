/** Builds programs from the Go modules beside this file; `go.sum` there pins every byte that goes in. */
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Environment } from '../base/environment.ts';
import { EngineError } from '../base/errors.ts';
import { type GoModule, KUBERNETES_VERSION, type Program } from './catalog.ts';
import { runCommand } from './command.ts';
import { cachedPath, cacheFolder } from './locate.ts';
import type { Progress } from './progress.ts';

export interface BuildOptions {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

const MODULES = join(import.meta.dirname, 'go');
const REPORT_EVERY_MS = 1_000;

/** Builds those of one module in one call of `go build`, which shares what they have in common. */
export async function buildPrograms(programs: readonly Program[], options: BuildOptions): Promise<void> {
  const modules = Map.groupBy(programs, (program) => program.goModule);
  if (modules.size > 0) await requireGo(programs, options);
  for (const [module, members] of modules) await buildModule(module, members, options);
}

async function requireGo(programs: readonly Program[], { environment }: BuildOptions): Promise<void> {
  const { code } = await runCommand({ program: 'go', args: ['version'], environment });
  if (code === 0) return;
  const names = programs.map((program) => program.name).join(', ');
  throw new EngineError('ProgramsMissing', `${names} not found, and no Go to build them with`, {
    hint: 'install Go 1.25 or later (https://go.dev/dl), or name a folder with these programs in KUBEBUILDER_ASSETS',
  });
}

async function buildModule(
  module: GoModule,
  programs: readonly Program[],
  options: BuildOptions,
): Promise<void> {
  const { environment } = options;
  await mkdir(cacheFolder(environment), { recursive: true });
  const output = await mkdtemp(join(cacheFolder(environment), 'building-'));
  const report = reporter(programs, options);
  try {
    const result = await runCommand({
      program: 'go',
      args: ['build', '-trimpath', `-ldflags=${linkerFlags(module)}`, ...outputFlags(output, programs)],
      cwd: join(MODULES, module),
      environment: { ...environment, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false' },
      signal: options.signal,
      onLine: report.line,
    });
    if (options.signal?.aborted) throw new EngineError('Interrupted', 'told to stop while building programs');
    if (result.code !== 0) throw buildFailed(programs, result.output);
    for (const program of programs)
      await install(join(output, program.name), cachedPath(environment, program));
  } finally {
    report.done();
    await rm(output, { recursive: true, force: true });
  }
}

/** One program keeps its own name, since that of its package differs (etcd's is `server`); several go by their packages'. */
function outputFlags(output: string, programs: readonly Program[]): string[] {
  const [only] = programs;
  const target = programs.length === 1 && only !== undefined ? join(output, only.name) : `${output}/`;
  return ['-o', target, ...programs.map((program) => program.goPackage)];
}

function linkerFlags(module: GoModule): string {
  const small = '-s -w';
  if (module !== 'kubernetes') return small;
  const [major, minor] = KUBERNETES_VERSION.slice(1).split('.');
  const set = (name: string, value = ''): string => `-X k8s.io/component-base/version.${name}=${value}`;
  return [small, set('gitVersion', KUBERNETES_VERSION), set('gitMajor', major), set('gitMinor', minor)].join(
    ' ',
  );
}

/** The folder appears whole or not at all: it is filled under another name. */
async function install(built: string, target: string): Promise<void> {
  const folder = join(target, '..');
  await mkdir(folder, { recursive: true });
  await rename(built, target);
}

function buildFailed(programs: readonly Program[], output: string): EngineError {
  const names = programs.map((program) => program.name).join(', ');
  const tail = output.trimEnd().split('\n').slice(-15).join('\n');
  return new EngineError('BuildFailed', `go build of ${names} failed:\n${tail}`, {
    hint: 'the build needs a reachable Go module proxy (go env GOPROXY), about 4 GB of disk and 3 GB of memory',
  });
}

function reporter(programs: readonly Program[], { clock, progress }: BuildOptions) {
  const step = `building ${programs.map((program) => `${program.name} ${program.version}`).join(', ')}`;
  const began = clock.monotonic();
  let detail: string | undefined;
  const tell = (state: 'started' | 'running' | 'done'): void =>
    progress?.({
      step,
      state,
      elapsedMs: clock.monotonic() - began,
      ...(detail === undefined ? {} : { detail }),
    });
  tell('started');
  let timer = clock.after(REPORT_EVERY_MS, again);
  function again(): void {
    tell('running');
    timer = clock.after(REPORT_EVERY_MS, again);
  }
  return {
    line: (line: string): void => {
      detail = line;
    },
    done: (): void => {
      timer.cancel();
      detail = undefined;
      tell('done');
    },
  };
}
