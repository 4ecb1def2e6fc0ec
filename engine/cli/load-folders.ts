/** Playbook folders named on the command line, read and compiled without a cluster. */
import { readdir } from 'node:fs/promises';
import { relative } from 'node:path';
import { type Diagnostic, formatDiagnostic, hasErrors } from '../base/diagnostic.ts';
import type { SchemaLookup } from '../kube/schema.ts';
import { type FolderContent, readPlaybookFolders } from '../operator/folder-files.ts';
import { loadPlaybook } from '../playbook/load.ts';
import { WATCHES_FILE } from '../playbook/load-files.ts';
import type { LoadResult, PlaybookFiles } from '../playbook/model.ts';
import { nearest } from '../playbook/suggest.ts';
import { UsageError } from './command.ts';
import { fileErrorCode } from './file-problem.ts';
import { offlineMeant, offlineSchemas, offlineVersions } from './offline-kinds.ts';
import type { Terminal } from './terminal.ts';

export interface LoadedFolder {
  /** As it was named on the command line, for paths in messages. */
  readonly path: string;
  readonly files: PlaybookFiles;
  readonly result: LoadResult;
}

/** Throws a UsageError for a folder that holds no playbook. */
export async function loadFolders(paths: readonly string[]): Promise<readonly LoadedFolder[]> {
  const schema = offlineSchemas();
  const folders = await Promise.all(paths.map((path) => loadFolder(path, schema)));
  return folders.flat();
}

async function loadFolder(path: string, schema: SchemaLookup): Promise<readonly LoadedFolder[]> {
  const folders = await readPlaybookFolders(path);
  if (folders.length === 0) throw await noPlaybook(path);
  return folders.map((folder) => compileFolder(folder, schema));
}

/** What is there instead, where that tells what went wrong. */
export async function noPlaybook(path: string): Promise<UsageError> {
  const names = await readdir(path).catch((error: unknown) => fileErrorCode(error));
  if (names === 'ENOENT') return new UsageError(`there is no folder ${path}`, WANTED);
  const near = Array.isArray(names) ? nearest(WATCHES_FILE, names) : undefined;
  return new UsageError(
    `${path} is no playbook`,
    near === undefined ? WANTED : `${WANTED}; rename ${near} to ${WATCHES_FILE}`,
  );
}

const WANTED = `a playbook is a folder with a ${WATCHES_FILE}`;

export function compileFolder(
  { name, path, files, problems }: FolderContent,
  schema: SchemaLookup,
): LoadedFolder {
  const result: LoadResult =
    problems.length > 0
      ? { kind: 'refused', problems }
      : loadPlaybook(name, files, { schema, versions: offlineVersions, meant: offlineMeant });
  return { path, files, result };
}

export function problemsOf({ result }: LoadedFolder): readonly Diagnostic[] {
  return result.kind === 'refused' ? result.problems : result.warnings;
}

/** A file of a playbook folder, as seen from where the command runs. */
export function inFolder(path: string, text: string): string {
  const folder = relative('.', path);
  return folder === '' ? text : `${folder}/${text}`;
}

/** Prints all problems, with the folder before the file; false where a playbook has errors. */
export function tellProblems(folders: readonly LoadedFolder[], terminal: Terminal): boolean {
  const problems = folders.flatMap((folder) =>
    problemsOf(folder).map((problem) => ({
      ...problem,
      file: inFolder(folder.path, problem.file),
    })),
  );
  for (const problem of problems) terminal.err(`${formatDiagnostic(problem)}\n`);
  return !hasErrors(problems);
}
