/**
 * What actions and probes add to the two ends of the pure core: what a snapshot says of runs, effects and probes, and
 * what a plan asks for. The engine around it reads and writes; nothing is decided there.
 */
import type { GroupVersionKind, Json, JsonObject, KubeObject, ObjectRef } from '../kube/object.ts';
import type { Effect, EffectCall, EffectOutcome } from './effect.ts';
import type { EventNote } from './event.ts';

/** A list of the store: what is in it, and whether it may be believed. */
export interface Listing {
  readonly synced: boolean;
  /** Why it is not synced though it should be. */
  readonly failure?: string;
  /** The failure is a right that is missing. */
  readonly denied?: boolean;
  readonly objects: readonly KubeObject[];
}

export interface ActionInputs {
  /** Where runs live: the resource's own namespace; of a cluster-scoped resource the engine's. */
  readonly namespace: string;
  /**
   * Every ActionRun of the namespace whose `spec.resource` names this resource by group, kind and name (of an earlier
   * resource of this name too), however it came about. Not synced, or not read consistently since the start: nothing
   * is rendered, so that a stale store never scales up in mid-restore.
   */
  readonly runs: Listing;
  /** Jobs, Pods and Secrets of the namespace with the label RUN_UID_LABEL of one of these runs. */
  readonly work: Listing;
  /** By effect key: what became of the effects that the latest plan listed. */
  readonly outcomes: Readonly<Record<string, EffectOutcome>>;
  /**
   * By probe name: `{ok, value, error, at}`, with forEach a list of these with `key`. `value` is the last good one, `at`
   * (RFC 3339, milliseconds) its time; absent until the first round has ended.
   */
  readonly probes: Readonly<Record<string, Json>>;
  /** By probe name: when the latest round that has ended began, epoch ms. */
  readonly probedAt: Readonly<Record<string, number>>;
  /** Objects of a kind by labels, for `delete` steps; what is selected is watched from then on. */
  select(
    gvk: GroupVersionKind,
    namespace: string | undefined,
    labels: Readonly<Record<string, string>>,
  ): Listing;
}

/** One write on an ActionRun. The store must show it before the next pass. */
export type RunWrite =
  /** POST; AlreadyExists is success: the name says all. */
  | { readonly kind: 'create'; readonly body: JsonObject; readonly events: readonly EventNote[] }
  /** Replaces the whole status; refused (an older view, tried again) when the resourceVersion is another by now. */
  | {
      readonly kind: 'status';
      readonly ref: ObjectRef;
      readonly uid: string;
      readonly resourceVersion: string;
      readonly status: JsonObject;
      readonly events: readonly EventNote[];
    }
  /** JSON patch with a uid test in it. */
  | {
      readonly kind: 'patch';
      readonly ref: ObjectRef;
      readonly patch: readonly JsonObject[];
      readonly events: readonly EventNote[];
    }
  /** DELETE in the background, with the uid as precondition; a missing run is success. */
  | {
      readonly kind: 'delete';
      readonly ref: ObjectRef;
      readonly uid: string;
      readonly events: readonly EventNote[];
    };

/** A probe that something reads now: it runs while a plan lists it, and costs nothing otherwise. */
export interface ProbeNeed {
  readonly name: string;
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly parse: 'json' | 'text';
  /** True: a list of results with their keys, in this order; false: one call without a key, or none. */
  readonly list: boolean;
  readonly calls: readonly ProbeCall[];
  /** Epoch ms: a step waits for a round that begins after this; it is due at once when the latest began before. */
  readonly after?: number;
}

export interface ProbeCall {
  readonly key?: string;
  /** A text: why the call cannot be made (its pod's name is missing): not ok, with this error. */
  readonly call: EffectCall | string;
}

export interface ActionPlan {
  /** Sent in this order, before the plan's changes; Events are recorded on the resource once their write succeeded. */
  readonly runs: readonly RunWrite[];
  /** What runs for this resource now; what is not listed is ended and its outcome forgotten. */
  readonly effects: readonly Effect[];
  readonly probeNeeds: readonly ProbeNeed[];
  /** Annotations to set on the resource (undefined: to remove), by JSON patch with a uid test, before anything else. */
  readonly annotations: Readonly<Record<string, string | undefined>>;
}

export const NO_ACTIONS: ActionPlan = { runs: [], effects: [], probeNeeds: [], annotations: {} };

/** The inputs where nothing is known of runs and none exist. */
export function emptyActionInputs(
  namespace: string,
  probes: Readonly<Record<string, Json>> = {},
): ActionInputs {
  const nothing: Listing = { synced: true, objects: [] };
  return {
    namespace,
    runs: nothing,
    work: nothing,
    outcomes: {},
    probes,
    probedAt: {},
    select: () => nothing,
  };
}
