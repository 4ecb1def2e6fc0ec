/**
 * The images of a node, made from the packages of the system's own mirror: `databases:1` with the servers and clients of
 * PostgreSQL, Redis, etcd and MariaDB, and `busybox:1`, which also keeps the pods' namespaces. Made once, then cached.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { runCommand } from './command.ts';
import { type ImageRecipe, writeImage } from './image.ts';
import { cacheFolder } from './locate.ts';
import { withLock } from './lock.ts';
import { machineEnvironment } from './node-machine.ts';
import { type PackageOptions, readDistribution, reporter } from './node-packages.ts';

export interface NodeImages {
  /** Archives to import. */
  readonly databases: string;
  readonly busybox: string;
  readonly pause: string;
}

/** What a pod names; the second tag is the same image, for tests that change from one version to another. */
export const DATABASES_IMAGE = 'docker.io/library/databases:1';
const DATABASES_TAGS = [DATABASES_IMAGE, 'docker.io/library/databases:2'];
export const BUSYBOX_IMAGE = 'docker.io/library/busybox:1';
export const PAUSE_IMAGE = 'docker.io/library/pause:1';

/** Fixed numbers, so that `runAsUser` can be written down; that of PostgreSQL is its official image's. */
export const DATABASE_USERS = { postgres: 999, redis: 998, mysql: 997, etcd: 996 } as const;

const PACKAGES = [
  ...['postgresql', 'redis-server', 'etcd-server', 'etcd-client', 'mariadb-server'],
  ...['mariadb-backup', 'curl', 'ca-certificates', 'busybox-static', 'procps'],
];

/**
 * $1: empty folder, $2: suite, $3: mirror, $4: components, $5: packages, $6…: user=number.
 * The servers' first data goes away: an operator makes its own. PostgreSQL's programs get onto PATH, past Debian's
 * wrappers. Of busybox each applet is a link; one of its own name would lead to itself.
 */
const SCRIPT = `
set -e
out=$1; root=$1/root; small=$1/small
debootstrap --variant=minbase --components="$4" --include="$5" "$2" "$root" "$3"
shift 5
for user in "$@"; do
  name=\${user%=*}; new=\${user#*=}
  old=$(chroot "$root" id -u "$name"); group=$(chroot "$root" id -g "$name")
  chroot "$root" usermod -u "$new" "$name"
  chroot "$root" groupmod -g "$new" "$name"
  find "$root" -xdev -uid "$old" -exec chown -h "$new" {} +
  find "$root" -xdev -gid "$group" -exec chgrp -h "$new" {} +
done
rm -rf "$root"/var/lib/mysql/* "$root"/var/lib/postgresql/*/main "$root"/etc/postgresql/*/main "$root"/var/lib/etcd/*
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/usr/share/doc "$root"/usr/share/man
rm -rf "$root"/usr/share/locale "$root"/usr/share/info "$root"/dev/* "$root"/tmp/*
for program in "$root"/usr/lib/postgresql/*/bin/*; do ln -s "\${program#"$root"}" "$root/usr/local/bin/"; done
chroot "$root" install -d -o postgres -g postgres -m 3777 /run/postgresql
chroot "$root" install -d -o mysql -g mysql -m 1777 /run/mysqld
mkdir -p "$small/bin" "$small/etc" "$small/root"
mkdir -m 1777 "$small/tmp"
cp "$root/bin/busybox" "$small/bin/busybox"
for applet in $("$small/bin/busybox" --list); do [ "$applet" = busybox ] || ln -s busybox "$small/bin/$applet"; done
echo 'root:x:0:0:root:/root:/bin/sh' > "$small/etc/passwd"
tar --numeric-owner --sort=name -C "$root" -cf "$out/databases-layer.tar" .
tar --numeric-owner --sort=name -C "$small" -cf "$out/busybox-layer.tar" .
rm -rf "$root" "$small"
`;

/** Ends on SIGTERM as no bare program with process number 1 would, and reaps what is left to it. */
const PAUSE = 'trap "exit 0" TERM INT; while :; do sleep 2147483647 & wait $!; done';

/** Finds the images in the cache, or makes them. Two at once wait for each other. */
export async function ensureImages(options: PackageOptions): Promise<NodeImages> {
  const environment = machineEnvironment();
  const { codename, mirror, components } = await readDistribution();
  const users = Object.entries(DATABASE_USERS).map(([name, number]) => `${name}=${number}`);
  const recipe = sha256(JSON.stringify([SCRIPT, PAUSE, PACKAGES, users, DATABASES_TAGS])).slice(0, 12);
  const folder = join(cacheFolder(environment), `images-${codename}-${recipe}`);
  const file = (name: string): string => join(folder, `${name}.tar`);
  const images = { databases: file('databases'), busybox: file('busybox'), pause: file('pause') };
  if (existsSync(folder)) return images;
  await mkdir(cacheFolder(environment), { recursive: true });
  const lock = {
    file: join(cacheFolder(environment), 'images.lock'),
    clock: options.clock,
    signal: options.signal,
  };
  await withLock(lock, async () => {
    if (existsSync(folder)) return;
    const args = [codename, mirror, components.join(','), PACKAGES.join(','), ...users];
    await build(folder, args, options);
  });
  return images;
}

async function build(folder: string, args: readonly string[], options: PackageOptions): Promise<void> {
  const work = await mkdtemp(`${folder}-`);
  try {
    const report = reporter('making the image of the databases from Debian packages', options);
    await bootstrap(work, args, options, report.line);
    await archive(work);
    await rename(work, folder);
    report.done();
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** In namespaces of its own, so that an interrupted run leaves neither a mount nor a process. */
async function bootstrap(
  work: string,
  args: readonly string[],
  { signal }: PackageOptions,
  onLine: (line: string) => void,
): Promise<void> {
  const isolation = [
    '--mount',
    '--propagation=private',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    '--',
  ];
  const { code, output } = await runCommand({
    program: 'unshare',
    args: [...isolation, '/bin/sh', '-c', SCRIPT, 'libretto-images', work, ...args],
    environment: { ...machineEnvironment(), DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    signal,
    onLine,
  });
  if (code === 0) return;
  throw new EngineError('ImageFailed', `the image of the databases was not made:\n${output.slice(-2_000)}`, {
    hint: "it needs root, 4 GB of disk and a mirror with the packages; databases stand in Ubuntu's universe",
  });
}

async function archive(work: string): Promise<void> {
  const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const databases = join(work, 'databases-layer.tar');
  const busybox = join(work, 'busybox-layer.tar');
  const write = (name: string, recipe: Omit<ImageRecipe, 'file'>): Promise<string> =>
    writeImage({ file: join(work, `${name}.tar`), ...recipe });
  const environment = { PATH, LANG: 'C.UTF-8' };
  const entrypoint = ['/bin/sh', '-c', PAUSE];
  await write('databases', { tags: DATABASES_TAGS, layers: [databases], environment, entrypoint: [] });
  await write('busybox', { tags: [BUSYBOX_IMAGE], layers: [busybox], environment, entrypoint: [] });
  await write('pause', { tags: [PAUSE_IMAGE], layers: [busybox], environment, entrypoint });
  await rm(databases);
  await rm(busybox);
}
