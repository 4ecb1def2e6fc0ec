/**
 * Tells people how their playbooks stand: an annotation and an Event on the ConfigMaps, the log, two metrics. The
 * annotation is written only when it changes, so that a broken playbook causes no writes while nobody edits it.
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
import type { MayWrite } from './leadership.ts';
import { describeOrigin, type PlaybookSource } from './source.ts';

export const PROBLEMS_ANNOTATION = 'libretto.dev/problems';
/** All annotations of an object may have 256 KiB together; a person reads less. */
const LONGEST_ANNOTATION = 32 * 1024;
const LONGEST_EVENT = 900;

export type PlaybookState =
  | { readonly kind: 'loaded'; readonly version: string }
  /** `running`: the version that goes on meanwhile. */
  | { readonly kind: 'refused'; readonly running: string | undefined };

export interface Standing {
  readonly state: PlaybookState;
  readonly problems: readonly Diagnostic[];
  /** The source was there when this process started, and may have been reported by another before. */
  readonly fromStart: boolean;
}

export interface Reporter {
  report(source: PlaybookSource, standing: Standing): void;
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
  /** By source id: what was said last, so that a resync does not repeat it. */
  private readonly said = new Map<string, string>();
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
      help: '1 where the playbook runs as it stands in its source, 0 where it is refused',
      labels: ['playbook'],
    });
  }

  report(source: PlaybookSource, standing: Standing): void {
    const { state, problems, fromStart } = standing;
    this.problemGauge.set(problems.length, { playbook: source.id });
    this.loadedGauge.set(state.kind === 'loaded' ? 1 : 0, { playbook: source.id });
    const text = problems.map(formatDiagnostic).join('\n');
    const parts = source.origin.kind === 'configMaps' ? source.origin.parts : [];
    const wrong = parts.filter((p) => annotationIn(p) !== annotationOf(text));
    const saying = `${describeState(state, problems)}\n${text}`;
    if (this.said.get(source.id) !== saying) {
      this.log(source, standing);
      // After a restart nothing is new: no Event, no write.
      if (!fromStart || wrong.length > 0) this.recordStanding(source, standing);
    }
    this.said.set(source.id, saying);
    if (wrong.length > 0) this.annotateAll(source.id, wrong, annotationOf(text));
  }

  removed(source: PlaybookSource, left: string): void {
    this.problemGauge.remove({ playbook: source.id });
    this.loadedGauge.remove({ playbook: source.id });
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
    if (state.kind === 'loaded') logger.info(message, fields);
    else logger.error(message, { ...fields, problems: problems.length });
  }

  private recordStanding(source: PlaybookSource, { state, problems }: Standing): void {
    const message = describeState(state, problems);
    if (state.kind === 'loaded') {
      this.record(source, { type: 'Normal', reason: 'PlaybookLoaded', message });
      return;
    }
    const errors = problems.filter((p) => p.severity === 'error').map(formatDiagnostic);
    const text = `${message}: ${cut(errors.join('; '), LONGEST_EVENT)}`;
    this.record(source, { type: 'Warning', reason: 'PlaybookRefused', message: text });
  }

  private record(source: PlaybookSource, note: Parameters<Recorder['record']>[1]): void {
    if (source.origin.kind !== 'configMaps') return;
    for (const part of source.origin.parts) this.options.recorder.record(part, note);
  }

  /** One write after the other, so that the newest text is the one that stays. */
  private annotateAll(id: string, parts: readonly KubeObject[], text: string | null): void {
    const before = this.writing.get(id) ?? Promise.resolve();
    this.writing.set(
      id,
      before.then(() => this.annotate(parts, text)),
    );
  }

  private async annotate(parts: readonly KubeObject[], text: string | null): Promise<void> {
    if (!(await this.options.mayWrite())) return;
    for (const part of parts) {
      try {
        await this.options.client.mergePatch(
          refOf(part),
          { metadata: { annotations: { [PROBLEMS_ANNOTATION]: text } } },
          { fieldManager: FIELD_MANAGER },
        );
      } catch (error) {
        if (!isNotFound(error))
          this.options.logger.warn('the problems of a playbook could not be written to its ConfigMap', {
            configMap: part.metadata.name,
            error: errorMessage(error),
          });
      }
    }
  }
}

function describeState(state: PlaybookState, problems: readonly Diagnostic[]): string {
  if (state.kind === 'loaded') {
    return `version ${state.version} is in use${problems.length === 0 ? '' : `, with ${problems.length} warnings`}`;
  }
  return `refused; ${state.running === undefined ? 'nothing of it runs' : `version ${state.running} goes on`}`;
}

function annotationIn(part: KubeObject): string | null {
  return part.metadata.annotations?.[PROBLEMS_ANNOTATION] ?? null;
}

/** Null takes the annotation away. */
function annotationOf(text: string): string | null {
  return text === '' ? null : cut(text, LONGEST_ANNOTATION);
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}\n… and more, see the log`;
}
