/**
 * Does a child still have what its manifest says? It drifted when the manifest's hash differs from the one on it, or
 * when our entry in its managedFields no longer covers the manifest: another manager who changes a field takes it out
 * of our entry (language.md, Drift).
 */
import { sha256 } from '../base/hash.ts';
import { canonicalJson } from '../kube/canonical.ts';
import { type FieldPath, formatPath } from '../kube/fieldpath.ts';
import { type OwnEntry, ownEntry, ownersOf, uncovered } from '../kube/fieldset.ts';
import { HASH_ANNOTATION } from '../kube/labels.ts';
import { apiVersionOf, type KubeObject, refKey } from '../kube/object.ts';
import type { Child } from './desired.ts';
import { CONTESTED_LOSSES, isContested, isSameField, recordLosses } from './memory.ts';
import type { ContestedField, Loss } from './model.ts';
import { annotationOf, patchMarkOf } from './ownership.ts';
import type { Scope } from './scope.ts';

/** A field of ours that is no longer in our entry. */
export interface LostField {
  readonly path: FieldPath;
  /** Who owns it now; undefined where it was removed. */
  readonly manager: string | undefined;
}

export interface Drift {
  /** `described`: the manifest changed. `lost`: fields or the whole entry were. */
  readonly kind: 'none' | 'described' | 'lost';
  readonly entry: OwnEntry | undefined;
  /** In the case of `lost`; empty where the whole entry is gone. */
  readonly lost: readonly LostField[];
  /** Fields fought over with another manager, which are left to it. */
  readonly contested: readonly LostField[];
  /** The (hash, own entry) pair: an apply of it that changes nothing proves it covered. */
  readonly proof: string;
}

export function managerOf(scope: Scope, child: Child): string {
  return child.placement === 'patched' ? scope.owner.patchManager : scope.owner.manager;
}

export function driftOf(scope: Scope, child: Child, live: KubeObject): Drift {
  const entry = ownEntry(live.metadata.managedFields, managerOf(scope, child));
  const known = { entry, lost: [], contested: [] };
  if (appliedHash(scope, child, live) !== child.hash) {
    return { kind: 'described', ...known, contested: knownContested(scope, child, live, entry), proof: '' };
  }
  const key = refKey(child.ref);
  const { memory } = scope.snapshot;
  const token = `${child.hash}@${live.metadata.resourceVersion ?? ''}`;
  if (memory.covered[key] === token) {
    scope.covered.set(key, token);
    return { kind: 'none', ...known, proof: '' };
  }
  const proof = proofOf(child, entry);
  if (memory.proven[key] === proof || isCovered(child, live, entry)) {
    scope.covered.set(key, token);
    return { kind: 'none', ...known, proof };
  }
  return { ...lossOf(scope, child, live, entry), proof };
}

/** The pass before this one found the child as its manifest describes it still: where it is absent, somebody deleted it. */
export function wasCovered({ snapshot }: Scope, child: Child): boolean {
  return snapshot.memory.covered[refKey(child.ref)]?.startsWith(`${child.hash}@`) ?? false;
}

function appliedHash(scope: Scope, child: Child, live: KubeObject): string | undefined {
  if (child.placement === 'patched') return patchMarkOf(live, scope.owner)?.hash;
  return annotationOf(live, HASH_ANNOTATION);
}

/** The API version is part of it: an entry in another version says nothing about ours. */
function isUsable(child: Child, entry: OwnEntry | undefined): entry is OwnEntry {
  return entry !== undefined && entry.entry.apiVersion === apiVersionOf(child.ref);
}

function isCovered(child: Child, live: KubeObject, entry: OwnEntry | undefined): boolean {
  return isUsable(child, entry) && uncoveredOf(child, live, entry).length === 0;
}

/** The fields of the child's body that our entry does not hold. */
export function uncoveredOf(child: Child, live: KubeObject, { entry }: OwnEntry): readonly FieldPath[] {
  const options = entry.operation === 'Update' ? { live } : {};
  return uncovered(child.body, entry.fieldsV1 ?? {}, child.kind.schema, options);
}

function proofOf(child: Child, entry: OwnEntry | undefined): string {
  const fields = entry === undefined ? '' : canonicalJson(entry.entry.fieldsV1 ?? {});
  return `${child.hash} ${entry?.entry.apiVersion ?? ''} ${sha256(fields).slice(0, 32)}`;
}

function lossOf(
  scope: Scope,
  child: Child,
  live: KubeObject,
  entry: OwnEntry | undefined,
): Omit<Drift, 'proof'> {
  if (!isUsable(child, entry)) return { kind: 'lost', entry, lost: [], contested: [] };
  const fields = lostFields(scope, child, live, uncoveredOf(child, live, entry));
  const contested = fields.filter((field) => isGivenUp(scope, child, field));
  const lost = fields.filter((field) => !contested.includes(field));
  return { kind: lost.length === 0 ? 'none' : 'lost', entry, lost, contested };
}

function lostFields(
  scope: Scope,
  child: Child,
  live: KubeObject,
  paths: readonly FieldPath[],
): readonly LostField[] {
  const { managedFields } = live.metadata;
  const except = managerOf(scope, child);
  return paths.map((path) => ({ path, manager: ownersOf(path, managedFields, except)[0]?.manager }));
}

/** The desired state in which a field is lost: a new one starts the count anew. */
export function lossBasis({ snapshot }: Scope): string {
  return `${snapshot.resource.metadata.generation ?? 0}/${snapshot.playbook.version}`;
}

export function asLoss(scope: Scope, field: LostField): Loss {
  return { path: formatPath(field.path), manager: field.manager ?? '', basis: lossBasis(scope) };
}

/** Already contested, or lost for the last time now; the latter is noted. */
function isGivenUp(scope: Scope, child: Child, field: LostField): boolean {
  const key = refKey(child.ref);
  const loss = asLoss(scope, field);
  const known = scope.contested.get(key) ?? scope.snapshot.memory.contested[key] ?? [];
  if (isKnownContested(known, loss)) return true;
  const counted = recordLosses(known, [loss], scope.snapshot.now);
  const now = counted.find((entry) => isSameField(entry, loss));
  if (now === undefined || now.lostAt.length < CONTESTED_LOSSES) return false;
  scope.contested.set(key, counted);
  return true;
}

function isKnownContested(known: readonly ContestedField[], loss: Loss): boolean {
  return known.some((entry) => isSameField(entry, loss) && entry.basis === loss.basis && isContested(entry));
}

/** When the manifest changes without spec or playbook (a child's value did): what was contested stays so. */
function knownContested(
  scope: Scope,
  child: Child,
  live: KubeObject,
  entry: OwnEntry | undefined,
): readonly LostField[] {
  const known = scope.snapshot.memory.contested[refKey(child.ref)] ?? [];
  if (known.length === 0 || !isUsable(child, entry)) return [];
  const fields = lostFields(scope, child, live, uncoveredOf(child, live, entry));
  return fields.filter((field) => isKnownContested(known, asLoss(scope, field)));
}
