import { beforeAll, describe, expect, it } from 'vitest';
import {
  fieldConflicts,
  isAlreadyExists,
  isConflict,
  isForbidden,
  isImmutable,
  isKindNotServed,
  isNamespaceMissing,
} from '../../engine/cluster/errors.ts';
import type { JsonObject, ObjectRef } from '../../engine/kube/object.ts';
import {
  CONFIG_MAP,
  configMap,
  connect,
  connectThroughProxy,
  poll,
  versionOf,
  WRITE,
} from './cluster-support.ts';
import { testNamespace } from './harness.ts';

let namespace = '';
beforeAll(async () => {
  namespace = await testNamespace('client');
});

function ref(name: string): ObjectRef {
  return { ...CONFIG_MAP, namespace, name };
}

describe('the client, on a real API server', () => {
  it('creates, reads, applies, patches, replaces and deletes an object', async () => {
    const { client } = await connect();
    const created = await client.create(configMap(namespace, 'round', { step: 'created' }), WRITE);
    expect(created.metadata.managedFields?.[0]).toMatchObject({
      manager: 'libretto-test',
      operation: 'Update',
    });
    await client.apply(configMap(namespace, 'round', { step: 'applied' }), { ...WRITE, force: true });
    await client.jsonPatch(ref('round'), [{ op: 'add', path: '/data/json', value: 'patched' }], WRITE);
    const merged = await client.mergePatch(ref('round'), { data: { merge: 'patched' } }, WRITE);
    await client.replace({ ...merged, data: { step: 'replaced' } }, WRITE);
    expect(await client.get(ref('round'))).toMatchObject({ data: { step: 'replaced' } });
    await client.delete(ref('round'), {});
    expect(await client.get(ref('round'))).toBeUndefined();
  });

  it('says that a name is taken, without having read', async () => {
    const { client } = await connect();
    await client.create(configMap(namespace, 'taken'), WRITE);
    const error = await client.create(configMap(namespace, 'taken'), WRITE).catch((e: unknown) => e);
    expect(isAlreadyExists(error)).toBe(true);
    expect(error).toMatchObject({ outcome: 'known' });
  });

  it('names the manager that owns a field which an apply without force asks for', async () => {
    const { client } = await connect();
    await client.create(configMap(namespace, 'owned', { color: 'red' }), { fieldManager: 'kubectl-edit' });
    const error = await client
      .apply(configMap(namespace, 'owned', { color: 'blue' }), { ...WRITE, force: false })
      .catch((e: unknown) => e);
    expect(isConflict(error)).toBe(true);
    expect(fieldConflicts(error)).toEqual([{ field: '.data.color', manager: 'kubectl-edit' }]);
  });

  it('deletes only the object that was meant: another uid is another object', async () => {
    const { client } = await connect();
    await client.create(configMap(namespace, 'second'), WRITE);
    await client.delete(ref('second'), { uid: '00000000-0000-0000-0000-000000000000' });
    expect(await client.get(ref('second'))).toBeDefined();
    await client.delete(ref('never-was'), {});
  });

  it('refuses a stale resourceVersion as a conflict', async () => {
    const { client } = await connect();
    const old = await client.create(configMap(namespace, 'stale'), WRITE);
    await client.mergePatch(ref('stale'), { data: { a: '1' } }, WRITE);
    expect(isConflict(await client.replace(old, WRITE).catch((e: unknown) => e))).toBe(true);
  });

  it('tells a missing namespace, an unserved kind and a change allowed only at creation apart', async () => {
    const { client } = await connect();
    expect(
      isNamespaceMissing(await client.create(configMap('no-such', 'a'), WRITE).catch((e: unknown) => e)),
    ).toBe(true);
    const unserved = { group: 'example.com', version: 'v1', kind: 'Nothing', namespace, name: 'a' };
    expect(isKindNotServed(await client.get(unserved).catch((e: unknown) => e))).toBe(true);
    await client.create(statefulSet('a'), WRITE);
    expect(
      isImmutable(await client.apply(statefulSet('b'), { ...WRITE, force: true }).catch((e: unknown) => e)),
    ).toBe(true);
  });

  it('does nothing on a dry run', async () => {
    const { client } = await connect();
    await client.create(configMap(namespace, 'dry'), { ...WRITE, dryRun: true });
    expect(await client.get(ref('dry'))).toBeUndefined();
  });

  it('acts as another user where it is told to', async () => {
    const { client } = await connect();
    const nobody = await connect({ impersonate: { user: 'nobody', groups: ['system:authenticated'] } });
    await client.create(configMap(namespace, 'private'), WRITE);
    expect(isForbidden(await nobody.client.get(ref('private')).catch((e: unknown) => e))).toBe(true);
  });

  it('keeps integers beyond 2^53, both ways', async () => {
    const { client, discovery } = await connect();
    await client.apply(ledgerCrd, { ...WRITE, force: true });
    await poll(async () => {
      await discovery.refresh();
      return discovery.byKind('client.test', 'Ledger') !== undefined;
    });
    const body = {
      apiVersion: 'client.test/v1',
      kind: 'Ledger',
      metadata: { namespace, name: 'big' },
      spec: { total: 9007199254740993n },
    };
    expect((await client.create(body, WRITE)).spec).toEqual({ total: 9007199254740993n });
    const read = await client.get({
      group: 'client.test',
      version: 'v1',
      kind: 'Ledger',
      namespace,
      name: 'big',
    });
    expect(read?.spec).toEqual({ total: 9007199254740993n });
  });

  it('reads 10,000 objects in pages of 500', async () => {
    const { proxy, cluster } = await connectThroughProxy();
    const labels = { bulk: 'yes' };
    const names = Array.from({ length: 10_000 }, (_, index) => `bulk-${index}`);
    await eachOf(names, 48, (name) => cluster.client.create(configMap(namespace, name, {}, labels), WRITE));
    proxy.forget();
    const listed = await cluster.client.list(CONFIG_MAP, { namespace, labelSelector: 'bulk=yes' });
    expect(new Set(listed.map((object) => object.metadata.name)).size).toBe(10_000);
    const pages = proxy.requests.filter((request) => request.path.includes('limit=500'));
    // The server may end a filtered list with an empty page.
    expect([20, 21]).toContain(pages.length);
    const cache = cluster.cache({ gvk: CONFIG_MAP, namespace, labelSelector: 'bulk=yes' });
    await cache.whenSynced();
    expect(cache.list()).toHaveLength(10_000);
    expect(
      cache.hasSeen(versionOf(listed.at(-1) ?? { apiVersion: '', kind: '', metadata: { name: '' } })),
    ).toBe(true);
    cache.release();
  }, 600_000);
});

/** Runs `action` on each item, so many at a time. */
async function eachOf<T>(
  items: readonly T[],
  lanes: number,
  action: (item: T) => Promise<unknown>,
): Promise<void> {
  const rest = [...items];
  const lane = async (): Promise<void> => {
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) await action(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

function statefulSet(serviceName: string): JsonObject {
  const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'x' }] } };
  const spec = { replicas: 0, serviceName, selector: { matchLabels: { app: 'x' } }, template };
  return { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { namespace, name: 'fixed' }, spec };
}

const ledgerCrd: JsonObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'ledgers.client.test' },
  spec: {
    group: 'client.test',
    scope: 'Namespaced',
    names: { kind: 'Ledger', plural: 'ledgers' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { total: { type: 'integer', format: 'int64' } } },
            },
          },
        },
      },
    ],
  },
};
