/**
 * Is an object what its spec asks for? The rules of kstatus (sigs.k8s.io/cli-utils), in the order of reliability.md:
 * deletionTimestamp → Terminating; an old observedGeneration → InProgress; Reconciling; Stalled; rules per kind; Ready;
 * and what says nothing at all is Current. Messages are for people: "2 of 3 replicas are ready".
 */
import { conditionOf } from './conditions.ts';
import { kindRule } from './kstatus-kinds.ts';
import type { StatusOptions, StatusResult } from './kstatus-model.ts';
import { groupKind, gvkOf, type KubeObject } from './object.ts';
import { getPath, wholeNumber } from './value.ts';

export type { StatusOptions, StatusResult };

/** The status of an object; of a missing one it is Unknown. */
export function computeStatus(object: KubeObject | undefined, options: StatusOptions = {}): StatusResult {
  if (object === undefined) return { status: 'Unknown', reason: 'NotFound', message: 'does not exist' };
  return (
    terminating(object) ??
    generation(object, options) ??
    standardConditions(object) ??
    kindRule(groupKind(gvkOf(object)))?.(object, options) ??
    readyCondition(object) ?? { status: 'Current', reason: 'Current', message: 'is as described' }
  );
}

function terminating(object: KubeObject): StatusResult | undefined {
  if (object.metadata.deletionTimestamp === undefined) return undefined;
  const left = object.metadata.finalizers ?? [];
  const message =
    left.length === 0 ? 'is being deleted' : `is being deleted; finalizers left: ${left.join(', ')}`;
  return { status: 'Terminating', reason: 'Terminating', message };
}

/** Kinds whose controllers always report an observedGeneration: without one they have not looked yet. */
const REPORTING_KINDS: readonly string[] = [
  'Deployment.apps',
  'StatefulSet.apps',
  'DaemonSet.apps',
  'ReplicaSet.apps',
  'ReplicationController',
  'PodDisruptionBudget.policy',
];

function generation(object: KubeObject, options: StatusOptions): StatusResult | undefined {
  const observed = wholeNumber(getPath(object.status, ['observedGeneration']));
  const wanted = wholeNumber(object.metadata.generation);
  if (observed === undefined) {
    if (!mustReport(object, options)) return undefined;
    return inProgress('NotObserved', 'its controller has not reported yet');
  }
  if (wanted === undefined || observed === wanted) return undefined;
  const message = `its controller has seen generation ${observed}, not yet ${wanted}`;
  return inProgress('LatestGenerationNotObserved', message);
}

function mustReport(object: KubeObject, options: StatusOptions): boolean {
  if (options.requireObservedGeneration === true) return true;
  if (gvkOf(object).kind === 'DaemonSet') return true;
  return options.rules !== 'kstatus' && REPORTING_KINDS.includes(groupKind(gvkOf(object)));
}

function standardConditions(object: KubeObject): StatusResult | undefined {
  const reconciling = conditionOf(object, 'Reconciling');
  if (reconciling?.status === 'True') {
    return inProgress(reconciling.reason || 'Reconciling', reconciling.message || 'is being reconciled');
  }
  const stalled = conditionOf(object, 'Stalled');
  if (stalled?.status !== 'True') return undefined;
  return { status: 'Failed', reason: stalled.reason || 'Stalled', message: stalled.message || 'is stalled' };
}

function readyCondition(object: KubeObject): StatusResult | undefined {
  const ready = conditionOf(object, 'Ready');
  if (ready === undefined) return undefined;
  if (ready.status === 'True') return { status: 'Current', reason: 'Ready', message: 'is ready' };
  return inProgress(ready.reason || 'NotReady', ready.message || 'is not ready');
}

function inProgress(reason: string, message: string): StatusResult {
  return { status: 'InProgress', reason, message };
}
