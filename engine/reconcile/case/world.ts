/**
 * The objects of a golden case: what an accepted write leaves behind, and nothing of an API server beside it (no
 * validation, no defaults for children, no controllers). What a case says of children's status is what is there.
 */

import { FIELD_MANAGER, MANIFEST_ANNOTATION } from '../../kube/labels.ts';
import { mergeObjects } from '../../kube/merge-patch.ts';
import {
  apiVersionOf,
  type GroupVersionKind,
  groupKind,
  gvkOf,
  type JsonObject,
  type KubeObject,
  type ManagedFieldsEntry,
  type ObjectMeta,
  refKey,
  refOf,
} from '../../kube/object.ts';
import type { SchemaLookup } from '../../kube/schema.ts';
import { asJson, isJsonObject, omit } from '../../kube/value.ts';
import { emptyActionInputs } from '../action-contract.ts';
import { afterChange, initialMemory } from '../memory.ts';
import type { Change, KindInfo, Memory, Plan, Snapshot } from '../model.ts';
import type { Case } from './model.ts';

/** Built-in kinds without a namespace; a custom kind's scope is in the playbook's CRD. */
const CLUSTER_SCOPED = new Set([
  'Namespace',
  'Node',
  'PersistentVolume',
  'ClusterRole.rbac.authorization.k8s.io',
  'ClusterRoleBinding.rbac.authorization.k8s.io',
  'StorageClass.storage.k8s.io',
  'PriorityClass.scheduling.k8s.io',
  'CustomResourceDefinition.apiextensions.k8s.io',
  'ValidatingWebhookConfiguration.admissionregistration.k8s.io',
  'MutatingWebhookConfiguration.admissionregistration.k8s.io',
  'IngressClass.networking.k8s.io',
]);

export interface WorldOptions {
  readonly schema: SchemaLookup;
  /** groupKinds of the playbook's own cluster-scoped kinds. */
  readonly clusterScoped: ReadonlySet<string>;
  readonly servedByPlaybook: ReadonlySet<string>;
  readonly playbook: { readonly name: string; readonly version: string };
}

export class CaseWorld {
  resource: KubeObject;
  now: number;
  observed: Case['observe'];
  probes: Case['probes'];
  readonly objects = new Map<string, KubeObject>();
  readonly #options: WorldOptions;
  readonly #bodies = new Map<string, JsonObject>();
  #memory: Memory = initialMemory();
  #inventory: readonly GroupVersionKind[] = [];
  #versions = 1;

  constructor(given: Case, options: WorldOptions) {
    const { metadata } = given.resource;
    const namespaced = !this.#isClusterScoped(given.resource, options);
    const identity = { uid: 'uid-of-the-resource', generation: 1, resourceVersion: '1' };
    const namespace = namespaced ? { namespace: metadata.namespace ?? 'default' } : {};
    this.resource = { ...given.resource, metadata: { ...identity, ...namespace, ...metadata } };
    this.now = given.now;
    this.observed = given.observe;
    this.probes = given.probes;
    this.#options = options;
    for (const object of given.objects) this.#store(object);
  }

  snapshot(): Snapshot {
    return {
      now: this.now,
      resource: this.resource,
      playbook: this.#options.playbook,
      candidates: [...this.objects.values()],
      lookup: (ref) => this.objects.get(refKey(ref)),
      kind: (gvk) => this.#kind(gvk),
      observed: Object.fromEntries(
        Object.entries(this.observed).map(([name, objects]) => [name, { synced: true, objects }]),
      ),
      actions: emptyActionInputs(this.resource.metadata.namespace ?? '', this.probes),
      namespace: () => ({ terminating: false, labels: {} }),
      inventory: this.#inventory,
      hashKey: 'golden',
      entropy: `golden-${this.#versions}`,
      fieldManager: FIELD_MANAGER,
      allowances: { otherNamespaces: true },
      memory: this.#memory,
    };
  }

  /** Live children by id (`id#key` under forEach), as their manifest annotation tells. */
  child(id: string): KubeObject | undefined {
    return [...this.objects.values()].find(
      (object) => object.metadata.annotations?.[MANIFEST_ANNOTATION] === id,
    );
  }

  carryOut(plan: Plan): void {
    this.#memory = plan.memory;
    this.#inventory = [...this.#inventory, ...plan.kinds];
    for (const change of plan.changes) this.#write(change);
    if (plan.status !== undefined) this.resource = { ...this.resource, status: plan.status };
  }

  /** A user changes the resource. */
  patchResource(patch: JsonObject): void {
    const before = this.resource;
    const changed = mergeObjects(treeOf(before), patch);
    const { metadata } = before;
    const generation = (metadata.generation ?? 1) + ('spec' in patch ? 1 : 0);
    this.resource = { ...before, ...changed, metadata: { ...metadata, ...metadataOf(changed), generation } };
  }

  /** Someone changes a child: its status alone keeps our fields ours, anything else takes them from us. */
  patchChild(object: KubeObject, patch: JsonObject): void {
    const changed = { ...object, ...mergeObjects(treeOf(object), patch) };
    const onlyStatus = Object.keys(patch).every((key) => key === 'status');
    this.objects.set(refKey(refOf(object)), onlyStatus ? changed : this.#versioned(changed));
  }

  removeChild(object: KubeObject): void {
    this.objects.delete(refKey(refOf(object)));
  }

  #isClusterScoped(gvk: Pick<KubeObject, 'apiVersion' | 'kind'>, options: WorldOptions): boolean {
    const name = groupKind(gvkOf(gvk));
    return CLUSTER_SCOPED.has(name) || options.clusterScoped.has(name);
  }

  #kind(gvk: GroupVersionKind): KindInfo {
    return {
      gvk,
      namespaced: !this.#isClusterScoped({ apiVersion: apiVersionOf(gvk), kind: gvk.kind }, this.#options),
      synced: true,
      schema: this.#options.schema(gvk),
      servedByPlaybook: this.#options.servedByPlaybook.has(groupKind(gvk)),
    };
  }

  #write(change: Change): void {
    const key = refKey(change.ref);
    const live = this.objects.get(key);
    if (change.kind === 'create') this.#created(change.body);
    else if (change.kind === 'apply') this.#applied(live, change);
    else if (change.kind === 'delete') this.objects.delete(key);
    const result = change.kind === 'create' ? 'created' : change.kind === 'delete' ? 'deleted' : 'configured';
    this.#memory = afterChange(this.#memory, change, { kind: 'succeeded', result }, this.now);
    const stored = this.objects.get(key);
    if (stored === undefined || (change.kind !== 'create' && change.kind !== 'apply')) return;
    const token = `${change.hash}@${stored.metadata.resourceVersion ?? ''}`;
    this.#memory = { ...this.#memory, covered: { ...this.#memory.covered, [key]: token } };
  }

  #created(body: JsonObject): void {
    const object = this.#store(objectOf(body));
    this.#bodies.set(refKey(refOf(object)), body);
  }

  #applied(live: KubeObject | undefined, { body, handOver }: Extract<Change, { kind: 'apply' }>): void {
    if (live === undefined) {
      this.#created(body);
      return;
    }
    const key = refKey(refOf(live));
    const dropped = withoutDropped(treeOf(live), this.#bodies.get(key) ?? {}, body);
    // A field handed over to another manager first keeps its live value.
    const kept = handOver === undefined ? dropped : mergeObjects(dropped, omit(handOver, 'metadata'));
    const merged = { ...live, ...mergeObjects(kept, body) };
    const generation = (live.metadata.generation ?? 1) + 1;
    this.#bodies.set(key, body);
    this.objects.set(
      key,
      this.#versioned({
        ...merged,
        metadata: { ...merged.metadata, generation, managedFields: [ownEntry(live.apiVersion, body)] },
      }),
    );
  }

  #store(object: KubeObject): KubeObject {
    const own = ownEntry(object.apiVersion, treeOf(object));
    const uid = object.metadata.uid ?? `uid-${this.#versions}`;
    const stored = this.#versioned({
      ...object,
      metadata: { generation: 1, ...object.metadata, uid, managedFields: [own] },
    });
    this.objects.set(refKey(refOf(stored)), stored);
    return stored;
  }

  #versioned(object: KubeObject): KubeObject {
    this.#versions += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#versions) } };
  }
}

/** What an apply removes: fields that our last body had and this one has not. */
function withoutDropped(live: JsonObject, before: JsonObject, now: JsonObject): JsonObject {
  const dropped = Object.keys(before).filter((name) => !(name in now));
  const kept = omit(live, ...dropped);
  const nested = Object.entries(kept).map(([name, value]) => {
    const [old, next] = [before[name], now[name]];
    const both = isJsonObject(value) && isJsonObject(old) && isJsonObject(next);
    return [name, both ? withoutDropped(value, old, next) : value] as const;
  });
  return Object.fromEntries(nested);
}

function treeOf(object: KubeObject): JsonObject {
  const tree = asJson(object);
  return isJsonObject(tree) ? tree : {};
}

function metadataOf(tree: JsonObject): Partial<ObjectMeta> {
  const { metadata } = tree;
  return metadata !== undefined && isJsonObject(metadata) ? metadata : {};
}

/** A body that we render has apiVersion, kind and a name: the loader and the planner saw to it. */
function objectOf(body: JsonObject): KubeObject {
  return body as unknown as KubeObject;
}

/** Our managedFields entry after a write; lists are leaves, as without a schema. */
function ownEntry(apiVersion: string, body: JsonObject): ManagedFieldsEntry {
  return { manager: FIELD_MANAGER, operation: 'Apply', apiVersion, fieldsV1: fieldsOf(body) };
}

function fieldsOf(tree: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(tree).map(([name, value]) => [`f:${name}`, isJsonObject(value) ? fieldsOf(value) : {}]),
  );
}
