import { describe, expect, it } from 'vitest';
import { schemaFromCrd } from '../../engine/kube/schema-model.ts';
import { afterStatus } from '../../engine/reconcile/memory.ts';
import { loaded } from '../playbook/load-builder.ts';
import { app, conditionIn, configMap, isEmpty, World, watchOf } from './kit.ts';

const DEPLOYMENT =
  'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: {{spec.size}}\n';
const files = { 'd.yaml.hbs': DEPLOYMENT };

function ready(world: World, count: number, of = count): void {
  const conditions = [{ type: 'Available', status: count > 0 ? 'True' : 'False' }];
  const counts = { replicas: of, updatedReplicas: of, readyReplicas: count, availableReplicas: count };
  world.report('Deployment.apps', 'web', { ...counts, conditions });
}

describe('conditions', () => {
  const watch = watchOf(
    `manifests: [d.yaml.hbs]
health:
  Available:
    when: children.d.status.availableReplicas > 0
    reason: NoneAvailable
    message: "none of {{spec.size}} is available"`,
    files,
  );

  it('of the playbook are Unknown for missing, with the path; False with reason and message; True', async () => {
    const world = new World(app({ size: 1 }));
    await world.settle(watch);
    expect(conditionIn(world.resource.status, 'Available')).toMatchObject({
      status: 'Unknown',
      reason: 'ValueMissing',
      message: 'children.d.status.availableReplicas is missing',
    });
    ready(world, 0, 1);
    await world.settle(watch);
    expect(conditionIn(world.resource.status, 'Available')).toMatchObject({
      status: 'False',
      reason: 'NoneAvailable',
      message: 'none of 1 is available',
    });
    ready(world, 1);
    await world.settle(watch);
    expect(conditionIn(world.resource.status, 'Available')).toMatchObject({
      status: 'True',
      observedGeneration: 1,
    });
  });

  it('Ready without a rule is kstatus of every child', async () => {
    const world = new World(app({ size: 3 }));
    await world.settle(watch);
    ready(world, 1, 3);
    await world.settle(watch);
    const condition = conditionIn(world.resource.status, 'Ready');
    expect(condition).toMatchObject({ status: 'False', reason: 'Progressing' });
    expect(condition?.message).toMatch(/^Deployment shop\/web: 1 of 3 replicas are ready/);
    ready(world, 3);
    await world.settle(watch);
    expect(conditionIn(world.resource.status, 'Ready')).toMatchObject({ status: 'True' });
  });

  it('Ready waits until the change is applied and seen, whatever the old status says', async () => {
    const rule = watchOf(
      'manifests: [d.yaml.hbs]\nhealth:\n  Ready: children.d.status.readyReplicas > 0',
      files,
    );
    const world = new World(app({ size: 1 }));
    await world.settle(rule);
    ready(world, 1);
    await world.settle(rule);
    expect(conditionIn(world.resource.status, 'Ready')?.status).toBe('True');
    world.setSpec({ size: 2 });
    const applying = await world.step(rule);
    expect(conditionIn(applying.status, 'Ready')).toMatchObject({
      status: 'False',
      message: 'applying Deployment shop/web',
    });
    expect(conditionIn(applying.status, 'Reconciling')).toMatchObject({ status: 'True' });
    await world.settle(rule);
    expect(conditionIn(world.resource.status, 'Ready')?.message).toMatch(/has not seen the latest change/);
    ready(world, 1, 2);
    await world.settle(rule);
    expect(conditionIn(world.resource.status, 'Ready')?.status).toBe('True');
  });

  it('keep their transition time while the status is the same', async () => {
    const world = new World(app({ size: 2 }));
    await world.settle(watch);
    const before = conditionIn(world.resource.status, 'Ready')?.lastTransitionTime;
    world.now += 60_000;
    ready(world, 1, 2);
    await world.settle(watch);
    expect(conditionIn(world.resource.status, 'Ready')?.lastTransitionTime).toBe(before);
  });

  it('a child that failed stalls, and its words are passed on', async () => {
    const world = new World(app({ size: 2 }));
    await world.settle(watch);
    world.report('Deployment.apps', 'web', {
      conditions: [
        { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'timed out' },
      ],
    });
    await world.settle(watch);
    expect(conditionIn(world.resource.status, 'Stalled')).toMatchObject({
      status: 'True',
      reason: 'ChildFailed',
    });
    expect(conditionIn(world.resource.status, 'Stalled')?.message).toMatch(/^Deployment shop\/web: /);
    expect(conditionIn(world.resource.status, 'Reconciling')).toMatchObject({ status: 'False' });
  });

  it('an expression that fails says so in place and stalls', async () => {
    const broken = watchOf('manifests: [d.yaml.hbs]\nhealth:\n  Good: $number(spec.text) > 1', files);
    const world = new World(app({ size: 1, text: 'x' }));
    const plan = await world.plan(broken);
    expect(conditionIn(plan.status, 'Good')).toMatchObject({ status: 'Unknown', reason: 'ExpressionError' });
    expect(plan.outcome).toMatchObject({
      kind: 'terminal',
      message: expect.stringMatching(/^watches\.yaml:\d+:\d+: /),
    });
  });
});

describe('writes of the status', () => {
  const watch = watchOf(
    'manifests: [d.yaml.hbs]\nstatus:\n  ready: children.d.status.readyReplicas\n  name: metadata.name',
    files,
  );

  it('report progress at most once in ten seconds, and then the latest', async () => {
    const world = new World(app({ size: 3 }));
    await world.step(watch);
    ready(world, 0, 3);
    const held = await world.step(watch);
    expect(held.status).toBeUndefined();
    expect(held.outcome).toMatchObject({ kind: 'pending', wakeAt: world.now + 10_000 });
    ready(world, 1, 3);
    world.now += 10_000;
    expect((await world.step(watch)).status).toMatchObject({ ready: 1 });
  });

  it('do not happen for a difference that writing does not close', async () => {
    const world = new World(app({ size: 1 }));
    await world.settle(watch);
    ready(world, 1);
    const plan = await world.plan(watch);
    if (plan.status === undefined) throw new Error('no status');
    const { name: _dropped, ...stored } = plan.status;
    world.carryOut(plan);
    world.resource = { ...world.resource, status: stored };
    world.memory = afterStatus(world.memory, plan.status, stored);
    expect(isEmpty(await world.plan(watch))).toBe(true);
  });

  it('spare fields and conditions of others', async () => {
    const world = new World(app({ size: 1 }));
    await world.settle(watch);
    const { status } = world.resource;
    const conditions = [
      ...((status as { conditions: [] }).conditions as []),
      { type: 'Theirs', status: 'True' },
    ];
    world.resource = { ...world.resource, status: { ...(status as object), theirs: 1, conditions } };
    expect(isEmpty(await world.plan(watch))).toBe(true);
  });

  it('remove a field that an earlier playbook wrote', async () => {
    const world = new World(app({ size: 1 }));
    await world.settle(watch);
    const managed = {
      manager: 'libretto',
      operation: 'Apply',
      apiVersion: 'example.com/v1',
      subresource: 'status',
    } as const;
    world.setMeta({ managedFields: [{ ...managed, fieldsV1: { 'f:status': { 'f:name': {} } } }] });
    const without = watchOf(
      'manifests: [d.yaml.hbs]\nstatus:\n  ready: children.d.status.readyReplicas',
      files,
    );
    const plan = await world.plan(without);
    expect(plan.status).not.toHaveProperty('name');
    world.now += 10_000;
    expect((await world.plan(without)).status).toBeDefined();
  });

  it('do not happen while an observed object that a rule reads is not synced', async () => {
    const reading = watchOf(
      'observe:\n  nodes: {version: v1, kind: Node}\nmanifests: [d.yaml.hbs]\nhealth:\n  Placed: $count(observe.nodes) > 0',
      files,
    );
    const world = new World(app({ size: 1 }));
    world.observed = { nodes: { synced: true, objects: [] } };
    await world.settle(reading);
    world.observed = { nodes: { synced: false, objects: [] } };
    expect(isEmpty(await world.plan(reading))).toBe(true);
    world.observed = { nodes: { synced: false, failure: 'forbidden', objects: [] } };
    const plan = await world.plan(reading);
    expect(conditionIn(plan.status, 'Placed')).toMatchObject({ status: 'Unknown', reason: 'ListFailed' });
  });

  it('keep the stored value of a projection that fails, and stall', async () => {
    const broken = watchOf('manifests: [d.yaml.hbs]\nstatus:\n  number: $number(spec.text)', files);
    const world = new World(app({ size: 1, text: '7' }));
    await world.settle(broken);
    world.setSpec({ size: 1, text: 'x' });
    const plan = await world.plan(broken);
    expect(plan.status).toMatchObject({ number: 7 });
    expect(conditionIn(plan.status, 'Stalled')).toMatchObject({ status: 'True', reason: 'ExpressionError' });
  });

  it('happen at once for a new generation', async () => {
    const world = new World(app({ size: 1 }));
    await world.step(watch);
    world.setSpec({ size: 2 });
    expect((await world.plan(watch)).status).toMatchObject({ observedGeneration: 2 });
  });
});

describe('held fields', () => {
  const watch = watchOf('manifests: [a.yaml.hbs]\nstatus:\n  version: {initial: spec.version}', {
    'a.yaml.hbs': configMap('a', 'version: "{{status.version}}"'),
  });

  it('are written once, before any child is rendered, and kept', async () => {
    const world = new World(app({ version: '1' }));
    const first = await world.step(watch);
    expect(first.changes).toEqual([]);
    expect(first.status).toMatchObject({ version: '1' });
    await world.settle(watch);
    expect(world.get('ConfigMap', 'a').data).toEqual({ version: '1' });
    world.setSpec({ version: '2' });
    await world.settle(watch);
    expect(world.get('ConfigMap', 'a').data).toEqual({ version: '1' });
    expect(world.resource.status).toMatchObject({ version: '1', observedGeneration: 2 });
  });
});

describe('Events', () => {
  it('name what is created later in one, what went wrong and what was configured, and are not repeated', async () => {
    const manifests = `- {file: a.yaml.hbs, when: spec.more}
- {file: b.yaml.hbs, when: spec.more}
- c.yaml.hbs`;
    const watch = watchOf(`manifests:\n${manifests}`, {
      'a.yaml.hbs': configMap('a', 'k: v'),
      'b.yaml.hbs': configMap('b', 'k: v'),
      'c.yaml.hbs': configMap('c', 'k: "{{spec.k}}"'),
    });
    const world = new World(app({ k: 'v' }));
    await world.settle(watch);
    world.setSpec({ k: 'v', more: true });
    expect((await world.step(watch)).events).toEqual([
      { type: 'Normal', reason: 'Created', message: 'created ConfigMap shop/a, ConfigMap shop/b' },
    ]);
    world.setSpec({ more: true });
    expect((await world.step(watch)).events).toMatchObject([{ type: 'Warning', reason: 'MissingValue' }]);
    expect((await world.step(watch)).events).toEqual([]);
    world.setSpec({ k: 'w', more: true });
    expect((await world.step(watch)).events).toMatchObject([
      { reason: 'Configured', message: 'configured ConfigMap shop/c' },
    ]);
  });

  it('are none on the straight way to Ready: the status says all of it, and each would be a write', async () => {
    const watch = watchOf('manifests: [d.yaml.hbs]', files);
    const world = new World(app({ size: 1 }));
    expect((await world.step(watch)).events).toEqual([]);
    ready(world, 1);
    const done = await world.step(watch);
    expect(conditionIn(done.status, 'Ready')).toMatchObject({ status: 'True' });
    expect(done.events).toEqual([]);
  });

  it('of a decorating watch say a problem once, and no status is written', async () => {
    const watch = {
      ...watchOf('manifests: [a.yaml.hbs]', { 'a.yaml.hbs': configMap('a', 'k: "{{spec.k}}"') }),
      ownsStatus: false,
    };
    const world = new World(app({}));
    const plan = await world.step(watch);
    expect(plan.status).toBeUndefined();
    expect(plan.events).toMatchObject([{ type: 'Warning', reason: 'MissingValue' }]);
    expect(isEmpty(await world.plan(watch))).toBe(true);
  });
});

describe('the version of the playbook', () => {
  const head = `schema: {spec: {size: integer}}\nmanifests: [d.yaml.hbs]`;
  const watches = `- group: example.com\n  version: v1\n  kind: App\n  ${head.replace('\n', '\n  ')}\n`;
  const playbook = loaded({ 'watches.yaml': watches, ...files });
  const [watch] = playbook.watches;
  const [crd] = playbook.crds;
  const schema = crd === undefined ? undefined : schemaFromCrd(crd, 'v1');

  it('stands in the status from its first write on, is written with a new version once, and never at rest', async () => {
    if (watch === undefined || schema === undefined) throw new Error('no watch with a schema');
    const world = new World(app({ size: 1 }));
    world.schemas.set('App.example.com', schema);
    world.version = '1.0.0';
    expect((await world.step(watch)).status).toMatchObject({ playbookVersion: '1.0.0' });
    ready(world, 1);
    await world.settle(watch);
    expect(isEmpty(await world.plan(watch))).toBe(true);
    world.version = '1.1.0';
    const changed = await world.step(watch);
    expect(changed.changes).toEqual([]);
    expect(changed.status).toMatchObject({ playbookVersion: '1.1.0' });
    expect(isEmpty(await world.plan(watch))).toBe(true);
  });

  it('is left out where the schema lets it through without naming it, and where the playbook writes the field', async () => {
    if (watch === undefined || schema === undefined) throw new Error('no watch with a schema');
    const open = new World(app({ size: 1 }));
    expect((await open.step(watch)).status).not.toHaveProperty('playbookVersion');
    const own = new World(app({ size: 1 }));
    own.schemas.set('App.example.com', schema);
    const writing = watchOf('manifests: [d.yaml.hbs]\nstatus: {playbookVersion: metadata.name}', files);
    expect((await own.step(writing)).status).toMatchObject({ playbookVersion: 'web' });
  });
});
