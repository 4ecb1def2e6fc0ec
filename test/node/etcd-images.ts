/**
 * Images of etcd in the versions that the distribution lacks, so that upgrades are real ones: `etcd:3.5` and `etcd:3.6`
 * with etcd, etcdctl, etcdutl and busybox; `databases:1` has etcd 3.4. Built from the Go modules in ./go, then cached.
 */
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../engine/base/clock.ts';
import { sha256 } from '../../engine/base/hash.ts';
import { runCommand } from '../../engine/embedded/command.ts';
import { writeImage } from '../../engine/embedded/image.ts';
import { ensureImages } from '../../engine/embedded/image-databases.ts';
import { cacheFolder } from '../../engine/embedded/locate.ts';
import { machineEnvironment } from '../../engine/embedded/node-machine.ts';
import { reporter } from '../../engine/embedded/node-packages.ts';
import type { Progress } from '../../engine/embedded/progress.ts';

const VERSIONS = ['3.5', '3.6'] as const;
const MODULES = join(import.meta.dirname, 'go');
const PACKAGES = ['server', 'etcdctl', 'etcdutl'].map((name) => `go.etcd.io/etcd/${name}/v3`);
const LINK = '-ldflags=-s -w';

/** The archives to import. */
export async function ensureEtcdImages(progress: Progress): Promise<readonly string[]> {
  const { busybox } = await ensureImages({ clock: systemClock(), progress });
  const archives: string[] = [];
  for (const version of VERSIONS) {
    const module = join(MODULES, `etcd-${version}`);
    const recipe = sha256(readFileSync(join(module, 'go.sum'), 'utf8') + busybox).slice(0, 12);
    const archive = join(cacheFolder(machineEnvironment()), `etcd-image-${version}-${recipe}.tar`);
    if (!existsSync(archive)) await build({ version, module, busybox, archive, progress });
    archives.push(archive);
  }
  return archives;
}

interface Build {
  readonly version: string;
  readonly module: string;
  readonly busybox: string;
  readonly archive: string;
  readonly progress: Progress;
}

async function build({ version, module, busybox, archive, progress }: Build): Promise<void> {
  const work = await mkdtemp(`${archive}-`);
  try {
    const report = reporter(`building the image etcd:${version}`, { clock: systemClock(), progress });
    const bin = `${join(work, 'programs')}/`;
    await run('go', ['build', '-trimpath', LINK, '-o', bin, ...PACKAGES], module);
    await run('tar', ['-xf', busybox, 'layer.tar'], work);
    for (const [built, name] of [
      ['server', 'etcd'],
      ['etcdctl', 'etcdctl'],
      ['etcdutl', 'etcdutl'],
    ] as const)
      cpSync(join(bin, built), join(work, 'usr/local/bin', name), { recursive: true });
    await run('tar', ['--numeric-owner', '-rf', 'layer.tar', 'usr'], work);
    await writeImage({
      file: join(work, 'image.tar'),
      tags: [`docker.io/library/etcd:${version}`],
      layers: [join(work, 'layer.tar')],
      environment: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      entrypoint: [],
    });
    await rename(join(work, 'image.tar'), archive);
    report.done();
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  const environment = { ...machineEnvironment(), CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false' };
  const { code, output } = await runCommand({ program, args, cwd, environment });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${output.slice(-2_000)}`);
}
