/**
 * The two ends of the pure core: a Snapshot goes in, a Plan comes out. Both are plain data, so a decision can be
 * tested, printed and repeated.
 */
import type { GroupVersionKind, JsonObject, KubeObject, ObjectRef } from '../kube/object.ts';
import type { SchemaNode } from '../kube/schema.ts';
import type { ActionInputs, ActionPlan } from './action-contract.ts';
import type { EventNote } from './event.ts';
import type { Recall } from './recall.ts';

export * from './action-contract.ts';
export type { EventNote };

/** What is known of a kind from discovery; undefined from the lookup: the cluster does not serve it (now). */
export interface KindInfo {
  readonly gvk: GroupVersionKind;
  readonly namespaced: boolean;
  /** True when the reflector for this kind (in the namespaces that matter here) has a complete list. */
  readonly synced: boolean;
  /** Why it is not synced though it should be (forbidden, unreachable): shown to the user. Absent: not yet. */
  readonly failure?: string;
  /** The failure is a right that is missing. */
  readonly denied?: boolean;
  /** Undefined when the cluster publishes none: lists are then atomic and maps granular. */
  readonly schema: SchemaNode | undefined;
  /** True when a playbook serves this kind: such a child is Current only with an observedGeneration. */
  readonly servedByPlaybook: boolean;
}

export interface ObservedObjects {
  readonly synced: boolean;
  /** Why it is not synced though it should be. */
  readonly failure?: string;
  /** The failure is a right that is missing. */
  readonly denied?: boolean;
  readonly objects: readonly KubeObject[];
}

/**
 * What an engine remembers of one resource between passes; lost at a restart without harm. Opaque to the controller:
 * it starts from `initialMemory()`, keeps `Plan.memory`, and folds what became of each change with `afterChange` and
 * of each status write with `afterStatus` (memory.ts).
 */
export interface Memory {
  /** By child refKey: `hash@resourceVersion` that a walk found covered. */
  readonly covered: Readonly<Record<string, string>>;
  /** By child refKey: an apply that changed nothing proved this (hash, own entry) pair covered, against the walk. */
  readonly proven: Readonly<Record<string, string>>;
  /** By child refKey: fields taken back from another manager lately. */
  readonly contested: Readonly<Record<string, readonly ContestedField[]>>;
  /** By child refKey: a change refused for good (conflict, invalid, immutable), until spec or playbook change. */
  readonly refusals: Readonly<Record<string, Refusal>>;
  /** By condition type or child: text of the last Event, so that Events are sent on changes alone. */
  readonly announced: Readonly<Record<string, string>>;
  /** Epoch ms of the last status write; progress alone is reported at most once in an interval. */
  readonly statusAt: number;
  /** A (wanted, stored) pair of statuses that writing does not bring together: not written again. */
  readonly statusProven: string;
  /** Keys of effects whose attempts began in this engine's life: one that is not among them was lost in a crash. */
  readonly begun?: readonly string[];
  /** A write on the resource itself or on its runs that was denied; tried again after a while. */
  readonly denied?: { readonly message: string; readonly at: number };
  /** By action: since when, in this engine's life, `when` has had the value (its hash); for `for`. */
  readonly holding?: Readonly<Record<string, { readonly value: string; readonly since: number }>>;
}

export interface ContestedField {
  readonly path: string;
  readonly manager: string;
  /** The desired state (generation and playbook version) in which it was lost: another one starts anew. */
  readonly basis: string;
  /** Epoch ms of each loss within the last ten minutes. */
  readonly lostAt: readonly number[];
}

export interface Refusal {
  readonly kind: 'conflict' | 'invalid' | 'immutable' | 'forbidden' | 'foreign';
  /** The rendered hash that was refused: another hash is tried anew. */
  readonly hash: string;
  /** What else the refusal depended on (the live object, its other managers): a change of it is tried anew. */
  readonly basis: string;
  readonly message: string;
  /** Epoch ms. */
  readonly at: number;
}

/** Why the API server refused a change, as far as a decision depends on it. Anything else is transient: backoff. */
export type ChangeFailure =
  /** POST answered 409 AlreadyExists. */
  | { readonly kind: 'alreadyExists'; readonly message: string }
  /** Apply answered 409 with causes FieldManagerConflict. */
  | { readonly kind: 'conflict'; readonly message: string }
  /**
   * 422. `immutable`: an apply was refused although the same body would be accepted as a new object (a dry-run POST
   * of it answers AlreadyExists instead of Invalid).
   */
  | { readonly kind: 'invalid'; readonly immutable: boolean; readonly message: string }
  /** 403: reported in the status, tried again with backoff. */
  | { readonly kind: 'forbidden'; readonly message: string };

/** Everything a decision may depend on. Built from the store alone. */
export interface Snapshot {
  /** Epoch ms. */
  readonly now: number;
  readonly resource: KubeObject;
  readonly playbook: { readonly name: string; readonly version: string };
  /**
   * Every stored object that may be a child: label owner-uid or ownerRef uid equals the resource's uid, its owner
   * annotation names the resource (a label was removed), or it carries the annotation PATCH_ANNOTATION_PREFIX + uid
   * (a Patch manifest of the resource gives fields to it).
   */
  readonly candidates: readonly KubeObject[];
  /** Any stored object by reference: tells "free", "ours" and "foreign" apart before a create. */
  lookup(ref: Omit<ObjectRef, 'version'>): KubeObject | undefined;
  kind(gvk: GroupVersionKind): KindInfo | undefined;
  /** By observation name. */
  readonly observed: Readonly<Record<string, ObservedObjects>>;
  /** Runs, effects and probes of this resource. */
  readonly actions: ActionInputs;
  /** Namespaces as far as known: undefined means missing. */
  namespace(
    name: string,
  ): { readonly terminating: boolean; readonly labels: Readonly<Record<string, string>> } | undefined;
  /** Kinds that this watched group and kind ever managed (the inventory). */
  readonly inventory: readonly GroupVersionKind[];
  /** Key of the HMAC over Secrets' hashes. */
  readonly hashKey: string;
  /** Field manager of the engine, `libretto`. */
  readonly fieldManager: string;
  /** What the administrator allows beyond the resource's own namespace. */
  readonly allowances: { readonly otherNamespaces: boolean };
  readonly memory: Memory;
  /** Of the passes before; none costs time alone. */
  readonly recall?: Recall;
  /**
   * Unpredictable text for `randomString` in CreateOnly manifests that are yet to be created; the same through one
   * pass. It is the only randomness, and it comes from outside.
   */
  readonly entropy?: string;
}

interface ChangeBase {
  readonly ref: ObjectRef;
  /** Why it was planned, seen from memory.ts: what a refusal of it would depend on. */
  readonly basis: string;
  /** Changes of one rank may run side by side; a rank starts when the one before it has succeeded. */
  readonly rank: number;
  /** Why, for the log and `plan`: "is missing", "spec.replicas was changed by kubectl-edit". */
  readonly why: string;
  /** Written to the resource's Events after the change succeeded. */
  readonly event?: EventNote;
}

/** A field of ours that another manager took, in the desired state `basis`. */
export type Loss = Omit<ContestedField, 'lostAt'>;

/** One write on a child. */
export type Change =
  /** POST; AlreadyExists means the name belongs to someone else. */
  | (ChangeBase & { readonly kind: 'create'; readonly body: JsonObject; readonly hash: string })
  /**
   * Server-side apply. `adopt`: our entry is still an Update; first one JSON patch with a resourceVersion test makes
   * it an Apply. `handOver`: before it, apply this body under the manager `<fieldManager>-handover`.
   */
  | (ChangeBase & {
      readonly kind: 'apply';
      readonly body: JsonObject;
      readonly hash: string;
      readonly force: boolean;
      readonly fieldManager: string;
      readonly adopt?: {
        readonly resourceVersion: string;
        readonly entryIndex: number;
        readonly entry: JsonObject;
      };
      readonly handOver?: JsonObject;
      /** The live object's resourceVersion as seen by the plan: coming back unchanged proves it covered. */
      readonly seen: string;
      /** The (hash, own entry) pair that an unchanged answer proves covered. */
      readonly proof: string;
      /** Fields that another manager took and that this change takes back. */
      readonly takes: readonly Loss[];
    })
  /** Gives up the fields of a Patch manifest: an empty apply with the uid. */
  | (ChangeBase & { readonly kind: 'release'; readonly fieldManager: string; readonly uid: string })
  /** DELETE with the uid as precondition. */
  | (ChangeBase & {
      readonly kind: 'delete';
      readonly uid: string;
      readonly propagation: 'Background' | 'Foreground' | 'Orphan';
    })
  /** Leaves the object alone for good: removes our labels, annotations and ownerRef, by JSON patch with a uid test. */
  | (ChangeBase & { readonly kind: 'orphan'; readonly uid: string; readonly patch: readonly JsonObject[] })
  /**
   * Changes our labels and annotations alone (adopts an orphan, marks a kept child), by JSON patch with a uid test.
   * Sent, like an orphan's patch, under the manager `<fieldManager>-mark`, so that no second entry of ours appears.
   */
  | (ChangeBase & { readonly kind: 'mark'; readonly uid: string; readonly patch: readonly JsonObject[] });

export type Outcome =
  /** Everything is as described. */
  | { readonly kind: 'done' }
  /** Waits for data or readiness; a watch wakes it. `wakeAt` (epoch ms) only where time itself decides. */
  | { readonly kind: 'pending'; readonly reason: string; readonly message: string; readonly wakeAt?: number }
  /** The user must change something: Stalled, no retry; `wakeAt` where what stands in the way can end unseen. */
  | {
      readonly kind: 'terminal';
      readonly reason: string;
      readonly message: string;
      readonly wakeAt?: number;
    };

export interface Plan {
  /** Carried out before any change. */
  readonly finalizer: 'add' | 'remove' | 'keep';
  /** In rank order. */
  readonly changes: readonly Change[];
  /** The whole status to apply when it differs from the stored one; undefined: no write. */
  readonly status: JsonObject | undefined;
  /** Written when the changes were carried out and the status was written. */
  readonly events: readonly EventNote[];
  readonly outcome: Outcome;
  /** Kinds that this pass manages, to be added to the inventory before the first change. */
  readonly kinds: readonly GroupVersionKind[];
  readonly memory: Memory;
  /** Runs to write, effects and probes that go on now. Absent: none; what was running is ended. */
  readonly actions?: ActionPlan;
}

/** What became of a change; `skipped` where an earlier one of its plan failed. */
export type ChangeResult = 'created' | 'configured' | 'unchanged' | 'deleted' | 'skipped';
