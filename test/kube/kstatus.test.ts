import { describe, expect, it } from 'vitest';
import { computeStatus, type StatusOptions, type StatusResult } from '../../engine/kube/kstatus.ts';
import type { Json, KubeObject } from '../../engine/kube/object.ts';
import { object } from './builders.ts';

function said(o: KubeObject | undefined, options?: StatusOptions): string {
  const { status, message }: StatusResult = computeStatus(o, options);
  return `${status}: ${message}`;
}

function condition(type: string, status: string, reason = '', message = ''): Json {
  return { type, status, reason, message };
}

describe('what every object says', () => {
  it('is Unknown when it does not exist', () => {
    expect(computeStatus(undefined)).toMatchObject({ status: 'Unknown', reason: 'NotFound' });
  });

  it('is Terminating before anything else, with the finalizers that hold it', () => {
    const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a/b'] };
    const status = { conditions: [condition('Stalled', 'True')] };
    expect(said(object('v1', 'ConfigMap', { metadata, status }))).toBe(
      'Terminating: is being deleted; finalizers left: a/b',
    );
  });

  it('is InProgress while its controller has seen an older generation', () => {
    const status = { observedGeneration: 1, conditions: [condition('Ready', 'True')] };
    const o = object('example.com/v1', 'Thing', { metadata: { generation: 2 }, status });
    expect(said(o)).toBe('InProgress: its controller has seen generation 1, not yet 2');
  });

  it('is InProgress while Reconciling, before Stalled and Ready are asked', () => {
    const conditions = [
      condition('Ready', 'True'),
      condition('Stalled', 'True', 'Bad', 'no'),
      condition('Reconciling', 'True', 'Busy', 'at it'),
    ];
    expect(computeStatus(object('example.com/v1', 'Thing', { status: { conditions } }))).toEqual({
      status: 'InProgress',
      reason: 'Busy',
      message: 'at it',
    });
  });

  it('is Failed when Stalled', () => {
    const conditions = [condition('Ready', 'True'), condition('Stalled', 'True', 'Bad', 'no')];
    expect(computeStatus(object('example.com/v1', 'Thing', { status: { conditions } }))).toEqual({
      status: 'Failed',
      reason: 'Bad',
      message: 'no',
    });
  });

  it.each([
    ['True', 'Current: is ready'],
    ['False', 'InProgress: why'],
    ['Unknown', 'InProgress: why'],
  ])('follows Ready=%s of a custom resource', (status, expected) => {
    const conditions = [condition('Ready', status, 'R', 'why')];
    expect(said(object('example.com/v1', 'Thing', { status: { conditions } }))).toBe(expected);
  });

  it('is Current when nothing is said, unless an observedGeneration is required', () => {
    const thing = object('example.com/v1', 'Thing');
    expect(said(thing)).toBe('Current: is as described');
    expect(said(thing, { requireObservedGeneration: true })).toBe(
      'InProgress: its controller has not reported yet',
    );
    expect(said(object('v1', 'Secret'))).toBe('Current: is as described');
    expect(said(object('networking.k8s.io/v1', 'Ingress'))).toBe('Current: is as described');
    expect(said(object('batch/v1', 'CronJob'))).toBe('Current: is as described');
  });
});

describe('a Deployment', () => {
  const ready = {
    observedGeneration: 1,
    replicas: 3,
    updatedReplicas: 3,
    readyReplicas: 3,
    availableReplicas: 3,
    conditions: [
      condition('Available', 'True'),
      condition('Progressing', 'True', 'NewReplicaSetAvailable', 'done'),
    ],
  };
  const deployment = (
    status: object | undefined,
    spec: object = { replicas: 3, progressDeadlineSeconds: 600 },
  ): KubeObject =>
    object('apps/v1', 'Deployment', {
      spec: { ...spec },
      ...(status === undefined ? {} : { status: { ...status } }),
    });

  it('is Current when all its replicas are new and available', () => {
    expect(said(deployment(ready))).toBe('Current: 3 of 3 replicas are ready');
  });

  it.each([
    [{ replicas: 1 }, 'InProgress: 1 of 3 replicas are created'],
    [{ updatedReplicas: 2 }, 'InProgress: 2 of 3 replicas are updated'],
    [{ replicas: 5 }, 'InProgress: 2 replicas have still to go (wanted: 3)'],
    [{ readyReplicas: 2 }, 'InProgress: 2 of 3 replicas are ready'],
    [{ readyReplicas: undefined }, 'InProgress: 0 of 3 replicas are ready'],
    [{ availableReplicas: 1 }, 'InProgress: 1 of 3 replicas are available'],
    [{ observedGeneration: undefined }, 'InProgress: its controller has not reported yet'],
    [{ conditions: [condition('Available', 'True')] }, 'InProgress: its new ReplicaSet is not available yet'],
    [
      { conditions: [condition('Progressing', 'True', 'NewReplicaSetAvailable')] },
      'InProgress: is not available yet',
    ],
    [
      { conditions: [condition('Progressing', 'False', 'ProgressDeadlineExceeded', 'timed out')] },
      'Failed: timed out',
    ],
  ])('with %j says %s', (change, expected) => {
    expect(said(deployment({ ...ready, ...change }))).toBe(expected);
  });

  it('names the quota that keeps its Pods away', () => {
    const conditions = [condition('ReplicaFailure', 'True', 'FailedCreate', 'exceeded quota')];
    expect(said(deployment({ ...ready, replicas: 0, conditions }))).toBe(
      'InProgress: 0 of 3 replicas are created: exceeded quota',
    );
  });

  it('needs no Progressing condition without a deadline, and 1 replica by default', () => {
    const status = {
      observedGeneration: 1,
      replicas: 1,
      updatedReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
    };
    const conditions = [condition('Available', 'True')];
    expect(said(deployment({ ...status, conditions }, {}))).toBe('Current: 1 of 1 replica is ready');
  });

  it('of size 0 is Current once its controller has looked', () => {
    const spec = { replicas: 0, progressDeadlineSeconds: 600 };
    const { conditions } = ready;
    expect(said(deployment({ observedGeneration: 1, conditions }, spec))).toBe(
      'Current: 0 of 0 replicas are ready',
    );
    expect(said(deployment(undefined, spec))).toBe('InProgress: its controller has not reported yet');
  });
});

describe('a StatefulSet', () => {
  const ready = {
    observedGeneration: 1,
    replicas: 3,
    readyReplicas: 3,
    currentReplicas: 3,
    updatedReplicas: 3,
    currentRevision: 'a',
    updateRevision: 'a',
  };
  const set = (status: object, updateStrategy: object = {}): KubeObject =>
    object('apps/v1', 'StatefulSet', {
      spec: { replicas: 3, updateStrategy: { ...updateStrategy } },
      status: { ...ready, ...status },
    });

  it.each([
    [{}, 'Current: 3 of 3 replicas are ready'],
    [{ replicas: 2 }, 'InProgress: 2 of 3 replicas are created'],
    [{ readyReplicas: 2 }, 'InProgress: 2 of 3 replicas are ready'],
    [{ replicas: 4, readyReplicas: 4 }, 'InProgress: 1 replica has still to go (wanted: 3)'],
    [{ updateRevision: 'b', updatedReplicas: 1 }, 'InProgress: 1 of 3 replicas are updated'],
  ])('with %j says %s', (change, expected) => {
    expect(said(set(change))).toBe(expected);
  });

  it('with a partition waits for its part alone', () => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { partition: 2 } };
    expect(said(set({ updateRevision: 'b', updatedReplicas: 1 }, strategy))).toMatch(/^Current/);
    expect(said(set({ updateRevision: 'b', updatedReplicas: 0 }, strategy))).toBe(
      'InProgress: 0 of 1 replica is updated',
    );
  });

  it('with OnDelete is in the hands of its user', () => {
    expect(said(set({ updateRevision: 'b' }, { type: 'OnDelete' }))).toMatch(/^Current/);
  });
});

describe('a DaemonSet', () => {
  const ready = {
    observedGeneration: 1,
    desiredNumberScheduled: 2,
    currentNumberScheduled: 2,
    updatedNumberScheduled: 2,
    numberReady: 2,
    numberAvailable: 2,
  };
  it.each([
    [{}, 'Current: 2 of 2 Pods are ready'],
    [{ currentNumberScheduled: 1 }, 'InProgress: 1 of 2 Pods are scheduled'],
    [{ updatedNumberScheduled: 1 }, 'InProgress: 1 of 2 Pods are updated'],
    [{ numberReady: 1 }, 'InProgress: 1 of 2 Pods are ready'],
    [{ numberAvailable: undefined }, 'InProgress: 0 of 2 Pods are available'],
    [{ desiredNumberScheduled: undefined }, 'InProgress: its controller has not counted its nodes yet'],
    [{ observedGeneration: undefined }, 'InProgress: its controller has not reported yet'],
  ])('with %j says %s', (change, expected) => {
    expect(said(object('apps/v1', 'DaemonSet', { status: asStatus({ ...ready, ...change }) }))).toBe(
      expected,
    );
  });
});

describe('a ReplicaSet', () => {
  const ready = {
    observedGeneration: 1,
    replicas: 2,
    fullyLabeledReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
  };
  it.each([
    [{}, 'Current: 2 of 2 replicas are ready'],
    [{ fullyLabeledReplicas: 1 }, 'InProgress: 1 of 2 replicas are labelled'],
    [{ readyReplicas: 1 }, 'InProgress: 1 of 2 replicas are ready'],
    [{ availableReplicas: 1 }, 'InProgress: 1 of 2 replicas are available'],
    [{ replicas: 3 }, 'InProgress: 1 replica has still to go (wanted: 2)'],
    [{ conditions: [condition('ReplicaFailure', 'True', 'F', 'quota')] }, 'InProgress: quota'],
  ])('with %j says %s', (change, expected) => {
    const parts = { spec: { replicas: 2 }, status: asStatus({ ...ready, ...change }) };
    expect(said(object('apps/v1', 'ReplicaSet', parts))).toBe(expected);
  });
});

describe('a Pod', () => {
  const waiting = (reason: string): Json => [{ name: 'app', state: { waiting: { reason } } }];
  it.each([
    [{}, 'InProgress: has no known phase yet'],
    [{ phase: 'Succeeded' }, 'Current: has completed'],
    [{ phase: 'Failed', reason: 'Evicted', message: 'low on memory' }, 'Failed: low on memory'],
    [{ phase: 'Running', conditions: [condition('Ready', 'True')] }, 'Current: is ready'],
    [{ phase: 'Running' }, 'InProgress: runs but is not ready'],
    [
      { phase: 'Running', containerStatuses: waiting('CrashLoopBackOff') },
      'Failed: keeps crashing: app (CrashLoopBackOff)',
    ],
    [{ phase: 'Pending' }, 'InProgress: has not started yet'],
    [
      { phase: 'Pending', containerStatuses: waiting('ImagePullBackOff') },
      'InProgress: cannot start: app (ImagePullBackOff)',
    ],
  ])('with %j says %s', (status, expected) => {
    expect(said(object('v1', 'Pod', { status: asStatus(status) }))).toBe(expected);
  });

  it('that failed is Current by the letter of kstatus', () => {
    expect(said(object('v1', 'Pod', { status: { phase: 'Failed' } }), { rules: 'kstatus' })).toMatch(
      /^Current/,
    );
  });

  it('that finds no node fails after 15 s', () => {
    const conditions = [condition('PodScheduled', 'False', 'Unschedulable', '0/3 nodes are available')];
    const created = '2026-01-01T00:00:00Z';
    const pod = object('v1', 'Pod', {
      metadata: { creationTimestamp: created },
      status: { phase: 'Pending', conditions },
    });
    const message = 'cannot be scheduled: 0/3 nodes are available';
    expect(said(pod)).toBe(`InProgress: ${message}`);
    expect(said(pod, { now: Date.parse(created) + 14_999 })).toBe(`InProgress: ${message}`);
    expect(said(pod, { now: Date.parse(created) + 15_000 })).toBe(`Failed: ${message}`);
  });
});

describe('a Job', () => {
  const job = (status: object, spec: object = {}): KubeObject =>
    object('batch/v1', 'Job', { spec: { ...spec }, status: asStatus(status) });

  it('counts when it is complete, not when it has started', () => {
    expect(said(job({}))).toBe('InProgress: has not started yet');
    expect(said(job({ startTime: 't' }))).toBe('InProgress: runs: 0 of 1 completion, 0 failed');
    expect(said(job({ startTime: 't', succeeded: 1, conditions: [condition('Complete', 'True')] }))).toBe(
      'Current: is complete: 1 of 1 completion',
    );
    expect(said(job({ startTime: 't' }), { rules: 'kstatus' })).toMatch(/^Current/);
  });

  it('fails with its own message, and is Current while it is suspended', () => {
    expect(said(job({ conditions: [condition('Failed', 'True', 'B', 'backoff limit')] }))).toBe(
      'Failed: backoff limit',
    );
    expect(said(job({ conditions: [condition('Suspended', 'True')] }, { suspend: true }))).toBe(
      'Current: is suspended',
    );
  });
});

describe('a claim', () => {
  const claim = (
    spec: object,
    status: object = { phase: 'Pending' },
    annotations: Record<string, string> = {},
  ): KubeObject =>
    object('v1', 'PersistentVolumeClaim', {
      metadata: { annotations },
      spec: { ...spec },
      status: { ...status },
    });
  const fast = { storageClassName: 'fast' };

  it('is Current when it is bound, Failed when its volume is lost', () => {
    expect(said(claim(fast, { phase: 'Bound' }))).toBe('Current: is bound');
    expect(said(claim(fast, { phase: 'Lost' }))).toBe('Failed: has lost its volume');
  });

  it('is Current while it waits for its first consumer, but not by the letter of kstatus', () => {
    expect(said(claim(fast))).toBe('Current: waits for its first consumer');
    expect(said(claim(fast), { rules: 'kstatus' })).toBe('InProgress: is not bound yet');
  });

  it.each([
    'volume.kubernetes.io/selected-node',
    'volume.kubernetes.io/storage-provisioner',
    'volume.beta.kubernetes.io/storage-provisioner',
  ])('is InProgress once %s shows that someone works on it', (name) => {
    expect(said(claim(fast, { phase: 'Pending' }, { [name]: 'x' }))).toBe('InProgress: is not bound yet');
  });

  it('is InProgress when it names a volume, no class, or the empty class', () => {
    expect(said(claim({ ...fast, volumeName: 'pv' }))).toBe('InProgress: is not bound yet');
    expect(said(claim({}))).toMatch(/names no StorageClass/);
    expect(said(claim({ storageClassName: '' }))).toMatch(/no volume fits/);
    expect(said(claim(fast, {}))).toBe('InProgress: is not bound yet');
  });
});

describe('other kinds', () => {
  const crdStatus = (...conditions: readonly Json[]): string =>
    said(object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { status: { conditions } }));

  it('a CRD is Current when it is served', () => {
    expect(crdStatus()).toBe('InProgress: is not served yet');
    expect(crdStatus(condition('NamesAccepted', 'True'), condition('Established', 'True'))).toBe(
      'Current: is served',
    );
    expect(crdStatus(condition('Established', 'False', 'Installing'))).toMatch(/^InProgress/);
    expect(crdStatus(condition('Established', 'False', 'Broken', 'no'))).toBe('Failed: no');
    expect(crdStatus(condition('NamesAccepted', 'False', 'Taken', 'taken'))).toBe('Failed: taken');
  });

  it('a Service of type LoadBalancer waits for its cluster IP', () => {
    expect(said(object('v1', 'Service', { spec: { type: 'LoadBalancer' } }))).toMatch(/^InProgress/);
    expect(said(object('v1', 'Service', { spec: { type: 'LoadBalancer', clusterIP: '10.0.0.1' } }))).toMatch(
      /^Current/,
    );
    expect(said(object('v1', 'Service'))).toBe('Current: is ready');
  });

  it('a disruption budget waits for its controller, an APIService for its server', () => {
    expect(said(object('policy/v1', 'PodDisruptionBudget'))).toMatch(/^InProgress/);
    expect(said(object('policy/v1', 'PodDisruptionBudget', { status: { observedGeneration: 1 } }))).toMatch(
      /^Current/,
    );
    expect(said(object('apiregistration.k8s.io/v1', 'APIService'))).toMatch(/^InProgress/);
  });

  it('a Namespace that terminates is Terminating, a volume that failed is Failed', () => {
    expect(said(object('v1', 'Namespace', { status: { phase: 'Terminating' } }))).toMatch(/^Terminating/);
    expect(said(object('v1', 'Namespace', { status: { phase: 'Active' } }))).toBe('Current: is active');
    expect(said(object('v1', 'PersistentVolume', { status: { phase: 'Failed', message: 'x' } }))).toBe(
      'Failed: x',
    );
    expect(said(object('v1', 'PersistentVolume', { status: { phase: 'Bound' } }))).toMatch(/^Current/);
  });
});

/** Without the properties that a case has set to undefined, as JSON has it. */
function asStatus(status: object): Json {
  return JSON.parse(JSON.stringify(status));
}
