/** Runs something for each playbook folder now, and again whenever a file in it was saved, until it is interrupted. */
import { systemClock } from '../base/clock.ts';
import { watchFolders } from '../operator/folder-source.ts';
import type { PlaybookSource } from '../operator/source.ts';
import type { ExitCode } from './command.ts';
import { compileFolder, type LoadedFolder } from './load-folders.ts';
import { offlineSchemas } from './offline-kinds.ts';
import type { Terminal } from './terminal.ts';

export async function watchPlaybooks(
  roots: readonly string[],
  run: (folders: readonly LoadedFolder[]) => Promise<unknown>,
  terminal: Terminal,
): Promise<ExitCode> {
  const schema = offlineSchemas();
  const interrupted = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<never>();
  const end = terminal.onInterrupt(() => interrupted.resolve());
  // One after the other: what they print must not mix.
  let working: Promise<void> = Promise.resolve();
  const changed = ({ name, origin, files, problems }: PlaybookSource): void => {
    if (origin.kind !== 'folder') return;
    const folder = compileFolder({ name, path: origin.path, files, problems }, schema);
    working = working.then(async () => void (await run([folder]))).catch(failed.reject);
  };
  const sources = watchFolders({ roots, clock: systemClock(), events: { changed, removed: () => {} } });
  try {
    await Promise.race([interrupted.promise, failed.promise]);
  } finally {
    end();
    await sources.stop();
    await working;
  }
  return 0;
}
