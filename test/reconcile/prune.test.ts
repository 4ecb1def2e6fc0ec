import { describe, expect, it } from 'vitest';
import type { Watch } from '../../engine/playbook/model.ts';
import { app, configMap, isEmpty, World, watchOf } from './kit.ts';

function object(apiVersion: string, kind: string, name: string): string {
  return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: "${name}"}\nspec: {size: "{{spec.size}}"}\n`;
}

const CLAIM = object('v1', 'PersistentVolumeClaim', 'data');
const STATEFUL_SET = object('apps/v1', 'StatefulSet', 'db');

/** What is left of a settled `before` after `after` has settled. */
async function replaced(
  before: Watch,
  after: Watch,
  kind: string,
  spec = { on: true },
): Promise<{ world: World; left: string[] }> {
  const world = new World(app({ size: 1, on: true }));
  await world.settle(before);
  if (spec.on !== true) world.setSpec({ size: 1, ...spec });
  await world.settle(after);
  return { world, left: world.names(kind) };
}

describe('prune', () => {
  it('after `when` turned false, naming the manifest', async () => {
    const watch = watchOf('manifests:\n- {file: a.yaml.hbs, when: spec.on}', {
      'a.yaml.hbs': configMap('a', 'k: v'),
    });
    const world = new World(app({ on: true }));
    await world.settle(watch);
    world.setSpec({ on: false });
    const plan = await world.step(watch);
    expect(plan.changes).toMatchObject([
      { kind: 'delete', uid: expect.any(String), propagation: 'Background' },
    ]);
    expect(plan.changes[0]?.event).toMatchObject({
      reason: 'Deleted',
      message: 'ConfigMap shop/a: deleted; manifest a no longer asks for it',
    });
    expect(world.names('ConfigMap')).toEqual([]);
  });

  it('after a manifest, or a whole kind, left the playbook', async () => {
    const before = watchOf('manifests: [a.yaml.hbs, b.yaml.hbs]', {
      'a.yaml.hbs': configMap('a', 'k: v'),
      'b.yaml.hbs': object('v1', 'Service', 'b'),
    });
    const after = watchOf('manifests: [a.yaml.hbs]', { 'a.yaml.hbs': configMap('a', 'k: v') });
    expect((await replaced(before, after, 'Service')).left).toEqual([]);
  });

  it('not where a renamed file describes the same object', async () => {
    const before = watchOf('manifests: [a.yaml.hbs]', { 'a.yaml.hbs': configMap('a', 'k: v') });
    const after = watchOf('manifests: [b.yaml.hbs]', { 'b.yaml.hbs': configMap('a', 'k: v') });
    const world = new World(app({}));
    await world.settle(before);
    const { uid } = world.get('ConfigMap', 'a').metadata;
    await world.settle(after);
    expect(world.get('ConfigMap', 'a').metadata.uid).toBe(uid);
  });

  it('comes after everything that is applied in the same plan', async () => {
    const watch = watchOf(
      'manifests:\n- {file: a.yaml.hbs, when: spec.on}\n- {file: b.yaml.hbs, when: spec.on = false}',
      {
        'a.yaml.hbs': configMap('a', 'k: v'),
        'b.yaml.hbs': configMap('b', 'k: v'),
      },
    );
    const world = new World(app({ on: true }));
    await world.settle(watch);
    world.setSpec({ on: false });
    const [create, remove] = (await world.plan(watch)).changes;
    expect([create?.kind, remove?.kind]).toEqual(['create', 'delete']);
    expect(create?.rank).toBeLessThan(remove?.rank ?? 0);
  });

  it('goes from the highest rank to the lowest', async () => {
    const watch = watchOf(
      'manifests:\n- {file: a.yaml.hbs, when: spec.on}\n- {file: b.yaml.hbs, when: spec.on, after: [a]}',
      { 'a.yaml.hbs': configMap('a', 'k: v'), 'b.yaml.hbs': configMap('b', 'k: v') },
    );
    const world = new World(app({ on: true }));
    await world.settle(watch);
    world.setSpec({ on: false });
    expect((await world.plan(watch)).changes.map(({ ref }) => ref.name)).toEqual(['b', 'a']);
  });

  it.each([
    ['StatefulSet', 'StatefulSet.apps', STATEFUL_SET, ''],
    ['claim', 'PersistentVolumeClaim', CLAIM, ''],
    ['CreateOnly Secret', 'Secret', object('v1', 'Secret', 'pw'), ', policy: CreateOnly'],
  ])('keeps a %s whose manifest left the playbook, with one Warning', async (_what, kind, source, extra) => {
    const keep = configMap('a', 'k: v');
    const before = watchOf(`manifests:\n- a.yaml.hbs\n- {file: x.yaml.hbs${extra}}`, {
      'a.yaml.hbs': keep,
      'x.yaml.hbs': source,
    });
    const after = watchOf('manifests: [a.yaml.hbs]', { 'a.yaml.hbs': keep });
    const world = new World(app({ size: 1 }));
    await world.settle(before);
    const plan = await world.step(after);
    const said = plan.changes.filter(({ kind: change }) => change !== 'apply');
    expect(said).toMatchObject([{ kind: 'mark', event: { type: 'Warning', reason: 'Kept' } }]);
    expect(world.names(kind)).toHaveLength(1);
    await world.settle(after);
    world.memory = { ...world.memory, announced: {} };
    expect(isEmpty(await world.plan(after))).toBe(true);
    await world.settle(before);
    const [kept] = [...world.objects.values()].filter((o) => o.kind === kind.split('.')[0]);
    expect(kept?.metadata.annotations).not.toHaveProperty(['libretto.dev/kept']);
  });

  it('keeps a StatefulSet whose manifest now gives another name', async () => {
    const before = watchOf('manifests: [db.yaml.hbs]', { 'db.yaml.hbs': STATEFUL_SET });
    const after = watchOf('manifests: [db.yaml.hbs]', {
      'db.yaml.hbs': STATEFUL_SET.replace('"db"', '"db2"'),
    });
    expect((await replaced(before, after, 'StatefulSet.apps')).left.sort()).toEqual(['db', 'db2']);
  });

  it('deletes a StatefulSet that `when` no longer wants', async () => {
    const watch = watchOf('manifests:\n- {file: db.yaml.hbs, when: spec.on}', {
      'db.yaml.hbs': STATEFUL_SET,
    });
    expect((await replaced(watch, watch, 'StatefulSet.apps', { on: false })).left).toEqual([]);
  });

  it.each([
    ['', 1],
    [', prune: Delete', 1],
    [', onDelete: Delete', 1],
    [', prune: Delete, onDelete: Delete', 0],
    [', prune: Keep, onDelete: Delete', 1],
  ])('of a claim by `when` happens only where it is given up (%s)', async (extra, count) => {
    const watch = watchOf(`manifests:\n- {file: c.yaml.hbs, when: spec.on${extra}}`, { 'c.yaml.hbs': CLAIM });
    expect((await replaced(watch, watch, 'PersistentVolumeClaim', { on: false })).left).toHaveLength(count);
  });

  it('honours `prune: Keep` in silence', async () => {
    const watch = watchOf('manifests:\n- {file: a.yaml.hbs, when: spec.on, prune: Keep}', {
      'a.yaml.hbs': configMap('a', 'k: v'),
    });
    const world = new World(app({ on: true }));
    await world.settle(watch);
    world.setSpec({ on: false });
    const plan = await world.step(watch);
    expect(plan.changes).toEqual([]);
    expect(world.names('ConfigMap')).toEqual(['a']);
  });

  it('keeps namespaces', async () => {
    const watch = watchOf('manifests:\n- {file: n.yaml.hbs, when: spec.on}', {
      'n.yaml.hbs': 'apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n',
    });
    expect((await replaced(watch, watch, 'Namespace', { on: false })).left).toEqual(['n']);
  });

  it('spares what another watch on the same resource describes', async () => {
    const owner = watchOf('manifests: [a.yaml.hbs]', { 'a.yaml.hbs': configMap('a', 'k: v') });
    const decorator: Watch = {
      ...watchOf('manifests: [b.yaml.hbs]', { 'b.yaml.hbs': configMap('b', 'k: v') }),
      ownsStatus: false,
    };
    const world = new World(app({}));
    await world.settle(owner);
    const plan = await world.settle(decorator);
    expect(plan.status).toBeUndefined();
    expect(world.get('ConfigMap', 'b').metadata.ownerReferences?.[0]).not.toHaveProperty('controller');
    expect(isEmpty(await world.plan(owner))).toBe(true);
    expect(world.names('ConfigMap')).toEqual(['a', 'b']);
  });
});
