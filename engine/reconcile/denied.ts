/**
 * A resource that the engine may not work on: what it has to write first (its annotations, its finalizer, its runs) is
 * denied, or its runs may not be read. Nothing is rendered and nothing begins; the status says which right is missing,
 * and after a while it is tried again, for no watch tells that a right was given.
 */
import { conditionsOf, reasonName } from '../kube/conditions.ts';
import type { JsonObject } from '../kube/object.ts';
import { asJson, getPath } from '../kube/value.ts';
import { keepGoing } from './actions/plan.ts';
import { type Blocker, DENIED, pending } from './blocker.ts';
import type { Plan, Snapshot } from './model.ts';
import type { Scope } from './scope.ts';
import { PASSING_CONDITIONS, planStatus } from './status.ts';

export const DENIED_RETRY_MS = 30_000;

/** A denial that is not yet to be tried again. What goes is always tried: its finalizer holds up its namespace. */
export function presentDenial({ memory, now, resource }: Snapshot): Blocker | undefined {
  const { denied } = memory;
  if (denied === undefined || resource.metadata.deletionTimestamp !== undefined) return undefined;
  const wakeAt = denied.at + DENIED_RETRY_MS;
  return now < wakeAt ? pending(DENIED, denied.message, wakeAt) : undefined;
}

/** The plan of a pass that tries: whether it is denied again, the execution tells. */
export function withoutDenial(plan: Plan): Plan {
  if (plan.memory.denied === undefined) return plan;
  const { denied: _denied, ...memory } = plan.memory;
  return { ...plan, memory };
}

export function planDenied(scope: Scope, blocker: Blocker): Plan {
  const { snapshot } = scope;
  const { memory, now } = snapshot;
  const planned = planStatus(scope, {
    fields: storedProjections(scope),
    conditions: conditionsOfDenied(scope, blocker),
    blockers: [blocker],
    atOnce: true,
  });
  const statusAt = planned.status === undefined ? memory.statusAt : now;
  return {
    finalizer: 'keep',
    changes: [],
    status: planned.status,
    events: planned.events,
    kinds: [],
    outcome: blocker,
    memory: { ...memory, announced: planned.announced, statusAt },
    actions: keepGoing(snapshot),
  };
}

function storedProjections({ watch, snapshot }: Scope): JsonObject {
  return Object.fromEntries(
    watch.status.flatMap((field) => {
      const stored = getPath(snapshot.resource.status, [field.name]);
      return field.kind !== 'projection' || stored === undefined ? [] : [[field.name, asJson(stored)]];
    }),
  );
}

/** What was found out before stays as it is; only whether it is Ready can't be said any more. */
function conditionsOfDenied(
  { watch, snapshot }: Scope,
  { reason, message }: Blocker,
): Parameters<typeof planStatus>[1]['conditions'] {
  const { resource } = snapshot;
  const observedGeneration = Number(resource.metadata.generation ?? 0);
  const said = { reason: reasonName(reason), message, observedGeneration };
  const own = new Set([...watch.health.map(({ type }) => type), ...PASSING_CONDITIONS]);
  const kept = conditionsOf(resource).filter(({ type }) => type !== 'Ready' && own.has(type));
  return [
    { type: 'Ready', status: 'False', ...said },
    { type: 'Reconciling', status: 'True', ...said },
    { type: 'Stalled', status: 'False', reason: 'NotStalled', message: '', observedGeneration },
    ...kept,
  ];
}
