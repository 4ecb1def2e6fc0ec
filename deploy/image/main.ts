/** `npm run image -- --tag NAME:TAG --output FILE`: writes the engine's container image as an archive. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { errorMessage } from '../../engine/base/errors.ts';
import { type BuiltImage, buildImage } from './build.ts';

const USAGE = `usage: npm run image -- --tag NAME:TAG --output FILE
Writes the engine's container image as an archive that docker load, podman load, ctr images import and kind load
image-archive take. Needs Linux with apt (Debian or Ubuntu), and neither a container daemon nor root.
`;

process.exitCode = await main();

async function main(): Promise<number> {
  const wish = readWish();
  if (typeof wish === 'string') {
    process.stderr.write(`${wish}\n${USAGE}`);
    return 2;
  }
  try {
    process.stdout.write(describe(await buildImage(wish), wish));
    return 0;
  } catch (error) {
    process.stderr.write(`the image was not built: ${errorMessage(error)}\n`);
    return 1;
  }
}

/** A text: what is wrong with the command line. */
function readWish(): { readonly tag: string; readonly output: string } | string {
  const options = { tag: { type: 'string' }, output: { type: 'string' } } as const;
  try {
    const { tag, output } = parseArgs({ options }).values;
    if (tag === undefined || output === undefined) return '--tag and --output are needed';
    if (!/^[a-z0-9]([\w./:-]*\w)?$/.test(tag)) return `${tag} is no name of an image`;
    const folder = dirname(resolve(output));
    return existsSync(folder) ? { tag, output } : `there is no folder ${folder}`;
  } catch (error) {
    return errorMessage(error);
  }
}

function describe(image: BuiltImage, { tag, output }: { tag: string; output: string }): string {
  const lines = image.layers.map(({ name, bytes }) => `  ${name.padEnd(8)} ${megabytes(bytes)}`);
  return [
    `${tag} ${image.id}`,
    ...lines,
    `  with ${image.packages.join(', ')}`,
    `${output} ${megabytes(image.bytes)}`,
    '',
  ].join('\n');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1).padStart(6)} MB`;
}
