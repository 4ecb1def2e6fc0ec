/** Final actions hold a resource back from its deletion, unless they cannot run or its user lets it go. */
import { SKIP_FINAL_ACTIONS_ANNOTATION } from '../../kube/labels.ts';
import { describeRef, refOf } from '../../kube/object.ts';
import type { EventNote } from '../event.ts';
import type { Plan, Snapshot } from '../model.ts';
import { dueFinals, parseEvidence } from './evidence.ts';

/** The reason of the Event that tells it. */
export const FINAL_ACTIONS_SKIPPED = 'FinalActionsSkipped';

/** Why the final actions are not waited for; undefined: they are. */
export function whySkipped({ resource, actions, namespace }: Snapshot): EventNote | undefined {
  if (resource.metadata.annotations?.[SKIP_FINAL_ACTIONS_ANNOTATION] === 'true') {
    const message = `final actions are skipped: ${SKIP_FINAL_ACTIONS_ANNOTATION} says so`;
    return { type: 'Warning', reason: FINAL_ACTIONS_SKIPPED, message };
  }
  const own = actions.namespace;
  if (namespace(own)?.terminating !== true) return undefined;
  const message = `final actions of ${describeRef(refOf(resource))} are skipped: namespace ${own} is being deleted, and nothing can be made in it`;
  return { type: 'Warning', reason: FINAL_ACTIONS_SKIPPED, message, namespace: own };
}

/** By what stands on the resource alone: final actions are due, and wait or are skipped. */
export function finalActionsDue(
  snapshot: Snapshot,
): { readonly names: readonly string[]; readonly skipped: EventNote | undefined } | undefined {
  const names = dueFinals(parseEvidence(snapshot.resource));
  return names.length === 0 ? undefined : { names, skipped: whySkipped(snapshot) };
}

/** True where a plan lets a resource go though its final actions were skipped. */
export function skipsFinalActions({ events, finalizer }: Pick<Plan, 'events' | 'finalizer'>): boolean {
  return finalizer === 'remove' && events.some(({ reason }) => reason === FINAL_ACTIONS_SKIPPED);
}
