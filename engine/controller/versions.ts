/**
 * What a controller does with its kind, as data: one version of a playbook's watch, or two beside each other while a new
 * version goes out. Each resource is worked on by one of them; which one may change from pass to pass.
 */
import type { KubeObject } from '../kube/object.ts';
import type { SchemaLookup } from '../kube/schema.ts';
import type { Watch } from '../playbook/model.ts';
import type { Plan, Snapshot } from '../reconcile/model.ts';
import type { ChangeListener } from './log-change.ts';

export interface WatchVersion {
  readonly watch: Watch;
  readonly playbook: { readonly name: string; readonly version: string };
  /** Schemas that the playbook's own definitions give: they go before what the cluster publishes, which comes later. */
  readonly ownSchema?: SchemaLookup;
  /** What decides: planReconcile, or planTeardown alone where the playbook is gone. */
  readonly decide: (watch: Watch, snapshot: Snapshot) => Promise<Plan>;
  readonly onChange?: ChangeListener;
  /** Resources that are none of its business are left alone. */
  readonly concerns: (resource: KubeObject) => boolean;
}

/** Which version works on a resource. */
export type Side = 'former' | 'next';

/** The version that goes, where a new one goes out resource by resource. */
export interface FormerVersion extends WatchVersion {
  /** Undefined: not known yet; the resource is left alone until the controller looks again. */
  readonly sideOf: (resource: KubeObject) => Side | undefined;
}

/** A pass whose writes all succeeded. */
export interface CompletedPass {
  readonly watch: Watch;
  readonly side: Side;
  /** As the pass found it. */
  readonly resource: KubeObject;
  readonly plan: Plan;
}
