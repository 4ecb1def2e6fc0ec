/**
 * What the engine's changes did to objects, for a person who watches: each one that took effect, or was refused, with
 * the fields as they were and as they are. The comparison is made when a change is planned, for afterwards the cache
 * may hold the object either way.
 */
import type { ControllerOptions } from '../controller/controller.ts';
import { type ObjectRef, refOf } from '../kube/object.ts';
import type { Playbook } from '../playbook/model.ts';
import type { Change } from '../reconcile/model.ts';
import { type ChildPreview, childPreview } from '../reconcile/preview.ts';

export interface ToldChange {
  /** What the change was made by. */
  readonly playbook: Playbook;
  readonly resource: ObjectRef;
  readonly child: ChildPreview;
  /** Why it was refused; undefined: it took effect. */
  readonly refusal: string | undefined;
}

export type ChangeTeller = (change: ToldChange) => void;

interface Following {
  readonly playbook: Playbook;
  readonly tell: ChangeTeller;
}

/** Decides as before, and tells what became of it. */
export function followChanges(
  decide: ControllerOptions['decide'],
  { playbook, tell }: Following,
): Required<Pick<ControllerOptions, 'decide' | 'onChange'>> {
  const planned = new WeakMap<Change, ChildPreview>();
  return {
    async decide(watch, snapshot) {
      const plan = await decide(watch, snapshot);
      for (const change of plan.changes) {
        const child = childPreview(change, { watch, snapshot });
        if (child !== undefined) planned.set(change, child);
      }
      return plan;
    },
    onChange(resource, change, sent) {
      const child = planned.get(change);
      if (child === undefined || sent.kind === 'transient') return;
      if (sent.kind === 'done' && sent.result === 'unchanged') return;
      const refusal = sent.kind === 'refused' ? sent.failure.message : undefined;
      tell({ playbook, resource: refOf(resource), child, refusal });
    },
  };
}
