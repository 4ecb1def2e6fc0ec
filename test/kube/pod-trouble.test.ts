import { expect, it } from 'vitest';
import type { JsonObject, KubeObject } from '../../engine/kube/object.ts';
import { podTrouble } from '../../engine/kube/pod-trouble.ts';

function pod(status: JsonObject, spec: JsonObject = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec, status };
}

const web = (parts: JsonObject) =>
  pod({ containerStatuses: [{ name: 'web', ready: false, restartCount: 0, ...parts }] });

it('tells why a pod is not scheduled, and nothing else of it', () => {
  const status = {
    conditions: [
      { type: 'Ready', status: 'False' },
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes are available' },
    ],
  };
  expect(podTrouble(pod(status))).toEqual(['is not scheduled: Unschedulable: 0/1 nodes are available']);
});

it('tells why a container waits, on one line, but not that it is being created', () => {
  const waiting = (reason: string, message = '') => web({ state: { waiting: { reason, message } } });
  expect(podTrouble(waiting('ErrImagePull', 'not\n  found'))).toEqual([
    'container web waits: ErrImagePull: not found',
  ]);
  expect(podTrouble(waiting('CreateContainerConfigError'))).toEqual([
    'container web waits: CreateContainerConfigError',
  ]);
  expect(podTrouble(waiting('ContainerCreating'))).toEqual([]);
  expect(podTrouble(waiting('PodInitializing'))).toEqual([]);
});

it('tells how a container ended that is started again and again', () => {
  const lastState = { terminated: { exitCode: 1, reason: 'Error', message: 'no such table' } };
  const state = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } };
  expect(podTrouble(web({ state, lastState, restartCount: 2 }))).toEqual([
    'container web waits: CrashLoopBackOff: back-off 10s',
    'container web ended with exit code 1: Error: no such table',
  ]);
  const done = { terminated: { exitCode: 0, reason: 'Completed' } };
  expect(podTrouble(web({ state: done, restartCount: 1 }))).toEqual([
    'container web ended with exit code 0: Completed',
  ]);
  expect(podTrouble(web({ state: done }))).toEqual([]);
});

it('tells of containers that run before the others', () => {
  const status = {
    initContainerStatuses: [{ name: 'load', state: { terminated: { exitCode: 2 } }, restartCount: 0 }],
  };
  expect(podTrouble(pod(status))).toEqual(['container load ended with exit code 2']);
});

it('tells of a probe that has not succeeded, of a container that has one', () => {
  const running = {
    containerStatuses: [{ name: 'web', ready: false, restartCount: 0, state: { running: {} } }],
  };
  const probed = { containers: [{ name: 'web', readinessProbe: {} }, { name: 'log' }] };
  expect(podTrouble(pod(running, probed))).toEqual([
    'container web runs, and its readiness probe has not succeeded',
  ]);
  expect(podTrouble(pod(running, { containers: [{ name: 'web' }] }))).toEqual([]);
});

it('has nothing to say of a pod that is ready, or has no status', () => {
  expect(podTrouble(web({ ready: true, state: { running: {} } }))).toEqual([]);
  expect(podTrouble(pod({}))).toEqual([]);
});
