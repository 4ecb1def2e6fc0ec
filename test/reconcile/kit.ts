/**
 * Builders for planner tests: a playbook from texts, a resource, and a small world of objects from which snapshots are
 * taken. The world knows what a write leaves on one object (fields and managedFields, lists atomic, as without a schema)
 * and nothing else: no validation, no defaults, no watch, no controllers.
 */
import { formatDiagnostic } from '../../engine/base/diagnostic.ts';
import { canonicalJson } from '../../engine/kube/canonical.ts';
import {
  type GroupVersionKind,
  groupKind,
  gvkOf,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  type ManagedFieldsEntry,
  refKey,
  refOf,
} from '../../engine/kube/object.ts';
import type { SchemaNode } from '../../engine/kube/schema.ts';
import { getPath } from '../../engine/kube/value.ts';
import { loadPlaybook } from '../../engine/playbook/load.ts';
import type { Watch } from '../../engine/playbook/model.ts';
import { emptyActionInputs } from '../../engine/reconcile/action-contract.ts';
import { afterChange, initialMemory } from '../../engine/reconcile/memory.ts';
import type {
  Change,
  ChangeFailure,
  ChangeResult,
  KindInfo,
  Memory,
  ObservedObjects,
  Plan,
  Snapshot,
} from '../../engine/reconcile/model.ts';
import { planReconcile } from '../../engine/reconcile/plan.ts';

const CRD = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: apps.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: App, plural: apps}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`;

/** Loads one watch: `head` is what follows group, version and kind in watches.yaml. */
export function watchOf(head: string, files: Readonly<Record<string, string>> = {}): Watch {
  const body = head
    .trim()
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
  const watches = `- group: example.com\n  version: v1\n  kind: App\n${body}\n`;
  const all = new Map(Object.entries({ 'watches.yaml': watches, 'crd.yaml': CRD, ...files }));
  const result = loadPlaybook('app', all, { schema: () => undefined });
  if (result.kind === 'refused') throw new Error(result.problems.map(formatDiagnostic).join('\n'));
  const [watch] = result.playbook.watches;
  if (watch === undefined) throw new Error('no watch');
  return watch;
}

export const UID = 'uid-of-shop';
export const NOW = Date.UTC(2026, 0, 1);

export function app(spec: JsonObject, over: Partial<KubeObject['metadata']> = {}): KubeObject {
  return {
    apiVersion: 'example.com/v1',
    kind: 'App',
    metadata: { name: 'web', namespace: 'shop', uid: UID, generation: 1, resourceVersion: '1', ...over },
    spec,
  };
}

export function configMap(name: string, data: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n${data
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')}\n`;
}

const CLUSTER_SCOPED = ['Namespace', 'ClusterRole.rbac.authorization.k8s.io'];

export class World {
  resource: KubeObject;
  readonly objects = new Map<string, KubeObject>();
  memory: Memory = initialMemory();
  now = NOW;
  version = 'v1';
  inventory: GroupVersionKind[] = [];
  namespaces: Record<string, { terminating: boolean; labels: Record<string, string> } | undefined> = {
    shop: { terminating: false, labels: {} },
  };
  observed: Record<string, ObservedObjects> = {};
  readonly unsynced = new Set<string>();
  readonly unserved = new Set<string>();
  readonly failing = new Map<string, string>();
  readonly served = new Set<string>();
  readonly schemas = new Map<string, SchemaNode>();
  otherNamespaces = false;
  #counter = 100;

  constructor(resource: KubeObject) {
    this.resource = resource;
  }

  snapshot(): Snapshot {
    const objects = [...this.objects.values()];
    return {
      now: this.now,
      resource: this.resource,
      playbook: { name: 'app', version: this.version },
      candidates: objects,
      lookup: (ref) => this.objects.get(refKey(ref)),
      kind: (gvk) => this.#kind(gvk),
      observed: this.observed,
      actions: emptyActionInputs('shop'),
      namespace: (name) => this.namespaces[name],
      inventory: this.inventory,
      hashKey: 'key',
      entropy: `entropy-${this.#counter++}`,
      fieldManager: 'libretto',
      allowances: { otherNamespaces: this.otherNamespaces },
      memory: this.memory,
    };
  }

  #kind(gvk: GroupVersionKind): KindInfo | undefined {
    const name = groupKind(gvk);
    if (this.unserved.has(name)) return undefined;
    const failure = this.failing.get(name);
    return {
      gvk,
      namespaced: !CLUSTER_SCOPED.includes(name),
      synced: !this.unsynced.has(name),
      ...(failure === undefined ? {} : { failure }),
      schema: this.schemas.get(name),
      servedByPlaybook: this.served.has(name),
    };
  }

  plan(watch: Watch): Promise<Plan> {
    return planReconcile(watch, this.snapshot());
  }

  /** Plans and carries out once. */
  async step(watch: Watch): Promise<Plan> {
    const plan = await this.plan(watch);
    this.carryOut(plan);
    return plan;
  }

  /** Plans and carries out until nothing is left to do; fails if it never ends. */
  async settle(watch: Watch): Promise<Plan> {
    for (let round = 0; round < 30; round++) {
      const plan = await this.step(watch);
      if (isEmpty(plan) && !('wakeAt' in plan.outcome)) return plan;
      this.now += 10_000;
    }
    throw new Error('does not settle');
  }

  carryOut(plan: Plan): void {
    this.memory = plan.memory;
    this.inventory = [...this.inventory, ...plan.kinds];
    const { metadata } = this.resource;
    const others = (metadata.finalizers ?? []).filter((name) => name !== 'libretto.dev/cleanup');
    if (plan.finalizer === 'add') this.setMeta({ finalizers: [...others, 'libretto.dev/cleanup'] });
    if (plan.finalizer === 'remove') this.setMeta({ finalizers: others });
    for (const change of plan.changes) this.succeed(change);
    if (plan.status !== undefined) this.resource = { ...this.resource, status: plan.status };
  }

  /** What an accepted change leaves behind. */
  succeed(change: Change): void {
    const result = this.#write(change);
    this.memory = afterChange(this.memory, change, { kind: 'succeeded', result }, this.now);
  }

  refuse(change: Change, failure: ChangeFailure): void {
    this.memory = afterChange(this.memory, change, { kind: 'failed', failure }, this.now);
  }

  setMeta(over: Partial<KubeObject['metadata']>): void {
    this.resource = { ...this.resource, metadata: { ...this.resource.metadata, ...over } };
  }

  setSpec(spec: JsonObject): void {
    const generation = (this.resource.metadata.generation ?? 0) + 1;
    this.resource = { ...this.resource, spec };
    this.setMeta({ generation });
  }

  get(kind: string, name: string, namespace = 'shop'): KubeObject {
    const found = this.objects.get(`${kind}/${namespace}/${name}`);
    if (found === undefined) throw new Error(`no ${kind} ${namespace}/${name}`);
    return found;
  }

  names(kind: string): string[] {
    return [...this.objects.values()].filter((o) => groupKind(gvkOf(o)) === kind).map((o) => o.metadata.name);
  }

  put(object: KubeObject): KubeObject {
    const counter = this.#counter++;
    const { metadata } = object;
    const uid = metadata.uid ?? `uid-${counter}`;
    const stored = { ...object, metadata: { ...metadata, uid, resourceVersion: String(counter) } };
    this.objects.set(refKey(refOf(stored)), stored);
    return stored;
  }

  /** A change by another manager: sets leaves and takes them out of everyone else's entries. */
  edit(object: KubeObject, manager: string, fields: JsonObject): KubeObject {
    const entry = {
      manager,
      operation: 'Update',
      apiVersion: object.apiVersion,
      fieldsV1: fieldsOf(fields),
    } as const;
    const others = (object.metadata.managedFields ?? []).map((e) =>
      e.manager === manager ? e : { ...e, fieldsV1: subtract(e.fieldsV1 ?? {}, entry.fieldsV1) },
    );
    const changed = merge(object as unknown as JsonObject, fields) as unknown as KubeObject;
    const known = others.find((e) => e.manager === manager && e.operation === 'Update');
    const merged = { ...entry, fieldsV1: merge(known?.fieldsV1 ?? {}, entry.fieldsV1) };
    const managedFields = [...others.filter((e) => e !== known), merged];
    return this.put({ ...changed, metadata: { ...changed.metadata, managedFields } });
  }

  /** Status of a child, as its controller writes it. */
  report(kind: string, name: string, status: JsonObject): void {
    const object = this.get(kind, name);
    const observedGeneration = object.metadata.generation ?? 1;
    this.put({ ...object, status: { observedGeneration, ...status } });
  }

  remove(kind: string, name: string, namespace = 'shop'): void {
    this.objects.delete(`${kind}/${namespace}/${name}`);
  }

  #write(change: Change): ChangeResult {
    const live = this.objects.get(refKey(change.ref));
    switch (change.kind) {
      case 'create':
        this.put(created(change.body));
        return 'created';
      case 'apply':
        return this.#apply(change, live);
      case 'delete':
        this.objects.delete(refKey(change.ref));
        return 'deleted';
      case 'release':
        if (live !== undefined) this.put(applied(live, { manager: change.fieldManager, body: {} }));
        return 'configured';
      case 'orphan':
      case 'mark':
        if (live !== undefined) this.put(patched(live, change.patch));
        return 'configured';
    }
  }

  #apply(change: Extract<Change, { kind: 'apply' }>, found: KubeObject | undefined): ChangeResult {
    if (found === undefined) throw new Error('an apply must not create');
    let live = found;
    if (change.adopt !== undefined) {
      const entries = [...(live.metadata.managedFields ?? [])];
      entries[change.adopt.entryIndex] = change.adopt.entry as unknown as ManagedFieldsEntry;
      live = { ...live, metadata: { ...live.metadata, managedFields: entries } };
    }
    if (change.handOver !== undefined) {
      live = applied(live, {
        manager: `${change.fieldManager}-handover`,
        body: change.handOver,
        shares: true,
      });
    }
    this.put(applied(live, { manager: change.fieldManager, body: change.body }));
    return 'configured';
  }
}

export function isEmpty(plan: Plan): boolean {
  const { changes, status, events, finalizer } = plan;
  return changes.length === 0 && status === undefined && events.length === 0 && finalizer === 'keep';
}

function created(body: JsonObject): KubeObject {
  const object = body as unknown as KubeObject;
  const entry = { manager: 'libretto', operation: 'Update', apiVersion: object.apiVersion } as const;
  const managedFields = [{ ...entry, fieldsType: 'FieldsV1', fieldsV1: fieldsOf(body) }];
  return { ...object, metadata: { ...object.metadata, generation: 1, managedFields } };
}

/** What an apply leaves: its fields, without those that its manager alone had and no longer names. */
function applied(
  live: KubeObject,
  { manager, body, shares = false }: { manager: string; body: JsonObject; shares?: boolean },
): KubeObject {
  const entries = live.metadata.managedFields ?? [];
  const own = entries.find((e) => e.manager === manager && e.operation === 'Apply');
  const fieldsV1 = fieldsOf(body);
  const others = entries
    .filter((e) => e !== own)
    .map((e) => (shares ? e : { ...e, fieldsV1: subtractChanged(e.fieldsV1 ?? {}, fieldsV1, live, body) }));
  const dropped = others.reduce(
    (left, e) => subtract(left, e.fieldsV1 ?? {}),
    subtract(own?.fieldsV1 ?? {}, fieldsV1),
  );
  const kept = without(live as unknown as JsonObject, dropped);
  const next = merge(kept, body) as unknown as KubeObject;
  const entry = { manager, operation: 'Apply', apiVersion: live.apiVersion, fieldsV1 } as const;
  const { uid, generation } = live.metadata;
  const all = Object.keys(fieldsV1).length === 0 ? others : [...others, entry];
  const grown =
    canonicalJson((getPath(next, ['spec']) as Json) ?? null) === canonicalJson((live.spec ?? null) as Json)
      ? 0
      : 1;
  const metadata = { ...next.metadata, uid, generation: (generation ?? 1) + grown, managedFields: all };
  return { ...next, metadata } as KubeObject;
}

/** Managers with the same value share a field; one with another value loses it. */
function subtractChanged(
  fields: JsonObject,
  taken: JsonObject,
  live: KubeObject,
  body: JsonObject,
): JsonObject {
  const changed = pathsOf(taken).filter(
    (path) =>
      canonicalJson((getPath(live, path) ?? null) as Json) !==
      canonicalJson((getPath(body, path) ?? null) as Json),
  );
  return changed.reduce(
    (left, path) =>
      subtract(
        left,
        path.reduceRight<JsonObject>((node, name) => ({ [`f:${name}`]: node }), {}),
      ),
    fields,
  );
}

function pathsOf(fields: JsonObject, prefix: string[] = []): string[][] {
  return Object.entries(fields).flatMap(([key, child]) => {
    const path = [...prefix, key.slice(2)];
    return Object.keys(child as JsonObject).length === 0 ? [path] : pathsOf(child as JsonObject, path);
  });
}

const SERVER_SET = ['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'managedFields'];

/** Granular maps, atomic lists. */
function fieldsOf(tree: JsonObject): JsonObject {
  const { apiVersion: _a, kind: _k, metadata, ...rest } = tree;
  const meta = Object.fromEntries(
    Object.entries((metadata ?? {}) as JsonObject).filter(([name]) => !SERVER_SET.includes(name)),
  );
  return below({ ...rest, ...(Object.keys(meta).length === 0 ? {} : { metadata: meta }) });
}

function below(tree: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(tree).map(([name, value]) => [
      `f:${name}`,
      isObject(value) ? below(value as JsonObject) : {},
    ]),
  );
}

function subtract(fields: JsonObject, taken: JsonObject): JsonObject {
  const left: Record<string, Json> = {};
  for (const [key, child] of Object.entries(fields)) {
    const other = taken[key];
    if (other === undefined) left[key] = child;
    else if (Object.keys(other as JsonObject).length > 0) {
      const rest = subtract(child as JsonObject, other as JsonObject);
      if (Object.keys(rest).length > 0) left[key] = rest;
    }
  }
  return left;
}

function without(tree: JsonObject, fields: JsonObject): JsonObject {
  const left: Record<string, Json> = {};
  for (const [name, value] of Object.entries(tree)) {
    const field = fields[`f:${name}`];
    if (field === undefined) left[name] = value;
    else if (isObject(value) && Object.keys(field as JsonObject).length > 0) {
      left[name] = without(value as JsonObject, field as JsonObject);
    }
  }
  return left;
}

function merge(tree: JsonObject, over: JsonObject): JsonObject {
  const merged: Record<string, Json> = { ...tree };
  for (const [name, value] of Object.entries(over)) {
    const before = merged[name];
    merged[name] =
      isObject(before) && isObject(value) ? merge(before as JsonObject, value as JsonObject) : value;
  }
  return merged;
}

/** add, remove and test on maps and list ends. */
export function patched(live: KubeObject, patch: readonly JsonObject[]): KubeObject {
  const copy = structuredClone(live) as unknown as Record<string, unknown>;
  for (const { op, path, value } of patch) {
    const names = String(path)
      .slice(1)
      .split('/')
      .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = names.pop() ?? '';
    const target = names.reduce<unknown>(
      (node, name) => (node as Record<string, unknown>)[name],
      copy,
    ) as Record<string, unknown>;
    if (op === 'test' && target[last] !== value) throw new Error(`test failed: ${String(path)}`);
    if (op === 'remove' && !(last in target)) throw new Error(`nothing to remove: ${String(path)}`);
    if (op === 'remove' && Array.isArray(target)) target.splice(Number(last), 1);
    else if (op === 'remove') delete target[last];
    if (op === 'add' && Array.isArray(target)) target.push(value);
    else if (op === 'add') target[last] = value;
  }
  return copy as unknown as KubeObject;
}

export function conditionIn(status: unknown, type: string): Record<string, unknown> | undefined {
  const conditions = getPath(status, ['conditions']);
  return Array.isArray(conditions) ? conditions.find((c) => c.type === type) : undefined;
}
