/**
 * How a new version of a playbook begins: at once, beside the one before it, or not at all. And what is written down of
 * a version that all resources have. Playbooks from folders, which somebody is just writing, always begin at once.
 */
import type { Clock } from '../base/clock.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { insist } from '../base/insist.ts';
import type { Logger } from '../base/logger.ts';
import type { Cluster } from '../cluster/api.ts';
import { groupKind } from '../kube/object.ts';
import { incompatibleWith } from '../playbook/incompatible.ts';
import type { Playbook, PlaybookFiles, RolloutPolicy } from '../playbook/model.ts';
import type { RunningPlaybook } from './fleet.ts';
import type { MayWrite } from './leadership.ts';
import { loadSource } from './load-source.ts';
import { Rollout, type RolloutOptions } from './rollout.ts';
import {
  beforeIn,
  type Candidate,
  formerOf,
  type RecordOwner,
  type Revision,
  recordOf,
  writeRecord,
} from './rollout-record.ts';
import { type PlaybookSource, sourceProblem } from './source.ts';

export interface RolloutsOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly mayWrite: MayWrite;
}

/** A version with what was loaded of it. */
export interface LoadedRevision extends Revision {
  readonly playbook: Playbook;
}

export interface Beside {
  readonly kind: 'beside';
  readonly former: LoadedRevision;
  readonly policy: RolloutPolicy;
  readonly owner: RecordOwner;
}

export type Beginning =
  | { readonly kind: 'atOnce' }
  | Beside
  | { readonly kind: 'refused'; readonly problems: readonly Diagnostic[] };

/** What is at work before a new version comes. */
export interface AtWork {
  readonly running: RunningPlaybook;
  readonly files: PlaybookFiles;
}

export class Rollouts {
  private readonly options: RolloutsOptions;

  constructor(options: RolloutsOptions) {
    this.options = options;
  }

  /** How this version of a playbook begins; `atWork`: what this process runs of it now. */
  async beginning(
    source: PlaybookSource,
    { playbook }: LoadedRevision,
    atWork: AtWork | undefined,
  ): Promise<Beginning> {
    const owner = ownerOf(source);
    const { rollout: policy, contentHash } = playbook;
    if (owner === undefined || policy === undefined) return { kind: 'atOnce' };
    const record = await recordOf(this.options.cluster.client, owner);
    const known = atWork === undefined ? [] : revisionsOf(atWork);
    const [only] = known;
    const before = record === undefined ? only : formerOf(record, contentHash);
    // Who takes a version back wants it gone.
    const takenBack = record !== undefined && beforeIn(record)?.content === contentHash;
    if (before === undefined || takenBack) return { kind: 'atOnce' };
    const former = await this.load(source, before, known);
    if (former === undefined) return { kind: 'atOnce' };
    const problems = whyImpossible(former.playbook, { playbook, files: source.files });
    return problems.length > 0 ? { kind: 'refused', problems } : { kind: 'beside', former, policy, owner };
  }

  create(
    next: Revision,
    { former, policy, owner }: Beside,
    listeners: Pick<RolloutOptions, 'onPhase' | 'onOver'>,
  ): Rollout {
    const { cluster, clock, logger, mayWrite } = this.options;
    const parts = { client: cluster.client, clock, logger, mayWrite };
    return new Rollout({ ...parts, owner, policy, former, next, ...listeners });
  }

  /** Writes down that all resources have this version, once this process leads. */
  async settle(
    source: PlaybookSource,
    { playbook, ...stable }: LoadedRevision,
    signal: AbortSignal,
  ): Promise<void> {
    const { cluster, clock, logger, mayWrite } = this.options;
    const owner = ownerOf(source);
    if (owner === undefined || !(await mayWrite(signal))) return;
    const message = `that ${owner.name} has version ${stable.version} could not be written down, trying again`;
    await insist({ clock, logger, message, signal }, async () => {
      const record = await recordOf(cluster.client, owner);
      if (record === undefined && playbook.rollout === undefined) return;
      const same = record?.stable.content === stable.content;
      if (same && record.candidate === undefined) return;
      const previous = same ? record.previous : record?.stable;
      await writeRecord(cluster.client, owner, { stable, ...(previous === undefined ? {} : { previous }) });
    });
  }

  private async load(
    source: PlaybookSource,
    revision: Revision,
    known: readonly LoadedRevision[],
  ): Promise<LoadedRevision | undefined> {
    const here = known.find(({ content }) => content === revision.content);
    if (here !== undefined) return here;
    const result = await loadSource({ ...source, files: revision.files }, this.options.cluster.discovery);
    if (result.kind === 'loaded') return { ...revision, playbook: result.playbook };
    const fields = { playbook: source.id, version: revision.version, problems: result.problems.length };
    this.options.logger.warn(
      'the version before cannot be loaded any more; the new one begins at once',
      fields,
    );
    return undefined;
  }
}

/** Why somebody must decide, and how. */
export function stoppedProblems(id: string, candidate: Candidate | undefined): readonly Diagnostic[] {
  if (candidate?.phase !== 'Stopped') return [];
  const hint = `libretto rollback ${id} takes it back; a corrected version starts anew, and one without rollout reaches all at once`;
  const message = `the roll-out has stopped: ${candidate.reason ?? ''}`;
  return [{ ...sourceProblem('RolloutStopped', 'watches.yaml', message, hint), severity: 'warning' }];
}

export function revisionOf(playbook: Playbook, files: PlaybookFiles): LoadedRevision {
  return { version: playbook.version, content: playbook.contentHash, files, playbook };
}

/** The one that is wholly at work; of two beside each other the files of one alone are at hand. */
function revisionsOf({ running, files }: AtWork): readonly LoadedRevision[] {
  return running.former === undefined ? [revisionOf(running.playbook, files)] : [];
}

function ownerOf({ name, origin }: PlaybookSource): RecordOwner | undefined {
  const part = origin.kind === 'configMaps' ? origin.parts[0] : undefined;
  return part === undefined ? undefined : { name, part };
}

/** Both versions work on resources of one definition, which is the new one's. */
function whyImpossible(
  former: Playbook,
  { playbook, files }: { readonly playbook: Playbook; readonly files: PlaybookFiles },
): readonly Diagnostic[] {
  const hint =
    'remove rollout from this version, so that it reaches all resources at once, or keep what the version before needs';
  const problem = { code: 'RolloutImpossible', severity: 'error', hint } as const;
  const moved = playbook.watches.flatMap((watch): Diagnostic[] => {
    const before = former.watches.find((other) => groupKind(other.gvk) === groupKind(watch.gvk));
    if (before === undefined || before.gvk.version === watch.gvk.version) return [];
    const message = `the version before works on ${watch.gvk.kind} as ${before.gvk.version}, this one as ${watch.gvk.version}`;
    return [{ ...problem, ...watch.place, message }];
  });
  const incompatible = incompatibleWith(
    (name) => former.crds.find((crd) => crd.metadata.name === name),
    playbook,
    files,
  ).filter(({ severity }) => severity === 'error');
  return [
    ...moved,
    ...incompatible.map(({ file, line, column, message }) => ({ ...problem, file, line, column, message })),
  ];
}
