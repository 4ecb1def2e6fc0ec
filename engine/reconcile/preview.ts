/**
 * What a plan would change, for a person who decides whether it should: field by field, with the values before and
 * after. Values of Secrets are never shown. Fields that can't be changed in place are told by a table of the built-in
 * kinds' validation; of other kinds the API server alone knows.
 */
import { sameJson } from '../kube/canonical.ts';
import { type FieldPath, fieldPath, formatPath, type PathElement } from '../kube/fieldpath.ts';
import { ownEntry, pathsIn, valueAt } from '../kube/fieldset.ts';
import {
  type GroupVersionKind,
  groupKind,
  gvkOf,
  type Json,
  type JsonObject,
  type KubeObject,
} from '../kube/object.ts';
import type { SchemaLookup, SchemaNode } from '../kube/schema.ts';
import { asJson, isJsonObject } from '../kube/value.ts';
import type { Watch } from '../playbook/model.ts';
import type { Change, Plan, Snapshot } from './model.ts';

export interface FieldChange {
  /** `spec.template.spec.containers[name=app].image` */
  readonly path: string;
  /** Undefined: the field is new. */
  readonly before?: Json;
  /** Undefined: the field is removed. */
  readonly after?: Json;
}

export interface ChildPreview {
  readonly effect: 'create' | 'change' | 'recreate' | 'refuse' | 'delete' | 'release' | 'orphan';
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly why: string;
  readonly fields: readonly FieldChange[];
}

export interface ActionPreview {
  readonly action: string;
  readonly trigger: string;
}

export interface Preview {
  readonly children: readonly ChildPreview[];
  readonly actions: readonly ActionPreview[];
  /** Why nothing more can be told: what the plan waits for, or what a person must change first. */
  readonly blocked?: { readonly reason: string; readonly message: string; readonly terminal: boolean };
}

export function previewOf(watch: Watch, snapshot: Snapshot, plan: Plan): Preview {
  const children = plan.changes.flatMap((change) => childPreview(change, { watch, snapshot }) ?? []);
  const actions = (plan.actions?.runs ?? []).flatMap((write): readonly ActionPreview[] => {
    if (write.kind !== 'create') return [];
    const spec = isJsonObject(write.body['spec'] ?? null) ? Object(write.body['spec']) : {};
    return [{ action: String(spec.action), trigger: String(spec.trigger) }];
  });
  const { outcome } = plan;
  const waiting =
    outcome.kind === 'terminal' ||
    (outcome.kind === 'pending' && plan.changes.length === 0 && actions.length === 0);
  // Without a message: what is under way (a run) is told by itself.
  if (!waiting || outcome.message === '') return { children, actions };
  const { reason, message } = outcome;
  return { children, actions, blocked: { reason, message, terminal: outcome.kind === 'terminal' } };
}

interface World {
  readonly watch: Watch;
  readonly snapshot: Snapshot;
}

/** Undefined for what a user does not see: labels and annotations of the engine's own. */
export function childPreview(change: Change, { watch, snapshot }: World): ChildPreview | undefined {
  const { ref, why } = change;
  const live = snapshot.lookup(ref);
  const gvk = { group: ref.group, version: ref.version, kind: ref.kind };
  const base = {
    apiVersion: ref.group === '' ? ref.version : `${ref.group}/${ref.version}`,
    kind: ref.kind,
    name: ref.name,
    why,
    ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }),
  };
  switch (change.kind) {
    case 'create':
      return { ...base, effect: 'create', fields: [] };
    case 'delete':
      return { ...base, effect: 'delete', fields: [] };
    case 'orphan':
    case 'release':
      return { ...base, effect: change.kind, fields: [] };
    case 'mark':
      return undefined;
    case 'apply': {
      if (live === undefined) return { ...base, effect: 'create', fields: [] };
      const manager = change.fieldManager;
      const schema: SchemaLookup = (kind) => snapshot.kind(kind)?.schema;
      const found = fieldChanges({ body: change.body, live, manager, schema });
      const fields = ref.kind === 'Secret' && ref.group === '' ? found.map(masked) : found;
      const stuck = fields.some(({ path }) => isImmutable(gvk, path));
      const replaced = watch.manifests.some(
        (manifest) => groupKind(manifest.gvk) === groupKind(gvk) && manifest.onImmutable === 'Recreate',
      );
      return { ...base, effect: stuck ? (replaced ? 'recreate' : 'refuse') : 'change', fields };
    }
  }
}

function masked({ path, before, after }: FieldChange): FieldChange {
  if (!path.startsWith('data'))
    return { path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
  return {
    path,
    ...(before === undefined ? {} : { before: '(secret)' }),
    ...(after === undefined ? {} : { after: '(another secret)' }),
  };
}

export interface Comparison {
  readonly body: JsonObject;
  readonly live: KubeObject;
  /** Whose fields are removed where the body has them no longer. */
  readonly manager: string;
  readonly schema: SchemaLookup;
}

/** What applying the body would change, the engine's own annotations and labels left out. */
export function fieldChanges({ body, live, manager, schema }: Comparison): readonly FieldChange[] {
  const tree = asJson(live);
  const changes: FieldChange[] = [];
  compare(body, tree, { path: [], schema: schema(gvkOf(live)), changes });
  const entry = ownEntry(live.metadata.managedFields, manager)?.entry;
  // What a create recorded holds the server's defaults as well: which of it was ours is not known any more.
  for (const path of pathsIn((entry?.operation === 'Apply' ? entry.fieldsV1 : undefined) ?? {})) {
    const before = valueAt(live, path);
    if (before === undefined || valueAt(body, path) !== undefined) continue;
    const above = changes.some(({ path: known }) => formatPath(path).startsWith(`${known}.`));
    const inItem = path.some((_, length) => length > 0 && isGone(body, live, path.slice(0, length), changes));
    if (!above && !inItem) changes.push({ path: formatPath(path), before: asJson(before) });
  }
  return changes.filter(({ path }) => !isOwnMetadata(path));
}

/** A parent of the path was told to be removed already. */
function isGone(
  body: JsonObject,
  live: KubeObject,
  parent: FieldPath,
  changes: readonly FieldChange[],
): boolean {
  if (valueAt(body, parent) !== undefined || valueAt(live, parent) === undefined) return false;
  const told = formatPath(parent);
  return changes.some(({ path, after }) => path === told && after === undefined);
}

function isOwnMetadata(path: string): boolean {
  return (
    /^metadata\.(annotations|labels)\[?"?[^"]*libretto\.dev\//.test(path) ||
    /^metadata\.(ownerReferences|uid|resourceVersion)/.test(path)
  );
}

interface Comparing {
  readonly path: FieldPath;
  readonly schema: SchemaNode | undefined;
  readonly changes: FieldChange[];
}

/** Of an object only what the body says counts: the rest is defaults, or someone else's. */
function compare(body: Json, live: Json | undefined, { path, schema, changes }: Comparing): void {
  if (live === undefined) {
    changes.push({ path: formatPath(path), after: body });
  } else if (isJsonObject(body) && isJsonObject(live)) {
    for (const [name, value] of Object.entries(body)) {
      const below = schema?.property(name) ?? schema?.values;
      compare(value, live[name], { path: [...path, ...fieldPath(name)], schema: below, changes });
    }
  } else if (Array.isArray(body) && Array.isArray(live)) {
    compareLists(body, live, { path, schema, changes });
  } else if (!sameValue(body, live)) {
    changes.push({ path: formatPath(path), before: live, after: body });
  }
}

function compareLists(
  body: readonly Json[],
  live: readonly Json[],
  { path, schema, changes }: Comparing,
): void {
  const keys = schema?.listType === 'map' ? schema.listKeys : [];
  if (keys.length === 0) {
    const matches = body.length === live.length && body.every((item, index) => holds(item, live[index]));
    if (!matches) changes.push({ path: formatPath(path), before: live, after: body });
    return;
  }
  const keyOf = (item: Json): Readonly<Record<string, Json>> =>
    Object.fromEntries(
      keys.map(({ name, default: fallback }) => [
        name,
        (isJsonObject(item) ? item[name] : undefined) ?? fallback ?? null,
      ]),
    );
  for (const item of body) {
    const key = keyOf(item);
    const element: PathElement = { kind: 'key', keys: key };
    const found = live.find((each) => sameJson(keyOf(each), key));
    compare(item, found, { path: [...path, element], schema: schema?.items, changes });
  }
}

/** Everything that the body says is so in the live value. */
function holds(body: Json, live: Json | undefined): boolean {
  const changes: FieldChange[] = [];
  compare(body, live, { path: [], schema: undefined, changes });
  return changes.length === 0;
}

/** Quantities come back in their shortest form, and numbers in int-or-string fields as they were. */
function sameValue(body: Json, live: Json): boolean {
  return sameJson(body, live) || (typeof body !== typeof live && String(body) === String(live));
}

/** By kind: the fields that may change in place; all others of the spec may not (Kubernetes 1.35's validation). */
const MUTABLE: Readonly<Record<string, RegExp>> = {
  'StatefulSet.apps':
    /^spec\.(replicas|ordinals|template|updateStrategy|revisionHistoryLimit|persistentVolumeClaimRetentionPolicy|minReadySeconds)\b/,
  'Job.batch': /^spec\.(parallelism|suspend|activeDeadlineSeconds|backoffLimit|ttlSecondsAfterFinished)\b/,
  PersistentVolumeClaim: /^spec\.(resources\.requests|volumeAttributesClassName)\b/,
};

const IMMUTABLE: Readonly<Record<string, RegExp>> = {
  'Deployment.apps': /^spec\.selector\b/,
  'DaemonSet.apps': /^spec\.selector\b/,
  'ReplicaSet.apps': /^spec\.selector\b/,
  Service: /^spec\.clusterIPs?\b/,
  Secret: /^type$/,
  'RoleBinding.rbac.authorization.k8s.io': /^roleRef\b/,
  'ClusterRoleBinding.rbac.authorization.k8s.io': /^roleRef\b/,
  'StorageClass.storage.k8s.io': /^(provisioner|parameters|reclaimPolicy|volumeBindingMode)\b/,
  'PriorityClass.scheduling.k8s.io': /^(value|preemptionPolicy)$/,
  'IngressClass.networking.k8s.io': /^spec\.controller$/,
};

function isImmutable(gvk: GroupVersionKind, path: string): boolean {
  const name = groupKind(gvk);
  const mutable = MUTABLE[name];
  if (mutable !== undefined) return path.startsWith('spec') && !mutable.test(path);
  return IMMUTABLE[name]?.test(path) ?? false;
}
