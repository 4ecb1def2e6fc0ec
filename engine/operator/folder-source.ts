/**
 * Playbooks from folders, watched for changes. A burst of file events (an editor's save, the `..data` swap of a
 * mounted ConfigMap) is read once, after it has been quiet for a moment; what reads the same as before is no change.
 * A change counts when it still reads the same a moment later: before, a file may be half written.
 */
import { type FSWatcher, watch } from 'chokidar';
import type { Clock, Timer } from '../base/clock.ts';
import { formatDiagnostic } from '../base/diagnostic.ts';
import { sha256 } from '../base/hash.ts';
import { type FolderContent, readPlaybookFolders } from './folder-files.ts';
import type { SourceEvents, Sources } from './source.ts';

export interface FolderSourceOptions {
  readonly roots: readonly string[];
  readonly clock: Clock;
  readonly events: SourceEvents;
}

const QUIET_MS = 100;
/** A mounted ConfigMap's `..data` link is swapped without an event on some file systems: look at it by time, too. */
const RESCAN_MS = 1_000;

export function watchFolders(options: FolderSourceOptions): Sources {
  const folders = options.roots.map((root, order) => new FolderRoot(root, order, options));
  return {
    ready: Promise.all(folders.map((f) => f.ready)).then(() => {}),
    async stop() {
      await Promise.all(folders.map((f) => f.stop()));
    },
  };
}

class FolderRoot {
  readonly ready: Promise<void>;
  /** By path: the hash of what was reported last. */
  private readonly known = new Map<string, string>();
  /** By path: the hash of what was read last, and since when that is what is read. */
  private readonly read = new Map<string, { readonly hash: string; readonly since: number }>();
  private readonly watcher: FSWatcher;
  private readonly root: string;
  private readonly order: number;
  private readonly options: FolderSourceOptions;
  private quiet: Timer | undefined;
  private rescan: Timer | undefined;
  private scanning: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(root: string, order: number, options: FolderSourceOptions) {
    this.root = root;
    this.order = order;
    this.options = options;
    this.watcher = watch(root, { ignoreInitial: true, depth: 2, followSymlinks: true });
    this.watcher.on('all', () => this.touched());
    // A watch that can't be set up (too many files) leaves the look by time.
    this.watcher.on('error', () => {});
    this.ready = this.scan({ confirmed: true });
    this.scheduleRescan();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.quiet?.cancel();
    this.rescan?.cancel();
    await this.watcher.close();
    await this.scanning;
  }

  private touched(): void {
    this.quiet?.cancel();
    this.quiet = this.options.clock.after(QUIET_MS, () => void this.scan());
  }

  private scheduleRescan(): void {
    if (this.stopped) return;
    this.rescan = this.options.clock.after(
      RESCAN_MS,
      () => void this.scan().then(() => this.scheduleRescan()),
    );
  }

  /** One scan after the other, so that an older reading never overwrites a newer one. */
  private scan({ confirmed } = { confirmed: false }): Promise<void> {
    this.scanning = this.scanning.then(async () => {
      if (this.stopped) return;
      const began = this.options.clock.monotonic();
      this.report(await readPlaybookFolders(this.root), confirmed ? Number.POSITIVE_INFINITY : began);
    });
    return this.scanning;
  }

  private report(found: readonly FolderContent[], began: number): void {
    if (this.stopped) return;
    for (const path of this.known.keys()) {
      if (found.some((f) => f.path === path)) continue;
      this.known.delete(path);
      this.read.delete(path);
      this.options.events.removed(idOf(path));
    }
    for (const folder of found) this.reportFolder(folder, began);
  }

  /** What is read must have stood for a moment from the end of one reading to the beginning of another. */
  private reportFolder(folder: FolderContent, began: number): void {
    const hash = sha256(JSON.stringify([[...folder.files], folder.problems.map(formatDiagnostic)]));
    const before = this.read.get(folder.path);
    const since = before?.hash === hash ? before.since : this.options.clock.monotonic();
    this.read.set(folder.path, { hash, since });
    if (this.known.get(folder.path) === hash) return;
    if (began - since < QUIET_MS) {
      this.touched();
      return;
    }
    this.known.set(folder.path, hash);
    const { name, path, files, problems } = folder;
    this.options.events.changed({
      id: idOf(path),
      name,
      origin: { kind: 'folder', path },
      createdAt: this.order,
      files,
      problems,
    });
  }
}

/** A folder of the name of a ConfigMap's playbook is another source: they must not replace each other. */
function idOf(path: string): string {
  return `folder:${path}`;
}
