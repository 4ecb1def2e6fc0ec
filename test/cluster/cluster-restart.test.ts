/** On a control plane of its own: these tests restart it. */
import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cache } from '../../engine/cluster/api.ts';
import { loadKubeConfig } from '../../engine/cluster/kubeconfig.ts';
import { type ControlPlane, startControlPlane } from '../../engine/embedded/control-plane.ts';
import {
  CONFIG_MAP,
  configMap,
  connect,
  connectThroughProxy,
  leapingClock,
  until,
  versionOf,
  WRITE,
  watchStory,
} from './cluster-support.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
}, 180_000);
afterAll(() => plane?.stop());

const namespace = 'default';

function mine(test: string) {
  return { gvk: CONFIG_MAP, namespace, labelSelector: `test=${test}` };
}

function holds(cache: Cache, ...names: string[]): boolean {
  const held = cache.list().map((object) => object.metadata.name);
  return held.sort().join() === names.sort().join();
}

/** Compacts etcd's history up to now, so that older resourceVersions are gone. */
function compact(revision: string): Promise<number | undefined> {
  const body = JSON.stringify({ revision, physical: true });
  const { admin, caData, ports } = plane;
  const options = {
    host: '127.0.0.1',
    port: ports.etcd,
    path: '/v3/kv/compaction',
    method: 'POST',
    agent: false,
  };
  return new Promise((resolve, reject) => {
    const sent = request(
      { ...options, ca: caData, cert: admin.certificate, key: admin.privateKey },
      (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode));
      },
    );
    sent.on('error', reject).end(body);
  });
}

describe('when the control plane restarts', () => {
  it('a cache goes on after the API server is back', async () => {
    const cluster = await connect({ kubeconfig: loadKubeConfig({ path: plane.kubeconfigPath }) });
    const { cache } = watchStory(cluster, mine('api'));
    await cluster.client.create(configMap(namespace, 'api-1', {}, { test: 'api' }), WRITE);
    await until(cache, () => holds(cache, 'api-1'));
    await plane.restart('kube-apiserver');
    await cluster.client.create(configMap(namespace, 'api-2', {}, { test: 'api' }), WRITE);
    await until(cache, () => holds(cache, 'api-1', 'api-2'));
    expect(cache.failure).toBeUndefined();
  });

  it('a cache goes on after etcd is back', async () => {
    const cluster = await connect({ kubeconfig: loadKubeConfig({ path: plane.kubeconfigPath }) });
    const { cache } = watchStory(cluster, mine('etcd'));
    await cache.whenSynced();
    await plane.restart('etcd');
    const written = await cluster.client.create(configMap(namespace, 'etcd-1', {}, { test: 'etcd' }), WRITE);
    await until(cache, () => cache.hasSeen(versionOf(written)));
    expect(holds(cache, 'etcd-1')).toBe(true);
  });

  it('a cache learns what it missed when its history was compacted away meanwhile', async () => {
    const clock = leapingClock();
    const direct = await connect({ kubeconfig: loadKubeConfig({ path: plane.kubeconfigPath }) });
    const { proxy, cluster } = await connectThroughProxy({ clock, random: () => 0 }, plane.kubeconfigPath);
    const { cache, story } = watchStory(cluster, mine('compact'));
    for (const name of ['kept', 'lost']) {
      await direct.client.create(configMap(namespace, name, {}, { test: 'compact' }), WRITE);
    }
    await until(cache, () => holds(cache, 'kept', 'lost'));
    proxy.setFault(() => ({ kind: 'refuse' }));
    proxy.cut();
    await direct.client.delete({ ...CONFIG_MAP, namespace, name: 'lost' }, {});
    const last = await direct.client.create(configMap(namespace, 'found', {}, { test: 'compact' }), WRITE);
    expect(await compact(versionOf(last))).toBe(200);
    // The API server's own history starts with its restart: what the cache asks for is gone there as well.
    await plane.restart('kube-apiserver');
    proxy.forget();
    proxy.setFault(undefined);
    // The delay before the next try has grown meanwhile.
    clock.leap(31_000);
    await until(cache, () => holds(cache, 'kept', 'found'));
    expect(story).toEqual(expect.arrayContaining(['deleted lost initial', 'added found initial']));
    expect(story.filter((line) => line.includes('kept'))).toHaveLength(1);
    const watches = proxy.requests.filter(({ path }) => path.includes('test%3Dcompact'));
    expect(watches.map(({ path }) => path.includes('sendInitialEvents'))).toContain(true);
  });

  it('a paged list whose history is compacted meanwhile ends complete', async () => {
    const { proxy, cluster } = await connectThroughProxy({ random: () => 0 }, plane.kubeconfigPath);
    const bulk = Array.from({ length: 501 }, (_, index) =>
      configMap(namespace, `bulk-${index}`, {}, { test: 'pages' }),
    );
    await Promise.all(bulk.map((object) => cluster.client.create(object, WRITE)));
    const forgetHistory = async (): Promise<void> => {
      const direct = await connect({ kubeconfig: loadKubeConfig({ path: plane.kubeconfigPath }) });
      const next = await direct.client.create(configMap(namespace, 'after', {}, { test: 'pages' }), WRITE);
      await compact(versionOf(next));
    };
    let held = 0;
    proxy.setFault(({ path }) => {
      if (path.includes('sendInitialEvents')) return { kind: 'answer', status: 400 };
      return path.includes('continue=') && held++ === 0
        ? { kind: 'hold', until: forgetHistory() }
        : undefined;
    });
    const { cache } = watchStory(cluster, mine('pages'));
    await until(cache, () => cache.list().length === 502);
    expect(cache.synced).toBe(true);
  });
});
