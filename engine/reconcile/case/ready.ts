/** What a kind's controller reports once it has done its work, so that a case need not spell it out. */
import { groupKind, gvkOf, type Json, type JsonObject, type KubeObject } from '../../kube/object.ts';
import { asJson, getPath, isJsonObject, wholeNumber } from '../../kube/value.ts';

/** The status of the object as its controller would report it, done and healthy; undefined where none reports. */
export function reportedStatus(object: KubeObject): JsonObject | undefined {
  const observedGeneration = object.metadata.generation ?? 1;
  const before = asJson(object.status ?? {});
  const own = ownStatus(object, observedGeneration);
  return own === undefined ? undefined : { ...(isJsonObject(before) ? before : {}), ...own };
}

function ownStatus(object: KubeObject, observedGeneration: number): JsonObject | undefined {
  const gvk = gvkOf(object);
  const replicas = wholeNumber(getPath(object, ['spec', 'replicas'])) ?? 1;
  const counts = { observedGeneration, replicas, readyReplicas: replicas, updatedReplicas: replicas };
  switch (groupKind(gvk)) {
    case 'Deployment.apps':
      return { ...counts, availableReplicas: replicas, conditions: DEPLOYED };
    case 'StatefulSet.apps':
      return {
        ...counts,
        availableReplicas: replicas,
        currentReplicas: replicas,
        currentRevision: '1',
        updateRevision: '1',
      };
    case 'ReplicaSet.apps':
      return {
        observedGeneration,
        replicas,
        readyReplicas: replicas,
        availableReplicas: replicas,
        fullyLabeledReplicas: replicas,
      };
    case 'DaemonSet.apps':
      return daemonStatus(observedGeneration);
    case 'Pod':
      return { phase: 'Running', conditions: [condition('Ready')] };
    case 'Job.batch':
      return { succeeded: 1, conditions: [condition('Complete')] };
    case 'PersistentVolumeClaim':
      return { phase: 'Bound' };
    case 'Namespace':
      return { phase: 'Active' };
    case 'CustomResourceDefinition.apiextensions.k8s.io':
      return { conditions: [condition('NamesAccepted'), condition('Established')] };
    default:
      // ConfigMaps, Secrets, Services, rights and the like: nobody writes a status there.
      if (gvk.group === '' || gvk.group.endsWith('.k8s.io')) return undefined;
      return { observedGeneration, conditions: [condition('Ready')] };
  }
}

const DEPLOYED: Json = [condition('Available'), condition('Progressing', 'NewReplicaSetAvailable')];

function daemonStatus(observedGeneration: number): JsonObject {
  const one = { desiredNumberScheduled: 1, currentNumberScheduled: 1, numberReady: 1 };
  return { observedGeneration, ...one, updatedNumberScheduled: 1, numberAvailable: 1 };
}

function condition(type: string, reason = 'Ready'): Json {
  return { type, status: 'True', reason, message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
}
