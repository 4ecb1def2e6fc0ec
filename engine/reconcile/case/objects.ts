/**
 * The objects of a golden case: what an accepted write leaves behind, and nothing of an API server beside it (no
 * validation, no defaults, no controllers) but the address that readiness asks a Service for. What a deleted object
 * owned goes with it, as the garbage collector has it.
 */
import { applyJsonPatch } from '../../kube/json-patch.ts';
import { FIELD_MANAGER } from '../../kube/labels.ts';
import { mergeObjects } from '../../kube/merge-patch.ts';
import {
  type GroupVersionKind,
  groupKind,
  gvkOf,
  type JsonObject,
  type KubeObject,
  type ManagedFieldsEntry,
  type ObjectMeta,
  type ObjectRef,
  refKey,
  refOf,
} from '../../kube/object.ts';
import { asJson, isJsonObject, omit } from '../../kube/value.ts';
import type { Change } from '../model.ts';

export class CaseObjects {
  readonly #objects = new Map<string, KubeObject>();
  readonly #bodies = new Map<string, JsonObject>();
  /** Uids of what was deleted: what only these own is garbage. */
  readonly #dead = new Set<string>();
  #versions = 1;

  /** Changes with each write. */
  get version(): number {
    return this.#versions;
  }

  get all(): readonly KubeObject[] {
    return [...this.#objects.values()];
  }

  get(ref: Omit<ObjectRef, 'version'>): KubeObject | undefined {
    return this.#objects.get(refKey(ref));
  }

  select(
    gvk: GroupVersionKind,
    namespace: string | undefined,
    labels: Readonly<Record<string, string>>,
  ): readonly KubeObject[] {
    const kind = groupKind(gvk);
    return this.all.filter(
      (object) =>
        groupKind(gvkOf(object)) === kind &&
        (namespace === undefined || object.metadata.namespace === namespace) &&
        Object.entries(labels).every(([name, value]) => object.metadata.labels?.[name] === value),
    );
  }

  /** An object that was not there before, whoever makes it. */
  add(object: KubeObject, own = ownEntry(object.apiVersion, treeOf(object))): KubeObject {
    const uid = object.metadata.uid ?? `uid-${this.#versions}`;
    return this.#put({
      ...object,
      metadata: { generation: 1, ...object.metadata, uid, managedFields: [own] },
    });
  }

  /** Someone changes an object: its status alone keeps our fields ours, anything else takes them from us. */
  patch(object: KubeObject, patch: JsonObject): void {
    const changed = { ...object, ...mergeObjects(treeOf(object), patch) };
    const onlyStatus = Object.keys(patch).every((key) => key === 'status');
    if (onlyStatus) this.#objects.set(refKey(refOf(object)), changed);
    else this.#put(changed);
  }

  /** The status alone, whole; the resourceVersion follows, as it does for runs. */
  replaceStatus(object: KubeObject, status: JsonObject): void {
    this.#put({ ...object, status });
  }

  remove(object: KubeObject): void {
    this.#objects.delete(refKey(refOf(object)));
    this.#bodies.delete(refKey(refOf(object)));
    if (object.metadata.uid !== undefined) this.bury(object.metadata.uid);
  }

  /** Nothing of what the uid alone owned is left. */
  bury(uid: string): void {
    this.#dead.add(uid);
    const garbage = this.all.find(({ metadata: { ownerReferences = [] } }) => {
      const owners = ownerReferences.map((reference) => reference.uid);
      return owners.includes(uid) && owners.every((owner) => this.#dead.has(owner));
    });
    if (garbage === undefined) return;
    this.remove(garbage);
    this.bury(uid);
  }

  write(change: Change): void {
    const live = this.get(change.ref);
    switch (change.kind) {
      case 'create':
        this.#create(change.body);
        return;
      case 'apply':
        this.#apply(live, change);
        return;
      case 'delete':
        if (live !== undefined) this.remove(live);
        return;
      case 'orphan':
      case 'mark':
        if (live !== undefined) this.jsonPatch(live, change.patch);
        return;
      case 'release':
        if (live !== undefined) this.#release(live, change.ref);
    }
  }

  /** Refused patches change nothing: the next pass sees why. */
  jsonPatch(object: KubeObject, patch: readonly JsonObject[]): void {
    const patched = applyJsonPatch(treeOf(object), patch);
    if (patched.kind === 'patched') this.#put(objectOf(patched.tree));
  }

  #create(body: JsonObject): void {
    const made = objectOf(body);
    const object = this.add(withAddress(made), ownEntry(made.apiVersion, body));
    this.#bodies.set(refKey(refOf(object)), body);
  }

  #apply(live: KubeObject | undefined, { body, handOver }: Extract<Change, { kind: 'apply' }>): void {
    if (live === undefined) {
      this.#create(body);
      return;
    }
    const key = refKey(refOf(live));
    const dropped = withoutDropped(treeOf(live), this.#bodies.get(key) ?? {}, body);
    // A field handed over to another manager first keeps its live value.
    const kept = handOver === undefined ? dropped : mergeObjects(dropped, omit(handOver, 'metadata'));
    const merged = { ...live, ...mergeObjects(kept, body) };
    const generation = (live.metadata.generation ?? 1) + 1;
    this.#bodies.set(key, body);
    const managedFields = [ownEntry(live.apiVersion, body)];
    this.#put({ ...merged, metadata: { ...merged.metadata, generation, managedFields } });
  }

  /** An empty apply: what we gave to an object of someone else goes. */
  #release(live: KubeObject, ref: ObjectRef): void {
    const given = this.#bodies.get(refKey(ref)) ?? {};
    this.#bodies.delete(refKey(ref));
    const { apiVersion, kind, metadata } = live;
    const { name, namespace, uid = '' } = metadata;
    const identity = { name, uid, ...(namespace === undefined ? {} : { namespace }) };
    this.#put(objectOf(withoutDropped(treeOf(live), given, { apiVersion, kind, metadata: identity })));
  }

  #put(object: KubeObject): KubeObject {
    this.#versions += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#versions) };
    const stored = { ...object, metadata };
    this.#objects.set(refKey(refOf(stored)), stored);
    return stored;
  }
}

/** A Service of the type LoadBalancer has a cluster address before anything else; without one it never counts as ready. */
function withAddress(object: KubeObject): KubeObject {
  const { spec } = treeOf(object);
  const balanced =
    groupKind(gvkOf(object)) === 'Service' && isJsonObject(spec) && spec['type'] === 'LoadBalancer';
  return balanced ? { ...object, spec: { clusterIP: '10.96.0.1', ...spec } } : object;
}

/** What an apply removes: fields that our last body had and this one has not. */
function withoutDropped(live: JsonObject, before: JsonObject, now: JsonObject): JsonObject {
  const entries = Object.entries(live).flatMap(([name, value]) => {
    const [old, next] = [before[name], now[name]];
    if (old === undefined) return [[name, value] as const];
    if (!isJsonObject(value) || !isJsonObject(old)) return next === undefined ? [] : [[name, value] as const];
    const kept = withoutDropped(value, old, isJsonObject(next) ? next : {});
    return next === undefined && Object.keys(kept).length === 0 ? [] : [[name, kept] as const];
  });
  return Object.fromEntries(entries);
}

export function treeOf(object: KubeObject): JsonObject {
  const tree = asJson(object);
  return isJsonObject(tree) ? tree : {};
}

export function metadataOf(tree: JsonObject): Partial<ObjectMeta> {
  const { metadata } = tree;
  return metadata !== undefined && isJsonObject(metadata) ? metadata : {};
}

/** A body that we render has apiVersion, kind and a name: the loader and the planner saw to it. */
export function objectOf(body: JsonObject): KubeObject {
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
