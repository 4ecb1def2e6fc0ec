/**
 * The reflector's decisions, as a pure state machine: list → watch → relist, and what follows each failure.
 * reflector.ts carries the commands out and feeds back what happened.
 *
 * Guarantees: the content is only ever replaced by a complete, consistent list (never resourceVersion=0) and then
 * follows the watch from exactly there; a gap (410) leads to a new list; every failure leads to another try, at
 * 0.8–30 s with jitter or when the server says; a refused list is reported and never narrowed. A kind that is not
 * served waits for discovery.
 */
import { type Backoff, backoffDelay, REFLECTOR_BACKOFF } from '../base/backoff.ts';

/**
 * How the first list is read: `stream` as a watch with sendInitialEvents (WatchList, KEP-3157), `pages` in pages of
 * 500, `whole` in one answer (where pages outlive etcd's history time and again).
 */
export type ListMethod = 'stream' | 'pages' | 'whole';

type Next =
  | { readonly go: 'seek' }
  | { readonly go: 'list' }
  | { readonly go: 'watch'; readonly resourceVersion: string };

interface Common {
  readonly method: ListMethod;
  /** Failures in a row; 0 once a watch delivered something. */
  readonly failures: number;
  /** History was lost (410) and no event has come since: a second time means that lists cannot keep up. */
  readonly expired: boolean;
}

export type ReflectorState = Common &
  (
    | { readonly phase: 'new' | 'stopped' }
    /** Until discovery serves the kind. */
    | { readonly phase: 'seeking' }
    | { readonly phase: 'listing' }
    | { readonly phase: 'watching'; readonly resourceVersion: string }
    | { readonly phase: 'waiting'; readonly next: Next }
  );

export type ReflectorFailure =
  /** The resourceVersion or the continue token left etcd's history. */
  | { readonly kind: 'gone' }
  /** The server does not know that resourceVersion (yet). */
  | { readonly kind: 'tooLarge' }
  | { readonly kind: 'notServed' }
  /** The server does not know sendInitialEvents. */
  | { readonly kind: 'noStreamingList' }
  /** 401 or 403: nothing that is held may be trusted to be current. */
  | { readonly kind: 'denied'; readonly message: string }
  | { readonly kind: 'other'; readonly message: string; readonly retryAfterMs?: number | undefined };

export type ReflectorInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'served' }
  /** A page that is not the last. */
  | { readonly kind: 'page'; readonly next: string }
  /** The list is complete: its last page, or the end of the initial events. */
  | { readonly kind: 'listed'; readonly resourceVersion: string }
  /** The server accepted the watch. */
  | { readonly kind: 'opened' }
  /** An event or a bookmark of the watch. */
  | { readonly kind: 'progressed'; readonly resourceVersion: string }
  /** The server ended the watch, as it does after its timeout. */
  | { readonly kind: 'ended'; readonly lastedMs: number }
  | { readonly kind: 'failed'; readonly failure: ReflectorFailure }
  | { readonly kind: 'elapsed' }
  | { readonly kind: 'stop' };

export type ReflectorCommand =
  /** Wait for discovery; `ask`: it should look again. */
  | { readonly do: 'seek'; readonly ask: boolean }
  /** Begin a list; what an unfinished one has collected is dropped. */
  | { readonly do: 'list'; readonly method: ListMethod }
  | { readonly do: 'nextPage'; readonly next: string }
  /** The collected list becomes the content. */
  | { readonly do: 'commit'; readonly resourceVersion: string }
  | { readonly do: 'watch'; readonly resourceVersion: string }
  | { readonly do: 'wait'; readonly ms: number }
  /** What is wrong now; undefined: nothing any more. */
  | { readonly do: 'report'; readonly failure: string | undefined }
  /** The content must not be taken for current. */
  | { readonly do: 'distrust' }
  /** End the request on its way. */
  | { readonly do: 'abort' };

export interface Transition {
  readonly state: ReflectorState;
  readonly commands: readonly ReflectorCommand[];
}

export const INITIAL_STATE: ReflectorState = { phase: 'new', method: 'stream', failures: 0, expired: false };

/** A watch that ends sooner, without an event, counts as a failure: else a broken server makes a hot loop. */
const SHORTEST_WATCH_MS = 1_000;
const SOON: Backoff = { baseMs: 100, maxMs: REFLECTOR_BACKOFF.maxMs };
const LONGEST_RETRY_AFTER_MS = 60_000;

/** `random` is in [0, 1). */
export function transition(state: ReflectorState, input: ReflectorInput, random: number): Transition {
  if (state.phase === 'stopped') return stay(state);
  switch (input.kind) {
    case 'start':
      return state.phase === 'new' ? seek(state, false) : stay(state);
    case 'served':
      return state.phase === 'seeking' ? list(state) : stay(state);
    case 'page':
      return state.phase === 'listing'
        ? { state, commands: [{ do: 'nextPage', next: input.next }] }
        : stay(state);
    case 'listed':
      return state.phase === 'listing' ? listed(state, input.resourceVersion) : stay(state);
    case 'opened':
      return { state, commands: state.phase === 'watching' ? [{ do: 'report', failure: undefined }] : [] };
    case 'progressed':
      return state.phase === 'watching' ? progressed(state, input.resourceVersion) : stay(state);
    case 'ended':
      return ended(state, input.lastedMs, random);
    case 'failed':
      return failed(state, input.failure, random);
    case 'elapsed':
      return state.phase === 'waiting' ? resume(state, state.next) : stay(state);
    case 'stop':
      return { state: { ...common(state), phase: 'stopped' }, commands: [{ do: 'abort' }] };
  }
}

function stay(state: ReflectorState): Transition {
  return { state, commands: [] };
}

function common({ method, failures, expired }: ReflectorState): Common {
  return { method, failures, expired };
}

function seek(state: ReflectorState, ask: boolean): Transition {
  return { state: { ...common(state), phase: 'seeking' }, commands: [{ do: 'seek', ask }] };
}

function list(state: ReflectorState): Transition {
  return { state: { ...common(state), phase: 'listing' }, commands: [{ do: 'list', method: state.method }] };
}

function watch(state: ReflectorState, resourceVersion: string): Transition {
  return {
    state: { ...common(state), phase: 'watching', resourceVersion },
    commands: [{ do: 'watch', resourceVersion }],
  };
}

/** A streamed list goes on as the watch; the others open one. */
function listed(state: ReflectorState, resourceVersion: string): Transition {
  const commit: readonly ReflectorCommand[] = [
    { do: 'commit', resourceVersion },
    { do: 'report', failure: undefined },
  ];
  if (state.method === 'stream') {
    return { state: { ...common(state), phase: 'watching', resourceVersion }, commands: commit };
  }
  // `whole` was for this list alone.
  const next = watch({ ...state, method: 'pages' }, resourceVersion);
  return { state: next.state, commands: [...commit, ...next.commands] };
}

function progressed(state: ReflectorState & { phase: 'watching' }, resourceVersion: string): Transition {
  return { state: { ...state, failures: 0, expired: false, resourceVersion }, commands: [] };
}

function ended(state: ReflectorState, lastedMs: number, random: number): Transition {
  if (state.phase === 'watching' && lastedMs >= SHORTEST_WATCH_MS) {
    return watch({ ...state, failures: 0, expired: false }, state.resourceVersion);
  }
  return failed(state, { kind: 'other', message: 'the server ended the watch at once' }, random);
}

function failed(state: ReflectorState, failure: ReflectorFailure, random: number): Transition {
  if (state.phase !== 'listing' && state.phase !== 'watching') return stay(state);
  switch (failure.kind) {
    case 'noStreamingList':
      if (state.phase === 'listing' && state.method === 'stream') return list({ ...state, method: 'pages' });
      return retry(state, { message: 'the server refused the watch' }, random);
    case 'gone':
      return gone(state, random);
    case 'tooLarge':
      return retry(
        state,
        { next: { go: 'list' }, message: 'the server has not caught up with its own history' },
        random,
      );
    case 'notServed':
      return notServed(state, random);
    case 'denied': {
      const next = retry(state, { next: { go: 'list' }, message: failure.message }, random);
      return { state: next.state, commands: [{ do: 'distrust' }, ...next.commands] };
    }
    case 'other':
      return retry(state, failure, random);
  }
}

/** History is lost: list anew, at once the first time. Pages that expire before they are read are read as a whole. */
function gone(state: ReflectorState, random: number): Transition {
  const method = state.phase === 'listing' && state.method === 'pages' ? 'whole' : state.method;
  const again = { ...state, method };
  if (state.expired)
    return retry(again, { next: { go: 'list' }, message: 'the list expired before the watch began' }, random);
  return list({ ...again, expired: true });
}

/**
 * Discovery may be behind, or ahead: a new CRD is announced some hundred milliseconds before its objects are served.
 * So it is asked again, soon at first.
 */
function notServed(state: ReflectorState, random: number): Transition {
  const why = {
    next: { go: 'seek' },
    message: 'the cluster does not serve this kind',
    backoff: SOON,
  } as const;
  const next = retry(state, why, random);
  return { state: next.state, commands: [{ do: 'distrust' }, ...next.commands] };
}

interface Retry {
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
  /** Default: what was being done. */
  readonly next?: Next;
  /** Default: the reflector's own. */
  readonly backoff?: Backoff;
}

function retry(state: ReflectorState, why: Retry, random: number): Transition {
  const { message, retryAfterMs = 0, next, backoff = REFLECTOR_BACKOFF } = why;
  const failures = state.failures + 1;
  const ms = Math.max(
    jitteredDelay(backoff, failures, random),
    Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS),
  );
  const samePlace: Next =
    state.phase === 'watching' ? { go: 'watch', resourceVersion: state.resourceVersion } : { go: 'list' };
  return {
    state: { ...common(state), failures, phase: 'waiting', next: next ?? samePlace },
    commands: [
      { do: 'report', failure: message },
      { do: 'wait', ms },
    ],
  };
}

/** 0.8–1.6 s at first, 15–30 s at last. */
function jitteredDelay(backoff: Backoff, failures: number, random: number): number {
  const half = { baseMs: backoff.baseMs, maxMs: backoff.maxMs / 2 };
  return Math.round(backoffDelay(half, failures) * (1 + random));
}

function resume(state: ReflectorState, next: Next): Transition {
  switch (next.go) {
    case 'seek':
      return seek(state, true);
    case 'list':
      return list(state);
    case 'watch':
      return watch(state, next.resourceVersion);
  }
}
