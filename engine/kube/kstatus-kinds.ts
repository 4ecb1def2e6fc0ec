/** The rules of kstatus for single kinds. A rule is asked after deletion, generation, Reconciling and Stalled. */
import { type Condition, conditionOf, conditionsOf } from './conditions.ts';
import type { StatusOptions, StatusResult } from './kstatus-model.ts';
import type { KubeObject } from './object.ts';
import { getPath, isList, text, wholeNumber } from './value.ts';

/** Undefined: the rule has nothing to say, and the Ready condition decides. */
export type KindRule = (object: KubeObject, options: StatusOptions) => StatusResult | undefined;

/** By `Kind.group`. Kinds that only hold data need no rule: nothing said is Current. */
export function kindRule(kind: string): KindRule | undefined {
  return RULES.get(kind);
}

const RULES: ReadonlyMap<string, KindRule> = new Map<string, KindRule>([
  ['Deployment.apps', deployment],
  ['StatefulSet.apps', statefulSet],
  ['DaemonSet.apps', daemonSet],
  ['ReplicaSet.apps', replicaSet],
  ['ReplicationController', replicaSet],
  ['Pod', pod],
  ['Job.batch', job],
  ['PersistentVolumeClaim', claim],
  ['PersistentVolume', volume],
  ['Service', service],
  ['Namespace', namespace],
  ['CustomResourceDefinition.apiextensions.k8s.io', customResourceDefinition],
  ['APIService.apiregistration.k8s.io', apiService],
]);

function current(message: string): StatusResult {
  return { status: 'Current', reason: 'Current', message };
}

function inProgress(reason: string, message: string): StatusResult {
  return { status: 'InProgress', reason, message };
}

function failed(reason: string, message: string): StatusResult {
  return { status: 'Failed', reason, message };
}

/** A number in spec or status; counters that are left out are 0. */
function count(object: KubeObject, part: 'spec' | 'status', name: string, fallback = 0): number {
  return wholeNumber(getPath(object[part], [name])) ?? fallback;
}

/** "1 of 3 replicas are ready", "0 of 1 replica is ready". */
function outOf(have: number, want: number, noun: string, what: string): string {
  return `${have} of ${want} ${noun}${want === 1 ? ' is' : 's are'} ${what}`;
}

function surplus(have: number, want: number): StatusResult {
  const more = have - want;
  return inProgress(
    'ExtraPods',
    `${more} replica${more === 1 ? ' has' : 's have'} still to go (wanted: ${want})`,
  );
}

function deployment(object: KubeObject): StatusResult {
  const progressing = conditionOf(object, 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded') {
    return failed('ProgressDeadlineExceeded', progressing.message || 'did not progress within its deadline');
  }
  return deploymentReplicas(object) ?? deploymentConditions(object, progressing);
}

function deploymentReplicas(object: KubeObject): StatusResult | undefined {
  const wanted = count(object, 'spec', 'replicas', 1);
  const exist = count(object, 'status', 'replicas');
  const updated = count(object, 'status', 'updatedReplicas');
  const available = count(object, 'status', 'availableReplicas');
  const ready = count(object, 'status', 'readyReplicas');
  if (wanted > exist) return withFailure(object, 'LessReplicas', outOf(exist, wanted, 'replica', 'created'));
  if (wanted > updated) return inProgress('LessUpdated', outOf(updated, wanted, 'replica', 'updated'));
  if (exist > wanted) return surplus(exist, wanted);
  if (wanted > ready) return inProgress('LessReady', outOf(ready, wanted, 'replica', 'ready'));
  if (updated > available)
    return inProgress('LessAvailable', outOf(available, updated, 'replica', 'available'));
  return undefined;
}

/** A quota or an admission refusal stands in ReplicaFailure; without it nobody would know why no Pod comes. */
function withFailure(object: KubeObject, reason: string, message: string): StatusResult {
  const failure = conditionOf(object, 'ReplicaFailure');
  if (failure?.status !== 'True') return inProgress(reason, message);
  return inProgress('ReplicaFailure', `${message}: ${failure.message || failure.reason}`);
}

/** The controller sets no Progressing condition when the deadline is the largest int32. */
const NO_DEADLINE = 2 ** 31 - 1;

function deploymentConditions(object: KubeObject, progressing: Condition | undefined): StatusResult {
  const unlimited = count(object, 'spec', 'progressDeadlineSeconds', NO_DEADLINE) === NO_DEADLINE;
  const rolledOut = progressing?.status === 'True' && progressing.reason === 'NewReplicaSetAvailable';
  if (!unlimited && !rolledOut) {
    return inProgress(
      'ReplicaSetNotAvailable',
      progressing?.message || 'its new ReplicaSet is not available yet',
    );
  }
  const available = conditionOf(object, 'Available');
  if (available?.status !== 'True') {
    return inProgress('DeploymentNotAvailable', available?.message || 'is not available yet');
  }
  const wanted = count(object, 'spec', 'replicas', 1);
  return current(outOf(count(object, 'status', 'readyReplicas'), wanted, 'replica', 'ready'));
}

function statefulSet(object: KubeObject): StatusResult {
  const wanted = count(object, 'spec', 'replicas', 1);
  const strategy = getPath(object.spec, ['updateStrategy', 'type']);
  if (strategy === 'OnDelete') return current('its Pods are updated when they are deleted (OnDelete)');
  const exist = count(object, 'status', 'replicas');
  const ready = count(object, 'status', 'readyReplicas');
  if (wanted > exist) return inProgress('LessReplicas', outOf(exist, wanted, 'replica', 'created'));
  if (wanted > ready) return inProgress('LessReady', outOf(ready, wanted, 'replica', 'ready'));
  if (exist > wanted) return surplus(exist, wanted);
  return statefulSetUpdate(object, wanted) ?? current(outOf(ready, wanted, 'replica', 'ready'));
}

function statefulSetUpdate(object: KubeObject, wanted: number): StatusResult | undefined {
  const updated = count(object, 'status', 'updatedReplicas');
  const partition = wholeNumber(getPath(object.spec, ['updateStrategy', 'rollingUpdate', 'partition']));
  if (partition !== undefined && partition > 0) {
    const share = wanted - partition;
    if (updated >= share) return undefined;
    return inProgress('PartitionRollout', outOf(updated, share, 'replica', 'updated'));
  }
  const { currentRevision, updateRevision } = revisions(object);
  if (currentRevision === updateRevision) return undefined;
  return inProgress('RevisionMismatch', outOf(updated, wanted, 'replica', 'updated'));
}

function revisions(object: KubeObject): {
  readonly currentRevision: string;
  readonly updateRevision: string;
} {
  const revision = (name: string): string => text(getPath(object.status, [name])) ?? '';
  return { currentRevision: revision('currentRevision'), updateRevision: revision('updateRevision') };
}

function daemonSet(object: KubeObject): StatusResult {
  const wanted = wholeNumber(getPath(object.status, ['desiredNumberScheduled']));
  if (wanted === undefined)
    return inProgress('NoDesiredNumber', 'its controller has not counted its nodes yet');
  const steps = [
    ['LessCurrent', 'currentNumberScheduled', 'scheduled'],
    ['LessUpdated', 'updatedNumberScheduled', 'updated'],
    ['LessReady', 'numberReady', 'ready'],
    ['LessAvailable', 'numberAvailable', 'available'],
  ] as const;
  for (const [reason, name, what] of steps) {
    const have = count(object, 'status', name);
    // An OnDelete DaemonSet updates its Pods when the user deletes them.
    if (reason === 'LessUpdated' && getPath(object.spec, ['updateStrategy', 'type']) === 'OnDelete') continue;
    if (wanted > have) return inProgress(reason, outOf(have, wanted, 'Pod', what));
  }
  return current(outOf(count(object, 'status', 'numberReady'), wanted, 'Pod', 'ready'));
}

function replicaSet(object: KubeObject): StatusResult {
  const wanted = count(object, 'spec', 'replicas', 1);
  const failure = conditionOf(object, 'ReplicaFailure');
  if (failure?.status === 'True')
    return inProgress('ReplicaFailure', failure.message || 'its Pods cannot be created');
  const steps = [
    ['LessLabelled', 'fullyLabeledReplicas', 'labelled'],
    ['LessReady', 'readyReplicas', 'ready'],
    ['LessAvailable', 'availableReplicas', 'available'],
  ] as const;
  for (const [reason, name, what] of steps) {
    const have = count(object, 'status', name);
    if (wanted > have) return inProgress(reason, outOf(have, wanted, 'replica', what));
  }
  const exist = count(object, 'status', 'replicas');
  return exist > wanted ? surplus(exist, wanted) : current(outOf(exist, wanted, 'replica', 'ready'));
}

function pod(object: KubeObject, options: StatusOptions): StatusResult {
  switch (getPath(object.status, ['phase'])) {
    case 'Succeeded':
      return current('has completed');
    case 'Failed':
      return options.rules === 'kstatus' ? current('has completed, but not successfully') : failedPod(object);
    case 'Running':
      return runningPod(object);
    case 'Pending':
      return pendingPod(object, options);
    default:
      return inProgress('PodNotObserved', 'has no known phase yet');
  }
}

function failedPod(object: KubeObject): StatusResult {
  const reason = text(getPath(object.status, ['reason']));
  const message = text(getPath(object.status, ['message']));
  return failed(reason ?? 'PodFailed', message ?? reason ?? 'has failed');
}

function runningPod(object: KubeObject): StatusResult {
  const ready = conditionOf(object, 'Ready');
  if (ready?.status === 'True') return current('is ready');
  const crashing = waitingContainers(object, ['CrashLoopBackOff']);
  if (crashing.length > 0) return failed('ContainerCrashLooping', `keeps crashing: ${crashing.join(', ')}`);
  return inProgress(
    'PodRunningNotReady',
    `runs but is not ready${ready?.message ? `: ${ready.message}` : ''}`,
  );
}

/** How long a Pod may be unscheduled before it counts as failed. */
const SCHEDULE_WINDOW_MS = 15_000;

function pendingPod(object: KubeObject, { now }: StatusOptions): StatusResult {
  const scheduled = conditionOf(object, 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    const message = `cannot be scheduled: ${scheduled.message}`;
    const created = Date.parse(object.metadata.creationTimestamp ?? '');
    const late = now !== undefined && now - created >= SCHEDULE_WINDOW_MS;
    return late ? failed('PodUnschedulable', message) : inProgress('PodNotScheduled', message);
  }
  const stuck = waitingContainers(object, [
    'ImagePullBackOff',
    'ErrImagePull',
    'InvalidImageName',
    'CreateContainerConfigError',
  ]);
  if (stuck.length > 0) return inProgress('ContainerNotStarted', `cannot start: ${stuck.join(', ')}`);
  return inProgress('PodPending', 'has not started yet');
}

/** Containers that wait for one of these reasons: `app (CrashLoopBackOff)`. */
function waitingContainers(object: KubeObject, reasons: readonly string[]): readonly string[] {
  const lists = ['initContainerStatuses', 'containerStatuses'].map((name) => getPath(object.status, [name]));
  return lists
    .flatMap((list) => (isList(list) ? list : []))
    .flatMap((container) => {
      const reason = text(getPath(container, ['state', 'waiting', 'reason']));
      if (reason === undefined || !reasons.includes(reason)) return [];
      return [`${text(getPath(container, ['name'])) ?? 'container'} (${reason})`];
    });
}

function job(object: KubeObject, options: StatusOptions): StatusResult {
  const wanted = count(object, 'spec', 'completions', count(object, 'spec', 'parallelism', 1));
  const succeeded = count(object, 'status', 'succeeded');
  const progress = `${succeeded} of ${wanted} completion${wanted === 1 ? '' : 's'}`;
  for (const condition of conditionsOf(object)) {
    if (condition.status !== 'True') continue;
    if (condition.type === 'Complete') return current(`is complete: ${progress}`);
    if (condition.type === 'Failed')
      return failed('JobFailed', condition.message || `has failed: ${progress}`);
    if (condition.type === 'Suspended' && getPath(object.spec, ['suspend']) === true)
      return current('is suspended');
  }
  if (getPath(object.status, ['startTime']) === undefined)
    return inProgress('JobNotStarted', 'has not started yet');
  const running = `runs: ${progress}, ${count(object, 'status', 'failed')} failed`;
  return options.rules === 'kstatus' ? current(running) : inProgress('JobRunning', running);
}

/** What the volume controller writes on a claim once it works on it (also under their beta names). */
const PROVISIONER = /^volume\.(beta\.)?kubernetes\.io\/storage-provisioner$/;
const SELECTED_NODE = 'volume.kubernetes.io/selected-node';

function claim(object: KubeObject, options: StatusOptions): StatusResult {
  const phase = text(getPath(object.status, ['phase']));
  if (phase === 'Bound') return current('is bound');
  if (phase === 'Lost') return failed('ClaimLost', 'has lost its volume');
  if (phase === 'Pending' && options.rules !== 'kstatus' && waitsForConsumer(object)) {
    return current('waits for its first consumer');
  }
  return inProgress('NotBound', pendingClaim(object));
}

/**
 * The StorageClass is not at hand here, so the claim itself must tell: it names a class, no volume was chosen, no node
 * was selected, and no provisioner was asked. With binding mode Immediate the controller asks one at once; so what is
 * left is WaitForFirstConsumer (or an Immediate class of hand-made volumes with none that fits, which is indistinguishable
 * and where calling it Current lets the Pod show the reason).
 */
function waitsForConsumer(object: KubeObject): boolean {
  const className = text(getPath(object.spec, ['storageClassName'])) ?? '';
  const volumeName = text(getPath(object.spec, ['volumeName'])) ?? '';
  const annotations = Object.keys(object.metadata.annotations ?? {});
  const busy = annotations.some((name) => name === SELECTED_NODE || PROVISIONER.test(name));
  return className !== '' && volumeName === '' && !busy;
}

function pendingClaim(object: KubeObject): string {
  const className = getPath(object.spec, ['storageClassName']);
  if (className === undefined) return 'is not bound: it names no StorageClass and the cluster has no default';
  if (className === '') return 'is not bound: no volume fits (its storageClassName is empty)';
  return 'is not bound yet';
}

function volume(object: KubeObject): StatusResult | undefined {
  const phase = getPath(object.status, ['phase']);
  if (phase !== 'Failed') return undefined;
  return failed('VolumeFailed', text(getPath(object.status, ['message'])) ?? 'could not be reclaimed');
}

function service(object: KubeObject): StatusResult {
  const clusterIP = text(getPath(object.spec, ['clusterIP'])) ?? '';
  const balanced = getPath(object.spec, ['type']) === 'LoadBalancer';
  if (balanced && clusterIP === '') return inProgress('NoIPAssigned', 'has no cluster IP yet');
  return current('is ready');
}

function namespace(object: KubeObject): StatusResult {
  const phase = getPath(object.status, ['phase']);
  return phase === 'Terminating'
    ? { status: 'Terminating', reason: 'Terminating', message: 'is being deleted' }
    : current('is active');
}

function customResourceDefinition(object: KubeObject): StatusResult {
  const names = conditionOf(object, 'NamesAccepted');
  if (names?.status === 'False')
    return failed(names.reason || 'NamesNotAccepted', names.message || 'names are taken');
  const established = conditionOf(object, 'Established');
  if (established?.status === 'True') return current('is served');
  if (established?.status === 'False' && established.reason !== 'Installing') {
    return failed(established.reason || 'NotEstablished', established.message || 'is not served');
  }
  return inProgress('Installing', 'is not served yet');
}

function apiService(object: KubeObject): StatusResult {
  const available = conditionOf(object, 'Available');
  if (available?.status === 'True') return current('is available');
  return inProgress(available?.reason || 'NotAvailable', available?.message || 'is not available yet');
}
