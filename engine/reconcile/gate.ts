/** What must come before a change: `after` (ready), references to other manifests (exist), `waitFor` (true). */
import { describeRef } from '../kube/object.ts';
import { type Blocker, pending } from './blocker.ts';
import type { Step } from './decide.ts';
import { asBoolean, judge } from './evaluate.ts';
import type { ManifestState } from './pass-model.ts';
import type { Scope } from './scope.ts';

type States = ReadonlyMap<string, ManifestState>;

/**
 * The step, or the same child waiting. Creation waits for all three; a new manifest for an existing child waits for
 * `waitFor`; the repair of what was already applied waits for nothing.
 */
export async function gateStep(scope: Scope, states: States, step: Step): Promise<Step> {
  const effect = step.change?.effect;
  if (effect !== 'create' && effect !== 'configure' && effect !== 'recreate') return step;
  const before = effect === 'create' ? predecessors(states, step) : undefined;
  const blocker = before ?? (await postponement(scope, step));
  if (blocker === undefined) return step;
  const { change: _postponed, ...rest } = step;
  return { ...rest, blocker };
}

function predecessors(states: States, { child }: Step): Blocker | undefined {
  const { manifest } = child.instance;
  for (const id of manifest.after) {
    const reason = firstOf(states, id, notReady);
    if (reason !== undefined)
      return pending('Waiting', `${describeRef(child.ref)} waits for ${id}: ${reason}`);
  }
  for (const id of manifest.needs) {
    const reason = firstOf(states, id, notThere);
    if (reason !== undefined)
      return pending('Waiting', `${describeRef(child.ref)} waits for ${id}: ${reason}`);
  }
  return undefined;
}

/** An entry's id stands for all its documents. A manifest that is not wanted now is nothing to wait for. */
function firstOf(
  states: States,
  id: string,
  reason: (state: ManifestState) => string | undefined,
): string | undefined {
  for (const [name, state] of states) {
    const found = state.wanted && (name === id || name.startsWith(`${id}.`)) ? reason(state) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function notReady(state: ManifestState): string | undefined {
  if (state.blockers[0] !== undefined) return state.blockers[0].message;
  return [...state.readiness.values()].find(({ kind }) => kind !== 'ready')?.message;
}

function notThere(state: ManifestState): string | undefined {
  if (state.blockers[0] !== undefined) return state.blockers[0].message;
  const stuck = state.steps.find(({ child, change }) => child.live === undefined && change === undefined);
  return stuck?.blocker?.message;
}

async function postponement(scope: Scope, { child }: Step): Promise<Blocker | undefined> {
  const { waitFor } = child.instance.manifest;
  if (waitFor === undefined) return undefined;
  const verdict = asBoolean(await judge(scope, waitFor, child.instance.local), waitFor);
  const described = describeRef(child.ref);
  switch (verdict.kind) {
    case 'blocked':
      return { ...verdict.blocker, message: `${described}: ${verdict.blocker.message}` };
    case 'missing':
      return pending('Waiting', `${described} waits for ${waitFor.source} (${verdict.path} is missing)`);
    case 'value':
      return verdict.value ? undefined : pending('Waiting', `${described} waits for ${waitFor.source}`);
  }
}
