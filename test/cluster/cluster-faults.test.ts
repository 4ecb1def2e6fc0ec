import { beforeAll, describe, expect, it } from 'vitest';
import { ApiError, isNotFound } from '../../engine/cluster/errors.ts';
import { loadKubeConfig } from '../../engine/cluster/kubeconfig.ts';
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
import type { SeenRequest } from './fault-proxy.ts';
import { testNamespace } from './harness.ts';

let namespace = '';
beforeAll(async () => {
  namespace = await testNamespace('faults');
});

function mine(test: string) {
  return { gvk: CONFIG_MAP, namespace, labelSelector: `test=${test}` };
}

function isWatchOf(test: string) {
  return (request: SeenRequest) => request.watch && request.path.includes(`test%3D${test}`);
}

async function failureOf(action: Promise<unknown>): Promise<ApiError> {
  const error = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApiError)) throw new Error(`expected an ApiError, not ${error}`);
  return error;
}

describe('a watch that breaks', () => {
  it('loses nothing when every connection is reset', async () => {
    const direct = await connect();
    const { proxy, cluster } = await connectThroughProxy({ random: () => 0 });
    const { cache, story } = watchStory(cluster, mine('cut'));
    await direct.client.create(configMap(namespace, 'stays', {}, { test: 'cut' }), WRITE);
    await direct.client.create(configMap(namespace, 'goes', {}, { test: 'cut' }), WRITE);
    await until(cache, () => cache.list().length === 2);
    proxy.setFault(() => ({ kind: 'refuse' }));
    proxy.cut();
    await direct.client.delete({ ...CONFIG_MAP, namespace, name: 'goes' }, {});
    await direct.client.create(configMap(namespace, 'comes', {}, { test: 'cut' }), WRITE);
    proxy.setFault(undefined);
    await until(
      cache,
      () => cache.get(namespace, 'comes') !== undefined && cache.get(namespace, 'goes') === undefined,
    );
    expect(cache.synced).toBe(true);
    expect(story.filter((line) => line.includes('stays'))).toHaveLength(1);
  });

  it('lists anew after 410 and tells the difference, deletions and rebirths included', async () => {
    const direct = await connect();
    const { proxy, cluster } = await connectThroughProxy({ random: () => 0 });
    const { cache, story } = watchStory(cluster, mine('gone'));
    await direct.client.create(configMap(namespace, 'reborn', {}, { test: 'gone' }), WRITE);
    await direct.client.create(configMap(namespace, 'deleted', {}, { test: 'gone' }), WRITE);
    await until(cache, () => cache.list().length === 2);
    proxy.setFault(() => ({ kind: 'refuse' }));
    proxy.cut();
    for (const name of ['reborn', 'deleted'])
      await direct.client.delete({ ...CONFIG_MAP, namespace, name }, {});
    const reborn = await direct.client.create(configMap(namespace, 'reborn', {}, { test: 'gone' }), WRITE);
    const expired = {
      type: 'ERROR',
      object: {
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        reason: 'Expired',
        code: 410,
        message: 'too old',
      },
    };
    proxy.setFault((request) =>
      isWatchOf('gone')(request) && request.path.includes('resourceVersion=')
        ? { kind: 'answer', status: 200, body: `${JSON.stringify(expired)}\n` }
        : undefined,
    );
    await until(cache, () => cache.get(namespace, 'reborn')?.metadata.uid === reborn.metadata.uid);
    expect(cache.get(namespace, 'deleted')).toBeUndefined();
    expect(story).toEqual(
      expect.arrayContaining(['deleted reborn initial', 'deleted deleted initial', 'added reborn initial']),
    );
  });

  it('finds a half-open connection by its silence', async () => {
    const clock = leapingClock();
    const direct = await connect();
    const { proxy, cluster } = await connectThroughProxy({ clock, random: () => 0 });
    const { cache } = watchStory(cluster, mine('half-open'));
    await cache.whenSynced();
    proxy.freeze();
    await direct.client.create(configMap(namespace, 'unheard', {}, { test: 'half-open' }), WRITE);
    proxy.thawForNew();
    expect(cache.list()).toEqual([]);
    // Longer than any watch lasts, with its grace; then the delay before the next try.
    clock.leap(700_000);
    clock.leap(2_000);
    await until(cache, () => cache.list().length === 1);
  });

  it('does not take a quiet connection for a dead one: bookmarks and the timeout keep it known', async () => {
    const clock = leapingClock();
    const { proxy, cluster } = await connectThroughProxy({ clock, random: () => 0 });
    const { cache } = watchStory(cluster, mine('quiet'));
    await cache.whenSynced();
    clock.leap(100_000);
    const written = await cluster.client.create(configMap(namespace, 'heard', {}, { test: 'quiet' }), WRITE);
    await until(cache, () => cache.hasSeen(versionOf(written)));
    expect(proxy.requests.filter(isWatchOf('quiet'))).toHaveLength(1);
  });

  it('waits as long as an overloaded server asks', async () => {
    const { proxy, cluster } = await connectThroughProxy({ random: () => 0 });
    let refused = 0;
    proxy.setFault((request) => {
      if (!isWatchOf('busy')(request) || refused >= 1) return undefined;
      refused += 1;
      return { kind: 'answer', status: 429, headers: { 'retry-after': '1' } };
    });
    const { cache } = watchStory(cluster, mine('busy'));
    const began = performance.now();
    await cache.whenSynced();
    expect(performance.now() - began).toBeGreaterThan(950);
  });

  it('starts a paged list over when its continue token expired', async () => {
    const { proxy, cluster } = await connectThroughProxy({ random: () => 0 });
    const bulk = Array.from({ length: 501 }, (_, index) =>
      configMap(namespace, `page-${index}`, {}, { test: 'pages' }),
    );
    await Promise.all(bulk.map((object) => cluster.client.create(object, WRITE)));
    let expired = 0;
    proxy.setFault(({ path }) => {
      if (path.includes('sendInitialEvents')) return { kind: 'answer', status: 400 };
      if (!path.includes('continue=') || expired >= 1) return undefined;
      expired += 1;
      const status = {
        kind: 'Status',
        status: 'Failure',
        reason: 'Expired',
        code: 410,
        message: 'token expired',
      };
      return { kind: 'answer', status: 410, body: JSON.stringify(status) };
    });
    const { cache } = watchStory(cluster, mine('pages'));
    await cache.whenSynced();
    expect(expired).toBe(1);
    expect(cache.list()).toHaveLength(501);
    expired = 0;
    expect(await cluster.client.list(CONFIG_MAP, { namespace, labelSelector: 'test=pages' })).toHaveLength(
      501,
    );
    expect(expired).toBe(1);
  });
});

describe('a request that fails', () => {
  const name = (test: string) => ({ ...CONFIG_MAP, namespace, name: test });

  it('is sent again when the server says when, a write too', async () => {
    const { proxy, cluster } = await connectThroughProxy();
    let refused = 0;
    proxy.setFault(({ method }) =>
      method === 'POST' && refused++ === 0
        ? { kind: 'answer', status: 429, headers: { 'retry-after': '1' } }
        : undefined,
    );
    await cluster.client.create(configMap(namespace, 'limited'), WRITE);
    expect(proxy.requests.filter(({ method }) => method === 'POST').map(({ status }) => status)).toEqual([
      429, 201,
    ]);
  });

  it('is no secret: a write whose answer was lost has an unknown outcome, and was carried out', async () => {
    const { proxy, cluster } = await connectThroughProxy();
    proxy.forget();
    proxy.setFault(({ method }) => (method === 'POST' ? { kind: 'loseAnswer' } : undefined));
    const error = await failureOf(cluster.client.create(configMap(namespace, 'lost'), WRITE));
    expect(error).toMatchObject({ code: 'ClusterUnreachable', outcome: 'unknown' });
    expect(await cluster.client.get(name('lost'))).toBeDefined();
    expect(proxy.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it('has an unknown outcome after a 504 as well', async () => {
    const { proxy, cluster } = await connectThroughProxy();
    proxy.setFault(({ method }) =>
      method === 'POST' ? { kind: 'replaceAnswer', status: 504, headers: { 'retry-after': '1' } } : undefined,
    );
    const error = await failureOf(cluster.client.create(configMap(namespace, 'late'), WRITE));
    expect(error).toMatchObject({ code: 'ClusterRefused', status: 504, outcome: 'unknown' });
    expect(await cluster.client.get(name('late'))).toBeDefined();
  });

  it('is sent again if it is a read, once, after a reset', async () => {
    const { proxy, cluster } = await connectThroughProxy();
    await cluster.client.create(configMap(namespace, 'read'), WRITE);
    let resets = 0;
    proxy.setFault(({ path }) => (path.endsWith('/read') && resets++ === 0 ? { kind: 'refuse' } : undefined));
    expect(await cluster.client.get(name('read'))).toBeDefined();
    expect(resets).toBe(2);
  });

  it('ends when the server stalls, and does not drag the next one along', async () => {
    const { proxy, cluster } = await connectThroughProxy({ timeoutMs: 700 });
    await cluster.client.create(configMap(namespace, 'stalled'), WRITE);
    proxy.freeze();
    const error = await failureOf(cluster.client.mergePatch(name('stalled'), { data: { a: '1' } }, WRITE));
    expect(error).toMatchObject({ code: 'ClusterTimeout', outcome: 'unknown' });
    proxy.thawForNew();
    expect(await cluster.client.get(name('stalled'))).toBeDefined();
  });

  it('was not carried out where there is no server', async () => {
    const { proxy, cluster } = await connectThroughProxy();
    await proxy.close();
    const error = await failureOf(cluster.client.create(configMap(namespace, 'nowhere'), WRITE));
    expect(error).toMatchObject({ code: 'ClusterUnreachable', outcome: 'known' });
  });

  it('ends when its caller gives up', async () => {
    const { proxy, cluster } = await connectThroughProxy();
    const abort = new AbortController();
    proxy.setFault(({ method }) => {
      if (method === 'POST') abort.abort();
      return undefined;
    });
    const error = await failureOf(
      cluster.client.create(configMap(namespace, 'aborted'), { ...WRITE, signal: abort.signal }),
    );
    expect(error.code).toBe('RequestAborted');
  });

  it('asks for credentials anew after 401, once', async () => {
    const { proxy, cluster } = await connectThroughProxy();
    let denied = 0;
    proxy.setFault(({ path }) =>
      path.endsWith('/no-such') && denied++ === 0 ? { kind: 'answer', status: 401 } : undefined,
    );
    expect(await cluster.client.get(name('no-such'))).toBeUndefined();
    proxy.setFault(() => ({ kind: 'answer', status: 401 }));
    expect((await failureOf(cluster.client.get(name('no-such')))).status).toBe(401);
  });

  it('counts, with method and code', async () => {
    const seen: string[] = [];
    const { proxy, cluster } = await connectThroughProxy({
      onRequest: ({ method, code }) => seen.push(`${method} ${code}`),
    });
    seen.length = 0;
    await cluster.client.get(name('no-such'));
    proxy.setFault(() => ({ kind: 'refuse' }));
    await failureOf(cluster.client.create(configMap(namespace, 'uncounted'), WRITE));
    expect(seen).toEqual(expect.arrayContaining(['GET 404', 'POST <error>']));
  });
});

describe('connecting', () => {
  it('fails with a reason where nothing listens', async () => {
    const { proxy } = await connectThroughProxy();
    const { kubeconfig } = proxy;
    await proxy.close();
    const error = await failureOf(connect({ kubeconfig }));
    expect(error.code).toBe('ClusterUnreachable');
    expect(isNotFound(error)).toBe(false);
  });

  it('names the contexts that there are where the wanted one is missing', async () => {
    const { proxy } = await connectThroughProxy();
    expect(() => loadKubeConfig({ path: proxy.kubeconfigPath, context: 'production' })).toThrow(
      /no context production/,
    );
  });
});
