/**
 * What to do about one child that is wanted: nothing, a write, or a wait. The answer depends on what stands under its
 * name, on what was refused before, and on how it drifted.
 */
import { KEPT_ANNOTATION } from '../kube/labels.ts';
import { describeRef, groupKind, type KubeObject, refKey } from '../kube/object.ts';
import { type Blocker, DENIED, formatPlace, pending, terminal } from './blocker.ts';
import { adoptOrphan, applyChange, basisOf, createChange, describeContested, unmarkKept } from './change.ts';
import type { Child } from './desired.ts';
import { driftOf, wasCovered } from './drift.ts';
import type { Change, Refusal } from './model.ts';
import { annotationOf, describeHolder, isOfWatch, isTerminating, standingOf } from './ownership.ts';
import type { Scope } from './scope.ts';

/** `create` and `configure` bring something new; `repair` restores what was, a deleted child too; `recreate` deletes to create anew. */
export type Effect = 'create' | 'configure' | 'repair' | 'recreate' | 'mark';

export interface Step {
  readonly child: Child;
  readonly change?: { readonly effect: Effect; readonly change: Change };
  /** Why the child is not as described, beyond the change. */
  readonly blocker?: Blocker;
  /** Fields that another manager holds, for the Conflict condition. */
  readonly conflict?: string;
}

/** After a refusal that no watch can see end (a right, a quota, a name that the store does not show) time decides. */
const RETRY_MS = 30_000;

export function decideChild(scope: Scope, child: Child): Step {
  const { live } = child;
  if (child.placement === 'patched') return decidePatch(scope, child);
  switch (standingOf(live, scope.owner)) {
    case 'absent':
      return decideAbsent(scope, child);
    case 'foreign':
      return { child, blocker: taken(child, live === undefined ? 'exists' : describeHolder(live)) };
    case 'predecessor':
      return waitGone(child, 'belongs to an earlier resource of this name');
    case 'orphan':
      return live === undefined ? { child } : stepOf(child, 'mark', adoptOrphan(child, live));
    case 'ours':
      return live === undefined ? { child } : decideOurs(scope, child, live);
  }
}

function stepOf(child: Child, effect: Effect, change: Change): Step {
  return { child, change: { effect, change } };
}

function taken(child: Child, holder: string): Blocker {
  return terminal('NameTaken', `${describeRef(child.ref)} exists already and ${holder}; it is left alone`);
}

function waitGone(child: Child, why: string): Step {
  return {
    child,
    blocker: pending('Terminating', `${describeRef(child.ref)} ${why}; waits until it is gone`),
  };
}

function decidePatch(scope: Scope, child: Child): Step {
  const { live, ref } = child;
  if (live === undefined) {
    return {
      child,
      blocker: pending('TargetMissing', `waits for ${describeRef(ref)}, which a manifest patches`),
    };
  }
  return isTerminating(live) ? waitGone(child, 'is being deleted') : decideDrift(scope, child, live);
}

function decideAbsent(scope: Scope, child: Child): Step {
  const refusal = refusalOf(scope, child);
  const lost = wasCovered(scope, child);
  const create = stepOf(child, lost ? 'repair' : 'create', createChange(scope, child, { lost }));
  switch (refusal?.kind) {
    case undefined:
    case 'conflict':
      return create;
    case 'forbidden':
    case 'foreign':
      return retried(scope, create, refusal);
    case 'invalid':
    case 'immutable':
      return { child, blocker: refusedFor(child, refusal) };
  }
}

/** The change again once its time has come; until then the refusal. */
function retried(scope: Scope, step: Step, refusal: Refusal): Step {
  const wakeAt = refusal.at + RETRY_MS;
  if (scope.snapshot.now >= wakeAt) return step;
  return { child: step.child, blocker: { ...refusedFor(step.child, refusal), wakeAt } };
}

/** A refusal of this very change; another manifest or another state of the object is tried anew. */
function refusalOf(scope: Scope, child: Child): Refusal | undefined {
  const refusal = scope.snapshot.memory.refusals[refKey(child.ref)];
  return refusal?.hash === child.hash && refusal.basis === basisOf(scope, child) ? refusal : undefined;
}

function decideOurs(scope: Scope, child: Child, live: KubeObject): Step {
  const { manifest } = child.instance;
  if (!isOfWatch(live, scope.decorator))
    return { child, blocker: taken(child, 'belongs to another playbook') };
  if (isTerminating(live)) return waitGone(child, 'is being deleted');
  if (annotationOf(live, KEPT_ANNOTATION) !== undefined)
    return stepOf(child, 'mark', unmarkKept(child, live));
  return manifest.policy === 'CreateOnly' ? { child } : decideDrift(scope, child, live);
}

function decideDrift(scope: Scope, child: Child, live: KubeObject): Step {
  const drift = driftOf(scope, child, live);
  const note = drift.contested.length === 0 ? {} : { conflict: describeContested(child, drift.contested) };
  if (drift.kind === 'none') return { child, ...note };
  const apply = (): Step => ({
    ...stepOf(
      child,
      drift.kind === 'described' ? 'configure' : 'repair',
      applyChange(scope, child, live, drift),
    ),
    ...note,
  });
  const refusal = refusalOf(scope, child);
  if (refusal === undefined || refusal.kind === 'foreign') return apply();
  if (refusal.kind === 'forbidden') return retried(scope, apply(), refusal);
  if (refusal.kind === 'immutable' && mayRecreate(child)) return recreate(child, live);
  const conflict = refusal.kind === 'conflict' ? { conflict: refusal.message } : note;
  return { child, blocker: refusedFor(child, refusal), ...conflict };
}

/** A claim holds data: it is recreated only where the manifest gives it up (`onDelete: Delete`). */
function mayRecreate({ instance: { manifest }, placement }: Child): boolean {
  if (manifest.onImmutable !== 'Recreate' || placement === 'patched') return false;
  return groupKind(manifest.gvk) !== 'PersistentVolumeClaim' || manifest.onDelete === 'Delete';
}

function recreate(child: Child, live: KubeObject): Step {
  const { ref, instance } = child;
  const message = `${describeRef(ref)}: deleted to be created anew, since a field that changed is immutable`;
  return stepOf(child, 'recreate', {
    kind: 'delete',
    ref,
    rank: instance.manifest.rank,
    basis: '',
    why: 'a field that changed is immutable (onImmutable: Recreate)',
    event: { type: 'Normal', reason: 'Recreated', message },
    uid: live.metadata.uid ?? '',
    propagation: 'Foreground',
  });
}

function refusedFor(child: Child, refusal: Refusal): Blocker {
  const described = describeRef(child.ref);
  const place = formatPlace(child.instance.manifest.place);
  switch (refusal.kind) {
    case 'conflict':
      return terminal(
        'FieldConflict',
        `${described}: ${refusal.message}; \`force: true\` on the manifest (${place}) takes the fields`,
      );
    case 'immutable':
      return terminal(
        'ImmutableField',
        `${described}: ${refusal.message}; \`onImmutable: Recreate\` on the manifest (${place}) replaces the object`,
      );
    case 'invalid':
      return terminal('InvalidChild', `${described}: ${refusal.message}`);
    case 'foreign':
      return taken(child, 'is not known to be ours');
    case 'forbidden':
      return pending(DENIED, `${described}: ${refusal.message}`);
  }
}
