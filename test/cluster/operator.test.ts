import { describe, expect, it } from 'vitest';
import { refOf } from '../../engine/kube/object.ts';
import { PROBLEMS_ANNOTATION } from '../../engine/operator/report.ts';
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

const EVENT = { group: 'events.k8s.io', version: 'v1', kind: 'Event' };

describe('an engine on a real cluster', () => {
  it('makes a labelled ConfigMap an operator, repairs what is deleted or edited, and follows the resource', async () => {
    const at = await bench();
    await engine(at);
    await putPlaybook(at, 'box', boxFiles(at));
    await putBox(at, 'one', { size: 2, text: 'hello' });
    await eventually(at, at.box, 'one', isReady);

    const before = await get(at, DEPLOYMENT, 'one');
    if (before === undefined) throw new Error('the Deployment is missing');
    await at.cluster.client.delete(refOf(before), {});
    await eventually(at, DEPLOYMENT, 'one', (d) => d !== undefined && d.metadata.uid !== before.metadata.uid);

    const ref = { ...CONFIG_MAP, namespace: at.namespace, name: 'one-config' };
    await at.cluster.client.mergePatch(ref, { data: { text: 'mine' } }, { fieldManager: 'kubectl-edit' });
    await eventually(at, CONFIG_MAP, 'one-config', (c) => dataOf(c)['text'] === 'hello');

    await putBox(at, 'one', { size: 1, text: 'good day' });
    await eventually(at, CONFIG_MAP, 'one-config', (c) => dataOf(c)['text'] === 'good day');
    const box = await eventually(
      at,
      at.box,
      'one',
      (b) => isReady(b) && condition(b, 'Ready')?.['observedGeneration'] === b?.metadata.generation,
    );
    expect(box?.status).toMatchObject({ observedGeneration: box?.metadata.generation });
  });

  it('takes a changed playbook, keeps the last good one while a change is broken, and says what is wrong', async () => {
    const at = await bench();
    const running = await engine(at);
    await putPlaybook(at, 'box', boxFiles(at));
    await putBox(at, 'one', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'one', isReady);

    const changed = boxFiles(at)['config.yaml.hbs']?.replace('{{spec.text}}', '{{spec.text}}!') ?? '';
    await putPlaybook(at, 'box', boxFiles(at, { 'config.yaml.hbs': changed }));
    await eventually(at, CONFIG_MAP, 'one-config', (c) => dataOf(c)['text'] === 'hello!');

    const broken = `${changed}  more: {{spec.txet}}\n  and: {{spec.sise}}\n`;
    await putPlaybook(at, 'box', boxFiles(at, { 'config.yaml.hbs': broken }));
    const source = await eventually(
      at,
      CONFIG_MAP,
      'box',
      (c) => c?.metadata.annotations?.[PROBLEMS_ANNOTATION] !== undefined,
    );
    const problems = source?.metadata.annotations?.[PROBLEMS_ANNOTATION] ?? '';
    expect(problems).toContain('config.yaml.hbs:7:');
    expect(problems).toContain('config.yaml.hbs:8:');
    expect(problems).toContain('spec.text');
    expect(problems).toContain('spec.size');
    await poll(async () => {
      const events = await at.cluster.client.list(EVENT, { namespace: at.namespace });
      return events.some((e) => e['reason'] === 'PlaybookRefused');
    });
    expect(await running.metric('libretto_playbook_loaded')).toContain('{playbook="box"} 0');
    await putBox(at, 'one', { size: 1, text: 'still kept' });
    await eventually(at, CONFIG_MAP, 'one-config', (c) => dataOf(c)['text'] === 'still kept!');

    await putPlaybook(at, 'box', boxFiles(at));
    await eventually(at, CONFIG_MAP, 'one-config', (c) => dataOf(c)['text'] === 'still kept');
    await eventually(
      at,
      CONFIG_MAP,
      'box',
      (c) => c?.metadata.annotations?.[PROBLEMS_ANNOTATION] === undefined,
    );
    expect(await running.metric('libretto_playbook_loaded')).toContain('{playbook="box"} 1');
  });

  it('leaves the objects of a removed playbook alone, says so, and still cleans up after a deletion', async () => {
    const at = await bench();
    await engine(at, { allowOtherNamespaces: true });
    const role = `apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: "${at.namespace}-{{metadata.name}}"\nrules: []\n`;
    const watches =
      boxFiles(at)['watches.yaml']?.replace(
        'deployment.yaml.hbs]',
        'deployment.yaml.hbs, {file: role.yaml.hbs, namespaces: Any}]',
      ) ?? '';
    await putPlaybook(at, 'box', boxFiles(at, { 'watches.yaml': watches, 'role.yaml.hbs': role }));
    await putBox(at, 'one', { size: 1, text: 'hello' });
    const box = await eventually(at, at.box, 'one', isReady);
    expect(box?.metadata.finalizers).toContain('libretto.dev/cleanup');

    await at.cluster.client.delete({ ...CONFIG_MAP, namespace: at.namespace, name: 'box' }, {});
    await poll(async () => {
      const events = await at.cluster.client.list(EVENT, { namespace: at.namespace });
      const said = events.find((e) => e['reason'] === 'PlaybookRemoved');
      if (said !== undefined)
        expect(said['note']).toMatch(/^the playbook box was removed; 1 Box and their objects/);
      return said !== undefined;
    });
    expect(await get(at, DEPLOYMENT, 'one')).toBeDefined();

    await at.cluster.client.delete({ ...at.box, namespace: at.namespace, name: 'one' }, {});
    await eventually(at, at.box, 'one', (b) => b === undefined);
    const clusterRole = {
      group: 'rbac.authorization.k8s.io',
      version: 'v1',
      kind: 'ClusterRole',
      name: `${at.namespace}-one`,
    };
    expect(await at.cluster.client.get(clusterRole)).toBeUndefined();
  });

  it('writes nothing at rest and nothing after a restart', async () => {
    const at = await bench();
    const first = await engine(at);
    await putPlaybook(at, 'box', boxFiles(at));
    for (const name of ['one', 'two', 'three']) await putBox(at, name, { size: 1, text: name });
    for (const name of ['one', 'two', 'three']) await eventually(at, at.box, name, isReady);
    const passes = (engineOf: typeof first): Promise<string> =>
      engineOf.metric('controller_runtime_reconcile_total');
    const settled = await quiet(() => passes(first));
    const before = first.writes();
    await at.cluster.client.mergePatch(
      { ...at.box, namespace: at.namespace, name: 'one' },
      { metadata: { labels: { touched: 'yes' } } },
      WRITE,
    );
    await poll(async () => (await passes(first)) !== settled);
    expect(first.writes()).toBe(before);
    await first.stop();

    const second = await engine(at);
    await second.operator.ready;
    await poll(async () => /success"} [3-9]/.test(await passes(second)));
    expect(second.requests.filter((r) => r.method !== 'GET')).toEqual([]);
  });

  it('puts several ConfigMaps together to one playbook, once all are there and agree', async () => {
    const at = await bench();
    await engine(at);
    const { 'crd.yaml': crd = '', ...rest } = boxFiles(at);
    const annotations = { 'libretto.dev/parts': '2', 'libretto.dev/version': '1' };
    await putPlaybook(at, 'box-b', rest, annotations, 'box');
    const waiting = await eventually(
      at,
      CONFIG_MAP,
      'box-b',
      (c) => c?.metadata.annotations?.[PROBLEMS_ANNOTATION] !== undefined,
    );
    expect(waiting?.metadata.annotations?.[PROBLEMS_ANNOTATION]).toContain('PlaybookIncomplete');
    await putPlaybook(at, 'box-a', { 'crd.yaml': crd }, annotations, 'box');
    await putBox(at, 'one', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'one', isReady);
    await eventually(
      at,
      CONFIG_MAP,
      'box-b',
      (c) => c?.metadata.annotations?.[PROBLEMS_ANNOTATION] === undefined,
    );
  });

  it('refuses the second playbook that writes the status of a kind, and takes it once the first is gone', async () => {
    const at = await bench();
    await engine(at);
    await putPlaybook(at, 'first', boxFiles(at));
    await putBox(at, 'one', { size: 1, text: 'hello' });
    await eventually(at, at.box, 'one', isReady);
    const other = boxFiles(at)['config.yaml.hbs']?.replace('{{spec.text}}', 'second') ?? '';
    await putPlaybook(at, 'second', boxFiles(at, { 'config.yaml.hbs': other }));
    const refused = await eventually(
      at,
      CONFIG_MAP,
      'second',
      (c) => c?.metadata.annotations?.[PROBLEMS_ANNOTATION] !== undefined,
    );
    expect(refused?.metadata.annotations?.[PROBLEMS_ANNOTATION]).toMatch(
      /watches\.yaml:1:\d+: error KindTaken: the playbook first/,
    );
    await at.cluster.client.delete({ ...CONFIG_MAP, namespace: at.namespace, name: 'first' }, {});
    await eventually(at, CONFIG_MAP, 'one-config', (c) => dataOf(c)['text'] === 'second');
  });
});

/** Two readings with a moment between them are the same: nothing is under way. */
async function quiet(read: () => Promise<string>): Promise<string> {
  let last = '';
  await poll(async () => {
    const now = await read();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const same = now === last && now === (await read());
    last = now;
    return same;
  });
  return last;
}
