/**
 * The lowest layer: Node.js as package-lock.json pins it, the libraries it is linked with from the distribution's own
 * packages, and the few files that a C library reads. No shell, no package manager, nothing else that could be run.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { cacheFolder } from '../../engine/embedded/locate.ts';
import { machineEnvironment } from '../../engine/embedded/node-machine.ts';
import { run } from './layer.ts';

export const USER = '65532:65532';
export const NODE = '/usr/local/bin/node';

interface Platform {
  /** Where Debian keeps libraries. */
  readonly triplet: string;
  /** The path of the loader that is written in every program. */
  readonly loader: string;
}

const PLATFORMS: Readonly<Record<string, Platform>> = {
  x64: { triplet: 'x86_64-linux-gnu', loader: '/lib64/ld-linux-x86-64.so.2' },
  arm64: { triplet: 'aarch64-linux-gnu', loader: '/lib/ld-linux-aarch64.so.1' },
};

const PACKAGES = ['libc6', 'libgcc-s1', 'libstdc++6'];
/** The terms of the compiler's libraries stand in a package that is named by its version. */
const TERMS_PACKAGE = /^\s*Depends: (gcc-\d+-base)$/m;

/** What Node.js is linked with, and what the C library loads by itself to find a host. */
const LIBRARIES = [
  ...[
    'libc.so.6',
    'libdl.so.2',
    'libm.so.6',
    'libpthread.so.0',
    'librt.so.1',
    'libgcc_s.so.1',
    'libstdc++.so.6',
  ],
  ...['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2'],
];

const FILES: Readonly<Record<string, string>> = {
  '/etc/passwd': 'root:x:0:0::/:/nowhere\nlibretto:x:65532:65532::/nowhere:/nowhere\n',
  '/etc/group': 'root:x:0:\nlibretto:x:65532:\n',
  '/etc/nsswitch.conf': 'hosts: files dns\n',
};

export interface Runtime {
  /** Names and versions of the distribution's packages that went in. */
  readonly packages: readonly string[];
  /** How the Node.js of a staged root runs on this machine: its loader with arguments. */
  readonly launch: readonly string[];
}

export async function stageRuntime(root: string, folder: string, work: string): Promise<Runtime> {
  const platform = PLATFORMS[arch()];
  if (process.platform !== 'linux' || platform === undefined)
    throw new Error(`images are built on Linux (x64, arm64); this is ${process.platform} ${arch()}`);
  const archives = await fetchPackages(work);
  const unpacked = join(work, 'packages');
  for (const archive of archives) await run('dpkg-deb', ['--extract', archive, unpacked]);
  const libraries = join('/lib', platform.triplet);
  for (const name of LIBRARIES) place(findLibrary(unpacked, platform, name), join(folder, libraries, name));
  const loader = findLibrary(unpacked, platform, basename(platform.loader));
  place(loader, join(folder, platform.loader), true);
  placeTerms(unpacked, folder);
  placeNode(root, folder);
  for (const [name, text] of Object.entries(FILES)) write(join(folder, name), text);
  return {
    packages: archives.map((file) =>
      basename(file)
        .replace(/_[^_]+\.deb$/, '')
        .replace('_', ' '),
    ),
    launch: [join(folder, platform.loader), '--inhibit-cache', '--library-path', join(folder, libraries)],
  };
}

/** The packages' archives, from the cache where the mirror has nothing newer; apt checks their signatures. */
async function fetchPackages(work: string): Promise<readonly string[]> {
  const folder = join(cacheFolder(machineEnvironment()), 'debian-packages');
  mkdirSync(folder, { recursive: true });
  const names = await packageFiles().catch(async () => {
    await run('apt-get', ['update']);
    return await packageFiles();
  });
  const missing = names.filter((name) => !existsSync(join(folder, name)));
  if (missing.length > 0) {
    const fresh = join(work, 'fresh');
    mkdirSync(fresh);
    // As the user who runs this: apt's own may not write here.
    await run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', ...(await packageNames())], fresh);
    for (const name of readdirSync(fresh)) copyFileSync(join(fresh, name), join(folder, name));
  }
  return names.map((name) => join(folder, name));
}

/** `'ADDRESS' FILE SIZE HASH`, a line for each package. */
async function packageFiles(): Promise<readonly string[]> {
  const names = await packageNames();
  const lines = (await run('apt-get', ['download', '--print-uris', ...names])).split('\n');
  const files = lines.flatMap((line) => /^'[^']+' (\S+\.deb) \d+ /.exec(line)?.[1] ?? []);
  if (files.length !== names.length)
    throw new Error(`apt-get offers ${files.join(', ') || 'nothing'} for ${names.join(', ')}`);
  return files.toSorted();
}

async function packageNames(): Promise<readonly string[]> {
  const [, terms] = TERMS_PACKAGE.exec(await run('apt-cache', ['depends', 'libgcc-s1'])) ?? [];
  return terms === undefined ? PACKAGES : [...PACKAGES, terms];
}

/** Debian is on the way from /lib to /usr/lib. */
function findLibrary(unpacked: string, { triplet }: Platform, name: string): string {
  const folders = ['lib', 'usr/lib'].flatMap((lib) => [join(lib, triplet), lib, `${lib}64`]);
  const found = folders.map((folder) => join(unpacked, folder, name)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`${PACKAGES.join(', ')} have no ${name}`);
  return found;
}

function placeTerms(unpacked: string, folder: string): void {
  for (const name of readdirSync(join(unpacked, 'usr/share/doc'))) {
    const file = join('usr/share/doc', name, 'copyright');
    if (existsSync(join(unpacked, file))) place(join(unpacked, file), join(folder, file));
  }
}

function placeNode(root: string, folder: string): void {
  const node = join(root, 'node_modules', `node-linux-${arch()}`);
  if (!existsSync(join(node, 'bin/node')))
    throw new Error(`${node} is missing: run npm ci --include=optional`);
  place(join(node, 'bin/node'), join(folder, NODE), true);
  place(join(node, 'LICENSE'), join(folder, 'usr/share/doc/nodejs/copyright'));
}

function place(file: string, target: string, isProgram = false): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(file, target); // follows links
  chmodSync(target, isProgram ? 0o755 : 0o644);
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
