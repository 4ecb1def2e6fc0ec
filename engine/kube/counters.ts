/**
 * Counters that built-in workloads leave out of their status when they are 0 (Go's `omitempty`). Once the controller has
 * seen the current generation they read 0, so that `readyReplicas = spec.size` holds for size 0 (language.md, Context).
 * Before that they stay missing: "not known yet" is not "none".
 */
import { groupKind, gvkOf, isObject, type KubeObject } from './object.ts';
import { asJson, getPath, wholeNumber } from './value.ts';

const REPLICAS: readonly string[] = ['replicas', 'readyReplicas', 'availableReplicas'];

const COUNTERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['Deployment.apps', [...REPLICAS, 'updatedReplicas', 'unavailableReplicas']],
  ['StatefulSet.apps', [...REPLICAS, 'currentReplicas', 'updatedReplicas']],
  ['ReplicaSet.apps', [...REPLICAS, 'fullyLabeledReplicas']],
  ['ReplicationController', [...REPLICAS, 'fullyLabeledReplicas']],
  [
    'DaemonSet.apps',
    [
      'currentNumberScheduled',
      'numberMisscheduled',
      'desiredNumberScheduled',
      'numberReady',
      'updatedNumberScheduled',
      'numberAvailable',
      'numberUnavailable',
    ],
  ],
  ['Job.batch', ['active', 'ready', 'succeeded', 'failed', 'terminating']],
  ['HorizontalPodAutoscaler.autoscaling', ['currentReplicas', 'desiredReplicas']],
]);

/** The object with 0 for each counter that its controller left out; the same object where there is nothing to add. */
export function withZeroCounters(object: KubeObject): KubeObject {
  const counters = COUNTERS.get(groupKind(gvkOf(object)));
  const { status } = object;
  if (counters === undefined || !isObject(status) || !isReported(object)) return object;
  const missing = counters.filter((name) => !Object.hasOwn(status, name));
  if (missing.length === 0) return object;
  return {
    ...object,
    status: asJson({ ...Object.fromEntries(missing.map((name) => [name, 0])), ...status }),
  };
}

/** A Job has no observedGeneration: its controller has looked once it has a start time or a condition. */
function isReported(object: KubeObject): boolean {
  if (object.kind === 'Job') {
    return ['startTime', 'conditions'].some((name) => getPath(object.status, [name]) !== undefined);
  }
  const observed = wholeNumber(getPath(object.status, ['observedGeneration']));
  const wanted = wholeNumber(object.metadata.generation);
  return observed !== undefined && (wanted === undefined || observed >= wanted);
}
