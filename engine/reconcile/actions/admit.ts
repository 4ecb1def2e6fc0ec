/** Runs that have not begun: are they allowed, what do they wait for, and how they begin. */
import { ACTION_RUN } from '../../kube/kinds.ts';
import { ACTION_LABEL } from '../../kube/labels.ts';
import { apiVersionOf, describeRef, type JsonObject } from '../../kube/object.ts';
import { ownerReference } from '../../kube/owners.ts';
import { asJson } from '../../kube/value.ts';
import type { Action } from '../../playbook/action-model.ts';
import { compileParams } from '../../playbook/json-schema.ts';
import type { Watch } from '../../playbook/model.ts';
import { addOwnerReferences, testUid } from '../patch.ts';
import type { Recall } from '../recall.ts';
import { advance } from './advance.ts';
import { evaluateNamed, runContext, varsAround } from './context.ts';
import { Draft } from './draft.ts';
import type { ActionPass } from './pass.ts';
import type { Run } from './run.ts';
import { resourceOf } from './step-run.ts';
import { evidenceOf, isStillWanted, type Start } from './triggers.ts';

/** Foreground deletion would remove what carries an ownerReference before a final action has run. */
export function setsOwnerReferences(watch: Watch): boolean {
  return (
    !watch.manifests.some(({ onDelete }) => onDelete === 'Orphan') &&
    !watch.actions.some(({ on }) => on.delete)
  );
}

/** The ActionRun of a trigger. Making it is all that a plan does then. */
export function createRun({ scope, output }: ActionPass, start: Start): void {
  const { actions, resource } = scope.snapshot;
  const reference = setsOwnerReferences(scope.watch)
    ? ownerReference(resource, { controller: false })
    : undefined;
  const body: JsonObject = {
    apiVersion: apiVersionOf(ACTION_RUN),
    kind: ACTION_RUN.kind,
    metadata: {
      name: start.name,
      namespace: actions.namespace,
      labels: { [ACTION_LABEL]: start.action.name },
      ...(reference === undefined ? {} : { ownerReferences: [asJson(reference)] }),
    },
    spec: {
      resource: resourceOf(resource),
      action: start.action.name,
      trigger: start.trigger,
      ...(start.value === undefined ? {} : { value: start.value }),
      ...(start.tick === undefined ? {} : { tick: start.tick }),
    },
  };
  output.starting = true;
  output.runs.push({ kind: 'create', body, events: [] });
}

/** A requested run is tied to its resource when it is seen first. True: written now, to be looked at again. */
export function claim({ scope, output }: ActionPass, run: Run): boolean {
  const { resource } = scope.snapshot;
  if (run.trigger !== 'Request' || !setsOwnerReferences(scope.watch)) return false;
  if (run.object.metadata.ownerReferences?.some(({ uid }) => uid === scope.owner.uid)) return false;
  const reference = ownerReference(resource, { controller: false });
  if (reference === undefined) return false;
  const patch = [testUid(run.object), ...addOwnerReferences(run.object, [reference])];
  output.runs.push({ kind: 'patch', ref: run.ref, patch, events: [] });
  return true;
}

/** Why a run is refused for good; undefined: it is not. */
export function refusalOf({ scope, deleting }: ActionPass, run: Run): readonly [string, string] | undefined {
  const action = scope.watch.actions.find(({ name }) => name === run.action);
  if (action === undefined) {
    const known = scope.watch.actions.map(({ name }) => name).join(', ');
    return ['NoSuchAction', `there is no action ${run.action}${known === '' ? '' : `; there are ${known}`}`];
  }
  if (deleting && run.trigger !== 'Delete') return ['ResourceDeleted', 'the resource is being deleted'];
  if (run.trigger === 'Request' && !action.on.request)
    return [
      'NotRequestable',
      `${run.action} cannot be requested; its playbook does not say on: {request: true}`,
    ];
  const problems = paramProblems(action, run.params, scope.snapshot.recall);
  return problems.length === 0 ? undefined : ['InvalidParams', problems.join('; ')];
}

function paramProblems({ params }: Action, given: JsonObject, recall: Recall | undefined): readonly string[] {
  if (params === undefined) {
    const names = Object.keys(given);
    return names.length === 0 ? [] : [`the action takes no parameters, but is given ${names.join(', ')}`];
  }
  const compiled = recall?.params(params) ?? compileParams(params);
  return compiled.kind === 'refused' ? [compiled.message] : compiled.check(given);
}

/** What must come first: manifests ready, actions succeeded. */
export function waitsFor(pass: ActionPass, action: Action): string | undefined {
  for (const name of action.after) {
    if (pass.scope.watch.actions.some((other) => other.name === name)) {
      if (evidenceOf(pass, name).result !== 'Succeeded') return `waits until ${name} has succeeded`;
      continue;
    }
    const message = notReady(pass, name);
    if (message !== undefined) return `waits for ${name}: ${message}`;
  }
  return undefined;
}

/** An entry's id stands for all its documents. What was ready before a change that is not applied yet does not count. */
function notReady({ states }: ActionPass, id: string): string | undefined {
  for (const [name, state] of states) {
    if (!state.wanted || (name !== id && !name.startsWith(`${id}.`))) continue;
    const blocker = state.blockers[0] ?? state.steps.find((step) => step.child.live === undefined)?.blocker;
    if (blocker !== undefined) return blocker.message;
    const waiting = [...state.readiness.values()].find(({ kind }) => kind !== 'ready');
    if (waiting !== undefined) return waiting.message;
    const changing = state.steps.find(({ change }) => change?.effect === 'configure');
    if (changing !== undefined) return `${describeRef(changing.child.ref)} is being changed`;
  }
  return undefined;
}

/** Begins a run that exists: its vars are evaluated once, and its first step is entered in the same write. */
export async function startRun(pass: ActionPass, run: Run, action: Action): Promise<void> {
  const draft = new Draft(pass, run, action);
  if (run.abort) draft.end('Aborted', 'Aborted', 'aborted before it began');
  else if (!(await isStillWanted(pass, action, run)))
    draft.end('Aborted', 'NoLongerWanted', 'its value of `when` is another by now');
  else await begin(draft);
  draft.write();
}

async function begin(draft: Draft): Promise<void> {
  const { pass, run, action } = draft;
  const { scope, runs } = pass;
  const parents = run.parent === undefined ? runs.line : runs.line.filter(({ uid }) => uid !== run.uid);
  const around = await varsAround(scope, [...parents, run], run, 'outside');
  // The vars may say when the run began, as everything after them.
  const begun = { ...run, status: { ...run.status, startedAt: draft.now } };
  const local = { run: runContext(scope, begun), vars: around };
  const vars = await evaluateNamed(scope, action.vars, local, { asVars: true });
  if (vars.kind === 'blocked') {
    if (vars.blocker.kind === 'terminal') draft.end('Failed', vars.blocker.reason, vars.blocker.message);
    else draft.set({ message: vars.blocker.message });
    return;
  }
  draft.start(vars.values);
  await advance(draft);
}

/** Says in a run that has not begun why it has not. */
export function say(pass: ActionPass, run: Run, reason: string, message: string): void {
  if (run.status.reason === reason && run.status.message === message) return;
  pass.output.status(run, { ...run.status, resourceUID: pass.scope.owner.uid, reason, message });
}

export function refuse(pass: ActionPass, run: Run, [reason, message]: readonly [string, string]): void {
  const event = {
    type: 'Warning',
    reason: 'RunRefused',
    message: `${run.action} ${run.name}: ${message}`,
  } as const;
  const resourceUID = pass.scope.owner.uid;
  const finishedAt = pass.scope.snapshot.now;
  pass.output.status(run, { ...run.status, phase: 'Refused', resourceUID, reason, message, finishedAt }, [
    event,
  ]);
}
