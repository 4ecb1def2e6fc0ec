/** The programs of a node that the system's package manager brings: which are missing, and how they are installed. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { runCommand } from './command.ts';
import { machineEnvironment } from './node-machine.ts';
import type { Progress } from './progress.ts';

export interface PackageOptions {
  readonly clock: Clock;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Debian's and Ubuntu's packages with a program of each; another package may well have brought the program. */
const PACKAGES = [
  { name: 'containerd', program: 'containerd' },
  { name: 'runc', program: 'runc' },
  { name: 'containernetworking-plugins', program: 'bridge' },
  { name: 'iptables', program: 'iptables' },
  { name: 'iproute2', program: 'ip' },
  { name: 'util-linux', program: 'nsenter' },
  { name: 'mount', program: 'mount' },
  { name: 'debootstrap', program: 'debootstrap' },
  { name: 'tar', program: 'tar' },
] as const;

const CNI_FOLDERS = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni'];
const REPORT_EVERY_MS = 5_000;

/** The folder of the CNI plugins. */
export function cniFolder(): string {
  return CNI_FOLDERS.find((folder) => existsSync(join(folder, 'bridge'))) ?? '/usr/lib/cni';
}

/** Installs what is missing, and says so. Throws `PackagesMissing` where that can't be done. */
export async function ensurePackages(options: PackageOptions): Promise<void> {
  const missing = PACKAGES.filter(({ program }) => !isInstalled(program)).map(({ name }) => name);
  if (missing.length === 0) return;
  const report = reporter(`installing Debian packages: ${missing.join(', ')}`, options);
  await apt(['update'], missing, options, report.line);
  await apt(['install', '--yes', '--no-install-recommends', ...missing], missing, options, report.line);
  report.done();
}

function isInstalled(program: string): boolean {
  const folders = (machineEnvironment().PATH ?? '').split(delimiter);
  return [...folders, ...CNI_FOLDERS].some((folder) => folder !== '' && existsSync(join(folder, program)));
}

async function apt(
  args: readonly string[],
  missing: readonly string[],
  { signal }: PackageOptions,
  onLine: (line: string) => void,
): Promise<void> {
  const environment = { ...machineEnvironment(), DEBIAN_FRONTEND: 'noninteractive' };
  const { code, output } = await runCommand({ program: 'apt-get', args, environment, signal, onLine });
  if (code === 0) return;
  throw new EngineError(
    'PackagesMissing',
    `${missing.join(', ')} are missing, and apt-get ${args[0]} failed:\n${output.slice(-1_500)}`,
    { hint: 'install them with the package manager of this system, or test against another cluster' },
  );
}

/** Tells of a slow step: its start, its latest line every few seconds, its end. */
export function reporter(step: string, { clock, progress }: PackageOptions) {
  const began = clock.monotonic();
  let last = began;
  const tell = (state: 'started' | 'running' | 'done', detail?: string): void =>
    progress?.({
      step,
      state,
      elapsedMs: clock.monotonic() - began,
      ...(detail === undefined ? {} : { detail }),
    });
  tell('started');
  return {
    line(detail: string): void {
      if (clock.monotonic() - last < REPORT_EVERY_MS) return;
      last = clock.monotonic();
      tell('running', detail);
    },
    done: (): void => tell('done'),
  };
}

export interface Distribution {
  readonly codename: string;
  readonly mirror: string;
  readonly components: readonly string[];
}

/** The system's own distribution and where it takes its packages from. Throws `MirrorUnknown`. */
export async function readDistribution(): Promise<Distribution> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const codename = /^VERSION_CODENAME="?(\w+)"?$/m.exec(release)?.[1] ?? '';
  const { output } = await runCommand({
    program: 'apt-get',
    args: ['indextargets', 'Created-By: Packages', '--format', '$(REPO_URI) $(CODENAME) $(COMPONENT)'],
    environment: machineEnvironment(),
  });
  const lines = output.split('\n').map((line) => line.split(' '));
  const mirror = lines.find(([, suite]) => suite === codename)?.[0];
  const fitting = lines.filter(([uri, suite]) => uri === mirror && suite === codename);
  if (codename === '' || mirror === undefined) {
    throw new EngineError('MirrorUnknown', "apt names no mirror of this system's own distribution", {
      hint: 'the image of the databases is made from the packages of a Debian or Ubuntu mirror',
    });
  }
  return { codename, mirror, components: [...new Set(fitting.flatMap(([, , name]) => name ?? []))] };
}
