/** Container images without a registry: an archive as `docker save` writes it, of one layer; containerd imports it. */
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
  /** An uncompressed tar file with the root file system. */
  readonly layer: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

export async function writeImage(recipe: ImageRecipe): Promise<void> {
  const folder = await mkdtemp(join(dirname(recipe.file), `${basename(recipe.file)}-`));
  try {
    await symlink(recipe.layer, join(folder, 'layer.tar'));
    const config = JSON.stringify(await imageConfig(recipe));
    const name = `${createHash('sha256').update(config).digest('hex')}.json`;
    await writeFile(join(folder, name), config);
    const manifest = [{ Config: name, RepoTags: recipe.tags, Layers: ['layer.tar'] }];
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    await pack(folder, ['manifest.json', name, 'layer.tar']);
    await rename(join(folder, 'image.tar'), recipe.file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** By the OCI image specification; `diff_ids` are the digests of the uncompressed layers. */
async function imageConfig({ layer, environment, entrypoint }: ImageRecipe): Promise<unknown> {
  const digest = createHash('sha256');
  await pipeline(createReadStream(layer), digest);
  return {
    architecture: ARCHITECTURES[arch()] ?? arch(),
    os: 'linux',
    config: {
      Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      Entrypoint: entrypoint,
      WorkingDir: '/',
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest.digest('hex')}`] },
    history: [{ created_by: 'libretto' }],
  };
}

async function pack(folder: string, members: readonly string[]): Promise<void> {
  const args = ['--dereference', '-C', folder, '-cf', join(folder, 'image.tar'), ...members];
  const { code, output } = await runCommand({ program: 'tar', args, environment: machineEnvironment() });
  if (code !== 0) throw new EngineError('ImageFailed', `tar ${args.join(' ')}: ${output.trim()}`);
}
