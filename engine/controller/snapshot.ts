/**
 * Builds the Snapshot of one resource from the stores: no request, no waiting. What the plan asks for by name is
 * noted in `dependencies` on the way, so read them after planning.
 */
import type { Discovery } from '../cluster/api.ts';
import { FIELD_MANAGER } from '../kube/labels.ts';
import {
  type GroupVersionKind,
  groupKind,
  type KubeObject,
  type ObjectRef,
  refKey,
  refOf,
} from '../kube/object.ts';
import type { SchemaLookup } from '../kube/schema.ts';
import { touchedKinds } from '../playbook/action-readers.ts';
import type { Watch } from '../playbook/model.ts';
import type { KindInfo, Memory, Snapshot } from '../reconcile/model.ts';
import type { Recall } from '../reconcile/recall.ts';
import { type ActionParts, buildActionInputs } from './action-inputs.ts';
import { type Dependencies, namespaceToken, newDependencies, refToken } from './dependencies.ts';
import type { KindView } from './kind-view.ts';
import { observeAll } from './observe.ts';
import type { Views } from './views.ts';

export interface SnapshotSources {
  readonly watch: Watch;
  readonly playbook: { readonly name: string; readonly version: string };
  readonly views: Views;
  /** Namespaces, which the engine reads for every playbook alike. */
  readonly namespaces: Views;
  readonly discovery: Discovery;
  readonly hashKey: string;
  readonly allowances: Snapshot['allowances'];
  /** True where an active playbook serves the kind. */
  readonly servedByPlaybook: (gvk: GroupVersionKind) => boolean;
  /** Schemas that the playbook's own definitions give. */
  readonly ownSchema?: SchemaLookup;
  readonly entropy: () => string;
  readonly actions: ActionParts;
  /** The controller's name. */
  readonly controller: string;
  readonly metadataOnly: (gvk: GroupVersionKind) => boolean;
}

export interface SnapshotOfOne {
  readonly resource: KubeObject;
  /** Epoch ms. */
  readonly now: number;
  readonly memory: Memory;
  readonly recall?: Recall;
  readonly inventory: readonly GroupVersionKind[];
}

export function buildSnapshot(
  sources: SnapshotSources,
  one: SnapshotOfOne,
): { snapshot: Snapshot; dependencies: Dependencies } {
  const { views } = sources;
  const dependencies = newDependencies();
  let entropy: string | undefined;
  const snapshot: Snapshot = {
    ...one,
    playbook: sources.playbook,
    candidates: candidatesOf(sources, one),
    lookup(ref: Omit<ObjectRef, 'version'>) {
      dependencies.tokens.add(refToken(ref));
      return views.lookup(ref);
    },
    kind: (gvk) => kindInfo(sources, gvk),
    observed: observeAll(sources.watch.observe, {
      views,
      resource: one.resource,
      dependencies,
      otherNamespaces: sources.allowances.otherNamespaces,
    }),
    actions: buildActionInputs({ ...sources, parts: sources.actions }, one.resource, dependencies),
    namespace: (name) => namespaceInfo(sources.namespaces, name, dependencies),
    hashKey: sources.hashKey,
    fieldManager: FIELD_MANAGER,
    allowances: sources.allowances,
    get entropy() {
      entropy ??= sources.entropy();
      return entropy;
    },
  };
  return { snapshot, dependencies };
}

const NAMESPACE = { group: '', kind: 'Namespace' };

function candidatesOf(sources: SnapshotSources, one: SnapshotOfOne): readonly KubeObject[] {
  const { watch, views } = sources;
  const uid = one.resource.metadata.uid ?? '';
  const owner = refKey(refOf(one.resource));
  const found = new Set<KubeObject>();
  for (const gvk of [...watch.manifests.map((m) => m.gvk), ...one.inventory]) {
    const view = views.get(gvk);
    if (view !== undefined) for (const object of candidatesIn(view, uid, owner)) found.add(object);
  }
  return [...found];
}

function candidatesIn(view: KindView, uid: string, owner: string): readonly KubeObject[] {
  return [...view.ownedBy(uid), ...view.annotatedWith(owner), ...view.patchedFor(uid)];
}

function kindInfo(sources: SnapshotSources, gvk: GroupVersionKind): KindInfo | undefined {
  const resource = sources.discovery.resource(gvk) ?? undefined;
  if (resource === undefined) return undefined;
  const view = sources.views.get(gvk);
  return {
    gvk,
    namespaced: resource.namespaced,
    synced: view?.synced ?? false,
    ...(view?.failure === undefined ? {} : { failure: view.failure, denied: view.denied }),
    schema: sources.ownSchema?.(gvk) ?? sources.discovery.schema(gvk),
    servedByPlaybook: sources.servedByPlaybook(gvk),
  };
}

/** Where namespaces can't be read (a namespaced engine without the right to), they count as there. */
function namespaceInfo(
  namespaces: Views,
  name: string,
  dependencies: Dependencies,
): ReturnType<Snapshot['namespace']> {
  dependencies.tokens.add(namespaceToken(name));
  const view = namespaces.get(NAMESPACE);
  if (view === undefined || !view.synced) return { terminating: false, labels: {} };
  const found = view.get(undefined, name);
  if (found === undefined) return undefined;
  return { terminating: found.metadata.deletionTimestamp !== undefined, labels: found.metadata.labels ?? {} };
}

/** Every kind that a watch manages, ever managed, touches in actions, or reads, once. */
export function kindsOf(watch: Watch, inventory: readonly GroupVersionKind[]): readonly GroupVersionKind[] {
  const all = [
    watch.gvk,
    ...watch.manifests.map((m) => m.gvk),
    ...watch.observe.map((o) => o.gvk),
    ...touchedKinds(watch.actions),
    ...inventory,
  ];
  return [...new Map(all.toReversed().map((gvk) => [groupKind(gvk), gvk])).values()].toReversed();
}
