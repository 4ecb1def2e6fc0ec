/**
 * The loop of `libretto dev`: a save goes to the static checks and the golden cases, which need no cluster and begin at
 * once, and to the engine. These, the resources, and the file to apply change the one state; each change is shown.
 */
import { pause } from '../base/clock.ts';
import { createLogger, type LogSink } from '../base/logger.ts';
import type { Cluster } from '../cluster/api.ts';
import { connectCluster } from '../cluster/connect.ts';
import { isForbidden } from '../cluster/errors.ts';
import type { LoadedKubeConfig } from '../cluster/kubeconfig.ts';
import type { FolderContent } from '../operator/folder-files.ts';
import { watchFolders } from '../operator/folder-source.ts';
import { startOperator } from '../operator/operator.ts';
import type { PlaybookStanding } from '../operator/registry.ts';
import type { PlaybookSource, SourceEvents, Sources } from '../operator/source.ts';
import { contentHashOf } from '../playbook/load-files.ts';
import type { ExitCode } from './command.ts';
import { type AppliedFile, createAppliedFile } from './dev-apply.ts';
import { createChecker } from './dev-check.ts';
import { createResourceWatch, type ResourceWatch } from './dev-resources.ts';
import { type DevState, saveOf, withChange } from './dev-state.ts';
import { createLines, createScreen, type DevView } from './dev-view.ts';
import { inFolder } from './load-folders.ts';
import { type Session, untilAborted } from './session.ts';
import { ensureNamespace } from './up-samples.ts';
import { VERSION } from './version.ts';

/** A cluster to work on. */
export interface Chosen {
  readonly kubeconfig: LoadedKubeConfig;
  /** For people. */
  readonly name: string;
  /** For resources that name none. */
  readonly namespace: string;
}

export interface DevOptions {
  readonly folder: FolderContent;
  /** Resources to apply. */
  readonly file: string | undefined;
  /** The engine's own. */
  readonly namespace: string;
  readonly watchNamespaces: readonly string[] | undefined;
  /** May take long, and tells how it comes along. */
  choose(progress: (text: string) => void): Promise<Chosen>;
}

/** How often the file to apply, and whether the cluster answers, are looked at. */
const LOOK_MS = 500;
/** A watch may fail for a moment, for instance when its kind is new. */
const FAILED_LOOKS = 6;

export async function runLoop(session: Session, options: DevOptions): Promise<ExitCode> {
  const { terminal, clock, cleanup } = session;
  const view = terminal.interactive ? createScreen(terminal, clock) : createLines(terminal);
  cleanup.add(async () => view.end());
  const loop = new DevLoop(session, options, view);
  // What fails meanwhile is told after it: half of a start could not be cleaned up.
  await loop.begin();
  await Promise.race([loop.failed, untilAborted(session)]);
  return 0;
}

class DevLoop {
  readonly failed: Promise<never>;
  private readonly fail: (error: unknown) => void;
  private readonly session: Session;
  private readonly options: DevOptions;
  private readonly view: DevView;
  private readonly check = createChecker();
  private state: DevState;
  /** As it was saved last. */
  private source: PlaybookSource | undefined;
  private files: ReadonlyMap<string, string> = new Map();
  private engine: SourceEvents | undefined;
  /** One check after the other, so that an older result never replaces a newer one. */
  private checking: Promise<void> = Promise.resolve();
  private resources: ResourceWatch | undefined;

  constructor(session: Session, options: DevOptions, view: DevView) {
    this.session = session;
    this.options = options;
    this.view = view;
    const failing = Promise.withResolvers<never>();
    this.failed = failing.promise;
    this.fail = failing.reject;
    this.failed.catch(() => {}); // whoever waits for it hears of it
    this.state = {
      playbook: options.folder.name,
      cluster: '',
      saves: [],
      gone: false,
      checked: undefined,
      decided: undefined,
      rows: [],
      changes: [],
      troubles: [],
    };
  }

  async begin(): Promise<void> {
    const { cleanup, clock } = this.session;
    const { folder, file } = this.options;
    const folders = watchFolders({
      roots: [folder.path],
      clock,
      events: {
        changed: (source) => this.saved(source),
        removed: (id) => this.removed(id),
      },
    });
    cleanup.add(async () => {
      await folders.stop();
      await this.checking;
    });
    const chosen = await this.options.choose((cluster) => this.update({ cluster }));
    const cluster = await this.connect(chosen);
    await this.startEngine(cluster, folders.ready);
    const applied =
      file === undefined
        ? undefined
        : createAppliedFile({
            cluster,
            file,
            namespace: chosen.namespace,
            told: (troubles) => this.update({ troubles }),
          });
    void this.lookOften(chosen, applied).catch(this.fail);
  }

  private update(parts: Partial<DevState>): void {
    const before = this.state;
    this.state = { ...before, ...parts };
    this.view.show(before, this.state);
  }

  private saved(source: PlaybookSource): void {
    const { files } = source;
    const changed = [...new Set([...this.files.keys(), ...files.keys()])].filter(
      (name) => this.files.get(name) !== files.get(name),
    );
    this.files = files;
    this.source = source;
    const save = { hash: contentHashOf(files), at: this.time(), files: changed };
    this.update({ saves: [...this.state.saves, save], gone: false, troubles: [] });
    const number = this.state.saves.length;
    const work = async (): Promise<void> => {
      const found = await this.check(source, this.options.folder.path);
      if (number === this.state.saves.length) this.update({ checked: { ...found, save: number } });
    };
    this.checking = this.checking.then(work).catch(this.fail);
    this.engine?.changed(source);
  }

  private removed(id: string): void {
    this.source = undefined;
    this.update({ gone: true, decided: undefined });
    this.engine?.removed(id);
  }

  /** The engine is told what the checks are told, so that both speak of the same save. */
  private openSource(events: SourceEvents, ready: Promise<void>): Sources {
    this.engine = events;
    if (this.source !== undefined) events.changed(this.source);
    const stop = async (): Promise<void> => {
      this.engine = undefined;
    };
    return { ready, stop };
  }

  private async connect({ kubeconfig, name }: Chosen): Promise<Cluster> {
    const { clock, cleanup } = this.session;
    // What it warns of is looked at by itself: a watch that fails, a cluster that is away.
    const logger = createLogger({ level: 'error', sink: this.logSink() });
    const userAgent = `libretto/${VERSION}`;
    const cluster = await connectCluster({ kubeconfig, clock, logger, userAgent });
    cleanup.add(() => cluster.close());
    this.update({ cluster: name });
    return cluster;
  }

  private async startEngine(cluster: Cluster, ready: Promise<void>): Promise<void> {
    const { clock, cleanup, terminal } = this.session;
    const { namespace, watchNamespaces } = this.options;
    await ensureNamespace(cluster, namespace).catch((error: unknown) => {
      // The engine says what is to be done where it is not there.
      if (!isForbidden(error)) throw error;
    });
    this.resources = createResourceWatch({
      cluster,
      namespaces: watchNamespaces,
      changed: (rows) => this.update({ rows }),
    });
    cleanup.add(async () => this.resources?.stop());
    const operator = await startOperator({
      cluster,
      clock,
      logger: createLogger({ level: 'warn', sink: this.logSink() }),
      namespace,
      playbookSources: [(events) => this.openSource(events, ready)],
      ...(watchNamespaces === undefined ? {} : { watchNamespaces }),
      instance: terminal.hostname,
      onStanding: (standing) => this.decided(standing),
      onChange: (change) => {
        this.state = this.show(withChange(this.state, change, this.time()));
      },
    });
    cleanup.add(() => operator.stop());
    operator.ready.catch(this.fail);
  }

  private show(after: DevState): DevState {
    this.view.show(this.state, after);
    return after;
  }

  /** Playbooks of ConfigMaps in the engine's namespace are none of ours. */
  private decided({ source, running, problems }: PlaybookStanding): void {
    const { path } = this.options.folder;
    if (source.origin.kind !== 'folder') return;
    if (running !== undefined) this.resources?.follow(running);
    this.update({
      decided: {
        hash: contentHashOf(source.files),
        problems: problems.map((p) => ({ ...p, file: inFolder(path, p.file) })),
        running: running?.contentHash,
      },
    });
  }

  private async lookOften({ name }: Chosen, applied: AppliedFile | undefined): Promise<void> {
    const { clock, signal } = this.session;
    for (let failed = 0; !signal.aborted; ) {
      const failure = this.resources?.failure();
      failed = failure === undefined ? 0 : failed + 1;
      const cluster = failed < FAILED_LOOKS ? name : `${name} (${failure})`;
      if (cluster !== this.state.cluster) this.update({ cluster });
      const running = saveOf(this.state, this.state.decided?.running);
      if (running !== undefined) await applied?.look(`${running} ${cluster}`);
      await pause(clock, LOOK_MS, signal);
    }
  }

  /** What the engine logs, but for what is shown in a place of its own: problems and refused changes. */
  private logSink(): LogSink {
    return {
      write: (line) => {
        const { message, error, origin, refusal, problems } = Object(JSON.parse(line));
        if (origin !== undefined || refusal !== undefined || problems !== undefined) return;
        const text = error === undefined ? String(message) : `${message}: ${error}`;
        if (this.session.signal.aborted || this.state.troubles.includes(text)) return;
        this.update({ troubles: [...this.state.troubles, text].slice(-3) });
      },
    };
  }

  private time(): string {
    return new Date(this.session.clock.now()).toTimeString().slice(0, 8);
  }
}
