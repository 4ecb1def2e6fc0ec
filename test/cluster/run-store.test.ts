import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../engine/base/clock.ts';
import { silentLogger } from '../../engine/base/logger.ts';
import type { Cluster } from '../../engine/cluster/api.ts';
import { createRunStore, type RunStore } from '../../engine/controller/run-store.ts';
import { sendRunWrite } from '../../engine/controller/run-writes.ts';
import { isObject, type JsonObject, type KubeObject, refOf } from '../../engine/kube/object.ts';
import { installActionKinds } from '../../engine/operator/action-kinds.ts';
import { connect, WRITE } from './cluster-support.ts';
import { testNamespace } from './harness.ts';

async function setUp() {
  const cluster = await connect();
  await installActionKinds({
    cluster,
    clock: systemClock(),
    logger: silentLogger(),
    mayWrite: () => Promise.resolve(true),
    signal: new AbortController().signal,
  });
  const namespace = await testNamespace('runs');
  return { cluster, namespace, target: { group: 'db.example.com', kind: 'Db', namespace, name: 'orders' } };
}

function open(cluster: Cluster, namespace: string, mayWrite = Promise.resolve(true)): RunStore {
  const store = createRunStore({
    cluster,
    clock: systemClock(),
    logger: silentLogger(),
    scope: [namespace],
    ownNamespace: namespace,
    mayWrite: () => mayWrite,
  });
  onTestFinished(() => store.close());
  // Any kind that is namespaced and served.
  store.want({ group: 'libretto.dev', version: 'v1alpha1', kind: 'ActionRun' });
  return store;
}

function until(store: RunStore, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const end = store.subscribe(() => {
      if (!holds()) return;
      end();
      resolve();
    });
    if (holds()) resolve();
  });
}

function runBody(namespace: string, name: string): JsonObject {
  const resource = { apiVersion: 'db.example.com/v1', kind: 'Db', name: 'orders' };
  return {
    apiVersion: 'libretto.dev/v1alpha1',
    kind: 'ActionRun',
    metadata: { namespace, name },
    spec: { resource, action: 'backup' },
  };
}

describe('the store of runs', () => {
  test('believes nothing before a consistent list that was taken while leading', async () => {
    const { cluster, namespace, target } = await setUp();
    await cluster.client.create(runBody(namespace, 'before'), WRITE);
    const leading = Promise.withResolvers<boolean>();
    const store = open(cluster, namespace, leading.promise);
    await until(store, () => store.settled && store.inputs(target).runs.objects.length === 1);
    expect(store.inputs(target).runs.synced).toBe(false);
    leading.resolve(true);
    await until(store, () => store.inputs(target).runs.synced);
    expect(store.inputs(target)).toMatchObject({
      runs: { synced: true },
      work: { synced: true, objects: [] },
    });
  });

  test('tells whom a run and what it made concern', async () => {
    const { cluster, namespace, target } = await setUp();
    const store = open(cluster, namespace);
    await until(store, () => store.inputs(target).runs.synced && store.inputs(target).work.synced);
    const told: unknown[] = [];
    store.subscribe(({ targets }) => told.push(targets));
    const run = await cluster.client.create(runBody(namespace, 'one'), WRITE);
    await until(store, () => store.inputs(target).runs.objects.length === 1);
    expect(told).toEqual([[target]]);
    const labels = { 'libretto.dev/run-uid': run.metadata.uid ?? '' };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'outputs', labels } };
    await cluster.client.create(secret, WRITE);
    await until(store, () => store.inputs(target).work.objects.length === 1);
    expect(told).toEqual([[target], [target]]);
    await cluster.client.delete(refOf(run), {});
    await until(store, () => store.inputs(target).runs.objects.length === 0);
    expect(store.inputs(target).work.objects).toEqual([]);
  });
});

function statusOf(object: KubeObject | undefined): Record<string, unknown> {
  return isObject(object?.status) ? object.status : {};
}

describe('a write on a run', () => {
  test('that creates it twice is a success, and says that the second changed nothing', async () => {
    const { cluster, namespace } = await setUp();
    const options = { client: cluster.client, fieldManager: 'libretto' };
    const write = { kind: 'create', body: runBody(namespace, 'same'), events: [] } as const;
    const first = await sendRunWrite(write, options);
    const second = await sendRunWrite(write, options);
    expect([first.changed, second.changed]).toEqual([true, false]);
    expect(second.live?.metadata.uid).toBe(first.live?.metadata.uid);
  });

  test('replaces the status as a whole, at the resourceVersion that was seen, and nothing else', async () => {
    const { cluster, namespace } = await setUp();
    const options = { client: cluster.client, fieldManager: 'libretto' };
    const run = await cluster.client.create(runBody(namespace, 'status'), WRITE);
    const write = (seen: KubeObject, status: JsonObject) =>
      sendRunWrite(
        {
          kind: 'status',
          ref: refOf(run),
          uid: run.metadata.uid ?? '',
          resourceVersion: seen.metadata.resourceVersion ?? '',
          status,
          events: [],
        },
        options,
      );
    const { live } = await write(run, { phase: 'Running', step: 'dump' });
    expect(live?.spec).toMatchObject({ action: 'backup' });
    await expect(write(run, { phase: 'Failed' })).rejects.toMatchObject({ status: 409 });
    const next = await write(live ?? run, { phase: 'Succeeded' });
    expect(statusOf(next.live)).toEqual({ phase: 'Succeeded' });
  });

  test('on a run that somebody deleted is over', async () => {
    const { cluster, namespace } = await setUp();
    const options = { client: cluster.client, fieldManager: 'libretto' };
    const run = await cluster.client.create(runBody(namespace, 'gone'), WRITE);
    const ref = refOf(run);
    const uid = run.metadata.uid ?? '';
    await sendRunWrite({ kind: 'delete', ref, uid, events: [] }, options);
    const resourceVersion = run.metadata.resourceVersion ?? '';
    for (const write of [
      { kind: 'delete', ref, uid, events: [] },
      { kind: 'status', ref, uid, resourceVersion, status: {}, events: [] },
      { kind: 'patch', ref, patch: [{ op: 'test', path: '/metadata/uid', value: uid }], events: [] },
    ] as const)
      expect((await sendRunWrite(write, options)).live).toBeUndefined();
  });
});
