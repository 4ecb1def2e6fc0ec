/** Rules of the language that only a running engine shows: who inherits what, what is waited for, what is swapped when. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { OWNER_UID_LABEL } from '../../engine/kube/labels.ts';
import { isObject } from '../../engine/kube/object.ts';
import { poll, WRITE } from './cluster-support.ts';
import {
  bench,
  boxFiles,
  CONFIG_MAP,
  condition,
  DEPLOYMENT,
  dataOf,
  engine,
  eventually,
  get,
  isReady,
  putBox,
  putPlaybook,
} from './operator-kit.ts';

const NAMESPACE = { group: '', version: 'v1', kind: 'Namespace' };

describe('a playbook', () => {
  it('that is renamed inherits what the former name made, and prunes it', async () => {
    const at = await bench();
    await engine(at);
    await putPlaybook(at, 'box', boxFiles(at));
    await putBox(at, 'one', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'one', isReady);
    const deployment = await get(at, DEPLOYMENT, 'one');
    const watches = boxFiles(at)['watches.yaml']?.replace('config.yaml.hbs, ', '');
    await at.cluster.client.delete({ ...CONFIG_MAP, namespace: at.namespace, name: 'box' }, {});
    await putPlaybook(at, 'crate', boxFiles(at, { 'watches.yaml': watches, 'config.yaml.hbs': undefined }));
    await eventually(at, CONFIG_MAP, 'one-config', (c) => c === undefined);
    expect((await get(at, DEPLOYMENT, 'one'))?.metadata.uid).toBe(deployment?.metadata.uid);
  });

  it('whose new version reads more goes live once the store holds that: nothing is missing for a moment', async () => {
    const at = await bench();
    await engine(at);
    await putPlaybook(at, 'box', boxFiles(at));
    await putBox(at, 'one', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'one', isReady);
    const story: unknown[] = [];
    const cache = at.cluster.cache({ gvk: at.box, namespace: at.namespace });
    onTestFinished(() => cache.release());
    cache.subscribe((event) => {
      if (event.kind !== 'synced') story.push(condition(event.object, 'Ready')?.['status']);
    });
    const watches = boxFiles(at)['watches.yaml']?.replace(
      'Ready: children',
      'Ready: children.config.data.text = spec.text and children',
    );
    await putPlaybook(
      at,
      'box',
      boxFiles(at, { 'watches.yaml': `${watches}  status: {seen: children.config.data.text}\n` }),
    );
    await eventually(at, at.box, 'one', (b) => isObject(b?.status) && b.status['seen'] === 'hello');
    expect(new Set(story)).toEqual(new Set(['True']));
  });

  it('that decorates objects of someone else owns its children without controlling, and removes them when the selector no longer matches', async () => {
    const at = await bench();
    await engine(at);
    const watches = `- group: apps
  version: v1
  kind: Deployment
  selector: {matchLabels: {decorate: "${at.namespace}"}}
  manifests: [note.yaml.hbs]
`;
    const note =
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{metadata.name}}-note\ndata: {size: "{{spec.replicas}}"}\n';
    await putPlaybook(at, 'notes', { 'watches.yaml': watches, 'note.yaml.hbs': note });
    const labels = { app: 'web' };
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: at.namespace, labels: { decorate: at.namespace } },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [{ name: 'main', image: 'example.com/web:1' }] },
        },
      },
    };
    const made = await at.cluster.client.create(deployment, WRITE);
    const child = await eventually(at, CONFIG_MAP, 'web-note', (c) => dataOf(c)['size'] === '0');
    expect(child?.metadata.labels?.[OWNER_UID_LABEL]).toBe(made.metadata.uid);
    const [owner, ...others] = child?.metadata.ownerReferences ?? [];
    expect(others).toEqual([]);
    expect(owner).toMatchObject({ kind: 'Deployment', uid: made.metadata.uid });
    expect(owner?.controller ?? false).toBe(false);
    const ref = { ...DEPLOYMENT, namespace: at.namespace, name: 'web' };
    await at.cluster.client.mergePatch(ref, { metadata: { labels: { decorate: null } } }, WRITE);
    await eventually(at, CONFIG_MAP, 'web-note', (c) => c === undefined);
    const status = (await get(at, DEPLOYMENT, 'web'))?.status;
    expect(JSON.stringify(status)).not.toContain('Stalled');
  });
});

it('a child whose namespace is missing is waited for, said, and made as soon as the namespace is there', async () => {
  const at = await bench();
  const other = `${at.namespace}-later`;
  await engine(at, { allowOtherNamespaces: true, watchNamespaces: [at.namespace, other] });
  const watches = boxFiles(at)['watches.yaml']?.replace(
    '[config.yaml.hbs,',
    `[{file: config.yaml.hbs, namespace: ${other}, namespaces: Any},`,
  );
  await putPlaybook(at, 'box', boxFiles(at, { 'watches.yaml': watches }));
  await putBox(at, 'one', { size: 1, text: 'hello' });
  const box = await eventually(at, at.box, 'one', (b) => JSON.stringify(b?.status ?? {}).includes(other));
  expect(condition(box, 'Stalled')?.['status']).toBe('False');
  expect(isReady(box)).toBe(false);
  await at.cluster.client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: other } }, WRITE);
  const began = performance.now();
  await poll(async () => (await get({ ...at, namespace: other }, CONFIG_MAP, 'one-config')) !== undefined);
  process.stderr.write(`made ${Math.round(performance.now() - began)} ms after its namespace\n`);
  await eventually(at, at.box, 'one', isReady);
  await at.cluster.client.delete({ ...at.box, namespace: at.namespace, name: 'one' }, {});
  await eventually(at, at.box, 'one', (b) => b === undefined);
  expect(await get({ ...at, namespace: other }, CONFIG_MAP, 'one-config')).toBeUndefined();
  await at.cluster.client.delete({ ...NAMESPACE, name: other }, {});
});
