/**
 * Container images without a registry or a daemon: an archive as `docker save` writes it, which Docker, Podman and containerd
 * load. The same layers make the same archive, byte for byte.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { EngineError } from '../base/errors.ts';
import { runCommand } from './command.ts';
import { machineEnvironment } from './node-machine.ts';

export interface ImageRecipe {
  /** The archive to write; appears whole or not at all. */
  readonly file: string;
  /** Names in full: `docker.io/library/NAME:TAG`. */
  readonly tags: readonly string[];
  /** Uncompressed tar files, the lowest first: together the root file system. */
  readonly layers: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  /** `UID:GID`; default: root. */
  readonly user?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** As `8080/tcp`. */
  readonly ports?: readonly string[];
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
/** Of everything inside, so that the time of building changes nothing. */
const CREATED = '1970-01-01T00:00:00Z';

/** Answers with the image's id, the digest of its configuration. */
export async function writeImage(recipe: ImageRecipe): Promise<string> {
  const folder = await mkdtemp(join(dirname(recipe.file), `${basename(recipe.file)}-`));
  try {
    const names = recipe.layers.map((_, index) => (index === 0 ? 'layer.tar' : `layer-${index}.tar`));
    for (const [index, layer] of recipe.layers.entries())
      await symlink(layer, join(folder, names[index] ?? ''));
    const config = JSON.stringify(await imageConfig(recipe));
    const id = createHash('sha256').update(config).digest('hex');
    await writeFile(join(folder, `${id}.json`), config);
    const manifest = [{ Config: `${id}.json`, RepoTags: recipe.tags, Layers: names }];
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    await pack(folder, ['manifest.json', `${id}.json`, ...names]);
    await rename(join(folder, 'image.tar'), recipe.file);
    return `sha256:${id}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** By the OCI image specification; `diff_ids` are the digests of the uncompressed layers. */
async function imageConfig(recipe: ImageRecipe): Promise<unknown> {
  const { layers, environment, entrypoint, user, labels, ports } = recipe;
  const digests: string[] = [];
  for (const layer of layers) digests.push(await digestOf(layer));
  return {
    created: CREATED,
    architecture: ARCHITECTURES[arch()] ?? arch(),
    os: 'linux',
    config: {
      Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      Entrypoint: entrypoint,
      WorkingDir: '/',
      ...(user === undefined ? {} : { User: user }),
      ...(labels === undefined ? {} : { Labels: labels }),
      ...(ports === undefined ? {} : { ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])) }),
    },
    rootfs: { type: 'layers', diff_ids: digests },
    history: layers.map(() => ({ created: CREATED, created_by: 'libretto' })),
  };
}

async function digestOf(file: string): Promise<string> {
  const digest = createHash('sha256');
  await pipeline(createReadStream(file), digest);
  return `sha256:${digest.digest('hex')}`;
}

async function pack(folder: string, members: readonly string[]): Promise<void> {
  const fixed = ['--format=gnu', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--mode=0644'];
  const args = ['--dereference', ...fixed, '-C', folder, '-cf', join(folder, 'image.tar'), ...members];
  const { code, output } = await runCommand({ program: 'tar', args, environment: machineEnvironment() });
  if (code !== 0) throw new EngineError('ImageFailed', `tar ${args.join(' ')}: ${output.trim()}`);
}
