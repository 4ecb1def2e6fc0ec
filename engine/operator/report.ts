/**
 * Tells people how their playbooks stand: annotations and an Event on the ConfigMaps, the log, two metrics. The
 * annotations (which content was looked at and which runs, and its problems) are written only when they change, in one
 * write, so that a playbook causes no writes while nobody edits it.
 */
import { type Diagnostic, formatDiagnostic } from '../base/diagnostic.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Gauge, Metrics } from '../base/metrics.ts';
import type { ClusterClient } from '../cluster/api.ts';
import { isNotFound } from '../cluster/errors.ts';
import type { Recorder } from '../controller/execute.ts';
import { FIELD_MANAGER } from '../kube/labels.ts';
import { type KubeObject, refOf } from '../kube/object.ts';
import { CRD_CHANGES } from '../playbook/crd-changes.ts';
import { contentHashOf } from '../playbook/load-files.ts';
import { ANSWER_ANNOTATION, type Answer, formatAnswer, type RunningContent } from './answer.ts';
import type { MayWrite } from './leadership.ts';
import type { Phase } from './rollout-record.ts';
import { describeOrigin, type PlaybookSource } from './source.ts';

export const PROBLEMS_ANNOTATION = 'libretto.dev/problems';
/** All annotations of an object may have 256 KiB together; a person reads less. */
const LONGEST_ANNOTATION = 32 * 1024;
const LONGEST_EVENT = 900;

/** `content`: the hash of the files that this is about, which may have been edited since. */
export type PlaybookState =
  | { readonly kind: 'loaded'; readonly content: string; readonly version: string }
  | RollingState
  /** `running`: what goes on meanwhile. */
  | { readonly kind: 'refused'; readonly content: string; readonly running: RunningContent | undefined };

/** A new version beside the one before it. */
export interface RollingState {
  readonly kind: 'rolling';
  readonly content: string;
  readonly version: string;
  readonly former: RunningContent;
  readonly phase: Phase;
  /** How many resources are in the sample, of how many. */
  readonly size: number;
  readonly of: number;
  /** Why it has stopped. */
  readonly reason: string | undefined;
}

export interface Standing {
  readonly state: PlaybookState;
  readonly problems: readonly Diagnostic[];
  /** The source was there when this process started, and may have been reported by another before. */
  readonly fromStart: boolean;
}

export interface Reporter {
  report(source: PlaybookSource, standing: Standing): void;
  /** The ConfigMaps have changed and their content has not: says again what they have lost of what was said. */
  repeat(source: PlaybookSource): void;
  removed(source: PlaybookSource, left: string): void;
  /** Resolves when what was begun is written. */
  flush(): Promise<void>;
}

export interface ReporterOptions {
  readonly client: ClusterClient;
  readonly recorder: Recorder;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly mayWrite: MayWrite;
}

export function createReporter(options: ReporterOptions): Reporter {
  return new PlaybookReporter(options);
}

class PlaybookReporter implements Reporter {
  private readonly options: ReporterOptions;
  private readonly problemGauge: Gauge;
  private readonly loadedGauge: Gauge;
  private readonly stoppedGauge: Gauge;
  /** By source id: what was said last, so that a resync does not repeat it. */
  private readonly said = new Map<string, Said>();
  /** By source id. */
  private readonly writing = new Map<string, Promise<void>>();

  constructor(options: ReporterOptions) {
    this.options = options;
    this.problemGauge = options.metrics.gauge({
      name: 'libretto_playbook_problems',
      help: 'Errors and warnings in a playbook as it stands in its source',
      labels: ['playbook'],
    });
    this.loadedGauge = options.metrics.gauge({
      name: 'libretto_playbook_loaded',
      help: '1 where the playbook runs as it stands in its source, 0 where it is refused or on its way',
      labels: ['playbook'],
    });
    this.stoppedGauge = options.metrics.gauge({
      name: 'libretto_playbook_rollout_stopped',
      help: '1 where the roll-out of a new version has stopped, and somebody must decide',
      labels: ['playbook'],
    });
  }

  report(source: PlaybookSource, standing: Standing): void {
    const { state, problems, fromStart } = standing;
    this.problemGauge.set(problems.length, { playbook: source.id });
    this.loadedGauge.set(state.kind === 'loaded' ? 1 : 0, { playbook: source.id });
    this.stoppedGauge.set(isStopped(state) ? 1 : 0, { playbook: source.id });
    const text = problems.map(formatDiagnostic).join('\n');
    const { content } = state;
    const annotations = {
      [ANSWER_ANNOTATION]: formatAnswer(answerOf(state)),
      [PROBLEMS_ANNOTATION]: problems.length === 0 ? null : cut(text, LONGEST_ANNOTATION),
    };
    const next: Said = { source, content, text: `${describeState(state, problems)}\n${text}`, annotations };
    const { id } = source;
    if (this.said.get(id)?.text !== next.text) {
      this.log(source, standing);
      // After a restart nothing is new: no Event, no write.
      if (!fromStart || wrongParts(next).length > 0) this.recordStanding(source, standing);
    }
    this.said.set(id, next);
    this.keepAnnotated(id);
  }

  repeat(source: PlaybookSource): void {
    const said = this.said.get(source.id);
    if (said === undefined || said.content !== contentHashOf(source.files)) return;
    this.said.set(source.id, { ...said, source });
    this.keepAnnotated(source.id);
  }

  removed(source: PlaybookSource, left: string): void {
    this.problemGauge.remove({ playbook: source.id });
    this.loadedGauge.remove({ playbook: source.id });
    this.stoppedGauge.remove({ playbook: source.id });
    this.said.delete(source.id);
    const message = `the playbook ${source.id} was removed; ${left}`;
    this.options.logger.warn(message, { playbook: source.id, origin: describeOrigin(source.origin) });
    this.record(source, { type: 'Normal', reason: 'PlaybookRemoved', message });
  }

  async flush(): Promise<void> {
    await Promise.allSettled(this.writing.values());
  }

  private log(source: PlaybookSource, { state, problems }: Standing): void {
    const { logger } = this.options;
    const fields = { playbook: source.id, origin: describeOrigin(source.origin) };
    for (const problem of problems) {
      if (problem.severity === 'error') logger.error(formatDiagnostic(problem), fields);
      else logger.warn(formatDiagnostic(problem), fields);
    }
    const message = `playbook ${source.id}: ${describeState(state, problems)}`;
    if (isStopped(state)) logger.warn(message, fields);
    else if (state.kind !== 'refused') logger.info(message, fields);
    else logger.error(message, { ...fields, problems: problems.length });
  }

  private recordStanding(source: PlaybookSource, { state, problems }: Standing): void {
    const message = describeState(state, problems);
    if (state.kind !== 'refused') {
      const reason = state.kind === 'loaded' ? 'PlaybookLoaded' : ROLLOUT_REASONS[state.phase];
      const type = isStopped(state) ? 'Warning' : 'Normal';
      this.record(source, { type, reason, message: cut(message, LONGEST_EVENT) });
      this.recordIncompatible(source, problems);
      return;
    }
    const errors = problems.filter((p) => p.severity === 'error').map(formatDiagnostic);
    const text = `${message}: ${cut(errors.join('; '), LONGEST_EVENT)}`;
    this.record(source, { type: 'Warning', reason: 'PlaybookRefused', message: text });
  }

  /** What happens to resources that exist is told as loudly as a refusal. */
  private recordIncompatible(source: PlaybookSource, problems: readonly Diagnostic[]): void {
    const changes = problems.filter(({ code }) => CRD_CHANGES.some((each) => each === code));
    if (changes.length === 0) return;
    const message = cut(changes.map(formatDiagnostic).join('; '), LONGEST_EVENT);
    this.record(source, { type: 'Warning', reason: 'KindIncompatible', message });
  }

  private record(source: PlaybookSource, note: Parameters<Recorder['record']>[1]): void {
    if (source.origin.kind !== 'configMaps') return;
    for (const part of source.origin.parts) this.options.recorder.record(part, note);
  }

  private keepAnnotated(id: string): void {
    const said = this.said.get(id);
    // A writer that is there already takes what is newest then.
    if (said === undefined || this.writing.has(id) || wrongParts(said).length === 0) return;
    this.writing.set(id, this.annotateAll(id));
  }

  /** One write after the other, until what was said last stands in all parts as they were last seen. */
  private async annotateAll(id: string): Promise<void> {
    if (await this.options.mayWrite()) {
      for (let said = this.said.get(id); said !== undefined; ) {
        for (const part of wrongParts(said)) await this.annotate(part, said.annotations);
        const next = this.said.get(id);
        said = next === said ? undefined : next;
      }
    }
    this.writing.delete(id);
  }

  private async annotate(part: KubeObject, annotations: Annotations): Promise<void> {
    try {
      const patch = { metadata: { annotations } };
      await this.options.client.mergePatch(refOf(part), patch, { fieldManager: FIELD_MANAGER });
    } catch (error) {
      if (!isNotFound(error))
        this.options.logger.warn('how a playbook stands could not be written to its ConfigMap', {
          configMap: part.metadata.name,
          error: errorMessage(error),
        });
    }
  }
}

/** Null takes an annotation away. */
type Annotations = Readonly<Record<string, string | null>>;

interface Said {
  /** As it was seen last. */
  readonly source: PlaybookSource;
  readonly content: string;
  readonly text: string;
  readonly annotations: Annotations;
}

function wrongParts({ source: { origin }, annotations }: Said): readonly KubeObject[] {
  const wanted = Object.entries(annotations);
  return origin.kind === 'folder'
    ? []
    : origin.parts.filter(({ metadata }) =>
        wanted.some(([name, text]) => (metadata.annotations?.[name] ?? null) !== text),
      );
}

function answerOf(state: PlaybookState): Answer {
  const { content } = state;
  if (state.kind === 'loaded')
    return { state: 'Running', content, running: { version: state.version, content } };
  if (state.kind === 'rolling')
    return { state: state.phase === 'Stopped' ? 'Stopped' : 'RollingOut', content, running: state.former };
  const { running } = state;
  return { state: 'Refused', content, ...(running === undefined ? {} : { running }) };
}

const ROLLOUT_REASONS = {
  Canary: 'RolloutStarted',
  Rolling: 'RolloutContinued',
  Stopped: 'RolloutStopped',
} as const;

function isStopped(state: PlaybookState): boolean {
  return state.kind === 'rolling' && state.phase === 'Stopped';
}

function describeRollout({ version, former, phase, size, of, reason }: RollingState): string {
  const sample = `${size} of ${of} resources`;
  switch (phase) {
    case 'Canary':
      return `version ${version} reaches ${sample} first; version ${former.version} goes on for the others`;
    case 'Rolling':
      return `version ${version} reaches all resources, each when its running action has ended`;
    case 'Stopped':
      return `the roll-out of version ${version} has stopped: ${reason ?? ''}; ${sample} have it, version ${former.version} goes on for the others`;
  }
}

function describeState(state: PlaybookState, problems: readonly Diagnostic[]): string {
  if (state.kind === 'loaded') {
    return `version ${state.version} is in use${problems.length === 0 ? '' : `, with ${problems.length} warnings`}`;
  }
  if (state.kind === 'rolling') return describeRollout(state);
  return `refused; ${state.running === undefined ? 'nothing of it runs' : `version ${state.running.version} goes on`}`;
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}\n… and more, see the log`;
}
