import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ClusterClient, Discovery } from '../../engine/cluster/api.ts';
import { isKindNotServed } from '../../engine/cluster/errors.ts';
import { OWNER_ANNOTATION, OWNER_UID_LABEL } from '../../engine/kube/labels.ts';
import type { JsonObject } from '../../engine/kube/object.ts';
import {
  CONFIG_MAP,
  configMap,
  connect,
  connectThroughProxy,
  poll,
  until,
  versionOf,
  WRITE,
  watchStory,
} from './cluster-support.ts';
import { testNamespace } from './harness.ts';

let namespace = '';
beforeAll(async () => {
  namespace = await testNamespace('watch');
});

/** The test's own ConfigMaps among those of the namespace. */
function mine(test: string) {
  return { gvk: CONFIG_MAP, namespace, labelSelector: `test=${test}` };
}

describe('a cache, on a real API server', () => {
  it('holds what was there, then follows', async () => {
    const cluster = await connect();
    const labels = { test: 'follow' };
    await cluster.client.create(configMap(namespace, 'before', {}, labels), WRITE);
    const { cache, story } = watchStory(cluster, mine('follow'));
    await cache.whenSynced();
    await cluster.client.create(configMap(namespace, 'after', { a: '1' }, labels), WRITE);
    await cluster.client.mergePatch({ ...CONFIG_MAP, namespace, name: 'after' }, { data: { a: '2' } }, WRITE);
    await cluster.client.delete({ ...CONFIG_MAP, namespace, name: 'after' }, {});
    await until(cache, () => story.includes('deleted after'));
    expect(story).toEqual([
      'added before initial',
      'synced',
      'added after',
      'modified after',
      'deleted after',
    ]);
  });

  it('has seen a write once its resourceVersion passed', async () => {
    const cluster = await connect();
    const { cache } = watchStory(cluster, mine('seen'));
    await cache.whenSynced();
    const written = await cluster.client.create(configMap(namespace, 'seen', {}, { test: 'seen' }), WRITE);
    await until(cache, () => cache.hasSeen(versionOf(written)));
    expect(cache.get(namespace, 'seen')?.metadata.uid).toBe(written.metadata.uid);
  });

  it('finds children by the uid and by the name of their owner', async () => {
    const cluster = await connect();
    const { cache } = watchStory(cluster, mine('owner'));
    const metadata = {
      namespace,
      name: 'child',
      labels: { test: 'owner', [OWNER_UID_LABEL]: 'u-1' },
      annotations: { [OWNER_ANNOTATION]: 'Shop.example.com/ns/orders' },
    };
    await cluster.client.create({ ...configMap(namespace, 'child'), metadata }, WRITE);
    await until(cache, () => cache.ownedBy('u-1').length === 1);
    expect(cache.annotatedWith('Shop.example.com/ns/orders')).toHaveLength(1);
  });

  it('holds metadata alone where it is asked to, under the kind that was asked for', async () => {
    const cluster = await connect();
    await cluster.client.create(
      configMap(namespace, 'secretive', { password: 'x' }, { test: 'meta' }),
      WRITE,
    );
    const { cache } = watchStory(cluster, { ...mine('meta'), metadataOnly: true });
    await cache.whenSynced();
    await cluster.client.create(configMap(namespace, 'later', { password: 'x' }, { test: 'meta' }), WRITE);
    await until(cache, () => cache.list().length === 2);
    for (const object of cache.list()) {
      expect(object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
      expect(Object.keys(object).sort()).toEqual(['apiVersion', 'kind', 'metadata']);
    }
  });

  it('takes an object that leaves the selection for a deleted one', async () => {
    const cluster = await connect();
    const { cache, story } = watchStory(cluster, mine('leave'));
    await cache.whenSynced();
    await cluster.client.create(configMap(namespace, 'leaver', {}, { test: 'leave' }), WRITE);
    await cluster.client.mergePatch(
      { ...CONFIG_MAP, namespace, name: 'leaver' },
      { metadata: { labels: { test: null } } },
      WRITE,
    );
    await until(cache, () => story.includes('deleted leaver'));
    expect(cache.list()).toEqual([]);
  });

  it('is one watch for all who ask for the same, until the last gives it back', async () => {
    const { proxy, cluster } = await connectThroughProxy();
    const selection = mine('shared');
    const first = cluster.cache(selection);
    const second = cluster.cache(selection);
    await Promise.all([first.whenSynced(), second.whenSynced()]);
    const watches = () => proxy.requests.filter((request) => request.path.includes('test%3Dshared')).length;
    expect(watches()).toBe(1);
    first.release();
    first.release();
    const written = await cluster.client.create(
      configMap(namespace, 'shared', {}, { test: 'shared' }),
      WRITE,
    );
    await until(second, () => second.hasSeen(versionOf(written)));
    second.release();
    const third = cluster.cache(selection);
    onTestFinished(() => third.release());
    await third.whenSynced();
    expect(watches()).toBe(2);
  });

  it('reads its first list in pages where the server cannot stream one', async () => {
    const { proxy, cluster } = await connectThroughProxy();
    proxy.setFault(({ path }) =>
      path.includes('sendInitialEvents') ? { kind: 'answer', status: 422 } : undefined,
    );
    await cluster.client.create(configMap(namespace, 'paged', {}, { test: 'paged' }), WRITE);
    const { cache, story } = watchStory(cluster, mine('paged'));
    await cache.whenSynced();
    await cluster.client.create(configMap(namespace, 'paged-2', {}, { test: 'paged' }), WRITE);
    await until(cache, () => cache.list().length === 2);
    expect(story).toEqual(['added paged initial', 'synced', 'added paged-2']);
    const lists = proxy.requests
      .filter(({ path, watch }) => path.includes('test%3Dpaged') && !watch)
      .map(({ path }) => path);
    expect(lists.every((path) => path.includes('limit=500') && !path.includes('resourceVersion'))).toBe(true);
  });

  it('waits for a kind that appears later, and for its return after it was gone', async () => {
    const cluster = await connect();
    // A group of its own: the name of a CRD that was just deleted is not free at once.
    const group = `${namespace}.example.com`;
    const gvk = { group, version: 'v1', kind: 'Gadget' };
    const { cache, story } = watchStory(cluster, { gvk });
    expect(cache.synced).toBe(false);
    expect(cache.failure).toContain('does not serve Gadget');
    const crd = {
      group: 'apiextensions.k8s.io',
      version: 'v1',
      kind: 'CustomResourceDefinition',
      name: `gadgets.${group}`,
    };
    for (const round of [1, 2]) {
      await cluster.client.apply(gadgetCrd(group), { ...WRITE, force: true });
      await cache.whenSynced();
      expect(cache.failure).toBeUndefined();
      // For a moment some of the API server may know the kind and some may not.
      await poll(() =>
        createGadget(cluster.client, group, `gadget-${round}`).then(() => true, refuseUnlessNotServed),
      );
      await until(cache, () => story.includes(`added gadget-${round}`));
      const changed = untilDiscovery(cluster.discovery, () => cluster.discovery.resource(gvk) === undefined);
      await cluster.client.delete(crd, {});
      await until(cache, () => story.includes(`deleted gadget-${round}`));
      await changed;
      // OpenAPI follows discovery, on a busy machine by seconds.
      await poll(async () => {
        await cluster.discovery.refresh();
        return (await cluster.discovery.loadSchema(gvk)) === undefined;
      });
    }
  });

  it('reports that it may not read, and goes on once it may', async () => {
    const admin = await connect();
    const user = await connect({ impersonate: { user: 'watch-reader' }, random: () => 0 });
    const { cache } = watchStory(user, mine('rights'));
    await untilFailure(() => cache.failure);
    expect(cache.failure).toContain('403 Forbidden');
    expect(cache.synced).toBe(false);
    for (const object of rights(namespace)) await admin.client.create(object, WRITE);
    await cache.whenSynced();
    expect(cache.failure).toBeUndefined();
  });
});

async function createGadget(client: ClusterClient, group: string, name: string): Promise<void> {
  await client.create({ apiVersion: `${group}/v1`, kind: 'Gadget', metadata: { namespace, name } }, WRITE);
}

function refuseUnlessNotServed(error: unknown): false {
  if (isKindNotServed(error)) return false;
  throw error;
}

function untilDiscovery(discovery: Discovery, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const end = discovery.onChange(() => {
      if (!holds()) return;
      end();
      resolve();
    });
  });
}

/** A failure comes without an event: it is looked for. */
async function untilFailure(failure: () => string | undefined): Promise<void> {
  while (failure() === undefined) await new Promise((resolve) => setImmediate(resolve));
}

function rights(inNamespace: string): JsonObject[] {
  const rule = { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] };
  const metadata = { namespace: inNamespace, name: 'watch-reader' };
  const subjects = [{ kind: 'User', name: 'watch-reader', apiGroup: 'rbac.authorization.k8s.io' }];
  const roleRef = { kind: 'Role', name: 'watch-reader', apiGroup: 'rbac.authorization.k8s.io' };
  return [
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules: [rule] },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata, subjects, roleRef },
  ];
}

function gadgetCrd(group: string): JsonObject {
  const openAPIV3Schema = { type: 'object', properties: { spec: { type: 'object' } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `gadgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind: 'Gadget', plural: 'gadgets' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  };
}
