import { describe, expect, it } from 'vitest';
import {
  conditionOf,
  conditionsOf,
  conditionToJson,
  reasonName,
  stampConditions,
} from '../../engine/kube/conditions.ts';
import { withZeroCounters } from '../../engine/kube/counters.ts';
import { kindRank } from '../../engine/kube/order.ts';
import { controllerOf, hasOwner, isControlledBy, ownerReference } from '../../engine/kube/owners.ts';
import { matchesSelector, selectorText } from '../../engine/kube/selectors.ts';
import { object } from './builders.ts';

describe('conditions', () => {
  const before = {
    type: 'Ready',
    status: 'False',
    reason: 'A',
    message: 'a',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  } as const;
  const now = Date.parse('2026-01-02T03:04:05.678Z');

  it('keep their time while the status stays, whatever reason and message say', () => {
    const [next] = stampConditions(
      [before],
      [{ type: 'Ready', status: 'False', reason: 'B', message: 'b' }],
      now,
    );
    expect(next).toEqual({ ...before, reason: 'B', message: 'b' });
  });

  it('take the present time, in seconds, when the status changes or the condition is new', () => {
    const next = [
      { type: 'Ready', status: 'True', reason: 'B', message: 'b' },
      { type: 'Stalled', status: 'False', reason: 'C', message: 'c' },
    ] as const;
    expect(stampConditions([before], next, now).map((c) => c.lastTransitionTime)).toEqual([
      '2026-01-02T03:04:05Z',
      '2026-01-02T03:04:05Z',
    ]);
  });

  it('are read leniently, without what is none', () => {
    const conditions = [
      { type: 'Ready', status: 'True' },
      { type: 'X', status: 'yes' },
      'junk',
      { status: 'True' },
    ];
    const thing = object('example.com/v1', 'Thing', { status: { conditions } });
    expect(conditionsOf(thing)).toEqual([{ type: 'Ready', status: 'True', reason: '', message: '' }]);
    expect(conditionOf(thing, 'Ready')?.status).toBe('True');
    expect(conditionsOf(object('v1', 'ConfigMap'))).toEqual([]);
  });

  it('are written as the API server takes them', () => {
    const json = conditionToJson({
      ...before,
      reason: '',
      message: 'x'.repeat(40_000),
      observedGeneration: 2,
    });
    expect(json).toMatchObject({ reason: 'Unknown', observedGeneration: 2 });
    expect(String(json.message)).toHaveLength(32_768);
    expect(['children.db', '1st:', 'Ok', ' no way '].map(reasonName)).toEqual([
      'childrendb',
      'st',
      'Ok',
      'noway',
    ]);
  });
});

describe('counters', () => {
  it('that a workload leaves out read 0 once its controller has seen it', () => {
    const o = object('apps/v1', 'Deployment', { status: { observedGeneration: 1, replicas: 2 } });
    expect(withZeroCounters(o).status).toEqual({
      observedGeneration: 1,
      replicas: 2,
      readyReplicas: 0,
      availableReplicas: 0,
      updatedReplicas: 0,
      unavailableReplicas: 0,
    });
  });

  it('stay missing while it has seen an older generation, or none', () => {
    const old = object('apps/v1', 'Deployment', {
      metadata: { generation: 2 },
      status: { observedGeneration: 1 },
    });
    const none = object('apps/v1', 'StatefulSet', { status: {} });
    expect(withZeroCounters(old)).toBe(old);
    expect(withZeroCounters(none)).toBe(none);
  });

  it('of a Job read 0 once it has started', () => {
    const waiting = object('batch/v1', 'Job', { status: {} });
    expect(withZeroCounters(waiting)).toBe(waiting);
    expect(withZeroCounters(object('batch/v1', 'Job', { status: { startTime: 't' } })).status).toMatchObject({
      active: 0,
      succeeded: 0,
      failed: 0,
    });
  });

  it('are nothing that other kinds have', () => {
    const pod = object('v1', 'Pod', { status: { observedGeneration: 1 } });
    expect(withZeroCounters(pod)).toBe(pod);
  });
});

describe('label selectors', () => {
  const labels = { app: 'web', tier: 'front' };
  it.each([
    [{}, true],
    [{ matchLabels: { app: 'web' } }, true],
    [{ matchLabels: { app: 'web', tier: 'back' } }, false],
    [{ matchLabels: { constructor: 'x' } }, false],
    [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['api', 'web'] }] }, true],
    [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, false],
    [{ matchExpressions: [{ key: 'none', operator: 'NotIn', values: ['web'] }] }, true],
    [{ matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, true],
    [{ matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, false],
  ] as const)('%j matches: %s', (selector, expected) => {
    expect(matchesSelector(selector, labels)).toBe(expected);
  });

  it('match an object without labels only when they ask for none', () => {
    expect(matchesSelector({ matchLabels: { app: 'web' } }, undefined)).toBe(false);
    expect(matchesSelector({ matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] }, undefined)).toBe(
      true,
    );
  });

  it('are written as requests have them', () => {
    const selector = {
      matchLabels: { b: '2', a: '1' },
      matchExpressions: [
        { key: 'c', operator: 'In', values: ['x', 'y'] },
        { key: 'd', operator: 'NotIn', values: ['z'] },
        { key: 'e', operator: 'Exists' },
        { key: 'f', operator: 'DoesNotExist' },
      ],
    } as const;
    expect(selectorText(selector)).toBe('a=1,b=2,c in (x,y),d notin (z),e,!f');
    expect(selectorText({})).toBe('');
  });
});

describe('owners', () => {
  const owner = { apiVersion: 'example.com/v1', kind: 'Thing', name: 'a', uid: 'u1' };
  const child = object('v1', 'ConfigMap', {
    metadata: {
      ownerReferences: [
        { ...owner, uid: 'u0' },
        { ...owner, controller: true },
      ],
    },
  });

  it('are known by uid; one of them controls', () => {
    expect(controllerOf(child)?.uid).toBe('u1');
    expect(isControlledBy(child, 'u1')).toBe(true);
    expect(isControlledBy(child, 'u0')).toBe(false);
    expect(hasOwner(child, 'u0')).toBe(true);
    expect(hasOwner(object('v1', 'ConfigMap'), 'u0')).toBe(false);
  });

  it('are referred to as controller or not', () => {
    const thing = object('example.com/v1', 'Thing', { metadata: { name: 'a', uid: 'u1' } });
    expect(ownerReference(thing, { controller: true })).toEqual({
      ...owner,
      controller: true,
      blockOwnerDeletion: true,
    });
    expect(ownerReference(thing, { controller: false })).toEqual(owner);
    expect(ownerReference(object('v1', 'ConfigMap'), { controller: true })).toBeUndefined();
  });
});

describe('the order of kinds', () => {
  it('is what others need first', () => {
    const kinds = [
      { group: 'example.com', kind: 'Thing' },
      { group: 'admissionregistration.k8s.io', kind: 'ValidatingWebhookConfiguration' },
      { group: 'apps', kind: 'Deployment' },
      { group: '', kind: 'Service' },
      { group: 'apiextensions.k8s.io', kind: 'CustomResourceDefinition' },
      { group: '', kind: 'PersistentVolumeClaim' },
      { group: '', kind: 'Secret' },
      { group: '', kind: 'ServiceAccount' },
      { group: '', kind: 'Namespace' },
    ];
    const sorted = kinds.toSorted((a, b) => kindRank(a) - kindRank(b));
    expect(sorted).toEqual(kinds.toReversed());
  });

  it('goes by group and kind: a Service of another group is unknown', () => {
    expect(kindRank({ group: 'serving.knative.dev', kind: 'Service' })).toBeGreaterThan(
      kindRank({ group: '', kind: 'Service' }),
    );
  });
});
