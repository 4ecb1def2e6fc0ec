/**
 * Keeps a store equal to a part of the cluster: carries out what reflector-state.ts decides, and tells it what
 * happened. One operation is on its way at any time; starting another ends it.
 */
import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { apiVersionOf, type KubeObject } from '../kube/object.ts';
import type { ApiResource, CacheSelection, OnDenied } from './api.ts';
import { ApiError } from './errors.ts';
import { parseJson } from './json.ts';
import { parsePage, parseWatchLine, type WatchLine } from './parse.ts';
import { collectionPath, type Query, withQuery } from './paths.ts';
import { classifyFailure, watchError } from './reflector-failure.ts';
import {
  INITIAL_STATE,
  type ListMethod,
  type ReflectorCommand,
  type ReflectorInput,
  transition,
} from './reflector-state.ts';
import type { ObjectStore } from './store.ts';
import type { Transport } from './transport.ts';

export interface ReflectorHost {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In [0, 1). */
  readonly random: () => number;
  /** Discovery's present knowledge. */
  readonly lookup: (selection: CacheSelection) => ApiResource | undefined;
  /** Asks discovery to look again, at its own rate. */
  readonly reportMissing: (selection: CacheSelection) => void;
  readonly onDiscoveryChange: (listener: () => void) => () => void;
  /** Told when a list or watch is refused, and (undefined) when it is not any more, or has ended. */
  readonly onDenied?: OnDenied | undefined;
}

export interface ReflectorOptions {
  readonly selection: CacheSelection;
  readonly store: ObjectStore;
  /** The store holds a complete list from now on; called after each list. */
  readonly onSynced: () => void;
  /** The store must not be taken for current until the next list. */
  readonly onDistrusted: () => void;
}

const PAGE_SIZE = 500;
const LIST_TIMEOUT_MS = 65_000;
/** The API server sends a bookmark about once a minute: more than two missing ones mean that nobody is there. */
const BOOKMARK_GAP_MS = 150_000;
const WATCH_GRACE_MS = 30_000;
const SILENCE_CHECK_MS = 10_000;

/** What is on its way: a request, or a timer. */
interface Operation {
  readonly abort: AbortController;
  timer: Timer | undefined;
}

export class Reflector {
  readonly #host: ReflectorHost;
  readonly #options: ReflectorOptions;
  readonly #stopListening: () => void;
  readonly #inputs: ReflectorInput[] = [];
  #busy = false;
  #state = INITIAL_STATE;
  #operation: Operation | undefined;
  #collected = new Map<string, KubeObject>();
  #collecting = false;
  #failure: string | undefined;
  #denial: string | undefined;

  constructor(host: ReflectorHost, options: ReflectorOptions) {
    this.#host = host;
    this.#options = options;
    this.#stopListening = host.onDiscoveryChange(() => {
      if (this.#state.phase === 'seeking') this.#seek(false);
    });
  }

  /** Why the store is not current; undefined where nothing is wrong. */
  get failure(): string | undefined {
    return this.#failure;
  }

  get denied(): boolean {
    return this.#denial !== undefined;
  }

  start(): void {
    this.#take({ kind: 'start' });
  }

  stop(): void {
    this.#stopListening();
    this.#take({ kind: 'stop' });
    this.#tellDenial(undefined);
  }

  /** Inputs are taken one after the other, even where carrying out a command yields the next. */
  #take(input: ReflectorInput): void {
    this.#inputs.push(input);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const { state, commands } = transition(this.#state, next, this.#host.random());
        this.#state = state;
        for (const command of commands) this.#carryOut(command);
      }
    } finally {
      this.#busy = false;
    }
  }

  #carryOut(command: ReflectorCommand): void {
    switch (command.do) {
      case 'seek':
        this.#end();
        this.#seek(command.ask);
        break;
      case 'list':
        this.#list(command.method);
        break;
      case 'nextPage':
        this.#page({ limit: PAGE_SIZE, continue: command.next });
        break;
      case 'commit':
        this.#commit(command.resourceVersion);
        break;
      case 'watch':
        this.#stream(command.resourceVersion);
        break;
      case 'wait':
        this.#begin().timer = this.#host.clock.after(command.ms, () => this.#take({ kind: 'elapsed' }));
        break;
      case 'report':
        this.#report(command.failure);
        break;
      case 'distrust':
        this.#options.onDistrusted();
        break;
      case 'abort':
        this.#end();
    }
  }

  #seek(ask: boolean): void {
    const { selection } = this.#options;
    if (ask) this.#host.reportMissing(selection);
    if (this.#host.lookup(selection) !== undefined) {
      this.#take({ kind: 'served' });
      return;
    }
    this.#report(`the cluster does not serve ${selection.gvk.kind} (${apiVersionOf(selection.gvk)})`);
    if (!ask) this.#host.reportMissing(selection);
  }

  #list(method: ListMethod): void {
    this.#collected = new Map();
    this.#collecting = true;
    if (method === 'stream') this.#stream(undefined);
    else this.#page(method === 'whole' ? {} : { limit: PAGE_SIZE });
  }

  #commit(resourceVersion: string): void {
    const objects = this.#collected;
    this.#collected = new Map();
    this.#collecting = false;
    this.#options.store.replace(objects.values(), resourceVersion);
    this.#options.onSynced();
  }

  #tellDenial(denial: string | undefined): void {
    if (denial === this.#denial) return;
    this.#denial = denial;
    this.#host.onDenied?.(this.#options.selection, denial);
  }

  #report(failure: string | undefined): void {
    if (failure === undefined) this.#tellDenial(undefined);
    if (failure === this.#failure) return;
    this.#failure = failure;
    const fields = { kind: this.#options.selection.gvk.kind, namespace: this.#options.selection.namespace };
    if (failure === undefined) this.#host.logger.info('watching again', fields);
    else this.#host.logger.warn('cannot watch', { ...fields, failure });
  }

  #begin(): Operation {
    this.#end();
    this.#operation = { abort: new AbortController(), timer: undefined };
    return this.#operation;
  }

  #end(): void {
    const operation = this.#operation;
    this.#operation = undefined;
    operation?.timer?.cancel();
    operation?.abort.abort();
  }

  #page(query: Query): void {
    const path = this.#path(query);
    if (path === undefined) return;
    const operation = this.#begin();
    const request = {
      method: 'GET',
      path,
      accept: this.#accept('List'),
      timeoutMs: LIST_TIMEOUT_MS,
      signal: operation.abort.signal,
    } as const;
    this.#host.transport.json(request).then(
      (answer) => this.#current(operation) && this.#takePage(answer),
      (error) => this.#current(operation) && this.#fail(error, false),
    );
  }

  #takePage(answer: unknown): void {
    const page = parsePage(answer, this.#options.selection.gvk);
    if (page === undefined) {
      this.#fail(new ApiError('ClusterAnswerInvalid', 'the answer is no list'), false);
      return;
    }
    for (const object of page.items) this.#collected.set(keyOf(object), this.#trim(object));
    if (page.next === undefined) this.#take({ kind: 'listed', resourceVersion: page.resourceVersion });
    else this.#take({ kind: 'page', next: page.next });
  }

  /** Opens a watch from `resourceVersion`, or one that begins with all objects. */
  #stream(resourceVersion: string | undefined): void {
    const { clock, random, transport } = this.#host;
    const timeoutSeconds = 300 + Math.floor(300 * random());
    const start: Query =
      resourceVersion === undefined
        ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
        : { resourceVersion };
    const path = this.#path({ watch: 1, allowWatchBookmarks: true, timeoutSeconds, ...start });
    if (path === undefined) return;
    const operation = this.#begin();
    const opened = clock.monotonic();
    const heard = this.#watchSilence(operation, timeoutSeconds * 1000 + WATCH_GRACE_MS);
    const streaming = resourceVersion === undefined;
    const sink = {
      onOpen: () => this.#current(operation) && this.#take({ kind: 'opened' }),
      onLine: (line: string) => {
        if (this.#current(operation)) heard(this.#takeLine(line, streaming));
      },
    };
    transport
      .lines({ method: 'GET', path, accept: this.#accept(''), signal: operation.abort.signal }, sink)
      .then(
        () => this.#current(operation) && this.#take({ kind: 'ended', lastedMs: clock.monotonic() - opened }),
        (error) => this.#current(operation) && this.#fail(error, streaming),
      );
  }

  /**
   * Ends a watch on which nothing comes any more though the connection looks open. Returns what is to be called for
   * each line: the first bookmark proves that this server sends them, and shortens the patience.
   */
  #watchSilence(operation: Operation, patienceMs: number): (line: WatchLine | undefined) => void {
    const { clock } = this.#host;
    let heardAt = clock.monotonic();
    let limit = patienceMs;
    const check = (): void => {
      if (clock.monotonic() - heardAt < (this.#collecting ? LIST_TIMEOUT_MS : limit)) {
        operation.timer = clock.after(SILENCE_CHECK_MS, check);
      } else {
        this.#fail(new ApiError('ClusterTimeout', 'the watch fell silent'), false);
      }
    };
    operation.timer = clock.after(SILENCE_CHECK_MS, check);
    return (line) => {
      heardAt = clock.monotonic();
      if (line?.type === 'BOOKMARK' && !line.initialEventsEnd) limit = Math.min(limit, BOOKMARK_GAP_MS);
    };
  }

  #takeLine(text: string, streaming: boolean): WatchLine | undefined {
    const line = parseLine(text, this.#options.selection);
    if (line === undefined) {
      this.#fail(
        new ApiError('ClusterAnswerInvalid', 'the watch sent something that is no event'),
        streaming,
      );
    } else if (line.type === 'ERROR') {
      this.#fail(watchError(line.status), streaming);
    } else if (this.#collecting) {
      this.#collect(line);
    } else {
      this.#follow(line);
    }
    return line;
  }

  #collect(line: Exclude<WatchLine, { type: 'ERROR' }>): void {
    if (line.type !== 'BOOKMARK') {
      const object = this.#trim(line.object);
      if (line.type === 'DELETED') this.#collected.delete(keyOf(object));
      else this.#collected.set(keyOf(object), object);
    } else if (line.initialEventsEnd) {
      this.#take({ kind: 'listed', resourceVersion: line.resourceVersion });
    }
  }

  #follow(line: Exclude<WatchLine, { type: 'ERROR' }>): void {
    const { store } = this.#options;
    if (line.type === 'BOOKMARK') {
      store.advance(line.resourceVersion);
      this.#take({ kind: 'progressed', resourceVersion: line.resourceVersion });
      return;
    }
    const object = this.#trim(line.object);
    if (line.type === 'DELETED') store.remove(object);
    else store.put(object);
    this.#take({
      kind: 'progressed',
      resourceVersion: object.metadata.resourceVersion ?? store.resourceVersion,
    });
  }

  #fail(error: unknown, streaming: boolean): void {
    this.#end();
    const failure = classifyFailure(error, streaming);
    if (failure.kind === 'denied') this.#tellDenial(failure.message);
    this.#take({ kind: 'failed', failure });
  }

  /** False for what an operation that was ended still delivers. */
  #current(operation: Operation): boolean {
    return this.#operation === operation;
  }

  /** Undefined for a kind that discovery lost meanwhile. */
  #path(query: Query): string | undefined {
    const { selection } = this.#options;
    const resource = this.#host.lookup(selection);
    if (resource === undefined) {
      this.#take({ kind: 'failed', failure: { kind: 'notServed' } });
      return undefined;
    }
    const selectors = { labelSelector: selection.labelSelector, fieldSelector: selection.fieldSelector };
    return withQuery(collectionPath(resource, selection.namespace), { ...selectors, ...query });
  }

  #accept(list: 'List' | ''): string {
    if (this.#options.selection.metadataOnly !== true) return 'application/json';
    return `application/json;as=PartialObjectMetadata${list};g=meta.k8s.io;v=v1,application/json`;
  }

  /** Metadata alone, also from a server that does not know PartialObjectMetadata. */
  #trim(object: KubeObject): KubeObject {
    if (this.#options.selection.metadataOnly !== true) return object;
    return { apiVersion: object.apiVersion, kind: object.kind, metadata: object.metadata };
  }
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function parseLine(text: string, { gvk }: CacheSelection): WatchLine | undefined {
  try {
    return parseWatchLine(parseJson(text), gvk);
  } catch {
    return undefined;
  }
}
