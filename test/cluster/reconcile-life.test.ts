import { describe, expect, it, onTestFinished } from 'vitest';
import { poll } from './cluster-support.ts';
import { CONFIG_MAP, DEPLOYMENT, dataOf } from './operator-kit.ts';
import { EVERYWHERE, gvk, manifest, type Stage, stage } from './reconcile-kit.ts';

const NAMESPACE = gvk('v1', 'Namespace');
const POD = gvk('v1', 'Pod');
const STATEFUL_SET = gvk('apps/v1', 'StatefulSet');
const CLUSTER_ROLE = gvk('rbac.authorization.k8s.io/v1', 'ClusterRole');

function config(name: string): string {
  return manifest(CONFIG_MAP, name, 'data:\n  text: "{{optional spec.text}}"\n');
}

function gone(object: unknown): boolean {
  return object === undefined;
}

async function finalizersOf(here: Stage): Promise<readonly string[]> {
  return (await here.child(here.at.box, 'one')).metadata.finalizers ?? [];
}

async function deleteBox(here: Stage): Promise<void> {
  await here.at.cluster.client.delete({ ...here.at.box, namespace: here.at.namespace, name: 'one' }, {});
  await here.becomes(here.at.box, 'one', gone);
}

describe('pruning on the real API server', () => {
  it('follows `when`, forEach, a manifest and a kind that leave; keeps a StatefulSet; needs no finalizer', async () => {
    const here = await stage();
    const files = {
      'a.yaml.hbs': config('a'),
      'copy.yaml.hbs': config('copy-{{item}}'),
      'extra.yaml.hbs': config('extra'),
      'account.yaml.hbs': manifest(gvk('v1', 'ServiceAccount'), 'account', ''),
      'db.yaml.hbs': manifest(
        STATEFUL_SET,
        'db',
        'spec:\n  serviceName: db\n  replicas: 0\n  selector: {matchLabels: {app: db}}\n  template:\n    metadata: {labels: {app: db}}\n    spec: {containers: [{name: main, image: "example.com/db:1"}]}\n',
      ),
    };
    const kept = 'manifests:\n- a.yaml.hbs\n- {file: copy.yaml.hbs, forEach: spec.names, key: item}\n';
    await here.playbook(
      `${kept}- {file: extra.yaml.hbs, when: spec.extra}\n- account.yaml.hbs\n- db.yaml.hbs`,
      files,
    );
    await here.put({ text: 'x', names: ['p', 'q', 'r'], extra: true });
    await here.ready();
    const { uid } = (await here.child(CONFIG_MAP, 'copy-r')).metadata;
    expect(await finalizersOf(here)).toEqual([]);

    await here.put({ text: 'x', names: ['r'], extra: false });
    for (const name of ['copy-p', 'copy-q', 'extra']) await here.becomes(CONFIG_MAP, name, gone);
    expect((await here.child(CONFIG_MAP, 'copy-r')).metadata.uid).toBe(uid);

    const { 'db.yaml.hbs': _db, 'account.yaml.hbs': _account, 'extra.yaml.hbs': _extra, ...rest } = files;
    await here.playbook(kept, rest);
    await here.becomes(gvk('v1', 'ServiceAccount'), 'account', gone);
    await here.becomes(
      STATEFUL_SET,
      'db',
      (s) => s?.metadata.annotations?.['libretto.dev/kept'] !== undefined,
    );
    await here.expectRest();
  });

  it('holds while an observed object is missing, and goes on when it says no', async () => {
    const here = await stage();
    await here.playbook(
      'observe:\n  switch: {version: v1, kind: ConfigMap, name: switch}\nmanifests:\n- {file: a.yaml.hbs, when: observe.switch.data.on = "yes"}',
      { 'a.yaml.hbs': config('a') },
    );
    const put = (on: string): Promise<unknown> =>
      here.at.cluster.client.apply(
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'switch', namespace: here.at.namespace },
          data: { on },
        },
        { fieldManager: 'user', force: true },
      );
    await put('yes');
    await here.put({ text: 'x' });
    await here.becomes(CONFIG_MAP, 'a', (c) => c !== undefined);
    await here.ready();
    await here.at.cluster.client.delete({ ...CONFIG_MAP, namespace: here.at.namespace, name: 'switch' }, {});
    expect(await here.says('Ready', 'False')).toContain('observe.switch.data.on');
    await here.child(CONFIG_MAP, 'a');
    await put('no');
    await here.becomes(CONFIG_MAP, 'a', gone);
    await here.ready();
  });
});

describe('children elsewhere', () => {
  it('cluster-scoped and in other namespaces are cleaned by inventory and finalizer, which comes and goes with them', async () => {
    const here = await stage({ ...EVERYWHERE, allowOtherNamespaces: true });
    const other = `${here.at.namespace}-other`;
    onTestFinished(async () => here.at.cluster.client.delete({ ...NAMESPACE, name: other }, {}));
    const files = {
      'role.yaml.hbs': manifest(CLUSTER_ROLE, '{{metadata.namespace}}-role', 'rules: []\n'),
      'a.yaml.hbs': config('elsewhere'),
    };
    await here.playbook(
      'manifests:\n- {file: role.yaml.hbs, when: spec.on}\n- {file: a.yaml.hbs, when: spec.on, namespace: "{{metadata.namespace}}-other", namespaces: Any}',
      files,
    );
    await here.put({ on: true });
    expect(await here.says('Reconciling', 'True')).toContain(`namespace ${other}, which does not exist`);
    await here.at.cluster.client.create(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: other } },
      { fieldManager: 'user' },
    );
    await here.ready();
    expect(await finalizersOf(here)).toEqual(['libretto.dev/cleanup']);
    const role = { ...CLUSTER_ROLE, name: `${here.at.namespace}-role` };
    const there = { ...CONFIG_MAP, namespace: other, name: 'elsewhere' };
    expect((await here.at.cluster.client.get(there))?.metadata.ownerReferences).toBeUndefined();
    await here.expectRest();

    await here.put({ on: false });
    await poll(async () => (await here.at.cluster.client.get(role)) === undefined);
    await poll(async () => (await finalizersOf(here)).length === 0);
    await here.put({ on: true });
    await here.ready();
    await deleteBox(here);
    expect(await here.at.cluster.client.get(role)).toBeUndefined();
    expect(await here.at.cluster.client.get(there)).toBeUndefined();
  });

  it('an orphan outlives its owner and is adopted by the next of its name', async () => {
    const here = await stage();
    await here.playbook('manifests:\n- {file: a.yaml.hbs, onDelete: Orphan}\n- b.yaml.hbs', {
      'a.yaml.hbs': config('a'),
      'b.yaml.hbs': config('b'),
    });
    await here.put({ text: 'x' });
    await here.ready();
    const { uid } = (await here.child(CONFIG_MAP, 'a')).metadata;
    await deleteBox(here);
    await here.becomes(CONFIG_MAP, 'b', gone);
    const orphan = await here.child(CONFIG_MAP, 'a');
    expect(orphan.metadata.uid).toBe(uid);
    expect(orphan.metadata.annotations?.['libretto.dev/orphaned-from']).toMatch(/^Box\./);
    expect(orphan.metadata.labels?.['libretto.dev/owner-uid']).toBeUndefined();
    await here.put({ text: 'y' });
    await here.ready();
    const adopted = await here.child(CONFIG_MAP, 'a');
    expect(adopted.metadata.uid).toBe(uid);
    expect(dataOf(adopted).text).toBe('y');
    await here.expectRest();
  });

  it('a Patch manifest gives fields to an object of someone else, and gives them up on deletion', async () => {
    const here = await stage();
    const theirs = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'theirs', namespace: here.at.namespace },
    };
    await here.at.cluster.client.create({ ...theirs, data: { own: 'x' } }, { fieldManager: 'user' });
    await here.playbook('manifests:\n- {file: p.yaml.hbs, policy: Patch}', {
      'p.yaml.hbs': manifest(CONFIG_MAP, 'theirs', 'data:\n  given: "{{spec.text}}"\n'),
    });
    await here.put({ text: 'a' });
    await here.ready();
    await here.put({ text: 'b' });
    await here.becomes(CONFIG_MAP, 'theirs', (c) => dataOf(c).given === 'b');
    await here.expectRest();
    await here.edit(CONFIG_MAP, 'theirs', { data: { given: 'c' } });
    await here.becomes(CONFIG_MAP, 'theirs', (c) => dataOf(c).given === 'b');
    await deleteBox(here);
    const left = await here.child(CONFIG_MAP, 'theirs');
    expect(dataOf(left)).toEqual({ own: 'x' });
    expect(left.metadata.annotations ?? {}).toEqual({});
  });
});

describe('order', () => {
  it('`rolling` creates ascending and changes descending, one not ready at a time', {
    timeout: 90_000,
  }, async () => {
    const here = await stage();
    await here.playbook(
      `manifests:
- file: web.yaml.hbs
  forEach: "[0..spec.count - 1]"
  key: $string(item)
  rolling: {max: 1, order: Ordered}`,
      {
        'web.yaml.hbs': manifest(
          DEPLOYMENT,
          'web-{{item}}',
          'spec:\n  replicas: 1\n  selector: {matchLabels: {app: "web-{{item}}"}}\n  template:\n    metadata: {labels: {app: "web-{{item}}"}}\n    spec: {containers: [{name: main, image: "example.com/web:{{spec.tag}}"}]}\n',
        ),
      },
    );
    await here.put({ count: 3, tag: '1' });
    await here.ready();
    await here.put({ count: 3, tag: '2' });
    await here.ready();
    for (const name of ['web-0', 'web-1', 'web-2']) {
      expect(JSON.stringify((await here.child(DEPLOYMENT, name)).spec)).toContain('example.com/web:2');
    }
    await here.put({ count: 1, tag: '2' });
    for (const name of ['web-2', 'web-1']) await here.becomes(DEPLOYMENT, name, gone);
    await here.ready();
    await here.expectRest();
  });

  it('a resource deleted while half created leaves nothing', async () => {
    const here = await stage();
    await here.playbook(
      'manifests:\n- {file: a.yaml.hbs, onDelete: Delete}\n- {file: pod.yaml.hbs, after: [a]}\n- {file: never.yaml.hbs, waitFor: spec.never}\n- {file: role.yaml.hbs}',
      {
        'a.yaml.hbs': config('a'),
        'pod.yaml.hbs': manifest(
          POD,
          'pod',
          'spec: {containers: [{name: main, image: "example.com/box:1"}]}\n',
        ),
        'never.yaml.hbs': config('never'),
        'role.yaml.hbs': manifest(CLUSTER_ROLE, '{{metadata.namespace}}-half', 'rules: []\n'),
      },
    );
    await here.put({ text: 'x' });
    const role = { ...CLUSTER_ROLE, name: `${here.at.namespace}-half` };
    await poll(async () => (await here.at.cluster.client.get(role)) !== undefined);
    await deleteBox(here);
    expect(await here.at.cluster.client.get(role)).toBeUndefined();
    for (const [kind, name] of [
      [CONFIG_MAP, 'a'],
      [POD, 'pod'],
    ] as const)
      await here.becomes(kind, name, gone);
  });
});
