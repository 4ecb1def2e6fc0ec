import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../engine/kube/object.ts';
import type { Change } from '../../engine/reconcile/model.ts';
import { app, conditionIn, configMap, isEmpty, UID, World, watchOf } from './kit.ts';

const WATCH = watchOf('manifests: [a.yaml.hbs]', {
  'a.yaml.hbs': configMap('a', 'color: "{{spec.color}}"\nshape: round'),
});

async function settled(spec = { color: 'red' }): Promise<World> {
  const world = new World(app(spec));
  await world.settle(WATCH);
  return world;
}

function only(changes: readonly Change[]): Change {
  const [change] = changes;
  if (change === undefined || changes.length > 1) throw new Error(`${changes.length} changes`);
  return change;
}

describe('drift', () => {
  it('is none when another manager adds fields of its own', async () => {
    const world = await settled();
    world.edit(world.get('ConfigMap', 'a'), 'other', {
      data: { extra: 'x' },
      metadata: { labels: { team: 'a' } },
    });
    expect(isEmpty(await world.plan(WATCH))).toBe(true);
  });

  it('is seen when a label of ours is removed', async () => {
    const world = await settled();
    const live = world.get('ConfigMap', 'a');
    const { 'libretto.dev/owner-uid': _gone, ...labels } = live.metadata.labels ?? {};
    const edited = world.edit({ ...live, metadata: { ...live.metadata, labels } }, 'kubectl', {
      metadata: { labels: { 'libretto.dev/owner-uid': 'tmp' } },
    });
    world.put({ ...edited, metadata: { ...edited.metadata, labels } });
    const change = only((await world.step(WATCH)).changes);
    expect(change).toMatchObject({ kind: 'apply', force: true });
    expect(world.get('ConfigMap', 'a').metadata.labels).toMatchObject({ 'libretto.dev/owner-uid': UID });
    expect(isEmpty(await world.plan(WATCH))).toBe(true);
  });

  it('is seen when our entry is gone or speaks of another version', async () => {
    const world = await settled();
    const live = world.get('ConfigMap', 'a');
    world.put({ ...live, metadata: { ...live.metadata, managedFields: [] } });
    expect(only((await world.plan(WATCH)).changes)).toMatchObject({ kind: 'apply', force: true });
    const entries = (live.metadata.managedFields ?? []).map((e) => ({ ...e, apiVersion: 'v0' }));
    world.put({ ...live, metadata: { ...live.metadata, managedFields: entries } });
    expect(only((await world.plan(WATCH)).changes)).toMatchObject({ kind: 'apply' });
  });

  it('is repaired in one write and told once where a child was deleted: what stays Ready needs no status', async () => {
    const watch = watchOf('manifests: [a.yaml.hbs]\nhealth:\n  Ready: spec.color = "red"', {
      'a.yaml.hbs': configMap('a', 'color: "{{spec.color}}"'),
    });
    const world = new World(app({ color: 'red' }));
    await world.settle(watch);
    world.remove('ConfigMap', 'a');
    const plan = await world.step(watch);
    const message = 'ConfigMap shop/a was deleted; created again';
    expect(only(plan.changes)).toMatchObject({
      kind: 'create',
      why: 'was deleted',
      event: { type: 'Normal', reason: 'DriftCorrected', message },
    });
    expect(plan.status).toBeUndefined();
    expect(plan.events).toEqual([]);
    expect(isEmpty(await world.plan(watch))).toBe(true);
  });

  it('is progress to be reported where a deleted child cannot be created again', async () => {
    const watch = watchOf('manifests: [a.yaml.hbs]\nhealth:\n  Ready: spec.color = "red"', {
      'a.yaml.hbs': configMap('a', 'color: "{{spec.color}}"'),
    });
    const world = new World(app({ color: 'red' }));
    await world.settle(watch);
    world.remove('ConfigMap', 'a');
    const plan = await world.plan(watch);
    world.memory = plan.memory;
    world.refuse(only(plan.changes), { kind: 'forbidden', message: 'no right' });
    expect(conditionIn((await world.plan(watch)).status, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'Forbidden',
    });
  });

  it('drops a field that left the template', async () => {
    const optional = watchOf('manifests: [a.yaml.hbs]', {
      'a.yaml.hbs': configMap('a', 'k: v\ncolor: "{{optional spec.color}}"'),
    });
    const world = new World(app({ color: 'red' }));
    await world.settle(optional);
    world.setSpec({});
    await world.settle(optional);
    expect(world.get('ConfigMap', 'a').data).toEqual({ k: 'v' });
  });

  it('walks an unchanged object only once', async () => {
    const world = await settled();
    const key = Object.keys(world.memory.covered);
    expect(key).toEqual(['ConfigMap/shop/a']);
    const live = world.get('ConfigMap', 'a');
    world.put({ ...live, metadata: { ...live.metadata, managedFields: [] } });
    world.memory = {
      ...world.memory,
      covered: {
        'ConfigMap/shop/a': `${live.metadata.annotations?.['libretto.dev/hash']}@${world.get('ConfigMap', 'a').metadata.resourceVersion}`,
      },
    };
    expect(isEmpty(await world.plan(WATCH))).toBe(true);
  });

  it('believes an apply that changed nothing more than its own walk', async () => {
    const world = await settled();
    const live = world.get('ConfigMap', 'a');
    const entries = (live.metadata.managedFields ?? []).map((e) => ({
      ...e,
      operation: 'Apply' as const,
      fieldsV1: { 'f:data': {} },
    }));
    world.put({ ...live, metadata: { ...live.metadata, managedFields: entries } });
    const plan = await world.plan(WATCH);
    world.memory = plan.memory;
    const { afterChange } = await import('../../engine/reconcile/memory.ts');
    world.memory = afterChange(
      world.memory,
      only(plan.changes),
      { kind: 'succeeded', result: 'unchanged' },
      world.now,
    );
    expect(isEmpty(await world.plan(WATCH))).toBe(true);
    const later = world.get('ConfigMap', 'a');
    world.put(later);
    expect(isEmpty(await world.plan(WATCH))).toBe(true);
  });

  it('has keyed hashes for Secrets', async () => {
    const secret = watchOf('manifests: [s.yaml.hbs]', {
      's.yaml.hbs': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n',
    });
    const plan = await new World(app({})).plan(secret);
    const other = await (async () => {
      const world = new World(app({}));
      const snapshot = { ...world.snapshot(), hashKey: 'another' };
      const { planReconcile } = await import('../../engine/reconcile/plan.ts');
      return planReconcile(secret, snapshot);
    })();
    const hash = (change: Change | undefined): string => (change?.kind === 'create' ? change.hash : '');
    expect(hash(plan.changes[0])).not.toBe(hash(other.changes[0]));
    expect(plan.changes[0]).toMatchObject({ body: { data: { a: 'Yg==' } } });
  });
});

describe('fields of others', () => {
  it('are not taken: the first apply is without force, its conflict stalls and names the manager, until something changes', async () => {
    const world = await settled();
    world.edit(world.get('ConfigMap', 'a'), 'tuner', { data: { size: '9' } });
    const more = watchOf('manifests: [a.yaml.hbs]', {
      'a.yaml.hbs': configMap('a', 'color: "{{spec.color}}"\nshape: round\nsize: "1"'),
    });
    const plan = await world.plan(more);
    const change = only(plan.changes);
    expect(change).toMatchObject({ kind: 'apply', force: false });
    world.memory = plan.memory;
    world.refuse(change, { kind: 'conflict', message: 'data.size belongs to tuner' });
    const refused = await world.step(more);
    expect(refused.changes).toEqual([]);
    expect(refused.outcome).toMatchObject({ kind: 'terminal', reason: 'FieldConflict' });
    expect(conditionIn(refused.status, 'Conflict')).toMatchObject({ status: 'True' });
    expect(isEmpty(await world.plan(more))).toBe(true);
    world.report('ConfigMap', 'a', { any: 1 });
    expect((await world.plan(more)).changes).toEqual([]);
    const live = world.get('ConfigMap', 'a');
    const own = (live.metadata.managedFields ?? []).filter((e) => e.manager !== 'tuner');
    world.put({ ...live, metadata: { ...live.metadata, managedFields: own } });
    await world.settle(more);
    expect(world.get('ConfigMap', 'a').data).toMatchObject({ size: '1' });
    expect(conditionIn(world.resource.status, 'Conflict')).toBeUndefined();
    expect(conditionIn(world.resource.status, 'Ready')).toMatchObject({ status: 'True' });
  });

  it('are taken with `force: true`', async () => {
    const world = await settled();
    world.edit(world.get('ConfigMap', 'a'), 'tuner', { data: { size: '9' } });
    const forced = watchOf('manifests:\n- {file: a.yaml.hbs, force: true}', {
      'a.yaml.hbs': configMap('a', 'size: "1"'),
    });
    expect(only((await world.plan(forced)).changes)).toMatchObject({ force: true });
  });

  it('that were ours before are taken back even when the manifest changed at the same time', async () => {
    const world = await settled();
    world.edit(world.get('ConfigMap', 'a'), 'kubectl-edit', { data: { shape: 'square' } });
    world.setSpec({ color: 'blue' });
    expect(only((await world.plan(WATCH)).changes)).toMatchObject({ force: true });
    await world.settle(WATCH);
    expect(world.get('ConfigMap', 'a').data).toEqual({ color: 'blue', shape: 'round' });
  });
});

describe('a field fought over', () => {
  async function fight(world: World): Promise<void> {
    world.edit(world.get('ConfigMap', 'a'), 'rival', { data: { shape: 'square' } });
    world.now += 1000;
    await world.step(WATCH);
  }

  it('is left after the third loss in ten minutes, reported, and retaken when the spec changes', async () => {
    const world = await settled();
    await fight(world);
    await fight(world);
    expect(world.get('ConfigMap', 'a').data).toMatchObject({ shape: 'round' });
    await fight(world);
    expect(world.get('ConfigMap', 'a').data).toMatchObject({ shape: 'square' });
    expect(conditionIn(world.resource.status, 'Conflict')?.message).toMatch(/data\.shape \(rival\)/);
    expect(conditionIn(world.resource.status, 'Ready')).toMatchObject({ status: 'True' });
    world.now += 3_600_000;
    expect(isEmpty(await world.plan(WATCH))).toBe(true);
    world.setSpec({ color: 'red' });
    await world.settle(WATCH);
    expect(world.get('ConfigMap', 'a').data).toMatchObject({ shape: 'round' });
    expect(conditionIn(world.resource.status, 'Conflict')).toBeUndefined();
  });

  it('does not keep other fields from being repaired', async () => {
    const world = await settled();
    await fight(world);
    await fight(world);
    await fight(world);
    world.edit(world.get('ConfigMap', 'a'), 'kubectl-edit', { data: { color: 'pink' } });
    await world.step(WATCH);
    expect(world.get('ConfigMap', 'a').data).toEqual({ color: 'red', shape: 'square' });
    expect(isEmpty(await world.plan(WATCH))).toBe(true);
  });

  it('is no fight when losses are far apart', async () => {
    const world = await settled();
    for (let i = 0; i < 5; i++) {
      await fight(world);
      world.now += 6 * 60_000;
    }
    expect(world.get('ConfigMap', 'a').data).toMatchObject({ shape: 'round' });
  });
});

describe('what a refusal leads to', () => {
  async function refused(onImmutable: string): Promise<World> {
    const world = await settled();
    const watch = immutableWatch(onImmutable);
    world.setSpec({ color: 'blue' });
    const plan = await world.plan(watch);
    world.memory = plan.memory;
    world.refuse(only(plan.changes), { kind: 'invalid', immutable: true, message: 'data is immutable' });
    return world;
  }
  const immutableWatch = (onImmutable: string) =>
    watchOf(`manifests:\n- {file: a.yaml.hbs, onImmutable: ${onImmutable}}`, {
      'a.yaml.hbs': configMap('a', 'color: "{{spec.color}}"\nshape: round'),
    });

  it('Fail: an immutable field stalls with what to do', async () => {
    const world = await refused('Fail');
    const plan = await world.plan(immutableWatch('Fail'));
    expect(plan.changes).toEqual([]);
    expect(plan.outcome).toMatchObject({
      kind: 'terminal',
      reason: 'ImmutableField',
      message: expect.stringContaining('onImmutable: Recreate'),
    });
  });

  it('Recreate: deleted, awaited, created anew', async () => {
    const world = await refused('Recreate');
    const watch = immutableWatch('Recreate');
    const before = world.get('ConfigMap', 'a').metadata.uid;
    const plan = await world.step(watch);
    expect(only(plan.changes)).toMatchObject({ kind: 'delete', uid: before });
    await world.settle(watch);
    expect(world.get('ConfigMap', 'a').data).toMatchObject({ color: 'blue' });
    expect(world.get('ConfigMap', 'a').metadata.uid).not.toBe(before);
  });

  it('a claim is never recreated unless the manifest gives it up', async () => {
    const files = {
      'c.yaml.hbs':
        'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c}\nspec: {size: "{{spec.size}}"}\n',
    };
    for (const [extra, kind] of [
      ['', undefined],
      [', onDelete: Delete', 'delete'],
    ] as const) {
      const watch = watchOf(`manifests:\n- {file: c.yaml.hbs, onImmutable: Recreate${extra}}`, files);
      const world = new World(app({ size: 1 }));
      await world.settle(watch);
      world.setSpec({ size: 2 });
      const plan = await world.plan(watch);
      world.memory = plan.memory;
      world.refuse(only(plan.changes), { kind: 'invalid', immutable: true, message: 'spec is immutable' });
      expect((await world.plan(watch)).changes[0]?.kind).toBe(kind);
    }
  });

  it('an invalid child stalls until its manifest changes', async () => {
    const world = new World(app({ color: 'red' }));
    const plan = await world.plan(WATCH);
    world.refuse(only(plan.changes), { kind: 'invalid', immutable: false, message: 'no' });
    const stalled = await world.step(WATCH);
    expect(stalled.outcome).toMatchObject({ kind: 'terminal', reason: 'InvalidChild' });
    expect(isEmpty(await world.plan(WATCH))).toBe(true);
    world.setSpec({ color: 'blue' });
    expect((await world.plan(WATCH)).changes).toHaveLength(1);
  });

  it('a forbidden write is said, and tried again when its time has come', async () => {
    const world = new World(app({ color: 'red' }));
    const plan = await world.plan(WATCH);
    world.refuse(only(plan.changes), { kind: 'forbidden', message: 'exceeded quota' });
    const said = await world.step(WATCH);
    expect(said.changes).toEqual([]);
    expect(conditionIn(said.status, 'Ready')).toMatchObject({ reason: 'Forbidden' });
    expect(said.outcome).toMatchObject({ kind: 'pending', wakeAt: world.now + 30_000 });
    world.now += 30_000;
    expect((await world.plan(WATCH)).changes).toHaveLength(1);
  });
});

describe('a name that is taken', () => {
  const stranger: KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', namespace: 'shop' },
  };

  it('is left alone, reported, and used when it is free', async () => {
    const world = new World(app({ color: 'red' }));
    world.put(stranger);
    const plan = await world.step(WATCH);
    expect(plan.changes).toEqual([]);
    expect(plan.outcome).toMatchObject({ kind: 'terminal', reason: 'NameTaken' });
    world.remove('ConfigMap', 'a');
    await world.settle(WATCH);
    expect(world.get('ConfigMap', 'a').data).toMatchObject({ color: 'red' });
  });

  it('is no child though it carries our label and annotations', async () => {
    const world = await settled();
    const live = world.get('ConfigMap', 'a');
    const { ownerReferences: _o, managedFields: _m, uid: _u, ...copied } = live.metadata;
    world.put({ ...live, metadata: { ...copied, name: 'copy' } });
    world.put({ ...live, metadata: { ...copied, name: 'b' } });
    expect(isEmpty(await world.plan(WATCH))).toBe(true);
    const other = watchOf('manifests: [b.yaml.hbs]', { 'b.yaml.hbs': configMap('b', 'k: v') });
    const plan = await world.plan(other);
    expect(plan.changes.filter(({ kind }) => kind === 'delete')).toEqual([]);
    expect(plan.outcome).toMatchObject({ reason: 'NameTaken' });
  });

  it('by another instance says whose it is', async () => {
    const world = await settled();
    const second = new World(app({ color: 'red' }, { name: 'two', uid: 'uid-two' }));
    second.put(world.get('ConfigMap', 'a'));
    const plan = await second.plan(WATCH);
    expect(plan.outcome).toMatchObject({
      reason: 'NameTaken',
      message: expect.stringContaining('belongs to App.example.com/shop/web'),
    });
  });

  it('unknown to the store (AlreadyExists) is tried again later', async () => {
    const world = new World(app({ color: 'red' }));
    const plan = await world.plan(WATCH);
    world.refuse(only(plan.changes), { kind: 'alreadyExists', message: 'exists' });
    const said = await world.plan(WATCH);
    expect(said.outcome).toMatchObject({ kind: 'terminal', reason: 'NameTaken', wakeAt: world.now + 30_000 });
    world.now += 30_000;
    expect((await world.plan(WATCH)).changes).toHaveLength(1);
  });

  it('by the child of an earlier resource of this name is waited for', async () => {
    const world = await settled();
    world.setMeta({ uid: 'reborn' });
    const plan = await world.plan(WATCH);
    expect(plan.changes).toEqual([]);
    expect(plan.outcome).toMatchObject({ kind: 'pending', reason: 'Terminating' });
  });
});
