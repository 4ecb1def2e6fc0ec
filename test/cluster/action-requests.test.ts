import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../engine/base/clock.ts';
import { silentLogger } from '../../engine/base/logger.ts';
import type { Cluster } from '../../engine/cluster/api.ts';
import { ACTION_RUN } from '../../engine/kube/kinds.ts';
import type { JsonObject } from '../../engine/kube/object.ts';
import { installActionKinds } from '../../engine/operator/action-kinds.ts';
import { connect, poll, WRITE } from './cluster-support.ts';
import { testNamespace } from './harness.ts';

const CRD = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition' };
const RBAC = 'rbac.authorization.k8s.io';

async function install(cluster: Cluster): Promise<void> {
  await installActionKinds({
    cluster,
    clock: systemClock(),
    logger: silentLogger(),
    mayWrite: () => Promise.resolve(true),
    signal: new AbortController().signal,
  });
}

async function grant(cluster: Cluster, namespace: string, rules: readonly JsonObject[]): Promise<void> {
  const metadata = { namespace, name: 'ann' };
  await cluster.client.create({ apiVersion: `${RBAC}/v1`, kind: 'Role', metadata, rules }, WRITE);
  const roleRef = { apiGroup: RBAC, kind: 'Role', name: 'ann' };
  const subjects = [{ apiGroup: RBAC, kind: 'User', name: `ann-${namespace}` }];
  await cluster.client.create(
    { apiVersion: `${RBAC}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects },
    WRITE,
  );
}

/** Ann may back up Boxes, and may create and change ActionRuns. */
async function setUp() {
  const admin = await connect();
  await install(admin);
  const namespace = await testNamespace('request');
  const group = `${namespace}.example.com`;
  await defineBox(admin, group);
  onTestFinished(() => admin.client.delete({ ...CRD, name: `boxes.${group}` }, {}));
  await grant(admin, namespace, [
    { apiGroups: ['libretto.dev'], resources: ['actionruns'], verbs: ['create', 'get', 'patch', 'update'] },
    { apiGroups: [group], resources: ['boxes'], verbs: ['run-backup'] },
  ]);
  const ann = await connect({ impersonate: { user: `ann-${namespace}` } });
  const request = (name: string, spec: JsonObject, cluster = ann) =>
    cluster.client.create(
      {
        apiVersion: 'libretto.dev/v1alpha1',
        kind: 'ActionRun',
        metadata: { namespace, name },
        spec: { resource: { apiVersion: `${group}/v1`, kind: 'Box', name: 'orders' }, ...spec },
      },
      { ...WRITE, dryRun: false },
    );
  // A policy and a definition reach the server's own caches within moments.
  await poll(() => request('probe', { action: 'restore' }).then(() => false, isRefused));
  await poll(() =>
    request('first', { action: 'backup' }).then(
      () => true,
      () => false,
    ),
  );
  const change = (name: string, spec: JsonObject) =>
    ann.client.mergePatch({ ...ACTION_RUN, namespace, name }, { spec }, WRITE);
  return { admin, request, change };
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && error.message.includes('needs the verb run-restore');
}

async function defineBox(cluster: Cluster, group: string): Promise<void> {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  await cluster.client.create(
    {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `boxes.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind: 'Box', plural: 'boxes', singular: 'box', listKind: 'BoxList' },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    },
    WRITE,
  );
}

describe('a request of an action', () => {
  test('needs the verb run-ACTION on the resource, besides the right to create runs', async () => {
    const { request, change, admin } = await setUp();
    await expect(request('no', { action: 'restore' })).rejects.toThrow(
      /needs the verb run-restore on boxes\./,
    );
    await expect(request('yes', { action: 'backup', params: { label: 'x' } })).resolves.toBeDefined();
    await expect(change('yes', { abort: true })).resolves.toBeDefined();
    await request('others', { action: 'restore' }, admin);
    await expect(change('others', { retry: 1 })).rejects.toThrow(/run-restore/);
  });

  test('leaves to the engine what is the engine’s, and keeps what was judged', async () => {
    const { request, change, admin } = await setUp();
    const parent = { name: 'p', uid: 'u', step: 's', attempt: 1 };
    await expect(request('p', { action: 'backup', trigger: 'Step', parent })).rejects.toThrow(/engine alone/);
    await expect(request('v', { action: 'backup', value: 'x' })).rejects.toThrow(/engine alone/);
    await request('kept', { action: 'backup', params: { label: 'x' } });
    await expect(change('kept', { params: { label: 'y' } })).rejects.toThrow(/only abort and retry/);
    await expect(
      request('own', { action: 'restore', trigger: 'When', value: 'x' }, admin),
    ).resolves.toBeDefined();
  });

  test('is judged at no cost to an engine that finds everything installed', async () => {
    await install(await connect());
    const methods: string[] = [];
    await install(await connect({ onRequest: ({ method }) => methods.push(method) }));
    expect(methods.filter((method) => method !== 'GET')).toEqual([]);
  });
});
