/** `libretto install` beside an engine that acts for each playbook as its account, and has no right of its own for them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CommandResult, libretto } from '../cli/libretto.ts';
import { type Bench, CONFIG_MAP, eventually, isReady } from './operator-kit.ts';
import { applyRbac, createNamespace, denials, type Stage, startAsItself, startStage } from './rights-kit.ts';

const MEMCACHED = { group: 'cache.example.com', version: 'v1', kind: 'Memcached' };

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.close());

it('install gives a playbook all that it needs, leaves the definition to the engine, and uninstall takes it back', async () => {
  const { admin, plane } = stage;
  const namespace = 'ops';
  await createNamespace(admin, namespace);
  await applyRbac(admin, '--engine', '--impersonate', '--namespace', namespace);
  const operator = await startAsItself(stage, { namespace });
  await operator.ready;
  const on = (command: string, ...argv: readonly string[]): Promise<CommandResult> =>
    libretto(command, ...argv, '--kubeconfig', plane.kubeconfigPath, '--namespace', namespace);

  const installed = await on('install', 'playbooks/memcached');
  expect(installed).toMatchObject({ code: 0, err: '' });
  expect(installed.out.split('\n').slice(0, 4)).toEqual([
    'serviceaccount/libretto-memcached created',
    'clusterrole.rbac.authorization.k8s.io/ops:libretto-memcached created',
    'clusterrolebinding.rbac.authorization.k8s.io/ops:libretto-memcached created',
    'configmap/memcached created',
  ]);
  await admin.discovery.refresh();
  const body = {
    apiVersion: 'cache.example.com/v1',
    kind: 'Memcached',
    metadata: { name: 'sessions', namespace },
    spec: { size: 1 },
  };
  await admin.client.create(body, { fieldManager: 'somebody' });
  const at: Bench = { cluster: admin, namespace, box: MEMCACHED };
  await eventually(at, MEMCACHED, 'sessions', isReady);
  expect(await denials(stage)).toEqual([]);

  expect(await on('uninstall', 'memcached', '--with-rights')).toMatchObject({
    code: 1,
    err: expect.stringContaining('1 Memcached'),
  });
  await admin.client.delete({ ...MEMCACHED, namespace, name: 'sessions' }, {});
  await eventually(at, MEMCACHED, 'sessions', (resource) => resource === undefined);
  const removed = await on('uninstall', 'memcached', '--with-rights');
  expect(removed).toMatchObject({ code: 0, err: '' });
  expect(removed.out.split('\n')).toEqual([
    'configmap/memcached deleted',
    'clusterrolebinding.rbac.authorization.k8s.io/ops:libretto-memcached deleted',
    'clusterrole.rbac.authorization.k8s.io/ops:libretto-memcached deleted',
    'serviceaccount/libretto-memcached deleted',
    'memcached: the definitions stay',
    '',
  ]);
  await eventually(at, CONFIG_MAP, 'memcached', (part) => part === undefined);
});
