import { expect, it } from 'vitest';
import { libretto } from '../cli/libretto.ts';
import { testKubeconfigPath } from './harness.ts';
import { bench, boxFiles, engine, eventually, get, isReady, putBox, putPlaybook } from './operator-kit.ts';

const STATEFUL_SET = { group: 'apps', version: 'v1', kind: 'StatefulSet' };
const DATABASE = `apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{metadata.name}}-db
spec:
  serviceName: db
  replicas: 0
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: main, image: "example.com/db:1"}]}
`;

it('libretto prune lists what a changed playbook left because it may hold data, and deletes it with --yes alone', async () => {
  const at = await bench();
  await engine(at);
  const watches = boxFiles(at)['watches.yaml']?.replace('[config', '[database.yaml.hbs, config');
  await putPlaybook(at, 'box', boxFiles(at, { 'watches.yaml': watches, 'database.yaml.hbs': DATABASE }));
  for (const name of ['one', 'two']) await putBox(at, name, { size: 1, text: 'hello' });
  for (const name of ['one', 'two']) await eventually(at, at.box, name, isReady);
  const prune = (...flags: readonly string[]) =>
    libretto('prune', '--kubeconfig', testKubeconfigPath(), '--in', at.namespace, ...flags);
  expect(await prune('--yes')).toMatchObject({ code: 0, out: expect.stringContaining('nothing is kept') });

  await putPlaybook(at, 'box', boxFiles(at));
  for (const name of ['one-db', 'two-db'])
    await eventually(
      at,
      STATEFUL_SET,
      name,
      (s) => s?.metadata.annotations?.['libretto.dev/kept'] !== undefined,
    );
  const listed = await prune();
  expect(listed.code).toBe(0);
  expect(listed.out.trim().split('\n')).toHaveLength(2);
  expect(listed.out).toContain(
    `StatefulSet ${at.namespace}/one-db of Box.${at.box.group}/${at.namespace}/one: no manifest`,
  );
  expect(listed.err).toContain('--yes');
  expect(await get(at, STATEFUL_SET, 'one-db')).toBeDefined();

  const pruned = await prune('--yes');
  expect(pruned).toMatchObject({ code: 0, err: '' });
  for (const name of ['one-db', 'two-db']) await eventually(at, STATEFUL_SET, name, (s) => s === undefined);
});
