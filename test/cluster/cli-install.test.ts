import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { GroupVersionKind } from '../../engine/kube/object.ts';
import { readAnswer } from '../../engine/operator/answer.ts';
import { PROBLEMS_ANNOTATION } from '../../engine/operator/report.ts';
import { type CommandResult, libretto } from '../cli/libretto.ts';
import { testKubeconfigPath } from './harness.ts';
import {
  type Bench,
  bench,
  boxFiles,
  CONFIG_MAP,
  dataOf,
  engine,
  eventually,
  folderOf,
  get,
  isReady,
  putBox,
  putPlaybook,
} from './operator-kit.ts';

const ROLE = { group: 'rbac.authorization.k8s.io', version: 'v1', kind: 'Role' };
const ACCOUNT = { group: '', version: 'v1', kind: 'ServiceAccount' };
const CRD = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition' };

function named(at: Bench, version: string, changes: Record<string, string> = {}): Record<string, string> {
  const { 'watches.yaml': watches = '', 'crd.yaml': crd = '', ...rest } = boxFiles(at);
  const open = 'x-kubernetes-preserve-unknown-fields: true';
  const declared = crd.replace(open, `${open}\n            properties: {playbookVersion: {type: string}}`);
  const metadata = `metadata: {name: box, version: "${version}"}\n`;
  const body = `apiVersion: libretto.dev/v1alpha1\nkind: Playbook\n${metadata}watches:\n${watches}`;
  return { ...rest, 'crd.yaml': declared, 'watches.yaml': body, ...changes };
}

/** The command on the test's namespace alone; its Roles live there, too. */
function on({ namespace }: Bench, command: string, ...argv: readonly string[]): Promise<CommandResult> {
  const flags = ['--kubeconfig', testKubeconfigPath(), '--namespace', namespace];
  return libretto(command, ...argv, ...flags, '--watch-namespaces', namespace);
}

function outcomes({ out }: CommandResult): readonly string[] {
  return out.split('\n').filter((line) => /^\S+\/\S+ (created|configured|unchanged|deleted)/.test(line));
}

async function exists(at: Bench, gvk: GroupVersionKind, name: string): Promise<boolean> {
  return (await get(at, gvk, name)) !== undefined;
}

it('install brings a playbook with its rights and definition, waits until it runs, and a second time changes nothing', async () => {
  const at = await bench();
  const folder = await folderOf(named(at, '1.0.0'));
  const crd = `customresourcedefinition.apiextensions.k8s.io/boxes.${at.box.group}`;
  const tried = await on(at, 'install', folder, '--dry-run');
  expect(tried).toMatchObject({ code: 0, err: '' });
  expect(outcomes(tried)).toContain('configmap/box created (dry run)');
  expect(outcomes(tried)).toContain(`${crd} created (dry run)`);
  expect(await exists(at, CONFIG_MAP, 'box')).toBe(false);
  expect(await exists(at, ACCOUNT, 'libretto-box')).toBe(false);
  expect(await at.cluster.client.get({ ...CRD, name: `boxes.${at.box.group}` })).toBeUndefined();

  await engine(at);
  const first = await on(at, 'install', folder);
  expect(first).toMatchObject({ code: 0, err: '' });
  expect(outcomes(first)).toEqual([
    'serviceaccount/libretto-box created',
    'role.rbac.authorization.k8s.io/libretto-box created',
    'rolebinding.rbac.authorization.k8s.io/libretto-box created',
    `${crd} created`,
    'configmap/box created',
  ]);
  expect(first.out).toContain('box: version 1.0.0 runs\n');
  await putBox(at, 'one', { size: 1, text: 'hello' });
  await eventually(at, at.box, 'one', isReady);

  const before = await get(at, CONFIG_MAP, 'box');
  const second = await on(at, 'install', folder);
  expect(second).toMatchObject({ code: 0, err: '' });
  expect(outcomes(second).every((line) => line.endsWith(' unchanged'))).toBe(true);
  expect(await get(at, CONFIG_MAP, 'box')).toEqual(before);

  const listed = JSON.parse((await on(at, 'list', '--output', 'json')).out);
  expect(listed).toMatchObject([
    {
      name: 'box',
      version: '1.0.0',
      state: 'Running',
      resources: { [`Box.${at.box.group}`]: 1 },
      problems: [],
    },
  ]);
  expect((await on(at, 'list')).out).toMatch(
    /^NAME +VERSION +CONTENT +STATE +RESOURCES +PROBLEMS\nbox +1\.0\.0 +[0-9a-f]{12} +Running +1 Box +0\n$/,
  );
  const shown = async (): Promise<string> => (await on(at, 'list', '--resources')).out;
  expect(await shown()).toMatch(/\nbox +Box +\S+\/one +1\.0\.0 +True\n$/);
  const explained = await on(at, 'explain', `boxes.${at.box.group}/one`, '-n', at.namespace);
  expect(explained.out).toContain('The playbook is box, version 1.0.0\n');

  expect(await on(at, 'install', await folderOf(named(at, '1.1.0')))).toMatchObject({ code: 0, err: '' });
  await eventually(at, at.box, 'one', (box) => Object(box?.status).playbookVersion === '1.1.0');
  expect(await shown()).toMatch(/\nbox +Box +\S+\/one +1\.1\.0 +True\n$/);
});

it('install shows what the engine refuses, while the version before goes on', async () => {
  const at = await bench();
  const running = await engine(at);
  expect(await on(at, 'install', await folderOf(named(at, '1.0.0')))).toMatchObject({ code: 0 });
  // Kinds that an older playbook has are known to the engine alone.
  const other = await folderOf(named(at, '3.0.0'));
  await writeFile(
    join(other, 'watches.yaml'),
    `${named(at, '3.0.0')['watches.yaml']}`.replace('name: box', 'name: crate'),
  );
  const refused = await on(at, 'install', other);
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('error KindTaken:') });
  expect(refused.err).toContain('crate: the engine refuses it; nothing of it runs\n');
  const crate = await get(at, CONFIG_MAP, 'crate');
  expect(crate === undefined ? undefined : readAnswer(crate)).toMatchObject({ state: 'Refused' });
  const listed = (await on(at, 'list')).out;
  expect(listed).toMatch(/crate +- +[0-9a-f]{12} +Refused/);
  expect(listed).toContain('\ncrate/watches.yaml:');

  // What lint finds never gets there.
  const broken = named(at, '2.0.0');
  delete broken['config.yaml.hbs'];
  const linted = await on(at, 'install', await folderOf(broken));
  expect(linted).toMatchObject({ code: 1, out: '', err: expect.stringContaining('FileMissing') });

  await running.stop();
  const waited = await on(at, 'install', await folderOf(named(at, '2.0.0')), '--timeout', '1');
  expect(waited).toMatchObject({ code: 1, err: expect.stringContaining('no engine has answered') });
  expect((await on(at, 'list')).out).toMatch(/box +1\.0\.0 +[0-9a-f]{12} +Pending/);
});

it('install leaves exactly the files of the folder, whoever wrote what was there, and takes away parts too many', async () => {
  const at = await bench();
  await engine(at);
  const large = Object.fromEntries(['a', 'b', 'c'].map((f) => [`${f}.txt`, f.repeat(600_000)]));
  const grown = await on(at, 'install', await folderOf(named(at, '1.0.0', large)));
  expect(grown).toMatchObject({ code: 0, err: '' });
  expect(outcomes(grown).slice(-3)).toEqual([
    'configmap/box created',
    'configmap/box-2 created',
    'configmap/box-3 created',
  ]);
  const shrunk = await on(at, 'install', await folderOf(named(at, '1.1.0')));
  expect(shrunk).toMatchObject({ code: 0, err: '' });
  expect(outcomes(shrunk).slice(-3)).toEqual([
    'configmap/box configured',
    'configmap/box-2 deleted',
    'configmap/box-3 deleted',
  ]);
  const live = await eventually(
    at,
    CONFIG_MAP,
    'box',
    (c) => c?.metadata.annotations?.[PROBLEMS_ANNOTATION] === undefined,
  );
  expect(Object.keys(dataOf(live)).toSorted()).toEqual(Object.keys(named(at, '1.1.0')).toSorted());

  await putPlaybook(at, 'box', { ...named(at, '1.2.0'), 'left.yaml': 'a: 1\n' });
  const cleaned = await on(at, 'install', await folderOf(named(at, '1.3.0')));
  expect(cleaned).toMatchObject({ code: 0, err: '' });
  expect(cleaned.out).toContain('box: version 1.3.0 runs');
  expect(dataOf(await get(at, CONFIG_MAP, 'box'))).toEqual(named(at, '1.3.0'));

  const metadata = { name: 'stranger', namespace: at.namespace };
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { kept: 'yes' } };
  await at.cluster.client.create(body, { fieldManager: 'somebody' });
  const stranger = named(at, '1.0.0');
  const taken = await on(
    at,
    'install',
    await folderOf({
      ...stranger,
      'watches.yaml': `${stranger['watches.yaml']}`.replace('name: box', 'name: stranger'),
    }),
  );
  expect(taken).toMatchObject({ code: 1, out: '', err: expect.stringContaining('ConfigMapTaken') });
  expect(dataOf(await get(at, CONFIG_MAP, 'stranger'))).toEqual({ kept: 'yes' });
  expect(await exists(at, ACCOUNT, 'libretto-stranger')).toBe(false);
});

it('uninstall takes the playbook away and leaves what it made, and the rights while they are needed', async () => {
  const at = await bench();
  await engine(at);
  expect(await on(at, 'install', await folderOf(named(at, '1.0.0')))).toMatchObject({ code: 0, err: '' });
  await putBox(at, 'one', { size: 1, text: 'hello' });
  await eventually(at, at.box, 'one', isReady);
  const early = await on(at, 'uninstall', 'box', '--with-rights');
  expect(early).toMatchObject({ code: 1, out: '', err: expect.stringContaining('1 Box') });
  expect(await exists(at, CONFIG_MAP, 'box')).toBe(true);
  expect(await on(at, 'uninstall', 'boxx')).toMatchObject({
    code: 2,
    err: expect.stringContaining('did you mean box?'),
  });

  const gone = await on(at, 'uninstall', 'box');
  expect(gone).toMatchObject({ code: 0, err: '' });
  expect(gone.out).toBe(
    'configmap/box deleted\nbox: its resources: 1 Box with their objects stay, and so do the definitions\n',
  );
  await eventually(at, CONFIG_MAP, 'box', (c) => c === undefined);
  expect(await exists(at, CONFIG_MAP, 'one-config')).toBe(true);
  expect(await exists(at, at.box, 'one')).toBe(true);
  expect(await exists(at, ROLE, 'libretto-box')).toBe(true);
  const rights = await on(at, 'uninstall', 'box', '--with-rights');
  expect(outcomes(rights)).toEqual([
    'rolebinding.rbac.authorization.k8s.io/libretto-box deleted',
    'role.rbac.authorization.k8s.io/libretto-box deleted',
    'serviceaccount/libretto-box deleted',
  ]);
  expect(await exists(at, ROLE, 'libretto-box')).toBe(false);
  expect((await on(at, 'list')).out).toBe(`there is no playbook in ${at.namespace}\n`);
  const elsewhere = await on({ ...at, namespace: `${at.namespace}-typo` }, 'list');
  expect(elsewhere).toMatchObject({ code: 1, out: '', err: expect.stringContaining('does not exist') });
});
