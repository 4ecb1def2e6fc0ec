/**
 * Deletion of a resource: its children go in reverse order, orphans are let go, and the finalizer is released when
 * nothing is left. Needs no playbook: what each child needs for it stands on the child.
 */
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
} from '../kube/labels.ts';
import { describeRef, groupKind, type KubeObject, refOf } from '../kube/object.ts';
import { joinMessages } from './blocker.ts';
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
}

/** The next step of a teardown; done when nothing is left and the finalizer is gone. */
export function planTeardown(snapshot: Snapshot, options: TeardownOptions = {}): Plan {
  const owner = ownerOf(snapshot);
  const { includes = () => true } = options;
  const hasFinalizer = snapshot.resource.metadata.finalizers?.includes(FINALIZER) ?? false;
  const isDeleting = snapshot.resource.metadata.deletionTimestamp !== undefined;
  if (isDeleting && !hasFinalizer) return planOf(snapshot, { finalizer: 'keep', changes: [], outcome: DONE });
  const ours = snapshot.candidates.filter((object) => isOurs(object, owner) && includes(object));
  const changes = [
    ...letGo(snapshot, owner, ours),
    ...releases(snapshot, owner),
    ...removeHighest(snapshot, owner, ours),
  ];
  const outcome = outcomeOf(snapshot, owner, { ours, changes });
  const mayGo = isDeleting || !hasTracked(snapshot.candidates, owner);
  const finalizer = outcome.kind === 'done' && hasFinalizer && mayGo ? 'remove' : 'keep';
  return planOf(snapshot, { finalizer, changes, outcome });
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
