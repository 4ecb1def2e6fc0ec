/**
 * The least rights that a playbook needs, from what it says: its own kinds, the objects it keeps, observes and touches in
 * actions. What the engine itself needs (leases, definitions, the inventory) is not among them.
 */
import { ACTION_RUN, EVENT } from '../kube/kinds.ts';
import { apiVersionOf, type GroupVersionKind, groupKind } from '../kube/object.ts';
import type { Step } from './action-model.ts';
import type { Manifest, Playbook, Policy, Watch } from './model.ts';

/** Verbs on a kind, or on a subresource of it. */
export interface Right {
  readonly gvk: GroupVersionKind;
  readonly subresource?: string;
  /** Objects of these names alone; undefined: all. */
  readonly names?: readonly string[];
  /** Sorted. */
  readonly verbs: readonly string[];
}

const READ = ['get', 'list', 'watch'];
const KEPT: Readonly<Record<Policy, readonly string[]>> = {
  Apply: [...READ, 'create', 'patch', 'delete'],
  CreateOnly: [...READ, 'create', 'patch', 'delete'],
  // Fields of an object that someone else owns.
  Patch: [...READ, 'patch'],
};

const JOB = { group: 'batch', version: 'v1', kind: 'Job' };
const POD = { group: '', version: 'v1', kind: 'Pod' };
const SERVICE = { group: '', version: 'v1', kind: 'Service' };
const SECRET = { group: '', version: 'v1', kind: 'Secret' };

/** Where the runs of cluster-scoped resources live, in the engine's own namespace, these kinds are needed. */
export const RUN_KINDS: readonly GroupVersionKind[] = [ACTION_RUN, JOB, POD, SECRET];

export interface RightsOptions {
  /**
   * True for an engine outside the cluster, whose HTTP calls to Services and Pods go through the API server's proxy.
   * Inside, they go straight and need no right.
   */
  readonly outsideCluster?: boolean;
}

/** Each kind and subresource once, in the order in which they are first needed. */
export function rightsOf(playbook: Playbook, options: RightsOptions = {}): readonly Right[] {
  const rights = new Map<string, { right: Omit<Right, 'verbs'>; verbs: Set<string> }>();
  const add: Add = (gvk, verbs, part = {}) => {
    const key = JSON.stringify([apiVersionOf(gvk), gvk.kind, part]);
    const known = rights.get(key) ?? { right: { gvk, ...part }, verbs: new Set<string>() };
    rights.set(key, known);
    for (const verb of verbs) known.verbs.add(verb);
  };
  for (const watch of playbook.watches) addWatch(watch, add, options);
  add(EVENT, ['create', 'patch']);
  return [...rights.values()].map(({ right, verbs }) => ({ ...right, verbs: [...verbs].sort() }));
}

type Add = (
  gvk: GroupVersionKind,
  verbs: readonly string[],
  part?: Pick<Right, 'subresource' | 'names'>,
) => void;

function addWatch(watch: Watch, add: Add, options: RightsOptions): void {
  // Annotations and finalizers are patched; owners are blocked from going before their children.
  add(watch.gvk, [...READ, 'patch']);
  add(watch.gvk, ['update'], { subresource: 'finalizers' });
  if (watch.ownsStatus) add(watch.gvk, ['patch'], { subresource: 'status' });
  for (const manifest of watch.manifests) addManifest(manifest, add);
  for (const { gvk } of watch.observe) add(gvk, READ);
  for (const { call } of watch.probes) addCall(call, add, options);
  if (watch.actions.length === 0) return;
  add(ACTION_RUN, [...READ, 'create', 'patch', 'delete']);
  add(ACTION_RUN, ['update'], { subresource: 'status' });
  add(ACTION_RUN, ['update'], { subresource: 'finalizers' });
  // Not asked for `run-<action>` (docs/adr/0110), on this kind's runs alone.
  add(ACTION_RUN, ['operate'], { names: [groupKind(watch.gvk)] });
  // Jobs of runs, their pods (why one failed) and the Secrets with their outputs are watched together.
  for (const gvk of [JOB, POD, SECRET]) add(gvk, READ);
  for (const { steps, rollback } of watch.actions)
    for (const step of [...steps, ...rollback]) addStep(step, add, options);
}

function addManifest({ gvk, policy }: Manifest, add: Add): void {
  add(gvk, KEPT[policy]);
}

function addStep(step: Step, add: Add, options: RightsOptions): void {
  if (step.secretOutputs.length > 0) add(SECRET, ['create', 'patch', 'delete']);
  switch (step.kind) {
    case 'job':
      add(JOB, ['create', 'delete']);
      break;
    case 'exec':
    case 'http':
      addCall(step, add, options);
      break;
    case 'delete':
      add(step.target.gvk, [...READ, 'delete']);
      break;
    case 'apply':
      for (const gvk of step.template.documents) add(gvk, [...READ, 'create', 'patch']);
      break;
    default:
      break;
  }
}

/** A WebSocket is opened by GET, which is asked as `get`; newer API servers ask for `create` as well. */
function addCall(
  call: { readonly kind: 'exec' } | { readonly kind: 'http'; readonly method: string },
  add: Add,
  { outsideCluster = false }: RightsOptions,
): void {
  if (call.kind === 'exec') {
    add(POD, READ);
    add(POD, ['create', 'get'], { subresource: 'exec' });
  } else if (outsideCluster) {
    const verb = PROXY_VERBS[call.method] ?? 'get';
    for (const gvk of [SERVICE, POD]) add(gvk, [verb], { subresource: 'proxy' });
  }
}

/** The verb that the API server asks for when a request goes through its proxy. */
const PROXY_VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
