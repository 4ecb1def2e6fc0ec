/**
 * Writes events.k8s.io/v1 Events. Promises: `record` returns at once and never fails its caller; repeats of one Event
 * within six minutes become one Event with a series (KEP-383), written at most every half minute; the queue is bounded,
 * and what does not fit is counted and dropped, for Events are news and not the record of anything.
 */
import { type Clock, pause, type Timer } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { Logger } from '../base/logger.ts';
import { EVENT } from '../kube/kinds.ts';
import { apiVersionOf, gvkOf, type JsonObject, type KubeObject, type ObjectRef } from '../kube/object.ts';
import type { ClusterClient } from './api.ts';
import { isNamespaceTerminating, isNotFound, isTransient } from './errors.ts';

export interface EventDetails {
  readonly type: 'Normal' | 'Warning';
  /** PascalCase, at most 128 characters. */
  readonly reason: string;
  /** For a person; cut at 1024 characters, the API's limit. */
  readonly message: string;
  /** What was done, in PascalCase; default: the reason. */
  readonly action?: string;
}

export interface EventRecorder {
  /** `regarding` is what `kubectl describe` shows the Event at; `related` a second object it is about. */
  record(regarding: KubeObject, details: EventDetails, related?: ObjectRef): void;
  /** Writes what is queued, for at most `timeoutMs`, then ends. */
  close(timeoutMs?: number): Promise<void>;
  /** How many were dropped because the queue was full or the API refused them. */
  readonly dropped: number;
}

export interface EventRecorderOptions {
  readonly client: Pick<ClusterClient, 'create' | 'mergePatch'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `libretto` */
  readonly controller: string;
  /** This process: its pod's or host's name. */
  readonly instance: string;
}

/** One Event and its repeats. */
interface Series {
  readonly key: string;
  readonly body: JsonObject;
  readonly ref: ObjectRef;
  /** How often it occurred, and how often the cluster knows of. */
  count: number;
  written: number;
  /** Monotonic times. */
  lastAt: number;
  writtenAt: number;
  queued: boolean;
}

const SERIES_WINDOW_MS = 6 * 60_000;
const SERIES_INTERVAL_MS = 30_000;
const MOST_SERIES = 2_000;
const MOST_QUEUED = 1_000;
const MOST_TRIES = 4;
const RETRY_MS = 500;
const LONGEST_NOTE = 1024;
const LONGEST_REASON = 128;

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  /** In the order of their last occurrence, so that the first is the one to forget. */
  readonly #series = new Map<string, Series>();
  readonly #queue: Series[] = [];
  readonly #timers = new Set<Timer>();
  readonly #closing = new AbortController();
  #sending: Promise<void> | undefined;
  #dropped = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  get dropped(): number {
    return this.#dropped;
  }

  record(regarding: KubeObject, details: EventDetails, related?: ObjectRef): void {
    if (this.#closing.signal.aborted) return;
    const now = this.#options.clock.monotonic();
    const key = keyOf(regarding, details, related);
    const known = this.#series.get(key);
    this.#series.delete(key);
    const current =
      known !== undefined && now - known.lastAt < SERIES_WINDOW_MS
        ? known
        : this.#begin(key, regarding, details, related);
    current.count += 1;
    current.lastAt = now;
    this.#remember(current);
    this.#enqueueWhenDue(current, now);
  }

  async close(timeoutMs = 2_000): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    for (const series of this.#series.values()) if (series.count > series.written) this.#enqueue(series);
    this.#closing.abort();
    const done = new AbortController();
    const sent = this.#sending?.then(() => done.abort()) ?? Promise.resolve();
    if (this.#sending !== undefined)
      await Promise.race([sent, pause(this.#options.clock, timeoutMs, done.signal)]);
    this.#queue.length = 0;
  }

  #begin(key: string, regarding: KubeObject, details: EventDetails, related: ObjectRef | undefined): Series {
    const { controller, instance, clock } = this.#options;
    const namespace = regarding.metadata.namespace ?? 'default';
    const name = eventName(regarding.metadata.name, `${key}|${instance}|${clock.now()}|${clock.monotonic()}`);
    const body: JsonObject = {
      apiVersion: apiVersionOf(EVENT),
      kind: EVENT.kind,
      metadata: { name, namespace },
      eventTime: microTime(clock.now()),
      reportingController: controller,
      reportingInstance: instance.slice(0, 128),
      type: details.type,
      reason: details.reason.slice(0, LONGEST_REASON),
      action: (details.action ?? details.reason).slice(0, LONGEST_REASON),
      note: cut(details.message),
      regarding: regardingReference(regarding),
      ...(related === undefined ? {} : { related: reference(related) }),
    };
    const ref: ObjectRef = { ...EVENT, namespace, name };
    const never = Number.NEGATIVE_INFINITY;
    return {
      key,
      body,
      ref,
      count: 0,
      written: 0,
      lastAt: clock.monotonic(),
      writtenAt: never,
      queued: false,
    };
  }

  #remember(series: Series): void {
    this.#series.set(series.key, series);
    const oldest = this.#series.keys().next();
    if (this.#series.size > MOST_SERIES && oldest.done !== true) this.#series.delete(oldest.value);
  }

  /** The first occurrence and the first repeat at once, further ones gathered. */
  #enqueueWhenDue(series: Series, now: number): void {
    const wait = series.count <= 2 ? 0 : series.writtenAt + SERIES_INTERVAL_MS - now;
    if (series.queued) return;
    if (wait <= 0) {
      this.#enqueue(series);
      return;
    }
    series.queued = true;
    const timer = this.#options.clock.after(wait, () => {
      this.#timers.delete(timer);
      series.queued = false;
      this.#enqueue(series);
    });
    this.#timers.add(timer);
  }

  #enqueue(series: Series): void {
    if (this.#queue.length >= MOST_QUEUED) {
      this.#drop('the queue is full', series);
      return;
    }
    series.queued = true;
    this.#queue.push(series);
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  async #sendAll(): Promise<void> {
    for (let series = this.#queue.shift(); series !== undefined; series = this.#queue.shift()) {
      series.queued = false;
      await this.#send(series);
    }
  }

  async #send(series: Series): Promise<void> {
    for (let tries = 1; ; tries++) {
      const { count } = series;
      try {
        await this.#write(series, count);
        series.written = count;
        series.writtenAt = this.#options.clock.monotonic();
        return;
      } catch (error) {
        if (!isTransient(error) || tries >= MOST_TRIES || this.#closing.signal.aborted) {
          return this.#drop(
            isNamespaceTerminating(error) ? 'its namespace is being deleted' : errorMessage(error),
            series,
          );
        }
        await pause(this.#options.clock, RETRY_MS * 2 ** tries, this.#closing.signal);
      }
    }
  }

  async #write(series: Series, count: number): Promise<void> {
    const { client, clock, controller } = this.#options;
    const options = { fieldManager: controller };
    const repeats = count < 2 ? {} : { series: { count, lastObservedTime: microTime(clock.now()) } };
    if (series.written > 0) {
      try {
        await client.mergePatch(series.ref, repeats, options);
        return;
      } catch (error) {
        // Events expire (after an hour): then the series begins anew.
        if (!isNotFound(error)) throw error;
      }
    }
    await client.create({ ...series.body, ...repeats }, options);
  }

  #drop(why: string, series: Series): void {
    this.#dropped += 1;
    this.#options.logger.debug('an Event was dropped', {
      why,
      event: series.ref.name,
      namespace: series.ref.namespace,
    });
  }
}

function keyOf(regarding: KubeObject, details: EventDetails, related: ObjectRef | undefined): string {
  const { type, reason, message, action } = details;
  const { uid, namespace, name } = regarding.metadata;
  return JSON.stringify([uid, namespace, name, type, reason, message, action, related]);
}

/** `name.hash`: unique for each series; names are at most 253 characters. */
function eventName(object: string, seed: string): string {
  return `${object
    .slice(0, 236)
    .replace(/[^a-z0-9.-]/g, '-')
    .replace(/[^a-z0-9]+$/, '')}.${sha256(seed).slice(0, 16)}`;
}

function regardingReference(object: KubeObject): JsonObject {
  const { namespace, name, uid, resourceVersion } = object.metadata;
  return {
    ...reference({ ...gvkOf(object), name, ...(namespace === undefined ? {} : { namespace }) }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

function reference(ref: ObjectRef): JsonObject {
  const { kind, namespace, name } = ref;
  return { apiVersion: apiVersionOf(ref), kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

/** At most 1024 bytes-safe characters: the API counts bytes of UTF-8. */
function cut(message: string): string {
  const bytes = new TextEncoder().encode(message);
  if (bytes.length <= LONGEST_NOTE) return message;
  return `${new TextDecoder().decode(bytes.slice(0, LONGEST_NOTE - 6)).replace(/\uFFFD+$/, '')}…`;
}

/** metav1.MicroTime */
function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}
