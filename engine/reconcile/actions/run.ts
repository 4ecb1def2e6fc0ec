/**
 * A run as it stands in its ActionRun: read from the object, changed as a value, written back whole. Everything that a
 * decision about a run needs is in here, so that it goes on after a crash as if there had been none.
 */
import {
  type Json,
  type JsonObject,
  type KubeObject,
  type ObjectRef,
  type OwnerReference,
  refOf,
} from '../../kube/object.ts';
import { asJson, getPath, isJsonObject, isList, text, wholeNumber } from '../../kube/value.ts';

export const RUN_PHASES = [
  'Pending',
  'Running',
  'Interrupted',
  'RollingBack',
  'Succeeded',
  'Failed',
  'Aborted',
  'Refused',
  'Halted',
] as const;
export type RunPhase = (typeof RUN_PHASES)[number];

export const STEP_PHASES = [
  'Waiting',
  'Running',
  'Succeeded',
  'Skipped',
  'Failed',
  'Aborted',
  'Interrupted',
] as const;
export type StepPhase = (typeof STEP_PHASES)[number];

export type RunTrigger = 'Create' | 'Delete' | 'When' | 'Schedule' | 'Request' | 'Step';

/** An object that a `delete` step aims at. */
export interface Target {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
}

/** What became of one step; the last record of a run is its current one. */
export interface StepRecord {
  readonly name: string;
  readonly rollback: boolean;
  /** `Waiting`: not begun, or before another attempt. */
  readonly phase: StepPhase;
  /** Counts on through retries, items and interruptions: another attempt has other names for all that it makes. */
  readonly attempt: number;
  /** The attempt that counts as the first: `retries` are counted from it. */
  readonly firstAttempt: number;
  readonly digest: string;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly attemptAt?: number;
  readonly retryAt?: number;
  readonly finishedAt?: number;
  readonly reason: string;
  readonly message: string;
  /** The frozen list of a forEach, and where in it the step is. */
  readonly items?: readonly Json[];
  readonly item?: number;
  readonly collected?: readonly JsonObject[];
  /** Frozen before they are written: what a `set` gives. */
  readonly values?: JsonObject;
  /** Resolved before the first request: what a `delete` aims at. */
  readonly targets?: readonly Target[];
  /** The uid of the Job that this attempt made, once it was seen. */
  readonly job?: string;
}

export interface Failure {
  readonly step: string;
  readonly reason: string;
  readonly message: string;
}

export interface RunStatus {
  readonly phase: RunPhase;
  readonly resourceUID?: string;
  readonly reason: string;
  readonly message: string;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly committed: boolean;
  /** The last `spec.retry` that was acted on. */
  readonly retry: number;
  /** Failures in a row of a run that is tried again by itself, and when the next try is due. */
  readonly failures: number;
  readonly retryAt?: number;
  /** Set while a rollback runs: how the run ends after it. */
  readonly ending?: 'Failed' | 'Aborted';
  /** True once a failed run has given back its vars and the lock. */
  readonly released: boolean;
  readonly playbookVersion: string;
  readonly vars: JsonObject;
  readonly stepVars: JsonObject;
  /** By step; a secret value is `{secret: {name, key}}`. */
  readonly outputs: JsonObject;
  readonly failed?: Failure;
  readonly steps: readonly StepRecord[];
  /** By step (rollback steps as `rollback/NAME`): attempts made before a run began anew. */
  readonly attempts: Readonly<Record<string, number>>;
  readonly requestedBy?: string;
}

export interface Parent {
  readonly name: string;
  readonly uid: string;
  readonly step: string;
  readonly attempt: number;
  readonly item?: number;
}

export interface Run {
  readonly object: KubeObject;
  readonly ref: ObjectRef;
  readonly name: string;
  readonly uid: string;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly resourceUID: string | undefined;
  readonly action: string;
  readonly trigger: RunTrigger;
  readonly value: Json | undefined;
  readonly tick: string | undefined;
  readonly parent: Parent | undefined;
  readonly params: JsonObject;
  readonly abort: boolean;
  readonly wantedRetry: number;
  readonly status: RunStatus;
}

const TRIGGERS: readonly RunTrigger[] = ['Create', 'Delete', 'When', 'Schedule', 'Request', 'Step'];

export function parseRun(object: KubeObject): Run {
  const { metadata, spec } = object;
  const trigger = text(getPath(spec, ['trigger']));
  const value = getPath(spec, ['value']);
  const status = parseStatus(object.status);
  return {
    object,
    ref: refOf(object),
    name: metadata.name,
    uid: metadata.uid ?? '',
    createdAt: timeOf(metadata.creationTimestamp) ?? 0,
    resourceUID: text(getPath(spec, ['resource', 'uid'])) ?? status.resourceUID,
    action: text(getPath(spec, ['action'])) ?? '',
    trigger: TRIGGERS.find((known) => known === trigger) ?? 'Request',
    value: value === undefined ? undefined : asJson(value),
    tick: text(getPath(spec, ['tick'])),
    parent: parseParent(getPath(spec, ['parent'])),
    params: objectAt(spec, 'params'),
    abort: getPath(spec, ['abort']) === true,
    wantedRetry: numberAt(spec, 'retry'),
    status,
  };
}

function parseParent(value: unknown): Parent | undefined {
  const [name, uid, step] = ['name', 'uid', 'step'].map((key) => text(getPath(value, [key])));
  if (name === undefined || uid === undefined || step === undefined) return undefined;
  const item = wholeNumber(getPath(value, ['item']));
  return { name, uid, step, attempt: numberAt(value, 'attempt'), ...(item === undefined ? {} : { item }) };
}

function parseStatus(value: unknown): RunStatus {
  const phase = text(getPath(value, ['phase']));
  const ending = text(getPath(value, ['ending']));
  const failed = getPath(value, ['failed']);
  const steps = getPath(value, ['steps']);
  return {
    phase: RUN_PHASES.find((known) => known === phase) ?? 'Pending',
    ...textField(value, 'resourceUID'),
    ...textField(value, 'requestedBy'),
    reason: textAt(value, 'reason'),
    message: textAt(value, 'message'),
    ...timeField(value, 'startedAt'),
    ...timeField(value, 'finishedAt'),
    ...timeField(value, 'retryAt'),
    committed: getPath(value, ['committed']) === true,
    retry: numberAt(value, 'retry'),
    failures: numberAt(value, 'failures'),
    ...(ending === 'Failed' || ending === 'Aborted' ? { ending } : {}),
    released: getPath(value, ['released']) === true,
    playbookVersion: textAt(value, 'playbookVersion'),
    vars: objectAt(value, 'vars'),
    stepVars: objectAt(value, 'stepVars'),
    outputs: objectAt(value, 'outputs'),
    ...(failed === undefined
      ? {}
      : {
          failed: {
            step: textAt(failed, 'step'),
            reason: textAt(failed, 'reason'),
            message: textAt(failed, 'message'),
          },
        }),
    steps: isList(steps) ? steps.map(parseRecord) : [],
    attempts: numbersOf(objectAt(value, 'attempts')),
  };
}

function parseRecord(value: unknown): StepRecord {
  const phase = text(getPath(value, ['phase']));
  const items = getPath(value, ['items']);
  const collected = getPath(value, ['collected']);
  const values = getPath(value, ['values']);
  const targets = getPath(value, ['targets']);
  const item = wholeNumber(getPath(value, ['item']));
  const attempt = numberAt(value, 'attempt');
  return {
    name: textAt(value, 'name'),
    rollback: getPath(value, ['rollback']) === true,
    phase: STEP_PHASES.find((known) => known === phase) ?? 'Waiting',
    attempt,
    firstAttempt: wholeNumber(getPath(value, ['firstAttempt'])) ?? attempt,
    digest: textAt(value, 'digest'),
    startedAt: timeOf(getPath(value, ['startedAt'])) ?? 0,
    ...timeField(value, 'attemptAt'),
    ...timeField(value, 'retryAt'),
    ...timeField(value, 'finishedAt'),
    reason: textAt(value, 'reason'),
    message: textAt(value, 'message'),
    ...(isList(items) ? { items: items.map(asJson) } : {}),
    ...(item === undefined ? {} : { item }),
    ...(isList(collected) ? { collected: collected.map(asJson).filter(isJsonObject) } : {}),
    ...(values === undefined ? {} : { values: objectAt(value, 'values') }),
    ...(isList(targets) ? { targets: targets.map(parseTarget) } : {}),
    ...textField(value, 'job'),
  };
}

function parseTarget(value: unknown): Target {
  return { name: textAt(value, 'name'), uid: textAt(value, 'uid'), ...textField(value, 'namespace') };
}

/** The status as it is written. What says nothing is left out. */
export function statusJson(run: Pick<Run, 'object' | 'action'>, status: RunStatus): JsonObject {
  const current = status.steps.at(-1);
  const { steps, startedAt, finishedAt, retryAt, failed, ...rest } = status;
  const resource = getPath(run.object.spec, ['resource']);
  const kept = Object.entries(rest).filter(
    ([name, value]) => !isBlank(value) || (name === 'retry' && value !== 0),
  );
  return {
    ...Object.fromEntries(kept.map(([name, value]) => [name, asJson(value)])),
    resource: `${textAt(resource, 'kind')}/${textAt(resource, 'name')}`,
    ...(current === undefined ? {} : { step: current.name, attempt: current.attempt }),
    ...timesJson({ startedAt, finishedAt, retryAt }),
    ...(failed === undefined ? {} : { failed: asJson(failed) }),
    ...(steps.length === 0 ? {} : { steps: steps.map(recordJson) }),
  };
}

function recordJson(record: StepRecord): JsonObject {
  const { startedAt, attemptAt, retryAt, finishedAt, ...rest } = record;
  const kept = Object.entries(rest).filter(([name, value]) => !isBlank(value) || name === 'item');
  return {
    ...Object.fromEntries(kept.map(([name, value]) => [name, asJson(value)])),
    ...timesJson({ startedAt, attemptAt, retryAt, finishedAt }),
    // An empty list was frozen too.
    ...(record.items === undefined ? {} : { items: record.items }),
    ...(record.collected === undefined ? {} : { collected: record.collected }),
    ...(record.targets === undefined ? {} : { targets: asJson(record.targets) }),
    ...(record.values === undefined ? {} : { values: record.values }),
  };
}

function isBlank(value: unknown): boolean {
  if (value === undefined || value === '' || value === false || value === 0) return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function timesJson(times: Readonly<Record<string, number | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(times).flatMap(([name, at]) => (at === undefined ? [] : [[name, isoTime(at)]])),
  );
}

/** RFC 3339 with milliseconds: a probe is compared with it. */
export function isoTime(at: number): string {
  return new Date(at).toISOString();
}

export function timeOf(value: unknown): number | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

function timeField<Name extends string>(value: unknown, name: Name): { readonly [N in Name]?: number } {
  const at = timeOf(getPath(value, [name]));
  const field: { [N in Name]?: number } = {};
  if (at !== undefined) field[name] = at;
  return field;
}

function textField<Name extends string>(value: unknown, name: Name): { readonly [N in Name]?: string } {
  const found = text(getPath(value, [name]));
  const field: { [N in Name]?: string } = {};
  if (found !== undefined) field[name] = found;
  return field;
}

function textAt(value: unknown, name: string): string {
  return text(getPath(value, [name])) ?? '';
}

function numberAt(value: unknown, name: string): number {
  return wholeNumber(getPath(value, [name])) ?? 0;
}

function objectAt(value: unknown, name: string): JsonObject {
  const found = getPath(value, [name]);
  const json = found === undefined ? undefined : asJson(found);
  return isJsonObject(json) ? json : {};
}

function numbersOf(values: JsonObject): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, wholeNumber(value) ?? 0]));
}

/** The reference by which what a run makes goes with it. */
export function runReference({ object }: Pick<Run, 'object'>): OwnerReference {
  const { apiVersion, kind, metadata } = object;
  const { name, uid = '' } = metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

export function isEnded({ status: { phase } }: Pick<Run, 'status'>): boolean {
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Aborted' || phase === 'Refused';
}

/** True while its steps go on. */
export function isActive({ status: { phase } }: Pick<Run, 'status'>): boolean {
  return phase === 'Running' || phase === 'RollingBack';
}
