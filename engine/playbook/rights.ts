/**
 * The least rights that a playbook needs, from what it says: its own kinds, the objects it keeps, observes and touches in
 * actions. What the engine itself needs (leases, definitions, the inventory) is not among them.
 */
import { apiVersionOf, type GroupVersionKind } from '../kube/object.ts';
import type { Step } from './action-model.ts';
import type { Manifest, Playbook, Policy, Watch } from './model.ts';

/** Verbs on a kind, or on a subresource of it. */
export interface Right {
  readonly gvk: GroupVersionKind;
  readonly subresource?: string;
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

const ACTION_RUN = { group: 'libretto.dev', version: 'v1alpha1', kind: 'ActionRun' };
const EVENT = { group: 'events.k8s.io', version: 'v1', kind: 'Event' };
const JOB = { group: 'batch', version: 'v1', kind: 'Job' };
const POD = { group: '', version: 'v1', kind: 'Pod' };
const SECRET = { group: '', version: 'v1', kind: 'Secret' };

/** Each kind and subresource once, in the order in which they are first needed. */
export function rightsOf(playbook: Playbook): readonly Right[] {
  const rights = new Map<string, { right: Omit<Right, 'verbs'>; verbs: Set<string> }>();
  const add: Add = (gvk, verbs, subresource) => {
    const key = `${apiVersionOf(gvk)}/${gvk.kind}/${subresource ?? ''}`;
    const known = rights.get(key) ?? {
      right: { gvk, ...(subresource === undefined ? {} : { subresource }) },
      verbs: new Set<string>(),
    };
    rights.set(key, known);
    for (const verb of verbs) known.verbs.add(verb);
  };
  for (const watch of playbook.watches) addWatch(watch, add);
  add(EVENT, ['create', 'patch']);
  return [...rights.values()].map(({ right, verbs }) => ({ ...right, verbs: [...verbs].sort() }));
}

type Add = (gvk: GroupVersionKind, verbs: readonly string[], subresource?: string) => void;

function addWatch(watch: Watch, add: Add): void {
  // Annotations and finalizers are patched; owners are blocked from going before their children.
  add(watch.gvk, [...READ, 'patch']);
  add(watch.gvk, ['update'], 'finalizers');
  if (watch.ownsStatus) add(watch.gvk, ['patch'], 'status');
  for (const manifest of watch.manifests) addManifest(manifest, add);
  for (const { gvk } of watch.observe) add(gvk, READ);
  for (const { call } of watch.probes) if (call.kind === 'exec') addExec(add);
  if (watch.actions.length === 0) return;
  add(ACTION_RUN, [...READ, 'create', 'patch', 'delete']);
  add(ACTION_RUN, ['patch'], 'status');
  add(ACTION_RUN, ['update'], 'finalizers');
  // Jobs of runs, their pods (why one failed) and the Secrets with their outputs are watched together.
  for (const gvk of [JOB, POD, SECRET]) add(gvk, READ);
  for (const { steps, rollback } of watch.actions)
    for (const step of [...steps, ...rollback]) addStep(step, add);
}

function addManifest({ gvk, policy }: Manifest, add: Add): void {
  add(gvk, KEPT[policy]);
}

function addStep(step: Step, add: Add): void {
  if (step.secretOutputs.length > 0) add(SECRET, ['create', 'patch', 'delete']);
  switch (step.kind) {
    case 'job':
      add(JOB, ['create', 'delete']);
      break;
    case 'exec':
      addExec(add);
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
function addExec(add: Add): void {
  add(POD, READ);
  add(POD, ['create', 'get'], 'exec');
}
