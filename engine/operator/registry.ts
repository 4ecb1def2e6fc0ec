/**
 * The playbooks of one operator: takes what the sources report, loads it, and brings it to life or says why not.
 * The last good version goes on while a newer one has errors or is not ready. Each playbook is worked on by itself,
 * so that one that waits (for its definitions, for a cache) delays no other.
 */

import type { Clock, Timer } from '../base/clock.ts';
import { type Diagnostic, hasErrors } from '../base/diagnostic.ts';
import { sha256 } from '../base/hash.ts';
import { insist } from '../base/insist.ts';
import type { Logger } from '../base/logger.ts';
import type { Cluster } from '../cluster/api.ts';
import { contentHashOf } from '../playbook/load-files.ts';
import type { LoadResult, Playbook, PlaybookFiles } from '../playbook/model.ts';
import { Claims } from './claims.ts';
import { installCrds, missingCrds } from './crd-install.ts';
import { type Fleet, type RunningPlaybook, watchesOf, whatStays } from './fleet.ts';
import type { MayWrite } from './leadership.ts';
import { loadSource } from './load-source.ts';
import type { PlaybookState, Reporter } from './report.ts';
import type { Rollout } from './rollout.ts';
import {
  type Beginning,
  type LoadedRevision,
  type Rollouts,
  revisionOf,
  stoppedProblems,
} from './rollouts.ts';
import { homeOf, type PlaybookSource, type SourceEvents, sourceProblem } from './source.ts';

export interface RegistryOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fleet: Fleet;
  /** The engine's own. */
  readonly namespace: string;
  /** Definitions are the whole cluster's: where playbooks act as accounts, guests from other namespaces bring none. */
  readonly impersonate: boolean;
  readonly reporter: Reporter;
  readonly rollouts: Rollouts;
  readonly installCrds: boolean;
  readonly mayWrite: MayWrite;
  /** Called after a playbook was removed. */
  readonly onRemoved: () => Promise<void>;
  /** Called after each decision about a playbook. */
  readonly onStanding?: (standing: PlaybookStanding) => void;
}

const RIGHTS_TOLD_AFTER_MS = 500;

/** How a playbook stands, for the command line and the console. */
export interface PlaybookStanding {
  readonly id: string;
  readonly source: PlaybookSource;
  readonly running: Playbook | undefined;
  readonly problems: readonly Diagnostic[];
}

interface Entry {
  readonly id: string;
  source: PlaybookSource | undefined;
  running: RunningPlaybook | undefined;
  /** Of the version that runs, the newer of two. */
  files: PlaybookFiles;
  /** While the newer version reaches one resource after the other. */
  rollout: Rollout | undefined;
  /** What is being written down of the version that runs. */
  settling: Promise<void>;
  problems: readonly Diagnostic[];
  /** As it was reported last. */
  state: PlaybookState | undefined;
  /** Reports once more, for rights that came or went. */
  telling: Timer | undefined;
  /** It was there when this process started, and has not been reported yet. */
  fromStart: boolean;
  /** Ends the present attempt when a newer source comes. */
  attempt: AbortController;
  work: Promise<void>;
}

interface NewVersion {
  readonly next: LoadedRevision;
  readonly source: PlaybookSource;
  readonly beginning: Beginning;
}

export class Registry implements SourceEvents {
  private readonly options: RegistryOptions;
  private readonly entries = new Map<string, Entry>();
  private readonly claims = new Claims();
  private readonly endDiscovery: () => void;
  /** Loading and claiming go one after the other, in the order of age at start. */
  private turn: Promise<unknown> = Promise.resolve();
  private begun = false;
  private stopped = false;

  constructor(options: RegistryOptions) {
    this.options = options;
    this.endDiscovery = options.cluster.discovery.onChange(() =>
      this.reconsider((e) => e.problems.length > 0),
    );
  }

  changed(source: PlaybookSource): void {
    const entry = this.entries.get(source.id) ?? newEntry(source.id, !this.begun);
    this.entries.set(source.id, entry);
    const same = entry.source !== undefined && contentOf(entry.source) === contentOf(source);
    entry.source = source;
    if (!this.begun) return;
    if (same) this.options.reporter.repeat(source);
    else this.schedule(entry);
  }

  removed(id: string): void {
    const entry = this.entries.get(id);
    if (entry?.source === undefined) return;
    const { source } = entry;
    entry.source = undefined;
    if (!this.begun) return;
    entry.attempt.abort();
    entry.work = entry.work.then(() => this.remove(entry, source));
  }

  /** Brings to life what the sources have reported by now; resolves when all of it runs, or is refused. */
  async begin(): Promise<void> {
    this.begun = true;
    const entries = byAge([...this.entries.values()]);
    for (const entry of entries) this.schedule(entry);
    await Promise.all(entries.map((e) => e.work));
  }

  standings(): readonly PlaybookStanding[] {
    return [...this.entries.values()].flatMap((entry) => {
      const { id, source, running } = entry;
      return source === undefined
        ? []
        : [{ id, source, running: running?.playbook, problems: allProblems(entry) }];
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.endDiscovery();
    for (const entry of this.entries.values()) {
      entry.attempt.abort();
      entry.telling?.cancel();
    }
    await Promise.all([...this.entries.values()].flatMap((e) => [e.work, e.rollout?.end(), e.settling]));
  }

  private schedule(entry: Entry): void {
    if (this.stopped) return;
    entry.attempt.abort();
    const attempt = new AbortController();
    entry.attempt = attempt;
    const turn = this.nextTurn();
    entry.work = entry.work.then(() => this.bring(entry, attempt.signal, turn)).finally(turn.end);
  }

  /** A place in the line of those that load and claim. */
  private nextTurn(): { begin: Promise<unknown>; end: () => void } {
    const begin = this.turn;
    const ended = Promise.withResolvers<void>();
    this.turn = ended.promise;
    return { begin, end: () => ended.resolve() };
  }

  private reconsider(which: (entry: Entry) => boolean): void {
    if (!this.begun) return;
    for (const entry of byAge([...this.entries.values()].filter((e) => e.source !== undefined && which(e))))
      this.schedule(entry);
  }

  /** Tries until it runs, is refused, or a newer source comes. */
  private async bring(
    entry: Entry,
    signal: AbortSignal,
    turn: { begin: Promise<unknown>; end: () => void },
  ): Promise<void> {
    const { clock, logger } = this.options;
    const message = 'a playbook could not be brought up and is tried again';
    await insist({ clock, logger, message, fields: { playbook: entry.id }, signal }, async () => {
      if (entry.source === undefined) return;
      try {
        await this.tryToBring(entry, entry.source, signal, turn);
      } catch (error) {
        turn.end();
        throw error;
      }
    });
  }

  private async tryToBring(
    entry: Entry,
    source: PlaybookSource,
    signal: AbortSignal,
    turn: { begin: Promise<unknown>; end: () => void },
  ): Promise<void> {
    await turn.begin;
    if (signal.aborted) return;
    const loaded = this.claim(entry, await loadSource(source, this.options.cluster.discovery));
    turn.end();
    if (loaded.kind === 'refused') return this.refuse(entry, source, loaded.problems);
    const { playbook, warnings } = loaded;
    const next = revisionOf(playbook, source.files);
    const beginning = await this.beginning(entry, source, next);
    if (beginning.kind === 'refused') return this.refuse(entry, source, [...beginning.problems, ...warnings]);
    const kinds = await this.install(playbook, source, signal);
    const problems = [...kinds, ...warnings];
    if (hasErrors(kinds)) return this.refuse(entry, source, problems);
    if (beginning.kind !== 'runs') await this.goLive(entry, { next, source, beginning }, signal);
    if (signal.aborted) return;
    entry.problems = problems;
    this.reportRunning(entry, source);
    if (entry.rollout === undefined) entry.settling = this.options.rollouts.settle(source, next, signal);
    this.keepClaims(entry);
  }

  /** `runs`: this very content does already. */
  private async beginning(
    entry: Entry,
    source: PlaybookSource,
    next: LoadedRevision,
  ): Promise<Beginning | { readonly kind: 'runs' }> {
    const { running, files, rollout } = entry;
    if (running?.playbook.contentHash === next.content && rollout?.over !== true) return { kind: 'runs' };
    await entry.settling;
    return await this.options.rollouts.beginning(source, next, running && { running, files });
  }

  private claim(entry: Entry, loaded: LoadResult): LoadResult {
    if (loaded.kind === 'refused') return loaded;
    const problems = this.claims.take(entry.id, loaded.playbook);
    return problems.length === 0 ? loaded : { kind: 'refused', problems: [...problems, ...loaded.warnings] };
  }

  /** What somebody must do before it can run, and as warnings what its kinds make incompatible. */
  private async install(
    playbook: Playbook,
    source: PlaybookSource,
    signal: AbortSignal,
  ): Promise<readonly Diagnostic[]> {
    const { cluster, clock, mayWrite, impersonate, namespace } = this.options;
    const guest = impersonate && homeOf(source, namespace) !== namespace;
    if (guest) return missingCrds(playbook.crds, cluster.discovery);
    if (!this.options.installCrds) return [];
    const { crds } = playbook;
    return await installCrds({ crds, files: source.files }, { cluster, clock, mayWrite, signal });
  }

  private async goLive(entry: Entry, wanted: NewVersion, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { fleet, namespace } = this.options;
    const { next, source } = wanted;
    const rollout = this.rollout(entry, wanted);
    const running = fleet.prepare(next.playbook, homeOf(source, namespace), rollout);
    await Promise.all(running.controllers.map((c) => c.settled(signal)));
    if (signal.aborted) return await fleet.end(running);
    await entry.rollout?.end();
    const former = entry.running;
    entry.running = running;
    entry.files = next.files;
    entry.rollout = rollout?.rollout;
    running.account.onDenials(() => this.rightsChanged(entry, running));
    await fleet.swap(former, running);
    rollout?.rollout.begin(running.controllers);
  }

  private rollout(
    entry: Entry,
    { next, source, beginning }: NewVersion,
  ): { readonly playbook: Playbook; readonly rollout: Rollout } | undefined {
    if (beginning.kind !== 'beside') return undefined;
    const rollout = this.options.rollouts.create(next, beginning, {
      onPhase: () => this.reportRunning(entry, source),
      onOver: () => this.schedule(entry),
    });
    return { playbook: beginning.former.playbook, rollout };
  }

  private refuse(entry: Entry, source: PlaybookSource, problems: readonly Diagnostic[]): void {
    entry.problems = problems;
    this.keepClaims(entry);
    const { version, contentHash: content } = entry.running?.former ?? entry.running?.playbook ?? {};
    const running = version === undefined || content === undefined ? undefined : { version, content };
    this.report(entry, source, { kind: 'refused', content: contentHashOf(source.files), running });
  }

  /** As it stands in its source, or on its way to that. */
  private reportRunning(entry: Entry, source: PlaybookSource): void {
    const { running, rollout } = entry;
    if (running === undefined || contentHashOf(source.files) !== running.playbook.contentHash) return;
    const { contentHash: content, version } = running.playbook;
    const candidate = rollout?.candidate;
    const former = running.former && { version: running.former.version, content: running.former.contentHash };
    if (former === undefined) this.report(entry, source, { kind: 'loaded', content, version });
    else if (candidate !== undefined) {
      const { phase, size, of, reason } = candidate;
      this.report(entry, source, { kind: 'rolling', content, version, former, phase, size, of, reason });
    }
  }

  private report(entry: Entry, source: PlaybookSource, state: PlaybookState): void {
    const { fromStart } = entry;
    entry.fromStart = false;
    entry.state = state;
    const problems = allProblems(entry);
    this.options.reporter.report(entry.source ?? source, { state, problems, fromStart });
    this.options.onStanding?.({ id: entry.id, source, running: entry.running?.playbook, problems });
  }

  /** Denials come one for each watch: they are told together. */
  private rightsChanged(entry: Entry, running: RunningPlaybook): void {
    entry.telling?.cancel();
    entry.telling = this.options.clock.after(RIGHTS_TOLD_AFTER_MS, () => {
      const { source, state } = entry;
      if (this.stopped || entry.running !== running || source === undefined || state === undefined) return;
      this.report(entry, source, state);
    });
  }

  private async remove(entry: Entry, source: PlaybookSource): Promise<void> {
    if (entry.source !== undefined) return; // it came back meanwhile
    const { running } = entry;
    const left = whatStays(running);
    entry.telling?.cancel();
    await entry.rollout?.end();
    entry.rollout = undefined;
    entry.running = undefined;
    entry.problems = [];
    if (running !== undefined) await this.options.fleet.end(running);
    if (entry.source === undefined) this.entries.delete(entry.id);
    this.options.reporter.removed(source, left);
    this.keepClaims(entry);
    await this.options.onRemoved();
  }

  /** Of what runs alone. */
  private keepClaims({ id, running }: Entry): void {
    if (this.claims.keepOnly(id, running === undefined ? [] : watchesOf(running))) this.freed();
  }

  /** A kind has become free: those that were refused for it may have it now, the oldest first. */
  private freed(): void {
    this.reconsider((e) => e.problems.some((p) => p.code === 'KindTaken'));
  }
}

/** Of the playbook as it stands, what the account of the one that runs may not read, and why a roll-out has stopped. */
function allProblems({ problems, running, rollout, id }: Entry): readonly Diagnostic[] {
  const denials = running?.account.denials() ?? [];
  const rights = denials.map((denial): Diagnostic => {
    const message = `its account may not read what the playbook needs: ${denial}`;
    const hint = 'give the account its rights; it is noticed within half a minute';
    return { ...sourceProblem('RightsMissing', 'watches.yaml', message, hint), severity: 'warning' };
  });
  return [...problems, ...rights, ...stoppedProblems(id, rollout?.candidate)];
}

/** What a playbook is made of. Our own annotations on its ConfigMaps are no change. */
function contentOf({ files, problems, origin }: PlaybookSource): string {
  const parts = origin.kind === 'configMaps' ? origin.parts.map((p) => p.metadata.uid) : [];
  return sha256(JSON.stringify([[...files].sort(), problems, parts]));
}

function newEntry(id: string, fromStart: boolean): Entry {
  return {
    id,
    source: undefined,
    running: undefined,
    files: new Map(),
    rollout: undefined,
    settling: Promise.resolve(),
    problems: [],
    state: undefined,
    telling: undefined,
    fromStart,
    attempt: new AbortController(),
    work: Promise.resolve(),
  };
}

function byAge(entries: readonly Entry[]): readonly Entry[] {
  const age = (e: Entry): number => e.source?.createdAt ?? 0;
  return [...entries].sort((a, b) => age(a) - age(b) || (a.id < b.id ? -1 : 1));
}
