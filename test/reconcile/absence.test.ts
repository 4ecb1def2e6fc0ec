import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../engine/kube/object.ts';
import { app, conditionIn, configMap, isEmpty, World, watchOf } from './kit.ts';

const OBSERVE = `
observe:
  spaces: {version: v1, kind: Namespace}
  primary: {version: v1, kind: Pod, name: primary}
`;

function namespace(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

function pod(status?: KubeObject['status']): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'primary', namespace: 'shop' },
    ...(status === undefined ? {} : { status }),
  };
}

const WHEN_PRIMARY = watchOf(
  `${OBSERVE}manifests:\n- {file: a.yaml.hbs, when: 'observe.primary.status.phase = "Running"'}`,
  { 'a.yaml.hbs': configMap('a', 'k: v') },
);

describe('absence holds', () => {
  it('creates and deletes nothing while an observed object is not synced', async () => {
    const world = new World(app({}));
    world.observed = { primary: { synced: true, objects: [pod({ phase: 'Running' })] } };
    await world.settle(WHEN_PRIMARY);
    expect(world.names('ConfigMap')).toEqual(['a']);
    world.observed = { primary: { synced: false, objects: [] } };
    expect(isEmpty(await world.plan(WHEN_PRIMARY))).toBe(true);
    const fresh = new World(app({}));
    fresh.observed = world.observed;
    const plan = await fresh.plan(WHEN_PRIMARY);
    expect(plan.changes).toEqual([]);
    expect(plan.status).toBeUndefined();
    expect(plan.outcome).toMatchObject({ kind: 'pending', reason: 'Synchronizing' });
  });

  it.each([
    ['object', []],
    ['field', [pod()]],
  ])('keeps what exists while the %s is missing, and says what it waits for', async (_what, objects) => {
    const world = new World(app({}));
    world.observed = { primary: { synced: true, objects: [pod({ phase: 'Running' })] } };
    await world.settle(WHEN_PRIMARY);
    world.observed = { primary: { synced: true, objects } };
    const plan = await world.plan(WHEN_PRIMARY);
    expect(plan.changes).toEqual([]);
    expect(plan.outcome).toMatchObject({
      kind: 'pending',
      message: 'waits for observe.primary.status.phase, which is missing',
    });
  });

  it('removes when the value is there and says so', async () => {
    const world = new World(app({}));
    world.observed = { primary: { synced: true, objects: [pod({ phase: 'Running' })] } };
    await world.settle(WHEN_PRIMARY);
    world.observed = { primary: { synced: true, objects: [pod({ phase: 'Failed' })] } };
    await world.settle(WHEN_PRIMARY);
    expect(world.names('ConfigMap')).toEqual([]);
  });

  it('holds on a stale status', async () => {
    const watch = watchOf(
      `manifests:\n- {file: db.yaml.hbs}\n- {file: a.yaml.hbs, when: 'children.db.status.ready = true'}`,
      {
        'a.yaml.hbs': configMap('a', 'k: v'),
        'db.yaml.hbs':
          'apiVersion: example.com/v1\nkind: Db\nmetadata:\n  name: db\nspec:\n  size: {{spec.size}}\n',
      },
    );
    const world = new World(app({ size: 1 }));
    await world.settle(watch);
    world.report('Db.example.com', 'db', { ready: true });
    await world.settle(watch);
    expect(world.names('ConfigMap')).toEqual(['a']);
    world.setSpec({ size: 2 });
    await world.settle(watch);
    const live = world.get('Db.example.com', 'db');
    world.put({ ...live, status: { observedGeneration: 1, ready: false } });
    const plan = await world.plan(watch);
    expect(plan.changes).toEqual([]);
    expect(plan.outcome).toMatchObject({
      message: expect.stringContaining('children.db.status.ready, which is stale'),
    });
    world.report('Db.example.com', 'db', { ready: false });
    await world.settle(watch);
    expect(world.names('ConfigMap')).toEqual([]);
  });

  it('does not hold where $exists guards the value', async () => {
    const watch = watchOf(
      `${OBSERVE}manifests:\n- {file: a.yaml.hbs, when: '$not($exists(observe.primary))'}`,
      {
        'a.yaml.hbs': configMap('a', 'k: v'),
      },
    );
    const world = new World(app({}));
    world.observed = { primary: { synced: true, objects: [] } };
    await world.settle(watch);
    expect(world.names('ConfigMap')).toEqual(['a']);
    world.observed = { primary: { synced: false, objects: [] } };
    expect((await world.plan(watch)).changes).toEqual([]);
    world.observed = { primary: { synced: true, objects: [pod()] } };
    await world.settle(watch);
    expect(world.names('ConfigMap')).toEqual([]);
  });

  it('holds through a var', async () => {
    const watch = watchOf(
      `${OBSERVE}vars:\n  phase: observe.primary.status.phase\nmanifests:\n- {file: a.yaml.hbs, when: 'vars.phase = "Running"'}`,
      { 'a.yaml.hbs': configMap('a', 'k: v') },
    );
    const world = new World(app({}));
    world.observed = { primary: { synced: true, objects: [pod({ phase: 'Running' })] } };
    await world.settle(watch);
    world.observed = { primary: { synced: true, objects: [] } };
    expect((await world.plan(watch)).changes).toEqual([]);
  });

  it('takes a synced empty list as knowledge, and one object as a list of one', async () => {
    const watch = watchOf(
      `${OBSERVE}manifests:\n- {file: a.yaml.hbs, forEach: observe.spaces.metadata.name, key: item}`,
      { 'a.yaml.hbs': configMap('copy-{{item}}', 'k: v') },
    );
    const world = new World(app({}));
    world.observed = { spaces: { synced: true, objects: [namespace('one'), namespace('two')] } };
    await world.settle(watch);
    expect(world.names('ConfigMap')).toEqual(['copy-one', 'copy-two']);
    world.observed = { spaces: { synced: true, objects: [namespace('one')] } };
    await world.settle(watch);
    expect(world.names('ConfigMap')).toEqual(['copy-one']);
    world.observed = { spaces: { synced: false, objects: [] } };
    expect((await world.plan(watch)).changes).toEqual([]);
    world.observed = { spaces: { synced: true, objects: [] } };
    await world.settle(watch);
    expect(world.names('ConfigMap')).toEqual([]);
  });

  it('keeps all pruning back while one manifest holds', async () => {
    const both = watchOf(
      `${OBSERVE}manifests:\n- {file: b.yaml.hbs, when: spec.b}\n- {file: a.yaml.hbs, when: 'observe.primary.status.phase = "Running"'}`,
      { 'a.yaml.hbs': configMap('a', 'k: v'), 'b.yaml.hbs': configMap('b', 'k: v') },
    );
    const world = new World(app({ b: true }));
    world.observed = { primary: { synced: true, objects: [pod({ phase: 'Running' })] } };
    await world.settle(both);
    world.setSpec({ b: false });
    world.observed = { primary: { synced: true, objects: [] } };
    expect((await world.plan(both)).changes).toEqual([]);
    world.observed = { primary: { synced: true, objects: [pod({ phase: 'Running' })] } };
    await world.settle(both);
    expect(world.names('ConfigMap')).toEqual(['a']);
  });
});

describe('missing values of a template', () => {
  const watch = watchOf('manifests: [a.yaml.hbs, b.yaml.hbs]', {
    'a.yaml.hbs': configMap('a', 'k: v'),
    'b.yaml.hbs': configMap('b', 'k: {{spec.color}}\nip: {{spec.ip}}'),
  });

  it('under spec stall the resource, with every place, and let nothing new be applied', async () => {
    const plan = await new World(app({})).plan(watch);
    expect(plan.changes).toEqual([]);
    expect(plan.outcome).toMatchObject({ kind: 'terminal', reason: 'MissingValue' });
    const stalled = conditionIn(plan.status, 'Stalled');
    expect(stalled).toMatchObject({ status: 'True', reason: 'MissingValue' });
    expect(stalled?.message).toMatch(/^b\.yaml\.hbs:6:8: .*spec\.color.*; b\.yaml\.hbs:7:9: .*spec\.ip/);
    expect(plan.events).toMatchObject([{ type: 'Warning', reason: 'MissingValue' }]);
  });

  it('still let drift be repaired', async () => {
    const world = new World(app({ color: 'red', ip: 'x' }));
    await world.settle(watch);
    world.setSpec({ color: 'red' });
    world.edit(world.get('ConfigMap', 'a'), 'kubectl-edit', { data: { k: 'w' } });
    const plan = await world.step(watch);
    expect(plan.changes.map(({ ref }) => ref.name)).toEqual(['a']);
    expect(world.get('ConfigMap', 'a').data).toEqual({ k: 'v' });
    expect(isEmpty(await world.plan(watch))).toBe(true);
  });

  it('under children wait, and the others go on', async () => {
    const waiting = watchOf('manifests: [a.yaml.hbs, b.yaml.hbs]', {
      'a.yaml.hbs': 'apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: ClusterIP}\n',
      'b.yaml.hbs': configMap('b', 'ip: {{children.a.spec.clusterIP}}'),
    });
    const world = new World(app({}));
    const plan = await world.step(waiting);
    expect(plan.changes.map(({ ref }) => ref.name)).toEqual(['a']);
    expect(plan.outcome).toMatchObject({
      kind: 'pending',
      message: expect.stringContaining('children.a.spec.clusterIP'),
    });
    const service = world.get('Service', 'a');
    world.put({ ...service, spec: { type: 'ClusterIP', clusterIP: '10.0.0.1' } });
    await world.settle(waiting);
    expect(world.get('ConfigMap', 'b').data).toEqual({ ip: '10.0.0.1' });
  });

  it('in a var made of spec are terminal', async () => {
    const withVar = watchOf('vars: {color: spec.color}\nmanifests: [a.yaml.hbs]', {
      'a.yaml.hbs': configMap('a', 'k: {{vars.color}}'),
    });
    expect((await new World(app({})).plan(withVar)).outcome).toMatchObject({
      kind: 'terminal',
      reason: 'MissingValue',
    });
  });

  it('a value that is no boolean is an error with its place', async () => {
    const strange = watchOf('manifests:\n- {file: a.yaml.hbs, when: spec.on}', {
      'a.yaml.hbs': configMap('a', 'k: v'),
    });
    const plan = await new World(app({ on: 'false' })).plan(strange);
    expect(plan.outcome).toMatchObject({ kind: 'terminal', reason: 'ExpressionError' });
    expect(plan.outcome).toMatchObject({
      message: expect.stringMatching(/^watches\.yaml:5:\d+: spec\.on must be true or false/),
    });
    expect((await new World(app({})).plan(strange)).outcome).toEqual({ kind: 'done' });
  });
});

describe('a kind', () => {
  const watch = watchOf('manifests: [a.yaml.hbs]', {
    'a.yaml.hbs': 'apiVersion: new.example.com/v1\nkind: Thing\nmetadata: {name: a}\n',
  });

  it('that the cluster does not serve is waited for, and said', async () => {
    const world = new World(app({}));
    world.unserved.add('Thing.new.example.com');
    const plan = await world.step(watch);
    expect(plan.outcome).toMatchObject({ kind: 'pending', reason: 'KindNotServed' });
    expect(conditionIn(plan.status, 'Reconciling')).toMatchObject({
      status: 'True',
      reason: 'KindNotServed',
    });
    world.unserved.clear();
    await world.settle(watch);
    expect(world.names('Thing.new.example.com')).toEqual(['a']);
  });

  it('that is not synced yet is waited for in silence', async () => {
    const world = new World(app({}));
    world.unsynced.add('Thing.new.example.com');
    expect(isEmpty(await world.plan(watch))).toBe(true);
  });

  it('that cannot be listed is reported', async () => {
    const world = new World(app({}));
    world.failing.set('Thing.new.example.com', 'forbidden');
    const plan = await world.plan(watch);
    expect(conditionIn(plan.status, 'Reconciling')).toMatchObject({ status: 'True', reason: 'ListFailed' });
  });

  it('that a playbook serves is ready only with an observedGeneration', async () => {
    const world = new World(app({}));
    world.served.add('Thing.new.example.com');
    await world.settle(watch);
    expect(conditionIn(world.resource.status, 'Ready')).toMatchObject({ status: 'False' });
    world.report('Thing.new.example.com', 'a', {});
    await world.settle(watch);
    expect(conditionIn(world.resource.status, 'Ready')).toMatchObject({ status: 'True' });
  });
});
