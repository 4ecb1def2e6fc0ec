/**
 * Reads playbooks from a folder on disk: the folder itself if it holds a `watches.yaml`, else each folder in it that
 * does. Flat, as ConfigMaps are; names with a leading dot are not read (a mounted ConfigMap has `..data` there).
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Diagnostic } from '../base/diagnostic.ts';
import { errorMessage } from '../base/errors.ts';
import { sourceProblem } from './source.ts';

const MAX_FILE_BYTES = 1024 * 1024;
const READ_AS_TEXT = /\.(yaml|yml|hbs|json|md|txt)$/;

export interface FolderContent {
  readonly name: string;
  readonly path: string;
  readonly files: ReadonlyMap<string, string>;
  readonly problems: readonly Diagnostic[];
}

/** Never rejects: a folder that can't be read has that as its problem. */
export async function readPlaybookFolders(root: string): Promise<readonly FolderContent[]> {
  const names = await listNames(root);
  if (names.includes('watches.yaml')) return [await readFolder(resolve(root))];
  const folders = await Promise.all(
    names.map(async (name) =>
      (await listNames(join(root, name))).includes('watches.yaml') ? [join(root, name)] : [],
    ),
  );
  return await Promise.all(folders.flat().map(readFolder));
}

async function listNames(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
  } catch {
    return []; // not a folder, or gone by now: the next change tells
  }
}

async function readFolder(path: string): Promise<FolderContent> {
  const files = new Map<string, string>();
  const problems: Diagnostic[] = [];
  for (const name of await listNames(path)) {
    try {
      await takeFile(join(path, name), name, files, problems);
    } catch (error) {
      problems.push(
        sourceProblem(
          'FileUnreadable',
          name,
          `the file can't be read: ${errorMessage(error)}`,
          'check its permissions',
        ),
      );
    }
  }
  return { name: basename(path), path, files, problems };
}

async function takeFile(
  path: string,
  name: string,
  files: Map<string, string>,
  problems: Diagnostic[],
): Promise<void> {
  const info = await stat(path);
  if (!info.isFile() || !READ_AS_TEXT.test(name)) return;
  if (info.size > MAX_FILE_BYTES) {
    problems.push(
      sourceProblem(
        'FileTooLarge',
        name,
        `the file is larger than ${MAX_FILE_BYTES} bytes`,
        'split it into several files',
      ),
    );
    return;
  }
  const bytes = await readFile(path);
  try {
    files.set(name, new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    problems.push(sourceProblem('FileNotText', name, 'the file is no UTF-8 text', 'save it as UTF-8'));
  }
}
