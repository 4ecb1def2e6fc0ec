/**
 * Deletion of a resource: its children go in reverse order, orphans are let go, and the finalizer is released when
 * nothing is left. Needs no playbook: what each child needs for it stands on the child.
 */
import { conditionOf, conditionsOf, conditionToJson, stampConditions } from '../kube/conditions.ts';
import {
  DECORATOR_ANNOTATION,
  DELETION_ANNOTATION,
  FIELDS_ANNOTATION,
  FINALIZER,
  HASH_ANNOTATION,
  KEPT_ANNOTATION,
  MANIFEST_ANNOTATION,
  ON_DELETE_ANNOTATION,
  ORPHANED_FROM_ANNOTATION,
  OWNER_ANNOTATION,
  OWNER_UID_LABEL,
  POLICY_ANNOTATION,
  PRUNE_ANNOTATION,
  RANK_ANNOTATION,
  SKIP_FINAL_ACTIONS_ANNOTATION,
} from '../kube/labels.ts';
import { describeRef, groupKind, type JsonObject, type KubeObject, refOf } from '../kube/object.ts';
import { asJson, isJsonObject } from '../kube/value.ts';
import { NO_ACTIONS, type RunWrite } from './action-contract.ts';
import { finalActionsDue } from './actions/final.ts';
import { readRuns } from './actions/runs.ts';
import { joinMessages } from './blocker.ts';
import type { EventNote } from './event.ts';
import type { Change, Outcome, Plan, Snapshot } from './model.ts';
import { type Owner, ownerOf } from './owner.ts';
import {
  annotationOf,
  hasTracked,
  isOurs,
  isTerminating,
  ownerReferenceOf,
  patchMarkOf,
} from './ownership.ts';
import { removeOwnerReference, setMapEntry, testUid } from './patch.ts';
import { rankOf, releaseChange } from './prune.ts';

export interface TeardownOptions {
  /** Which of the resource's children go; default: all. */
  readonly includes?: (object: KubeObject) => boolean;
  /** Final actions are none of this teardown's business: done, or let go. */
  readonly finalActions?: 'done';
  /** Said when the finalizer goes. */
  readonly events?: readonly EventNote[];
}

/** The next step of a teardown; done when nothing is left and the finalizer is gone. */
export function planTeardown(snapshot: Snapshot, options: TeardownOptions = {}): Plan {
  const owner = ownerOf(snapshot);
  const { includes = () => true } = options;
  const hasFinalizer = snapshot.resource.metadata.finalizers?.includes(FINALIZER) ?? false;
  const isDeleting = snapshot.resource.metadata.deletionTimestamp !== undefined;
  if (isDeleting && !hasFinalizer) return planOf(snapshot, { finalizer: 'keep', changes: [], outcome: DONE });
  const due = isDeleting && options.finalActions !== 'done' ? finalActionsDue(snapshot) : undefined;
  if (due !== undefined && due.skipped === undefined) return waitForPlaybook(snapshot, due.names);
  const ours = snapshot.candidates.filter((object) => isOurs(object, owner) && includes(object));
  const changes = [
    ...letGo(snapshot, owner, ours),
    ...releases(snapshot, owner),
    ...removeHighest(snapshot, owner, ours),
  ];
  const outcome = outcomeOf(snapshot, owner, { ours, changes });
  const mayGo = isDeleting || !hasTracked(snapshot.candidates, owner);
  const finalizer = outcome.kind === 'done' && hasFinalizer && mayGo ? 'remove' : 'keep';
  const plan = planOf(snapshot, { finalizer, changes, outcome });
  const said = options.events ?? (due?.skipped === undefined ? [] : [due.skipped]);
  const events = finalizer === 'remove' ? said : [];
  return {
    ...plan,
    events,
    ...(isDeleting ? { actions: { ...NO_ACTIONS, runs: runsToDelete(snapshot) } } : {}),
  };
}

/** Final runs stay as history; all others go, with their Jobs. */
function runsToDelete(snapshot: Snapshot): readonly RunWrite[] {
  const runs = readRuns(snapshot).roots.filter(
    ({ trigger, object }) => trigger !== 'Delete' && !isTerminating(object),
  );
  return runs.map(({ ref, uid }) => ({ kind: 'delete', ref, uid, events: [] }));
}

/** The annotation says that final actions are due, and the playbook that has them is gone. */
function waitForPlaybook(snapshot: Snapshot, names: readonly string[]): Plan {
  const reason = 'FinalActionsWait';
  const message = `${names.join(', ')} must run before the deletion, but no playbook has it; bring the playbook back, or set the annotation ${SKIP_FINAL_ACTIONS_ANNOTATION}: "true"`;
  const outcome = { kind: 'pending', reason, message } as const;
  return {
    ...planOf(snapshot, { finalizer: 'keep', changes: [], outcome }),
    status: statusSaying(snapshot, reason, message),
  };
}

/** The status as it is stored, so that no held field is lost, with Ready and Stalled saying why. */
function statusSaying({ resource, now }: Snapshot, reason: string, message: string): JsonObject | undefined {
  const before = conditionsOf(resource);
  const observedGeneration = Number(resource.metadata.generation ?? 0);
  const next = (['Ready', 'Stalled'] as const).map((type) => ({
    type,
    status: type === 'Ready' ? ('False' as const) : ('True' as const),
    reason,
    message,
    observedGeneration,
  }));
  const said = next.every(({ type, status }) => {
    const known = conditionOf(resource, type);
    return known?.status === status && known.reason === reason && known.message === message;
  });
  if (said) return undefined;
  const others = before.filter(({ type }) => type !== 'Ready' && type !== 'Stalled');
  const stored = asJson(resource.status ?? {});
  const conditions = [...stampConditions(before, next, now), ...others].map(conditionToJson);
  return { ...(isJsonObject(stored) ? stored : {}), conditions };
}

const DONE: Outcome = { kind: 'done' };

function planOf(snapshot: Snapshot, plan: Pick<Plan, 'finalizer' | 'changes' | 'outcome'>): Plan {
  return { ...plan, status: undefined, events: [], kinds: [], memory: snapshot.memory };
}

/** What becomes of a child when its owner goes. */
type Fate = 'delete' | 'orphan' | 'leave';

/**
 * `kubectl delete --cascade=orphan` strips ownerReferences (and holds the owner by the finalizer `orphan` until it has):
 * a child that is cleaned by one is left alone then.
 */
function fateOf({ resource }: Snapshot, owner: Owner, object: KubeObject): Fate {
  const onDelete = annotationOf(object, ON_DELETE_ANNOTATION);
  if (annotationOf(resource, DELETION_ANNOTATION) === 'Orphan' || onDelete === 'Orphan') return 'orphan';
  if (onDelete === 'Delete') return 'delete';
  const isStripped = ownerReferenceOf(object, owner) === undefined;
  return isStripped || (resource.metadata.finalizers?.includes('orphan') ?? false) ? 'leave' : 'delete';
}

function letGo(snapshot: Snapshot, owner: Owner, ours: readonly KubeObject[]): readonly Change[] {
  return ours
    .filter((object) => fateOf(snapshot, owner, object) === 'orphan' && !isTerminating(object))
    .map((object) => orphanChange(object, owner));
}

function orphanChange(object: KubeObject, owner: Owner): Change {
  const ref = refOf(object);
  const patch = [
    testUid(object),
    ...setMapEntry(object, 'labels', { [OWNER_UID_LABEL]: undefined }),
    ...setMapEntry(object, 'annotations', { ...OUR_ANNOTATIONS, [ORPHANED_FROM_ANNOTATION]: owner.name }),
    ...removeOwnerReference(object, owner.uid),
  ];
  const event = { type: 'Normal', reason: 'Orphaned', message: `${describeRef(ref)}: left behind` } as const;
  return {
    kind: 'orphan',
    ref,
    rank: 0,
    basis: '',
    why: 'outlives its owner',
    event,
    uid: object.metadata.uid ?? '',
    patch,
  };
}

const OUR_ANNOTATIONS: Readonly<Record<string, undefined>> = Object.fromEntries(
  [
    OWNER_ANNOTATION,
    MANIFEST_ANNOTATION,
    HASH_ANNOTATION,
    FIELDS_ANNOTATION,
    RANK_ANNOTATION,
    ON_DELETE_ANNOTATION,
    PRUNE_ANNOTATION,
    POLICY_ANNOTATION,
    KEPT_ANNOTATION,
    DECORATOR_ANNOTATION,
  ].map((name) => [name, undefined]),
);

function releases(snapshot: Snapshot, owner: Owner): readonly Change[] {
  return snapshot.candidates
    .filter((object) => patchMarkOf(object, owner) !== undefined && !isTerminating(object))
    .map((object) => releaseChange(object, owner.patchManager, 0));
}

/** The children of the highest rank that is left; the next rank goes when these are gone. */
function removeHighest(snapshot: Snapshot, owner: Owner, ours: readonly KubeObject[]): readonly Change[] {
  const going = ours.filter((object) => fateOf(snapshot, owner, object) === 'delete');
  const ranks = [...new Set(going.map(rankOf))];
  const highest = Math.max(...ranks);
  // With others to follow, "gone" must mean that what runs is gone too: a client before its database.
  const propagation = ranks.length > 1 ? 'Foreground' : 'Background';
  return going
    .filter((object) => rankOf(object) === highest && !isTerminating(object))
    .map((object) => {
      const ref = refOf(object);
      const why = 'its owner is being deleted';
      return { kind: 'delete', ref, rank: 1, basis: '', why, uid: object.metadata.uid ?? '', propagation };
    });
}

interface Teardown {
  readonly ours: readonly KubeObject[];
  readonly changes: readonly Change[];
}

/** The finalizer must not go while a kind that may hold children is not known. */
function outcomeOf(snapshot: Snapshot, owner: Owner, { ours, changes }: Teardown): Outcome {
  const unknown = snapshot.inventory.filter((gvk) => snapshot.kind(gvk)?.synced === false);
  if (unknown.length > 0) {
    const message = `waits for the list of ${unknown.map(groupKind).join(', ')}`;
    return { kind: 'pending', reason: 'Synchronizing', message };
  }
  const going = ours.filter((object) => fateOf(snapshot, owner, object) === 'delete');
  if (going.length === 0 && changes.length === 0) return DONE;
  const names = going.map((object) => describeRef(refOf(object)));
  const message =
    names.length === 0 ? 'lets its children go' : `waits until they are gone: ${joinMessages(names)}`;
  return { kind: 'pending', reason: 'Deleting', message };
}
