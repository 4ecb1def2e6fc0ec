/**
 * Which kinds a playbook reads, and how much of them: a kind of which nothing but metadata is read is watched as
 * metadata only, so that the values of Secrets stay out of memory.
 */
import { apiVersionOf, type GroupVersionKind, groupKind } from '../kube/object.ts';
import { actionReferences, probeReferences, touchedKinds } from './action-readers.ts';
import type { Expression, Reference, Template, TemplateString } from './language.ts';
import type { Manifest, Observation, Playbook, Watch } from './model.ts';

export interface KindRead {
  readonly gvk: GroupVersionKind;
  /** `metadata` where labels, annotations, owners and managedFields are all that is needed. */
  readonly read: 'metadata' | 'full';
}

/**
 * Kinds that are ready as soon as they exist (kstatus: they have no status). Of all others the status is read, to know
 * when they are ready.
 */
const READY_AT_ONCE: ReadonlySet<string> = new Set([
  'ConfigMap',
  'Secret',
  'ServiceAccount',
  'LimitRange',
  'Endpoints',
  'EndpointSlice.discovery.k8s.io',
  'NetworkPolicy.networking.k8s.io',
  'Role.rbac.authorization.k8s.io',
  'RoleBinding.rbac.authorization.k8s.io',
  'ClusterRole.rbac.authorization.k8s.io',
  'ClusterRoleBinding.rbac.authorization.k8s.io',
  'PriorityClass.scheduling.k8s.io',
  'StorageClass.storage.k8s.io',
  'IngressClass.networking.k8s.io',
]);

/** Every kind that the playbook watches, keeps, observes or touches in actions, once each (by group, version and kind). */
export function collectReads(playbook: Playbook): readonly KindRead[] {
  const reads = new Map<string, KindRead>();
  const add = (gvk: GroupVersionKind, full: boolean): void => {
    const key = `${apiVersionOf(gvk)}/${gvk.kind}`;
    const before = reads.get(key)?.read === 'full';
    reads.set(key, { gvk, read: full || before ? 'full' : 'metadata' });
  };
  for (const watch of playbook.watches) {
    const references = referencesOf(watch);
    add(watch.gvk, true);
    for (const manifest of watch.manifests) add(manifest.gvk, readsChild(manifest, references));
    for (const observation of watch.observe) add(observation.gvk, readsObserved(observation, references));
    for (const gvk of touchedKinds(watch.actions)) add(gvk, !READY_AT_ONCE.has(groupKind(gvk)));
  }
  return [...reads.values()];
}

function readsChild(manifest: Manifest, references: readonly Reference[]): boolean {
  // Handing a field over needs its live value.
  if (!READY_AT_ONCE.has(groupKind(manifest.gvk)) || manifest.ignoreFields.length > 0) return true;
  if (manifest.ready !== undefined) return true;
  const segments = manifest.id.split('.');
  // What a CreateOnly manifest was created with, not what it would give today, is its `rendered`.
  const roots = manifest.policy === 'CreateOnly' ? ['children', 'rendered'] : ['children'];
  return references.some(
    ({ root, path }) =>
      roots.includes(root) && startsAlike(path, segments) && path[segments.length] !== 'metadata',
  );
}

function readsObserved({ name }: Observation, references: readonly Reference[]): boolean {
  return references.some(
    ({ root, path }) => root === 'observe' && startsAlike(path, [name]) && path[1] !== 'metadata',
  );
}

/** A reference to a whole (`children`, `children.app`) reads each of its parts. */
function startsAlike(path: readonly string[], segments: readonly string[]): boolean {
  return segments.every((segment, index) => path[index] === undefined || path[index] === segment);
}

function referencesOf(watch: Watch): readonly Reference[] {
  const { vars, manifests, observe, health, status } = watch;
  const readers: readonly (Expression | Template | TemplateString | undefined)[] = [
    ...vars.map(({ expression }) => expression),
    ...manifests.flatMap((manifest) => manifestReaders(manifest)),
    ...observe.flatMap(({ target, namespace }) => [
      namespace,
      ...(target.by === 'name' ? [target.objectName] : Object.values(target.labels)),
    ]),
    ...health.flatMap(({ when, message }) => [when, message]),
    ...status.map((field) => (field.kind === 'held' ? field.initial : field.value)),
  ];
  return [
    ...readers.flatMap((reader) => reader?.references ?? []),
    ...actionReferences(watch.actions),
    ...probeReferences(watch.probes),
  ];
}

function manifestReaders(
  manifest: Manifest,
): readonly (Expression | Template | TemplateString | undefined)[] {
  const { template, when, waitFor, forEach, key, ready, namespace, ignoreFields } = manifest;
  return [
    template,
    when,
    waitFor,
    forEach,
    key,
    ready,
    namespace,
    ...ignoreFields.map((field) => field.when),
  ];
}
