import { describe, expect, it } from 'vitest';
import { app, conditionIn, configMap, isEmpty, UID, World, watchOf } from './kit.ts';

const POD = 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: db-{{item}}\nspec:\n  image: {{spec.image}}\n';

function run(world: World, ...names: string[]): void {
  for (const name of names) world.report('Pod', name, { phase: 'Running' });
}

describe('forEach', () => {
  const watch = watchOf(
    `manifests:
- file: pod.yaml.hbs
  forEach: "[0..spec.replicas - 1]"
  key: $string(item)
  waitFor: $index = 0 or children.pod[$index - 1].status.phase = "Running"
  rolling: {max: 1, order: Ordered}
  ready: self.status.phase = "Running"`,
    { 'pod.yaml.hbs': POD },
  );

  it('creates one after the other, ascending, each when the one before it runs', async () => {
    const world = new World(app({ replicas: 3, image: 'a' }));
    await world.settle(watch);
    expect(world.names('Pod')).toEqual(['db-0']);
    expect(conditionIn(world.resource.status, 'Ready')?.status).toBe('False');
    run(world, 'db-0');
    await world.settle(watch);
    expect(world.names('Pod')).toEqual(['db-0', 'db-1']);
    run(world, 'db-1');
    await world.settle(watch);
    run(world, 'db-2');
    await world.settle(watch);
    expect(world.names('Pod')).toEqual(['db-0', 'db-1', 'db-2']);
    expect(conditionIn(world.resource.status, 'Ready')?.status).toBe('True');
  });

  async function three(): Promise<World> {
    const world = new World(app({ replicas: 3, image: 'a' }));
    for (const name of ['db-0', 'db-1', 'db-2']) {
      await world.settle(watch);
      run(world, name);
    }
    await world.settle(watch);
    return world;
  }

  it('removes the highest key first, one at a time', async () => {
    const world = await three();
    world.setSpec({ replicas: 1, image: 'a' });
    const first = await world.step(watch);
    expect(first.changes.map(({ kind, ref }) => `${kind} ${ref.name}`)).toEqual(['delete db-2']);
    const second = await world.step(watch);
    expect(second.changes.map(({ ref }) => ref.name)).toEqual(['db-1']);
    await world.settle(watch);
    expect(world.names('Pod')).toEqual(['db-0']);
  });

  it('waits while a removed one is still terminating', async () => {
    const world = await three();
    world.setSpec({ replicas: 1, image: 'a' });
    const going = world.get('Pod', 'db-2');
    world.put({ ...going, metadata: { ...going.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
    expect((await world.plan(watch)).changes).toEqual([]);
  });

  it('changes descending, one at a time', async () => {
    const world = await three();
    world.setSpec({ replicas: 3, image: 'b' });
    const first = await world.step(watch);
    expect(first.changes.map(({ kind, ref }) => `${kind} ${ref.name}`)).toEqual(['apply db-2']);
    world.report('Pod', 'db-2', { phase: 'Pending' });
    expect((await world.plan(watch)).changes).toEqual([]);
    run(world, 'db-2');
    expect((await world.step(watch)).changes.map(({ ref }) => ref.name)).toEqual(['db-1']);
  });

  it('keeps the identity of each key when the list shifts', async () => {
    const keyed = watchOf('manifests:\n- {file: a.yaml.hbs, forEach: spec.names, key: item}', {
      'a.yaml.hbs': configMap('x-{{item}}', 'k: v'),
    });
    const world = new World(app({ names: ['a', 'b', 'c'] }));
    await world.settle(keyed);
    const uid = world.get('ConfigMap', 'x-c').metadata.uid;
    world.setSpec({ names: ['c'] });
    await world.settle(keyed);
    expect(world.names('ConfigMap')).toEqual(['x-c']);
    expect(world.get('ConfigMap', 'x-c').metadata.uid).toBe(uid);
  });

  it('refuses doubles among keys and changes nothing', async () => {
    const keyed = watchOf('manifests:\n- {file: a.yaml.hbs, forEach: spec.names, key: item}', {
      'a.yaml.hbs': configMap('x-{{item}}', 'k: v'),
    });
    const world = new World(app({ names: ['a', 'b'] }));
    await world.settle(keyed);
    world.setSpec({ names: ['b', 'b'] });
    const plan = await world.plan(keyed);
    expect(plan.changes).toEqual([]);
    expect(plan.outcome).toMatchObject({ kind: 'terminal', reason: 'KeyDuplicate' });
  });

  it('judges `when` for each item', async () => {
    const some = watchOf(
      'manifests:\n- {file: a.yaml.hbs, forEach: spec.list, key: item.name, when: item.on}',
      {
        'a.yaml.hbs': configMap('x-{{item.name}}', 'k: v'),
      },
    );
    const world = new World(
      app({
        list: [
          { name: 'a', on: true },
          { name: 'b', on: false },
        ],
      }),
    );
    await world.settle(some);
    expect(world.names('ConfigMap')).toEqual(['x-a']);
  });
});

describe('order', () => {
  it('`after` waits until the other is ready', async () => {
    const watch = watchOf(
      'manifests:\n- {file: a.yaml.hbs, after: [b]}\n- {file: b.yaml.hbs, ready: self.data.done = "yes"}',
      {
        'a.yaml.hbs': configMap('a', 'k: v'),
        'b.yaml.hbs': configMap('b', 'k: v'),
      },
    );
    const world = new World(app({}));
    await world.settle(watch);
    expect(world.names('ConfigMap')).toEqual(['b']);
    expect(conditionIn(world.resource.status, 'Ready')?.message).toMatch(/ConfigMap shop\/a waits for b/);
    world.edit(world.get('ConfigMap', 'b'), 'other', { data: { done: 'yes' } });
    await world.settle(watch);
    expect(world.names('ConfigMap')).toEqual(['b', 'a']);
  });

  it('`rendered` gives a config roll-out in one pass', async () => {
    const watch = watchOf('manifests: [app.yaml.hbs, config.yaml.hbs]', {
      'app.yaml.hbs': configMap('app', 'hash: "{{sha256 rendered.config.data}}"'),
      'config.yaml.hbs': configMap('config', 'color: "{{spec.color}}"'),
    });
    const world = new World(app({ color: 'red' }));
    await world.settle(watch);
    world.setSpec({ color: 'blue' });
    const plan = await world.step(watch);
    expect(plan.changes.map(({ ref }) => ref.name)).toEqual(['config', 'app']);
    expect(plan.changes[0]?.rank).toBeLessThan(plan.changes[1]?.rank ?? 0);
    expect(isEmpty(await world.settle(watch))).toBe(true);
  });

  it('`waitFor` postpones, and does not remove', async () => {
    const watch = watchOf('manifests:\n- {file: a.yaml.hbs, waitFor: spec.go}', {
      'a.yaml.hbs': configMap('a', 'k: "{{spec.v}}"'),
    });
    const world = new World(app({ v: 1, go: false }));
    await world.settle(watch);
    expect(world.names('ConfigMap')).toEqual([]);
    world.setSpec({ v: 1, go: true });
    await world.settle(watch);
    world.setSpec({ v: 2, go: false });
    await world.settle(watch);
    expect(world.get('ConfigMap', 'a').data).toEqual({ k: '1' });
    expect(conditionIn(world.resource.status, 'Ready')).toMatchObject({ status: 'False', reason: 'Waiting' });
  });

  it('several documents of a file are children of their own', async () => {
    const watch = watchOf(
      'manifests: [two.yaml.hbs]\nstatus:\n  both: children.two.configmap.data.k & children.two.secret.type',
      {
        'two.yaml.hbs': `${configMap('a', 'k: v')}---\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: Opaque\n`,
      },
    );
    const world = new World(app({}));
    await world.settle(watch);
    expect(world.resource.status).toMatchObject({ both: 'vOpaque' });
    expect(world.get('Secret', 'a').metadata.annotations?.['libretto.dev/manifest']).toBe('two.secret');
  });
});

describe('policies', () => {
  const SECRET =
    'apiVersion: v1\nkind: Secret\nmetadata: {name: pw}\nstringData:\n  password: "{{randomString 20}}"\n';

  it('CreateOnly creates once, with fresh randomness, and never changes; `rendered` shows what was created', async () => {
    const watch = watchOf('manifests:\n- {file: pw.yaml.hbs, policy: CreateOnly}\n- a.yaml.hbs', {
      'pw.yaml.hbs': SECRET,
      'a.yaml.hbs': configMap('a', 'hash: "{{sha256 rendered.pw.data}}"'),
    });
    const world = new World(app({}));
    await world.settle(watch);
    const { data } = world.get('Secret', 'pw');
    expect(data).toMatchObject({ password: expect.stringMatching(/^[A-Za-z0-9+/=]{20,}$/) });
    expect(world.get('Secret', 'pw')).not.toHaveProperty('stringData');
    world.edit(world.get('Secret', 'pw'), 'kubectl', { data: { extra: 'eA==' } });
    const plan = await world.plan(watch);
    expect(plan.changes.map(({ ref }) => ref.name)).toEqual(['a']);
    await world.settle(watch);
    expect(world.get('Secret', 'pw').data).toMatchObject({ ...(data as object) });
    const other = new World(app({}, { uid: 'another' }));
    await other.settle(watch);
    expect(other.get('Secret', 'pw').data).not.toEqual(data);
  });

  it('CreateOnly gives other random values to a child that was deleted and is created again', async () => {
    const watch = watchOf('manifests:\n- {file: pw.yaml.hbs, policy: CreateOnly}', { 'pw.yaml.hbs': SECRET });
    const world = new World(app({}));
    const passwords = new Set<unknown>();
    for (let round = 0; round < 3; round++) {
      await world.settle(watch);
      passwords.add(JSON.stringify(world.get('Secret', 'pw').data));
      world.remove('Secret', 'pw');
    }
    expect(passwords.size).toBe(3);
  });

  it('Patch gives fields to an object of someone else, and gives them up', async () => {
    const watch = watchOf('manifests:\n- {file: p.yaml.hbs, policy: Patch, when: spec.on}', {
      'p.yaml.hbs':
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: theirs}\ndata:\n  mine: "{{spec.v}}"\n',
    });
    const world = new World(app({ on: true, v: 1 }));
    await world.settle(watch);
    expect(world.names('ConfigMap')).toEqual([]);
    expect(conditionIn(world.resource.status, 'Ready')).toMatchObject({ reason: 'TargetMissing' });
    world.put({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'theirs', namespace: 'shop' },
      data: { a: 'b' },
    });
    const plan = await world.step(watch);
    expect(plan.finalizer).toBe('keep');
    expect(plan.changes[0]).toMatchObject({
      kind: 'apply',
      fieldManager: `libretto-patch-${UID}`,
      force: false,
    });
    await world.settle(watch);
    const patched = world.get('ConfigMap', 'theirs');
    expect(patched.data).toEqual({ a: 'b', mine: '1' });
    expect(patched.metadata.labels).toBeUndefined();
    expect(patched.metadata.ownerReferences).toBeUndefined();
    world.setSpec({ on: true, v: 2 });
    await world.settle(watch);
    expect(world.get('ConfigMap', 'theirs').data).toEqual({ a: 'b', mine: '2' });
    world.setSpec({ on: false, v: 2 });
    await world.settle(watch);
    expect(world.get('ConfigMap', 'theirs').data).toEqual({ a: 'b' });
    expect(world.resource.metadata.finalizers).toEqual([]);
  });
});

describe('ignoreFields', () => {
  const DEPLOYMENT =
    'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: {{spec.replicas}}\n  image: {{spec.image}}\n';
  const watch = watchOf(
    'manifests:\n- file: d.yaml.hbs\n  ignoreFields: [{path: spec.replicas, when: $exists(spec.autoscaling)}]',
    { 'd.yaml.hbs': DEPLOYMENT },
  );

  it('are sent at creation, never later', async () => {
    const world = new World(app({ replicas: 3, image: 'a', autoscaling: {} }));
    await world.settle(watch);
    expect(world.get('Deployment.apps', 'web').spec).toEqual({ replicas: 3, image: 'a' });
    world.edit(world.get('Deployment.apps', 'web'), 'hpa', { spec: { replicas: 9 } });
    expect(isEmpty(await world.plan(watch))).toBe(true);
    world.setSpec({ replicas: 5, image: 'b', autoscaling: {} });
    await world.settle(watch);
    expect(world.get('Deployment.apps', 'web').spec).toEqual({ replicas: 9, image: 'b' });
  });

  it('lent on a condition come back by force when it ends', async () => {
    const world = new World(app({ replicas: 3, image: 'a', autoscaling: {} }));
    await world.settle(watch);
    world.edit(world.get('Deployment.apps', 'web'), 'hpa', { spec: { replicas: 9 } });
    world.setSpec({ replicas: 2, image: 'a' });
    expect((await world.plan(watch)).changes).toMatchObject([{ kind: 'apply', force: true }]);
    await world.settle(watch);
    expect(world.get('Deployment.apps', 'web').spec).toEqual({ replicas: 2, image: 'a' });
  });

  it('are handed over with their live value where they are ours', async () => {
    const world = new World(app({ replicas: 4, image: 'a' }));
    await world.settle(watch);
    world.setSpec({ replicas: 4, image: 'a', autoscaling: {} });
    const [change] = (await world.plan(watch)).changes;
    expect(change).toMatchObject({ kind: 'apply', handOver: { kind: 'Deployment', spec: { replicas: 4 } } });
    await world.settle(watch);
    expect(world.get('Deployment.apps', 'web').spec).toEqual({ replicas: 4, image: 'a' });
    world.setSpec({ replicas: 2, image: 'a' });
    await world.settle(watch);
    expect(world.get('Deployment.apps', 'web').spec).toEqual({ replicas: 2, image: 'a' });
  });
});

describe('namespaces', () => {
  const files = { 'a.yaml.hbs': configMap('a', 'k: v') };
  const anywhere = watchOf(
    'manifests:\n- {file: a.yaml.hbs, forEach: spec.spaces, key: item, namespace: "{{item}}", namespaces: Any}',
    files,
  );

  it('other than its own need the playbook and the administrator', async () => {
    const world = new World(app({ spaces: ['other'], space: 'other' }));
    world.namespaces.other = { terminating: false, labels: {} };
    expect((await world.plan(anywhere)).outcome).toMatchObject({
      kind: 'terminal',
      reason: 'NamespaceNotAllowed',
    });
    world.otherNamespaces = true;
    const own = watchOf('manifests: [a.yaml.hbs]', {
      'a.yaml.hbs': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: "{{spec.space}}"}\n',
    });
    expect((await world.plan(own)).outcome).toMatchObject({
      kind: 'terminal',
      reason: 'NamespaceNotAllowed',
    });
    expect((await world.plan(anywhere)).changes).toHaveLength(1);
  });

  it('labels decide where the playbook says so', async () => {
    const labelled = watchOf(
      'manifests:\n- {file: a.yaml.hbs, namespace: other, namespaces: {labels: {team: a}}}',
      files,
    );
    const world = new World(app({}));
    world.otherNamespaces = true;
    world.namespaces.other = { terminating: false, labels: { team: 'b' } };
    expect((await world.plan(labelled)).outcome).toMatchObject({ reason: 'NamespaceNotAllowed' });
    world.namespaces.other = { terminating: false, labels: { team: 'a' } };
    expect((await world.plan(labelled)).changes).toHaveLength(1);
  });

  it('that are missing or terminating are waited for', async () => {
    const world = new World(app({ spaces: ['other'] }));
    world.otherNamespaces = true;
    expect((await world.plan(anywhere)).outcome).toMatchObject({
      kind: 'pending',
      reason: 'NamespaceMissing',
    });
    world.namespaces.other = { terminating: true, labels: {} };
    expect((await world.plan(anywhere)).outcome).toMatchObject({
      kind: 'pending',
      reason: 'NamespaceTerminating',
    });
  });

  it('that the resource makes itself are allowed, and come first', async () => {
    const made = watchOf(
      'manifests:\n- {file: a.yaml.hbs, namespace: "{{metadata.name}}-space"}\n- ns.yaml.hbs',
      {
        ...files,
        'ns.yaml.hbs': 'apiVersion: v1\nkind: Namespace\nmetadata: {name: "{{metadata.name}}-space"}\n',
      },
    );
    const world = new World(app({}));
    const plan = await world.plan(made);
    expect(plan.changes.map(({ ref }) => ref.kind)).toEqual(['Namespace', 'ConfigMap']);
    expect(plan.finalizer).toBe('add');
  });

  it('children there carry label and annotations instead of an ownerReference, and a finalizer comes first', async () => {
    const world = new World(app({ spaces: ['other'] }));
    world.otherNamespaces = true;
    world.namespaces.other = { terminating: false, labels: {} };
    const plan = await world.step(anywhere);
    expect(plan.finalizer).toBe('add');
    const { metadata } = world.get('ConfigMap', 'a', 'other');
    expect(metadata.ownerReferences).toBeUndefined();
    expect(metadata.labels).toMatchObject({ 'libretto.dev/owner-uid': UID });
    expect(metadata.annotations).toMatchObject({ 'libretto.dev/on-delete': 'Delete' });
    await world.settle(anywhere);
    world.setSpec({ spaces: [] });
    await world.settle(anywhere);
    expect(world.names('ConfigMap')).toEqual([]);
    expect(world.resource.metadata.finalizers).toEqual([]);
  });
});

describe('what a manifest must not say', () => {
  const watch = watchOf('manifests: [a.yaml.hbs]', {
    'a.yaml.hbs': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {{spec.meta}}\n',
  });

  it.each([
    [{ finalizers: ['x'] }, 'metadata.finalizers'],
    [{ ownerReferences: [] }, 'metadata.ownerReferences'],
    [{ labels: { 'libretto.dev/owner-uid': 'x' } }, 'metadata.labels["libretto.dev/owner-uid"]'],
    [{ name: '' }, 'metadata.name'],
  ])('%j', async (meta, path) => {
    const plan = await new World(app({ meta: { name: 'a', ...meta } })).plan(watch);
    expect(plan.changes).toEqual([]);
    expect(plan.outcome).toMatchObject({ kind: 'terminal', message: expect.stringContaining(path) });
  });

  it('two manifests that describe one object', async () => {
    const watch = watchOf('manifests: [a.yaml.hbs, b.yaml.hbs]', {
      'a.yaml.hbs': configMap('{{spec.a}}', 'k: v'),
      'b.yaml.hbs': configMap('{{spec.b}}', 'k: v'),
    });
    const plan = await new World(app({ a: 'same', b: 'same' })).plan(watch);
    expect(plan.outcome).toMatchObject({ kind: 'terminal', reason: 'NameDuplicate' });
    expect(plan.changes).toEqual([]);
  });
});
