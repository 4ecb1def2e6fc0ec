/**
 * The engine's container image, made without a container daemon or a registry: three layers, of which an update of the
 * engine changes the topmost alone. The same sources and packages make the same image, byte for byte.
 */
import { cpSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join, relative, resolve } from 'node:path';
import { writeImage } from '../../engine/embedded/image.ts';
import { packLayer, run } from './layer.ts';
import { copyModules } from './modules.ts';
import { NODE, stageRuntime, USER } from './runtime.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const HOME = '/opt/libretto';
const MAIN = `${HOME}/engine/main.ts`;

export interface ImageOptions {
  /** `NAME:TAG`, with a registry before it or without. */
  readonly tag: string;
  /** The archive to write. */
  readonly output: string;
}

export interface BuiltImage {
  /** The digest of its configuration, which Docker shows as its id. */
  readonly id: string;
  readonly bytes: number;
  readonly layers: readonly { readonly name: string; readonly bytes: number }[];
  /** Of the distribution, with versions. */
  readonly packages: readonly string[];
}

const LAYERS = ['runtime', 'modules', 'engine'] as const;

export async function buildImage({ tag, output }: ImageOptions): Promise<BuiltImage> {
  const work = await mkdtemp(join(tmpdir(), 'libretto-image-'));
  try {
    const staged = (layer: (typeof LAYERS)[number]): string => join(work, layer);
    for (const layer of LAYERS) mkdirSync(staged(layer));
    const { packages, launch } = await stageRuntime(ROOT, staged('runtime'), work);
    copyModules(ROOT, join(staged('modules'), HOME));
    copyEngine(join(staged('engine'), HOME));
    await tryOut([...launch, join(staged('runtime'), NODE)], work);
    const layers = LAYERS.map((name) => ({ name, file: join(work, `${name}.tar`) }));
    for (const { name, file } of layers) await packLayer(staged(name), file);
    const id = await writeImage({
      file: resolve(output),
      tags: [fullName(tag)],
      layers: layers.map(({ file }) => file),
      environment: { NODE_ENV: 'production', PATH: '/usr/local/bin' },
      entrypoint: [NODE, MAIN],
      user: USER,
      ports: ['8080/tcp'],
      labels: labels(packages),
    });
    const sizes = layers.map(async ({ name, file }) => ({ name, bytes: (await stat(file)).size }));
    return { id, packages, bytes: (await stat(output)).size, layers: await Promise.all(sizes) };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** What runs of the project; playbooks come as ConfigMaps. */
function copyEngine(target: string): void {
  const isSource = (file: string): boolean =>
    statSync(file).isDirectory() ? !isBuildFolder(file) : extname(file) === '.ts';
  cpSync(join(ROOT, 'engine'), join(target, 'engine'), { recursive: true, filter: isSource });
  cpSync(join(ROOT, 'schemas'), join(target, 'schemas'), { recursive: true });
  for (const file of ['package.json', 'LICENSE']) cpSync(join(ROOT, file), join(target, file));
}

/** Go modules of the local cluster, which a container never starts. */
function isBuildFolder(file: string): boolean {
  return relative(ROOT, file) === join('engine', 'embedded', 'go');
}

/** The layers laid over each other, and the engine in them asked for its version by their own Node.js and libraries. */
async function tryOut(node: readonly string[], work: string): Promise<void> {
  const root = join(work, 'root');
  for (const layer of ['modules', 'engine']) cpSync(join(work, layer), root, { recursive: true });
  const [program = '', ...args] = [...node, join(root, MAIN), 'version'];
  const said = await run(program, args);
  if (said !== `libretto ${version()}\n`) throw new Error(`the engine in the image says ${said}`);
  await rm(root, { recursive: true });
}

function version(): string {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
}

function labels(packages: readonly string[]): Readonly<Record<string, string>> {
  return {
    'org.opencontainers.image.title': 'libretto',
    'org.opencontainers.image.version': version(),
    'org.opencontainers.image.licenses': 'Apache-2.0',
    'dev.libretto.packages': packages.join(', '),
  };
}

/** As containers' tools write a name in full: a first part without dot, colon or `localhost` is no registry. */
function fullName(tag: string): string {
  const name = /:[^/]+$/.test(tag) ? tag : `${tag}:latest`;
  const [first = '', ...rest] = name.split('/');
  if (rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')) return name;
  return rest.length > 0 ? `docker.io/${name}` : `docker.io/library/${name}`;
}
