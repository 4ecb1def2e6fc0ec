import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../engine/kube/object.ts';
import { loadPlaybook } from '../../engine/playbook/load.ts';
import type { Watch } from '../../engine/playbook/model.ts';
import { conditionIn, isEmpty, UID, World } from './kit.ts';

const FOLDER = new URL('../../playbooks/memcached/', import.meta.url);
const FILES = ['watches.yaml', 'crd.yaml', 'deployment.yaml.hbs', 'service.yaml.hbs'];

function memcachedWatch(): Watch {
  const files = new Map(FILES.map((name) => [name, readFileSync(new URL(name, FOLDER), 'utf8')]));
  const result = loadPlaybook('memcached', files, { schema: () => undefined });
  if (result.kind === 'refused' || result.playbook.watches[0] === undefined)
    throw new Error(JSON.stringify(result));
  return result.playbook.watches[0];
}

function memcached(size: number): KubeObject {
  return {
    apiVersion: 'cache.example.com/v1',
    kind: 'Memcached',
    metadata: { name: 'web', namespace: 'shop', uid: UID, generation: 1, resourceVersion: '1' },
    spec: { size, image: 'memcached:1.6', memoryMiB: 64, runAsUser: 11211 },
  };
}

describe('a Memcached', () => {
  const watch = memcachedWatch();

  it('is created by two POSTs, the Service first, and one status', async () => {
    const plan = await new World(memcached(2)).plan(watch);
    expect(plan.changes.map(({ kind, ref }) => `${kind} ${ref.kind}`)).toEqual([
      'create Service',
      'create Deployment',
    ]);
    expect(plan.finalizer).toBe('keep');
    expect(plan.status).toMatchObject({ observedGeneration: 1 });
    expect(conditionIn(plan.status, 'Reconciling')).toMatchObject({ status: 'True' });
    expect(plan.outcome.kind).toBe('pending');
    expect(plan.kinds.map(({ kind }) => kind)).toEqual(['Service', 'Deployment']);
  });

  it('carries label, annotations and a controller ownerReference on each child', async () => {
    const world = new World(memcached(2));
    await world.step(watch);
    const { metadata } = world.get('Deployment.apps', 'web');
    expect(metadata.labels).toMatchObject({
      'libretto.dev/owner-uid': UID,
      'app.kubernetes.io/managed-by': 'libretto',
      'app.kubernetes.io/name': 'memcached',
    });
    expect(metadata.annotations).toMatchObject({
      'libretto.dev/owner': 'Memcached.cache.example.com/shop/web',
      'libretto.dev/manifest': 'deployment',
    });
    expect(metadata.annotations?.['libretto.dev/hash']).toMatch(/^[0-9a-f]{32}$/);
    expect(metadata.ownerReferences).toEqual([
      expect.objectContaining({ kind: 'Memcached', name: 'web', uid: UID, controller: true }),
    ]);
  });

  it('says what it waits for, and is Ready when the rule holds', async () => {
    const world = new World(memcached(2));
    await world.settle(watch);
    world.report('Deployment.apps', 'web', {
      replicas: 2,
      updatedReplicas: 2,
      readyReplicas: 1,
      availableReplicas: 1,
    });
    await world.step(watch);
    expect(conditionIn(world.resource.status, 'Ready')).toMatchObject({ status: 'False' });
    expect(String(conditionIn(world.resource.status, 'Ready')?.message)).toMatch(
      /^Deployment shop\/web: 1 of 2 replicas/,
    );
    world.report('Deployment.apps', 'web', {
      replicas: 2,
      updatedReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
    });
    await world.step(watch);
    expect(conditionIn(world.resource.status, 'Ready')).toMatchObject({ status: 'True' });
    expect(conditionIn(world.resource.status, 'Reconciling')).toMatchObject({ status: 'False' });
    expect(conditionIn(world.resource.status, 'Stalled')).toMatchObject({ status: 'False' });
    const rest = await world.plan(watch);
    expect(isEmpty(rest)).toBe(true);
    expect(rest.outcome).toEqual({ kind: 'done' });
  });

  it('takes five writes at most, Events included: two children, two statuses', async () => {
    const world = new World(memcached(2));
    let writes = 0;
    const run = async (): Promise<void> => {
      const plan = await world.step(watch);
      writes += plan.changes.length + plan.events.length + (plan.status === undefined ? 0 : 1);
    };
    await run();
    await run();
    for (const ready of [0, 1]) {
      world.report('Deployment.apps', 'web', {
        replicas: 2,
        updatedReplicas: 2,
        readyReplicas: ready,
        availableReplicas: ready,
      });
      await run();
    }
    world.report('Deployment.apps', 'web', {
      replicas: 2,
      updatedReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
    });
    await run();
    expect(writes).toBe(4);
  });

  it('is ready with size 0', async () => {
    const world = new World(memcached(0));
    await world.settle(watch);
    world.report('Deployment.apps', 'web', {});
    await world.settle(watch);
    expect(conditionIn(world.resource.status, 'Ready')).toMatchObject({ status: 'True' });
  });

  it('applies a new spec with the uid, first turning its Update entry into an Apply', async () => {
    const world = new World(memcached(2));
    await world.settle(watch);
    world.setSpec({ size: 3, image: 'memcached:1.6', memoryMiB: 64, runAsUser: 11211 });
    const plan = await world.plan(watch);
    expect(plan.changes).toHaveLength(1);
    const [change] = plan.changes;
    if (change?.kind !== 'apply') throw new Error('no apply');
    const live = world.get('Deployment.apps', 'web');
    expect(change).toMatchObject({ force: false, why: 'its manifest changed', fieldManager: 'libretto' });
    expect(change.body.metadata).toMatchObject({ uid: live.metadata.uid });
    expect(change.adopt).toMatchObject({ entryIndex: 0, entry: { operation: 'Apply' } });
    world.carryOut(plan);
    await world.settle(watch);
    expect(world.get('Deployment.apps', 'web').spec).toMatchObject({ replicas: 3 });
  });

  it('creates a deleted child again', async () => {
    const world = new World(memcached(2));
    await world.settle(watch);
    world.remove('Service', 'web');
    const plan = await world.step(watch);
    expect(plan.changes.map(({ kind, ref }) => `${kind} ${ref.kind}`)).toEqual(['create Service']);
  });

  it('takes back a field and names who changed it', async () => {
    const world = new World(memcached(2));
    await world.settle(watch);
    world.edit(world.get('Deployment.apps', 'web'), 'kubectl-edit', { spec: { replicas: 7 } });
    const plan = await world.step(watch);
    expect(plan.changes[0]).toMatchObject({
      kind: 'apply',
      force: true,
      why: 'spec.replicas was changed by kubectl-edit',
    });
    expect(plan.changes[0]?.event?.message).toBe(
      'Deployment shop/web: spec.replicas was changed by kubectl-edit; set back',
    );
    expect(plan.status).toBeUndefined();
    expect(world.get('Deployment.apps', 'web').spec).toMatchObject({ replicas: 2 });
    expect(isEmpty(await world.plan(watch))).toBe(true);
  });
});
