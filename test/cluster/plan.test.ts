import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { POD } from '../../engine/kube/kinds.ts';
import { libretto } from '../cli/libretto.ts';
import { poll, WRITE } from './cluster-support.ts';
import { testKubeconfigPath } from './harness.ts';
import {
  type Bench,
  bench,
  boxFiles,
  condition,
  DEPLOYMENT,
  engine,
  eventually,
  get,
  isReady,
  putBox,
  putPlaybook,
} from './operator-kit.ts';

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'libretto-plan-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

function flags({ namespace }: Bench): readonly string[] {
  return ['--kubeconfig', testKubeconfigPath(), '--namespace', namespace, '--watch-namespaces', namespace];
}

async function withTwoBoxes(): Promise<{ at: Bench; files: Record<string, string> }> {
  const at = await bench();
  const running = await engine(at);
  const files = boxFiles(at);
  await putPlaybook(at, 'box', files);
  await running.operator.ready;
  for (const name of ['one', 'two']) {
    await putBox(at, name, { size: 1, text: name });
    await eventually(at, at.box, name, isReady);
  }
  await running.stop();
  return { at, files };
}

it('plan shows what a changed playbook would do to each live instance, and writes nothing', async () => {
  const { at, files } = await withTwoBoxes();
  const before = await get(at, DEPLOYMENT, 'one');
  const same = await libretto('plan', await folderOf(files), ...flags(at), '--exit-code');
  expect(same).toEqual({ code: 0, out: '0 of 2 instances change\n', err: '' });

  const deployment = `${files['deployment.yaml.hbs']}`
    .replace('example.com/box:1', 'example.com/box:2')
    .replace('replicas: {{spec.size}}', 'replicas: {{spec.size}}\n  minReadySeconds: 3');
  const changed = await folderOf({
    ...files,
    'deployment.yaml.hbs': deployment,
    'secret.yaml.hbs':
      'apiVersion: v1\nkind: Secret\nmetadata: {name: "{{metadata.name}}-s"}\nstringData: {a: hidden}\n',
    'watches.yaml': `${files['watches.yaml']}`.replace('[config.yaml.hbs, ', '[secret.yaml.hbs, '),
  });
  await rm(join(changed, 'config.yaml.hbs'));
  const planned = await libretto('plan', changed, ...flags(at), '--exit-code');
  expect(planned.out.split('\n').slice(0, 12)).toEqual([
    '2 of 2 instances change, 2 create a Secret, 2 change a Deployment, 2 delete a ConfigMap',
    '',
    `Box ${at.namespace}/one`,
    '  + Secret one-s (is missing)',
    '  ~ Deployment one (its manifest changed)',
    '      spec.minReadySeconds: (none) -> 3',
    '      spec.template.spec.containers[name=main].image: example.com/box:1 -> example.com/box:2',
    '  - ConfigMap one-config (is no longer described)',
    '',
    `Box ${at.namespace}/two`,
    '  + Secret two-s (is missing)',
    '  ~ Deployment two (its manifest changed)',
  ]);
  expect(planned.out).not.toContain('hidden');
  expect(planned.code).toBe(1);
  const json = JSON.parse((await libretto('plan', changed, ...flags(at), '--output', 'json')).out);
  expect(json).toMatchObject([
    {
      name: 'one',
      preview: { children: [{ effect: 'create' }, { effect: 'change' }, { effect: 'delete' }] },
    },
    { name: 'two' },
  ]);
  expect(await get(at, DEPLOYMENT, 'one')).toEqual(before);
});

it('plan tells an immutable field, and what a changed resource would do', async () => {
  const { at, files } = await withTwoBoxes();
  const deployment = `${files['deployment.yaml.hbs']}`.replaceAll(
    'app: "{{metadata.name}}"',
    'box: "{{metadata.name}}"',
  );
  const stuck = await libretto(
    'plan',
    await folderOf({ ...files, 'deployment.yaml.hbs': deployment }),
    ...flags(at),
  );
  expect(stuck.out.split('\n')[0]).toBe(
    '2 of 2 instances change, 2 fail on an immutable field of a Deployment',
  );

  const folder = await folderOf(files);
  const cr = join(folder, 'cr.yaml.txt');
  await writeFile(
    cr,
    `apiVersion: ${at.box.group}/v1\nkind: Box\nmetadata: {name: two, namespace: ${at.namespace}}\nspec: {size: 4}\n`,
  );
  const one = await libretto('plan', folder, ...flags(at), '--cr', cr);
  expect(one.out).toContain('1 of 1 instance changes, 1 changes a Deployment');
  expect(one.out).toContain('spec.replicas: 1 -> 4');
  await writeFile(cr, `apiVersion: ${at.box.group}/v1\nkind: Box\nmetadata: {name: nobody}\n`);
  expect(await libretto('plan', folder, ...flags(at), '--cr', cr)).toMatchObject({ code: 2 });
});

it('explain names the rule that does not hold with its values, the child, and who changed the resource', async () => {
  const { at, files } = await withTwoBoxes();
  const running = await engine(at);
  await running.operator.ready;
  const deployment = `${files['deployment.yaml.hbs']}`.replace(
    'containers:',
    'nodeSelector: {no: such-node}\n      containers:',
  );
  await putPlaybook(at, 'box', { ...files, 'deployment.yaml.hbs': deployment });
  await eventually(at, DEPLOYMENT, 'one', (live) => JSON.stringify(live?.spec).includes('such-node'));
  await putBox(at, 'three', { size: 3, text: 'three' });
  await eventually(at, DEPLOYMENT, 'three', (live) => Object(live?.status).unavailableReplicas === 3);
  await eventually(at, at.box, 'three', (box) => condition(box, 'Ready') !== undefined);
  await poll(async () => {
    const pods = await at.cluster.client.list(POD, { namespace: at.namespace });
    const told = pods.filter(
      ({ metadata, status }) =>
        /^three-/.test(metadata.name) && JSON.stringify(status).includes('Unschedulable'),
    );
    return told.length === 3;
  });
  const told = await libretto('explain', `boxes.${at.box.group}/three`, ...flags(at), '-n', at.namespace);
  expect(told).toMatchObject({ code: 0, err: '' });
  expect(told.out).toMatch(/Ready is (False|Unknown) since/);
  expect(told.out).toContain(
    'Ready: children.deployment.status.readyReplicas = spec.size  (watches.yaml:6)\n    children.deployment.status.readyReplicas is missing\n    spec.size is 3\n',
  );
  expect(told.out).toMatch(
    /Deployment three: InProgress, .*\n( {4}Pod three-\S+: is not scheduled: Unschedulable: .*\n){3}/,
  );
  expect(told.out).toMatch(/\nNext\n {2}\? waits /);
  expect(told.out).toMatch(/libretto-test \(Apply, .*\) spec\.size, spec\.text/);
  // A rule is blamed only where it decides.
  const taken = { namespace: at.namespace, name: 'four-config' };
  await at.cluster.client.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: taken }, WRITE);
  await putBox(at, 'four', { size: 1, text: 'four' });
  await eventually(at, at.box, 'four', (box) => condition(box, 'Ready')?.['reason'] === 'NameTaken');
  const blocked = await libretto('explain', `boxes.${at.box.group}/four`, ...flags(at), '-n', at.namespace);
  expect(blocked.out).toContain('Next\n');
  expect(blocked.out).toContain(
    `  ! nothing until somebody changes this (NameTaken): ConfigMap ${at.namespace}/four-config`,
  );
  expect(blocked.out).not.toContain('Rules that do not hold');
  const missing = await libretto('explain', `boxes.${at.box.group}/nobody`, ...flags(at), '-n', at.namespace);
  expect(missing).toMatchObject({ code: 1, err: expect.stringContaining('ResourceNotFound') });
  expect(await libretto('explain', 'configmap/x', ...flags(at))).toMatchObject({
    code: 1,
    err: expect.stringContaining('PlaybookNotFound'),
  });
});
