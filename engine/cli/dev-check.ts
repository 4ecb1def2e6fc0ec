/** What `libretto dev` finds out about a save without any cluster: static checks, and the golden cases. */
import type { PlaybookSource } from '../operator/source.ts';
import type { CaseTally, Checked } from './dev-state.ts';
import { compileFolder, inFolder, type LoadedFolder, problemsOf } from './load-folders.ts';
import { offlineSchemas } from './offline-kinds.ts';
import { testFolder } from './test.ts';
import { type FolderReport, tellNothing } from './test-report.ts';

export type Checker = (source: PlaybookSource, path: string) => Promise<Omit<Checked, 'save'>>;

export function createChecker(): Checker {
  const schema = offlineSchemas();
  return async ({ name, files, problems }, path) => {
    const folder = compileFolder({ name, path, files, problems }, schema);
    const placed = problemsOf(folder).map((p) => ({ ...p, file: inFolder(path, p.file) }));
    return { problems: placed, cases: folder.result.kind === 'loaded' ? await runCases(folder) : undefined };
  };
}

async function runCases(folder: LoadedFolder): Promise<CaseTally> {
  const options = { coverage: false, least: 0, update: false, output: 'text' };
  return tallyOf(await testFolder(folder, options, tellNothing()));
}

function tallyOf({ cases, refused }: FolderReport): CaseTally {
  const failed = cases.filter(({ kind }) => kind === 'failed');
  const unread = refused.map((problems) => ({ name: problems[0]?.file ?? '', problems }));
  return {
    passed: cases.length - failed.length,
    failed: [...unread, ...failed.map(({ name, problems }) => ({ name, problems }))],
  };
}
