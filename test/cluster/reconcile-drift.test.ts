import { describe, expect, it } from 'vitest';
import type { JsonObject, KubeObject } from '../../engine/kube/object.ts';
import { getPath } from '../../engine/kube/value.ts';
import { poll } from './cluster-support.ts';
import { CONFIG_MAP, DEPLOYMENT, dataOf } from './operator-kit.ts';
import { gvk, manifest, type Stage, stage } from './reconcile-kit.ts';

const SERVICE = gvk('v1', 'Service');
const SECRET = gvk('v1', 'Secret');

const FILES = {
  'config.yaml.hbs': manifest(CONFIG_MAP, 'config', 'data:\n  text: "{{spec.text}}"\n  shape: round\n'),
  'secret.yaml.hbs': manifest(SECRET, 'secret', 'stringData:\n  password: secret\n'),
  'service.yaml.hbs': manifest(
    SERVICE,
    'web',
    'spec:\n  selector: {app: web}\n  ports:\n  - {port: 80, name: web}\n',
  ),
  'deployment.yaml.hbs': manifest(
    DEPLOYMENT,
    'web',
    `spec:
  replicas: {{spec.size}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: "example.com/box:1", args: [serve, fast]}
`,
  ),
};
const ALL = `manifests: [${Object.keys(FILES).join(', ')}]`;

async function settled(): Promise<Stage> {
  const here = await stage();
  await here.playbook(ALL, FILES);
  await here.put({ size: 1, text: 'hello' });
  await here.ready();
  return here;
}

function containerOf(object: KubeObject | undefined): unknown {
  return getPath(object?.spec, ['template', 'spec', 'containers', '0']);
}

describe('drift on the real API server', () => {
  it('is taken back: a field, a label, an atomic list, a port, a Secret’s value, our annotations', async () => {
    const here = await settled();
    await here.edit(DEPLOYMENT, 'web', { spec: { replicas: 3 } });
    await here.becomes(DEPLOYMENT, 'web', (d) => getPath(d?.spec, ['replicas']) === 1);

    await here.edit(CONFIG_MAP, 'config', { metadata: { labels: { 'libretto.dev/owner-uid': null } } });
    await here.becomes(
      CONFIG_MAP,
      'config',
      (c) => c?.metadata.labels?.['libretto.dev/owner-uid'] !== undefined,
    );

    const strategic: JsonObject[] = [
      { op: 'replace', path: '/spec/template/spec/containers/0/args', value: ['serve'] },
    ];
    const deployment = { ...DEPLOYMENT, namespace: here.at.namespace, name: 'web' };
    await here.at.cluster.client.jsonPatch(deployment, strategic, { fieldManager: 'kubectl-patch' });
    await here.becomes(
      DEPLOYMENT,
      'web',
      (d) => JSON.stringify(getPath(containerOf(d), ['args'])) === '["serve","fast"]',
    );

    const service = { ...SERVICE, namespace: here.at.namespace, name: 'web' };
    const port: JsonObject[] = [{ op: 'replace', path: '/spec/ports/0/name', value: 'other' }];
    await here.at.cluster.client.jsonPatch(service, port, { fieldManager: 'kubectl-patch' });
    await here.becomes(SERVICE, 'web', (s) => getPath(s?.spec, ['ports', '0', 'name']) === 'web');

    await here.edit(SECRET, 'secret', { data: { password: 'b3RoZXI=' } });
    await here.becomes(SECRET, 'secret', (s) => dataOf(s).password === 'c2VjcmV0');

    await here.edit(CONFIG_MAP, 'config', {
      metadata: { annotations: { 'libretto.dev/hash': 'x', 'libretto.dev/manifest': null } },
    });
    await here.becomes(
      CONFIG_MAP,
      'config',
      (c) => c?.metadata.annotations?.['libretto.dev/manifest'] === 'config',
    );
    await here.expectRest();
  });

  it('is told in an Event that names the manager and the field', async () => {
    const here = await settled();
    await here.edit(CONFIG_MAP, 'config', { data: { shape: 'square' } }, 'somebody');
    await here.becomes(CONFIG_MAP, 'config', (c) => dataOf(c).shape === 'round');
    const events = gvk('events.k8s.io/v1', 'Event');
    let notes: string[] = [];
    await poll(async () => {
      const list = await here.at.cluster.client.list(events, { namespace: here.at.namespace });
      notes = list.map((event) => String(event.note));
      return notes.some((note) => note.includes('somebody'));
    });
    expect(notes).toContain(
      `ConfigMap ${here.at.namespace}/config: data.shape was changed by somebody; set back`,
    );
  });

  it('is none where others add what we do not describe', async () => {
    const here = await settled();
    await here.edit(CONFIG_MAP, 'config', { data: { theirs: 'x' }, metadata: { labels: { team: 'a' } } });
    const add: JsonObject[] = [
      {
        op: 'add',
        path: '/spec/template/spec/containers/-',
        value: { name: 'sidecar', image: 'example.com/side:1' },
      },
    ];
    const deployment = { ...DEPLOYMENT, namespace: here.at.namespace, name: 'web' };
    await here.at.cluster.client.jsonPatch(deployment, add, { fieldManager: 'injector' });
    await here.expectRest();
    await here.put({ size: 2, text: 'bye' });
    await here.becomes(CONFIG_MAP, 'config', (c) => dataOf(c).text === 'bye');
    expect(dataOf(await here.child(CONFIG_MAP, 'config'))).toMatchObject({ theirs: 'x' });
    await here.becomes(DEPLOYMENT, 'web', (d) => getPath(d?.spec, ['replicas']) === 2);
    expect(JSON.stringify((await here.child(DEPLOYMENT, 'web')).spec)).toContain('sidecar');
  });

  it('a field dropped from the template goes, from the first apply on', async () => {
    const here = await settled();
    await here.playbook(ALL, {
      ...FILES,
      'config.yaml.hbs': manifest(CONFIG_MAP, 'config', 'data:\n  text: "{{spec.text}}"\n'),
    });
    await here.becomes(CONFIG_MAP, 'config', (c) => c !== undefined && !('shape' in dataOf(c)));
    await here.expectRest();
  });

  it('a look-alike with copied labels and annotations is nobody’s child', async () => {
    const here = await settled();
    const { metadata } = await here.child(CONFIG_MAP, 'config');
    const { labels = {}, annotations = {} } = metadata;
    const copy = { name: 'copy', namespace: here.at.namespace, labels, annotations };
    await here.at.cluster.client.create(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: copy },
      { fieldManager: 'user' },
    );
    await here.expectRest();
    expect((await here.child(CONFIG_MAP, 'copy')).metadata.deletionTimestamp).toBeUndefined();
  });

  it('a field fought over is left after the third loss and reported, until the spec changes', async () => {
    const here = await settled();
    for (const round of [1, 2]) {
      await here.edit(CONFIG_MAP, 'config', { data: { shape: `square ${round}` } }, 'rival');
      await here.becomes(CONFIG_MAP, 'config', (c) => dataOf(c).shape === 'round');
    }
    await here.edit(CONFIG_MAP, 'config', { data: { shape: 'square' } }, 'rival');
    expect(await here.says('Conflict', 'True')).toContain('data.shape (rival)');
    await here.expectRest();
    expect(dataOf(await here.child(CONFIG_MAP, 'config')).shape).toBe('square');
    await here.put({ size: 1, text: 'again' });
    await here.becomes(CONFIG_MAP, 'config', (c) => dataOf(c).shape === 'round');
  });

  it('a field that was never ours is not taken: Conflict names it, and it is taken once it is free', async () => {
    const here = await settled();
    await here.edit(CONFIG_MAP, 'config', { data: { limit: '9' } }, 'tuner');
    const wanting = manifest(
      CONFIG_MAP,
      'config',
      'data:\n  text: "{{spec.text}}"\n  shape: round\n  limit: "1"\n',
    );
    await here.playbook(ALL, { ...FILES, 'config.yaml.hbs': wanting });
    expect(await here.says('Conflict', 'True')).toContain('tuner');
    expect(await here.says('Stalled', 'True')).toContain('force: true');
    expect(dataOf(await here.child(CONFIG_MAP, 'config')).limit).toBe('9');
    await here.expectRest();
    await here.edit(CONFIG_MAP, 'config', { data: { limit: null } }, 'tuner');
    await here.becomes(CONFIG_MAP, 'config', (c) => dataOf(c).limit === '1');
    await here.says('Stalled', 'False');
  });

  it('replicas are handed over to an autoscaler without a reset, and come back when it goes', async () => {
    const here = await settled();
    await here.put({ size: 4, text: 'hello' });
    await here.becomes(DEPLOYMENT, 'web', (d) => getPath(d?.spec, ['replicas']) === 4);
    const scaled = `${ALL.replace('deployment.yaml.hbs', '{file: deployment.yaml.hbs, ignoreFields: [{path: spec.replicas, when: $exists(spec.auto)}]}')}`;
    await here.playbook(scaled, FILES);
    await here.put({ size: 4, text: 'hello', auto: true });
    await here.becomes(DEPLOYMENT, 'web', (d) =>
      (d?.metadata.managedFields ?? []).some((entry) => entry.manager === 'libretto-handover'),
    );
    await here.expectRest();
    expect(getPath((await here.child(DEPLOYMENT, 'web')).spec, ['replicas'])).toBe(4);
    await here.edit(DEPLOYMENT, 'web', { spec: { replicas: 7 } }, 'autoscaler');
    await here.expectRest();
    expect(getPath((await here.child(DEPLOYMENT, 'web')).spec, ['replicas'])).toBe(7);
    await here.put({ size: 2, text: 'hello' });
    await here.becomes(DEPLOYMENT, 'web', (d) => getPath(d?.spec, ['replicas']) === 2);
  });

  it('an immutable field stalls with what to do, or recreates where the manifest says so', async () => {
    const here = await settled();
    const changed = FILES['deployment.yaml.hbs'].replaceAll('{app: web}', '{app: web2}');
    await here.playbook(ALL, { ...FILES, 'deployment.yaml.hbs': changed });
    expect(await here.says('Stalled', 'True')).toContain('onImmutable: Recreate');
    const { uid } = (await here.child(DEPLOYMENT, 'web')).metadata;
    await here.playbook(
      ALL.replace('deployment.yaml.hbs', '{file: deployment.yaml.hbs, onImmutable: Recreate}'),
      {
        ...FILES,
        'deployment.yaml.hbs': changed,
      },
    );
    await here.becomes(DEPLOYMENT, 'web', (d) => d !== undefined && d.metadata.uid !== uid);
    await here.ready();
    await here.expectRest();
  });

  it('an invalid child stalls with the API server’s words, and nothing is deleted for it', async () => {
    const here = await settled();
    const { uid } = (await here.child(SERVICE, 'web')).metadata;
    const broken = FILES['service.yaml.hbs'].replace('port: 80', 'port: 99999');
    await here.playbook(ALL.replace('service.yaml.hbs', '{file: service.yaml.hbs, onImmutable: Recreate}'), {
      ...FILES,
      'service.yaml.hbs': broken,
    });
    expect(await here.says('Stalled', 'True')).toContain('99999');
    expect((await here.child(SERVICE, 'web')).metadata.uid).toBe(uid);
    await here.expectRest();
  });
});
