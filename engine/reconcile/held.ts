/**
 * Held status fields: written once from `initial`, before any child is rendered, then changed by actions alone. They are
 * in every status that is applied: an apply without them removes them.
 */
import type { ConditionNow } from '../kube/conditions.ts';
import type { JsonObject } from '../kube/object.ts';
import { type Blocker, isSilent } from './blocker.ts';
import { judge } from './evaluate.ts';
import { heldFields } from './held-fields.ts';
import { groupCandidates, placeKnownChildren } from './instances.ts';
import type { Plan } from './model.ts';
import type { Scope } from './scope.ts';
import { completeStatus } from './status.ts';

/**
 * The plan that writes the held fields which are not stored yet; undefined when there are none, or when what is left
 * has no initial value (a spec field that is optional).
 */
export async function initialStatus(scope: Scope): Promise<Plan | undefined> {
  const { watch } = scope;
  if (!watch.ownsStatus) return undefined;
  const stored = heldFields(scope);
  if (watch.status.every(({ kind, name }) => kind !== 'held' || Object.hasOwn(stored, name)))
    return undefined;
  placeKnownChildren(scope, groupCandidates(scope));
  const { values, blockers } = await initialValues(scope, stored);
  if (Object.keys(values).length === 0 && blockers.length === 0) return undefined;
  return planOf(scope, { values, blockers, stored });
}

interface Initial {
  readonly values: JsonObject;
  readonly blockers: readonly Blocker[];
}

async function initialValues(scope: Scope, stored: JsonObject): Promise<Initial> {
  const values: Record<string, JsonObject[string]> = {};
  const blockers: Blocker[] = [];
  for (const field of scope.watch.status) {
    if (field.kind !== 'held' || Object.hasOwn(stored, field.name)) continue;
    const judgement = await judge(scope, field.initial);
    if (judgement.kind === 'value') values[field.name] = judgement.value;
    if (judgement.kind === 'blocked') blockers.push(judgement.blocker);
  }
  return { values, blockers };
}

function planOf(scope: Scope, { values, blockers, stored }: Initial & { readonly stored: JsonObject }): Plan {
  const { snapshot } = scope;
  const [blocker] = blockers;
  const reason = blocker?.reason ?? 'Initializing';
  const message = blocker?.message ?? 'the initial status is being written';
  const outcome = { kind: blocker?.kind ?? 'pending', reason, message } as const;
  const silent = isSilent(blockers) && Object.keys(values).length === 0;
  const status = silent
    ? undefined
    : completeStatus(scope, { ...stored, ...values }, conditions(scope, outcome));
  const memory = status === undefined ? snapshot.memory : { ...snapshot.memory, statusAt: snapshot.now };
  return { finalizer: 'keep', changes: [], status, events: [], outcome, kinds: [], memory };
}

function conditions(
  scope: Scope,
  { kind, reason, message }: Exclude<Plan['outcome'], { kind: 'done' }>,
): readonly ConditionNow[] {
  const observedGeneration = Number(scope.snapshot.resource.metadata.generation ?? 0);
  const stalled = kind === 'terminal';
  const state = (yes: boolean): Pick<ConditionNow, 'status' | 'reason' | 'message'> =>
    yes ? { status: 'True', reason, message } : { status: 'False', reason: 'Initializing', message: '' };
  return [
    { type: 'Ready', status: 'False', reason, message, observedGeneration },
    { type: 'Reconciling', ...state(!stalled), observedGeneration },
    { type: 'Stalled', ...state(stalled), observedGeneration },
  ];
}
