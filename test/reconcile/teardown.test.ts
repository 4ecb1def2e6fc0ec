import { describe, expect, it } from 'vitest';
import type { Watch } from '../../engine/playbook/model.ts';
import { planTeardown } from '../../engine/reconcile/teardown.ts';
import { app, configMap, isEmpty, UID, World, watchOf } from './kit.ts';

const files = { 'a.yaml.hbs': configMap('a', 'k: v'), 'b.yaml.hbs': configMap('b', 'k: v') };
const OWNED = watchOf('manifests: [a.yaml.hbs]', files);
const TRACKED = watchOf(
  'manifests:\n- {file: a.yaml.hbs, namespace: other, namespaces: [other]}\n- {file: b.yaml.hbs, after: [a]}',
  files,
);
const ORPHAN = watchOf('manifests:\n- {file: a.yaml.hbs, onDelete: Orphan}\n- b.yaml.hbs', files);

async function deleting(watch: Watch): Promise<World> {
  const world = new World(app({}));
  world.otherNamespaces = true;
  world.namespaces.other = { terminating: false, labels: {} };
  await world.settle(watch);
  world.setMeta({ deletionTimestamp: '2026-01-01T00:00:00Z' });
  return world;
}

describe('deletion', () => {
  it('of a resource without a finalizer is left to the garbage collector', async () => {
    const world = await deleting(OWNED);
    expect(world.resource.metadata.finalizers ?? []).toEqual([]);
    expect(isEmpty(await world.plan(OWNED))).toBe(true);
    expect(world.names('ConfigMap')).toEqual(['a']);
  });

  it('removes children in reverse order, waits for each rank, then releases the finalizer', async () => {
    const world = await deleting(TRACKED);
    const first = await world.plan(TRACKED);
    expect(first.changes.map(({ kind, ref }) => `${kind} ${ref.name}`)).toEqual(['delete b']);
    expect(first.changes[0]).toMatchObject({ propagation: 'Foreground' });
    const b = world.get('ConfigMap', 'b');
    world.put({ ...b, metadata: { ...b.metadata, deletionTimestamp: 'now' } });
    expect((await world.plan(TRACKED)).changes).toEqual([]);
    world.remove('ConfigMap', 'b');
    const second = await world.step(TRACKED);
    expect(second).toMatchObject({
      finalizer: 'keep',
      changes: [{ kind: 'delete', ref: { name: 'a', namespace: 'other' } }],
    });
    const last = await world.step(TRACKED);
    expect(last).toMatchObject({ finalizer: 'remove', changes: [], outcome: { kind: 'done' } });
  });

  it('needs no playbook', async () => {
    const world = await deleting(TRACKED);
    for (let i = 0; i < 4; i++) world.carryOut(planTeardown(world.snapshot()));
    expect(world.objects.size).toBe(0);
    expect(world.resource.metadata.finalizers).toEqual([]);
  });

  it('keeps the finalizer while a kind of the inventory is not synced', async () => {
    const world = await deleting(TRACKED);
    world.objects.clear();
    world.unsynced.add('ConfigMap');
    expect(await world.plan(TRACKED)).toMatchObject({ finalizer: 'keep', outcome: { kind: 'pending' } });
    world.unsynced.clear();
    world.unserved.add('ConfigMap');
    expect(await world.plan(TRACKED)).toMatchObject({ finalizer: 'remove' });
  });

  it('leaves orphans without any mark of ours, named after their owner', async () => {
    const world = await deleting(ORPHAN);
    expect(world.get('ConfigMap', 'b').metadata.ownerReferences).toBeUndefined();
    for (let i = 0; i < 3; i++) await world.step(ORPHAN);
    expect(world.names('ConfigMap')).toEqual(['a']);
    const { metadata } = world.get('ConfigMap', 'a');
    expect(metadata.annotations).toEqual({ 'libretto.dev/orphaned-from': 'App.example.com/shop/web' });
    expect(metadata.labels).not.toHaveProperty(['libretto.dev/owner-uid']);
    expect(world.resource.metadata.finalizers).toEqual([]);
  });

  it('an orphan is adopted by a new resource of the same name', async () => {
    const world = await deleting(ORPHAN);
    for (let i = 0; i < 3; i++) await world.step(ORPHAN);
    const { uid } = world.get('ConfigMap', 'a').metadata;
    const { deletionTimestamp: _d, ...metadata } = world.resource.metadata;
    world.resource = { ...app({}), metadata: { ...metadata, uid: 'second' } };
    const plan = await world.step(ORPHAN);
    expect(plan.changes.find(({ ref }) => ref.name === 'a')).toMatchObject({
      kind: 'mark',
      event: { reason: 'Adopted' },
    });
    await world.settle(ORPHAN);
    const adopted = world.get('ConfigMap', 'a');
    expect(adopted.metadata.uid).toBe(uid);
    expect(adopted.metadata.labels).toMatchObject({ 'libretto.dev/owner-uid': 'second' });
    expect(adopted.metadata.annotations).not.toHaveProperty(['libretto.dev/orphaned-from']);
  });

  it('an orphan is nobody else’s to adopt', async () => {
    const world = await deleting(ORPHAN);
    for (let i = 0; i < 3; i++) await world.step(ORPHAN);
    const other = new World(app({}, { name: 'other', uid: 'other' }));
    other.put(world.get('ConfigMap', 'a'));
    expect((await other.plan(ORPHAN)).outcome).toMatchObject({ reason: 'NameTaken' });
  });

  it('the annotation of the resource leaves all children', async () => {
    const world = await deleting(TRACKED);
    world.setMeta({ annotations: { 'libretto.dev/deletion': 'Orphan' } });
    for (let i = 0; i < 3; i++) await world.step(TRACKED);
    expect(world.names('ConfigMap').sort()).toEqual(['a', 'b']);
    expect(world.resource.metadata.finalizers).toEqual([]);
  });

  it('`--cascade=orphan` leaves the children whose ownerReference it strips', async () => {
    const world = await deleting(TRACKED);
    const b = world.get('ConfigMap', 'b');
    expect(b.metadata.ownerReferences).toHaveLength(1);
    const { ownerReferences: _gone, ...metadata } = b.metadata;
    world.put({ ...b, metadata });
    for (let i = 0; i < 3; i++) await world.step(TRACKED);
    expect(world.names('ConfigMap')).toEqual(['b']);
    expect(world.resource.metadata.finalizers).toEqual([]);
    const early = await deleting(TRACKED);
    early.setMeta({ finalizers: ['orphan', 'libretto.dev/cleanup'] });
    for (let i = 0; i < 3; i++) await early.step(TRACKED);
    expect(early.names('ConfigMap')).toEqual(['b']);
  });

  it('never touches an object that only carries the label', async () => {
    const world = await deleting(TRACKED);
    world.put({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'stranger', namespace: 'shop', labels: { 'libretto.dev/owner-uid': UID } },
    });
    for (let i = 0; i < 4; i++) await world.step(TRACKED);
    expect(world.names('ConfigMap')).toEqual(['stranger']);
  });

  it('works on what is half created', async () => {
    const world = await deleting(TRACKED);
    world.remove('ConfigMap', 'a', 'other');
    for (let i = 0; i < 3; i++) await world.step(TRACKED);
    expect(world.objects.size).toBe(0);
    expect(world.resource.metadata.finalizers).toEqual([]);
  });
});

describe('a resource that the selector no longer matches', () => {
  const head = (unselected: string): string =>
    `selector: {matchLabels: {on: "yes"}}\nunselected: ${unselected}\nmanifests: [a.yaml.hbs]`;

  it.each([
    ['Leave', ['a']],
    ['Remove', []],
  ])('%s', async (unselected, left) => {
    const watch = watchOf(head(unselected), files);
    const world = new World(app({}, { labels: { on: 'yes' } }));
    await world.settle(watch);
    world.setMeta({ labels: {} });
    for (let i = 0; i < 3; i++) await world.step(watch);
    expect(world.names('ConfigMap')).toEqual(left);
  });
});
