/** The writes that bring one child to its described state, each with its reason. */
import { sha256 } from '../base/hash.ts';
import { canonicalJson, sameJson } from '../kube/canonical.ts';
import { type FieldPath, fieldPath, formatPath } from '../kube/fieldpath.ts';
import { holdsPath, type OwnEntry, ownersOf, valueAt } from '../kube/fieldset.ts';
import {
  FIELDS_ANNOTATION,
  HASH_ANNOTATION,
  KEPT_ANNOTATION,
  ORPHANED_FROM_ANNOTATION,
} from '../kube/labels.ts';
import {
  apiVersionOf,
  describeRef,
  isObject,
  type JsonObject,
  type KubeObject,
  type ObjectRef,
} from '../kube/object.ts';
import { asJson, getPath, isJsonObject, setPath } from '../kube/value.ts';
import type { Child } from './desired.ts';
import { asLoss, type Drift, type LostField, managerOf, uncoveredOf } from './drift.ts';
import { wasApplied, withFieldDigests, withoutField } from './fields.ts';
import type { Change, EventNote } from './model.ts';
import { annotationOf } from './ownership.ts';
import { addOwnerReferences, setMapEntry, testUid } from './patch.ts';
import type { Scope } from './scope.ts';
import { withMetadata } from './stamp.ts';

/** What a refusal of a change depends on, besides the manifest: the object and what other managers own of it. */
export function basisOf(scope: Scope, child: Child): string {
  if (child.live === undefined) return '';
  const { uid = '', managedFields = [] } = child.live.metadata;
  const manager = managerOf(scope, child);
  const others = managedFields
    .filter((entry) => entry.manager !== manager && (entry.subresource ?? '') === '')
    .map((entry) => [entry.manager, entry.operation, canonicalJson(entry.fieldsV1 ?? {})].join(' '));
  return `${uid} ${sha256(others.sort().join('\n')).slice(0, 16)}`;
}

/** `lost`: it was there, and nobody but somebody else can have deleted it. */
export function createChange(
  { snapshot }: Scope,
  child: Child,
  { lost }: { readonly lost: boolean },
): Change {
  const { ref, hash, creation, kind } = child;
  const make = (): JsonObject => withFieldDigests(creation, kind.schema);
  const body = snapshot.recall?.creation(creation, make) ?? make();
  const message = `${describeRef(ref)} was deleted; created again`;
  return {
    kind: 'create',
    ref,
    rank: child.instance.manifest.rank,
    basis: '',
    why: lost ? 'was deleted' : 'is missing',
    ...(lost ? { event: { type: 'Normal', reason: 'DriftCorrected', message } } : {}),
    body,
    hash,
  };
}

/** A drifted child's apply. Its body carries the uid, so that it never creates. */
export function applyChange(scope: Scope, child: Child, live: KubeObject, drift: Drift): Change {
  const why = whyOf(drift);
  const described = describeRef(child.ref);
  const adopt = adoptionOf(live, drift.entry);
  const handOver = handOverOf(child, live, drift.entry);
  const event = {
    type: 'Normal',
    reason: 'DriftCorrected',
    message: `${described}: ${why}; set back`,
  } as const;
  return {
    kind: 'apply',
    ref: child.ref,
    rank: child.instance.manifest.rank,
    basis: basisOf(scope, child),
    why,
    ...(drift.kind === 'lost' ? { event } : {}),
    body: applyBody(child, live, drift),
    hash: child.hash,
    force: forceOf(scope, child, live, drift),
    fieldManager: managerOf(scope, child),
    ...(adopt === undefined ? {} : { adopt }),
    ...(handOver === undefined ? {} : { handOver }),
    seen: live.metadata.resourceVersion ?? '',
    proof: drift.proof,
    takes: drift.lost.map((field) => asLoss(scope, field)),
  };
}

function applyBody(child: Child, live: KubeObject, { contested }: Drift): JsonObject {
  const kept = contested.reduce((tree, { path }) => withoutField(tree, path), child.body);
  const uid = live.metadata.uid;
  const body = uid === undefined ? kept : withMetadata(kept, { uid });
  return child.placement === 'patched' ? body : withFieldDigests(body, child.kind.schema);
}

function whyOf(drift: Drift): string {
  if (drift.kind === 'described') return 'its manifest changed';
  if (drift.lost.length === 0) return 'it is no longer marked as applied by us';
  const groups = new Map<string | undefined, LostField[]>();
  for (const field of drift.lost) groups.set(field.manager, [...(groups.get(field.manager) ?? []), field]);
  return [...groups].map(([manager, fields]) => describeLoss(manager, fields)).join('; ');
}

const SHOWN_FIELDS = 3;

function describeLoss(manager: string | undefined, fields: readonly LostField[]): string {
  const names = fields.slice(0, SHOWN_FIELDS).map(({ path }) => formatPath(path));
  const more = fields.length > SHOWN_FIELDS ? ` and ${fields.length - SHOWN_FIELDS} more fields` : '';
  const verb = fields.length === 1 ? 'was' : 'were';
  return `${names.join(', ')}${more} ${verb} ${manager === undefined ? 'removed' : `changed by ${manager}`}`;
}

/** What fields others own for a person to read: "spec.replicas (kubectl-edit)". */
export function describeContested(child: Child, fields: readonly LostField[]): string {
  const names = fields.map(
    ({ path, manager }) => `${formatPath(path)} (${manager ?? 'removed again and again'})`,
  );
  return `${describeRef(child.ref)}: left to another manager who keeps changing it: ${names.join(', ')}`;
}

/**
 * Force takes back what was ours and nothing else: with the hash unchanged every field of the body was; with a new
 * manifest only where each field that another owns now, with another value, was applied by us before or lent.
 */
function forceOf(scope: Scope, child: Child, live: KubeObject, drift: Drift): boolean {
  if (child.instance.manifest.force || drift.kind === 'lost') return true;
  if (drift.entry === undefined) return false;
  const digests = annotationOf(live, FIELDS_ANNOTATION);
  const manager = managerOf(scope, child);
  const foreign = uncoveredOf(child, live, drift.entry).filter(
    (path) =>
      ownersOf(path, live.metadata.managedFields, manager).length > 0 &&
      !sameJson(asJson(valueAt(live, path)), asJson(valueAt(child.body, path))),
  );
  return foreign.length > 0 && foreign.every((path) => wasApplied(path, digests) || wasLent(child, path));
}

/** A field that was left to others on a condition is ours again when the condition ends (an autoscaler is removed). */
function wasLent({ instance: { manifest } }: Child, path: FieldPath): boolean {
  return manifest.ignoreFields.some(
    (lent) =>
      lent.when !== undefined &&
      lent.path.every((name, depth) => {
        const element = path[depth];
        return element?.kind === 'field' && element.name === name;
      }),
  );
}

type Adoption = NonNullable<Extract<Change, { kind: 'apply' }>['adopt']>;

/** Our entry from the POST is an Update; turned into an Apply, a field dropped from the template goes. */
function adoptionOf(live: KubeObject, own: OwnEntry | undefined): Adoption | undefined {
  if (own === undefined || own.entry.operation !== 'Update') return undefined;
  const entry = asJson({ ...own.entry, operation: 'Apply' });
  if (!isJsonObject(entry)) return undefined;
  return { resourceVersion: live.metadata.resourceVersion ?? '', entryIndex: own.index, entry };
}

/**
 * A field that is left to others from now on, but is in our entry still: dropping it would reset it (4 replicas became
 * 1), so its live value is applied under a second manager first.
 */
function handOverOf(child: Child, live: KubeObject, own: OwnEntry | undefined): JsonObject | undefined {
  const fields = own?.entry.fieldsV1;
  if (fields === undefined) return undefined;
  const owned = child.ignored.filter(
    (path) => getPath(live, path) !== undefined && holdsPath(fields, fieldPath(...path)),
  );
  if (owned.length === 0) return undefined;
  const { name, namespace, uid } = live.metadata;
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
  };
  const head: JsonObject = { apiVersion: apiVersionOf(child.ref), kind: child.ref.kind, metadata };
  return owned.reduce((tree, path) => setPath(tree, path, asJson(getPath(live, path))), head);
}

/** Makes an orphan of an earlier resource of this name ours again; the next pass applies the manifest. */
export function adoptOrphan(child: Child, live: KubeObject): Change {
  const patch = [
    testUid(live),
    ...setMapEntry(live, 'labels', ownEntriesAt(child, 'labels')),
    ...setMapEntry(live, 'annotations', {
      ...ownEntriesAt(child, 'annotations'),
      [HASH_ANNOTATION]: undefined,
      [ORPHANED_FROM_ANNOTATION]: undefined,
    }),
    ...addOwnerReferences(live, getPath(child.body, ['metadata', 'ownerReferences'])),
  ];
  const message = `${describeRef(child.ref)}: adopted; an earlier resource of this name left it behind`;
  return markChange(child.ref, live, {
    patch,
    rank: child.instance.manifest.rank,
    why: 'was left behind by an earlier resource of this name',
    event: { type: 'Normal', reason: 'Adopted', message },
  });
}

/** A kept child is described again. */
export function unmarkKept(child: Child, live: KubeObject): Change {
  const patch = [testUid(live), ...setMapEntry(live, 'annotations', { [KEPT_ANNOTATION]: undefined })];
  return markChange(child.ref, live, {
    patch,
    rank: child.instance.manifest.rank,
    why: 'is described again',
  });
}

type MarkChange = Extract<Change, { kind: 'mark' }>;

export function markChange(
  ref: ObjectRef,
  live: KubeObject,
  change: Pick<MarkChange, 'patch' | 'rank' | 'why'> & { readonly event?: EventNote },
): Change {
  return { kind: 'mark', ref, basis: '', uid: live.metadata.uid ?? '', ...change };
}

/** Our own labels or annotations on a child, as its body has them. */
function ownEntriesAt(child: Child, map: 'labels' | 'annotations'): Readonly<Record<string, string>> {
  const entries = getPath(child.body, ['metadata', map]);
  if (!isObject(entries)) return {};
  return Object.fromEntries(
    Object.entries(entries).flatMap(([name, value]) =>
      name.startsWith('libretto.dev/') && typeof value === 'string' ? [[name, value]] : [],
    ),
  );
}
