/**
 * The cluster around one resource of a golden case: its objects and runs, the clock, and what the engine remembers. The
 * clock goes on by a millisecond from one look to the next, and otherwise as the case says.
 */
import { ACTION_RUN } from '../../kube/kinds.ts';
import { FIELD_MANAGER, FINALIZER, MANIFEST_ANNOTATION, RUN_UID_LABEL } from '../../kube/labels.ts';
import { mergeObjects } from '../../kube/merge-patch.ts';
import {
  apiVersionOf,
  type GroupVersionKind,
  groupKind,
  gvkOf,
  type JsonObject,
  type KubeObject,
  type ObjectMeta,
  type ObjectRef,
  refKey,
  refOf,
} from '../../kube/object.ts';
import type { SchemaLookup } from '../../kube/schema.ts';
import { isoTime } from '../actions/run.ts';
import { afterChange, initialMemory } from '../memory.ts';
import type { Change, KindInfo, Memory, Plan, Snapshot } from '../model.ts';
import { Recall } from '../recall.ts';
import { CaseActions, hasEnded } from './actions.ts';
import type { Case, Observed } from './model.ts';
import { CaseObjects, metadataOf, treeOf } from './objects.ts';
import { reportedStatus } from './ready.ts';

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

/** Where the runs of a cluster-scoped resource live: the engine's own namespace. */
const ENGINE_NAMESPACE = 'libretto-system';

export interface WorldOptions {
  readonly schema: SchemaLookup;
  /** groupKinds of the playbook's own cluster-scoped kinds. */
  readonly clusterScoped: ReadonlySet<string>;
  readonly servedByPlaybook: ReadonlySet<string>;
  readonly playbook: { readonly name: string; readonly version: string };
  /** Of the cases before; default: none. */
  readonly recall?: Recall;
}

export class CaseWorld {
  resource: KubeObject;
  now: number;
  /** The resource is no more. */
  gone = false;
  /** Whatever is applied becomes ready at once. */
  alwaysReady = false;
  readonly objects = new CaseObjects();
  readonly actions: CaseActions;
  readonly #options: WorldOptions;
  readonly #given: Case;
  readonly #recall: Recall;
  #observed: Observed = {};
  #lives = 0;
  #memory: Memory = initialMemory();
  #inventory: readonly GroupVersionKind[] = [];

  constructor(given: Case, options: WorldOptions) {
    this.#options = options;
    this.#recall = options.recall ?? new Recall();
    this.#given = given;
    this.now = given.now;
    this.resource = this.#born();
    const namespace = this.resource.metadata.namespace ?? ENGINE_NAMESPACE;
    this.actions = new CaseActions(this.objects, namespace, this.#recall);
    this.observe(given.observe);
    this.actions.setProbes(given.probes, this.now);
    for (const object of given.objects) this.objects.add(object);
  }

  /** The resource as its user writes it, created anew. */
  #born(): KubeObject {
    this.#lives += 1;
    const { resource } = this.#given;
    const uid = this.#lives === 1 ? 'uid-of-the-resource' : `uid-of-the-resource-${this.#lives}`;
    const namespaced = !this.#isClusterScoped(resource);
    const namespace = namespaced ? { namespace: resource.metadata.namespace ?? 'default' } : {};
    const identity = { uid, generation: 1, resourceVersion: '1', ...namespace };
    return { ...resource, metadata: { ...identity, ...resource.metadata } };
  }

  recreate(): void {
    this.gone = false;
    this.resource = this.#born();
    this.#memory = initialMemory();
  }

  snapshot(): Snapshot {
    this.now += 1;
    return {
      now: this.now,
      resource: this.resource,
      playbook: this.#options.playbook,
      candidates: this.objects.all.filter(isNoWork),
      lookup: (ref) => this.lookup(ref),
      kind: (gvk) => this.#kind(gvk),
      observed: Object.fromEntries(
        Object.entries(this.#observed).map(([name, objects]) => [name, { synced: true, objects }]),
      ),
      actions: this.actions.inputs((gvk, namespace, labels) => this.#select(gvk, namespace, labels)),
      namespace: () => ({ terminating: false, labels: {} }),
      inventory: this.#inventory,
      hashKey: 'golden',
      entropy: `golden-${this.objects.version}`,
      fieldManager: FIELD_MANAGER,
      allowances: { otherNamespaces: true },
      memory: this.#memory,
      recall: this.#recall,
    };
  }

  /** An object of the case, or one that it observes. */
  lookup(ref: Omit<ObjectRef, 'version'>): KubeObject | undefined {
    return (
      this.objects.get(ref) ?? this.#allObserved().find((object) => refKey(refOf(object)) === refKey(ref))
    );
  }

  #select(
    gvk: GroupVersionKind,
    namespace: string | undefined,
    labels: Readonly<Record<string, string>>,
  ): { readonly synced: true; readonly objects: readonly KubeObject[] } {
    const observed = new CaseObjects();
    for (const object of this.#allObserved())
      if (this.objects.get(refOf(object)) === undefined) observed.add(object);
    const found = [this.objects, observed].flatMap((place) => place.select(gvk, namespace, labels));
    return { synced: true, objects: found };
  }

  #allObserved(): readonly KubeObject[] {
    return Object.values(this.#observed).flat();
  }

  /** What others made, from now on; an object that stays keeps its uid. */
  observe(given: Observed): void {
    const before = this.#allObserved();
    const named = Object.entries(given).map(([name, objects]) => [
      name,
      objects.map((object) => this.#observedObject(object, before)),
    ]);
    this.#observed = { ...this.#observed, ...Object.fromEntries(named) };
  }

  #observedObject(object: KubeObject, before: readonly KubeObject[]): KubeObject {
    const { namespace } = this.resource.metadata;
    const place = namespace === undefined || this.#isClusterScoped(object) ? {} : { namespace };
    const placed = { ...object, metadata: { ...place, ...object.metadata } };
    const known = before.find((other) => refKey(refOf(other)) === refKey(refOf(placed)));
    const uid = known?.metadata.uid ?? `uid-${object.kind}-${object.metadata.name}-${this.now}`;
    return { ...placed, metadata: { uid, ...placed.metadata } };
  }

  /** Live children by id (`id#key` under forEach), as their manifest annotation tells. */
  child(id: string): KubeObject | undefined {
    return this.objects.all.find((object) => object.metadata.annotations?.[MANIFEST_ANNOTATION] === id);
  }

  /** True where something was done, or came of it. */
  carryOut(plan: Plan): boolean {
    const { changes, status, finalizer, actions } = plan;
    // Progress that is told less often, to spare requests, is told at once here.
    this.#memory = { ...plan.memory, statusAt: 0 };
    this.#inventory = [...this.#inventory, ...plan.kinds];
    if (finalizer === 'add') this.#setFinalizer(true);
    this.#annotate(actions?.annotations ?? {});
    for (const write of actions?.runs ?? []) this.actions.write(write, this.now);
    for (const change of changes) this.#write(change);
    if (status !== undefined) this.resource = { ...this.resource, status };
    if (finalizer === 'remove') this.#setFinalizer(false);
    const worked = this.actions.work(actions, this.now);
    const grown = this.alwaysReady && this.#reportNew();
    return isWrite(plan) || worked || grown;
  }

  #setFinalizer(present: boolean): void {
    const others = (this.resource.metadata.finalizers ?? []).filter((name) => name !== FINALIZER);
    this.#setMetadata({ finalizers: present ? [...others, FINALIZER] : others });
    this.#end();
  }

  /** A resource that is being deleted goes with its last finalizer. */
  #end(): void {
    const { deletionTimestamp, finalizers = [], uid } = this.resource.metadata;
    if (deletionTimestamp === undefined || finalizers.length > 0) return;
    this.gone = true;
    if (uid !== undefined) this.objects.bury(uid);
  }

  #annotate(entries: Readonly<Record<string, string | undefined>>): void {
    const annotations = Object.entries({ ...this.resource.metadata.annotations, ...entries }).flatMap(
      ([name, value]) => (value === undefined ? [] : [[name, value] as const]),
    );
    if (Object.keys(entries).length > 0) this.#setMetadata({ annotations: Object.fromEntries(annotations) });
  }

  #setMetadata(over: Partial<ObjectMeta>): void {
    this.resource = { ...this.resource, metadata: { ...this.resource.metadata, ...over } };
  }

  /** A user deletes the resource. */
  deleteResource(): void {
    this.#setMetadata({ deletionTimestamp: isoTime(this.now) });
    this.#end();
  }

  /** A user changes the resource. */
  patchResource(patch: JsonObject): void {
    const before = this.resource;
    const changed = mergeObjects(treeOf(before), patch);
    const { metadata } = before;
    const generation = (metadata.generation ?? 1) + ('spec' in patch ? 1 : 0);
    this.resource = { ...before, ...changed, metadata: { ...metadata, ...metadataOf(changed), generation } };
  }

  /** Every controller reports its object done, those of runs' Jobs too. */
  reportAll(): void {
    for (const object of this.objects.all) if (isReporting(object)) this.report(object);
  }

  report(object: KubeObject): void {
    const status = reportedStatus(object);
    if (status !== undefined) this.objects.patch(object, { status });
  }

  /** True where one had not reported yet. */
  #reportNew(): boolean {
    const late = this.objects.all.filter(
      (object) => isReporting(object) && !isReported(object) && reportedStatus(object) !== undefined,
    );
    for (const object of late) this.report(object);
    return late.length > 0;
  }

  /** The engine is started anew: what it only remembered is lost. */
  restart(): void {
    this.#memory = initialMemory();
    this.actions.forget();
  }

  #isClusterScoped(object: Pick<KubeObject, 'apiVersion' | 'kind'>): boolean {
    const name = groupKind(gvkOf(object));
    return CLUSTER_SCOPED.has(name) || this.#options.clusterScoped.has(name);
  }

  #kind(gvk: GroupVersionKind): KindInfo {
    return {
      gvk,
      namespaced: !this.#isClusterScoped({ apiVersion: apiVersionOf(gvk), kind: gvk.kind }),
      synced: true,
      schema: this.#options.schema(gvk),
      servedByPlaybook: this.#options.servedByPlaybook.has(groupKind(gvk)),
    };
  }

  #write(change: Change): void {
    if (change.kind === 'delete') this.#removeObserved(change.ref);
    if (change.kind === 'delete' && change.ref.kind === 'Pod') this.actions.silence(change.ref.name);
    this.objects.write(change);
    const result = change.kind === 'create' ? 'created' : change.kind === 'delete' ? 'deleted' : 'configured';
    this.#memory = afterChange(this.#memory, change, { kind: 'succeeded', result }, this.now);
    const stored = this.objects.get(change.ref);
    if (stored === undefined || (change.kind !== 'create' && change.kind !== 'apply')) return;
    const token = `${change.hash}@${stored.metadata.resourceVersion ?? ''}`;
    const covered = { ...this.#memory.covered, [refKey(change.ref)]: token };
    this.#memory = { ...this.#memory, covered };
  }

  #removeObserved(ref: ObjectRef): void {
    const left = Object.entries(this.#observed).map(([name, objects]) => [
      name,
      objects.filter((object) => refKey(refOf(object)) !== refKey(ref)),
    ]);
    this.#observed = Object.fromEntries(left);
  }
}

function isNoWork({ kind, metadata }: KubeObject): boolean {
  return kind !== ACTION_RUN.kind && metadata.labels?.[RUN_UID_LABEL] === undefined;
}

/** Runs are the engine's own, and the pod of a Job says what became of it; a Job that has ended stays as it is. */
function isReporting(object: KubeObject): boolean {
  const { kind, metadata } = object;
  if (kind === ACTION_RUN.kind) return false;
  if (metadata.labels?.[RUN_UID_LABEL] === undefined) return true;
  return kind === 'Job' && !hasEnded(object);
}

function isReported({ metadata, status }: KubeObject): boolean {
  const seen = Object(status).observedGeneration ?? metadata.generation;
  return status !== undefined && seen === metadata.generation;
}

function isWrite({ changes, status, finalizer, actions }: Plan): boolean {
  return (
    changes.length > 0 ||
    status !== undefined ||
    finalizer !== 'keep' ||
    (actions?.runs.length ?? 0) > 0 ||
    Object.keys(actions?.annotations ?? {}).length > 0
  );
}
