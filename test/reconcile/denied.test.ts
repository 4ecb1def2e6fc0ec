import { describe, expect, it } from 'vitest';
import { conditionOf } from '../../engine/kube/conditions.ts';
import { FINALIZER } from '../../engine/kube/labels.ts';
import { DENIED_RETRY_MS } from '../../engine/reconcile/denied.ts';
import { planReconcile } from '../../engine/reconcile/plan.ts';
import { app, configMap, NOW, World, watchOf } from './kit.ts';

const WATCH = watchOf(
  `manifests: [config.yaml.hbs]
status: {text: spec.text}
health: {Ready: "true", Quiet: "true"}`,
  { 'config.yaml.hbs': configMap('web', 'text: "{{spec.text}}"') },
);
const DENIED = { message: 'User "libretto-app" cannot patch resource "apps"', at: NOW };

function world(): World {
  const at = new World(app({ text: 'hello' }));
  const quiet = { type: 'Quiet', status: 'True', reason: 'Quiet', message: '', lastTransitionTime: '' };
  at.resource = { ...at.resource, status: { text: 'before', conditions: [quiet] } };
  return at;
}

describe('a resource that may not be worked on', () => {
  it('says why, keeps what was known, begins nothing, and is looked at again after a while', async () => {
    const at = world();
    at.memory = { ...at.memory, denied: DENIED, statusAt: NOW };
    at.now = NOW + 1;
    const plan = await planReconcile(WATCH, at.snapshot());
    expect(plan).toMatchObject({ changes: [], finalizer: 'keep', kinds: [], memory: { denied: DENIED } });
    expect(plan.outcome).toMatchObject({
      kind: 'pending',
      reason: 'Forbidden',
      wakeAt: NOW + DENIED_RETRY_MS,
    });
    const { status } = plan;
    expect(status).toMatchObject({ text: 'before' });
    const resource = { ...at.resource, ...(status === undefined ? {} : { status }) };
    expect(conditionOf(resource, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'Forbidden',
      message: DENIED.message,
    });
    expect(conditionOf(resource, 'Quiet')).toMatchObject({ status: 'True' });
  });

  it('is tried again in full once the time has come, and then knows nothing of the denial', async () => {
    const at = world();
    at.memory = { ...at.memory, denied: DENIED };
    at.now = NOW + DENIED_RETRY_MS;
    const plan = await planReconcile(WATCH, at.snapshot());
    expect(plan.changes).toHaveLength(1);
    expect(plan.memory.denied).toBeUndefined();
  });

  it('is always tried when it goes', async () => {
    const at = world();
    at.memory = { ...at.memory, denied: DENIED };
    at.now = NOW + 1;
    at.resource = {
      ...at.resource,
      metadata: { ...at.resource.metadata, deletionTimestamp: 'now', finalizers: [FINALIZER] },
    };
    expect((await planReconcile(WATCH, at.snapshot())).finalizer).toBe('remove');
  });

  it('reads that are denied stand before what a rule misses for want of them', async () => {
    const at = world();
    const watch = watchOf(
      `observe: {key: {apiVersion: v1, kind: Secret, name: key}}\nhealth: {Ready: $exists(observe.key)}`,
    );
    at.observed = { key: { synced: false, failure: 'cannot list secrets', denied: true, objects: [] } };
    const { status } = await planReconcile(watch, at.snapshot());
    expect(conditionOf({ ...at.resource, status }, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'Forbidden',
    });
  });
});
