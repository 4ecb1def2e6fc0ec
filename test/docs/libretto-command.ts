/** `libretto` as pages call it: a program in a folder of the PATH that runs the engine's sources. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const MAIN = resolve(import.meta.dirname, '../../engine/main.ts');

/** Answers with the folder, made where it is missing. */
export async function librettoIn(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const command = `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`;
  await writeFile(join(folder, 'libretto'), command, { mode: 0o755 });
  return folder;
}
