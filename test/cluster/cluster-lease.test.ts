import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Clock } from '../../engine/base/clock.ts';
import { systemClock } from '../../engine/base/clock.ts';
import { silentLogger } from '../../engine/base/logger.ts';
import type { Cluster } from '../../engine/cluster/api.ts';
import { fencedClient } from '../../engine/cluster/fence.ts';
import { type Election, electLeader } from '../../engine/cluster/lease.ts';
import { configMap, connect, connectThroughProxy, leapingClock, WRITE } from './cluster-support.ts';
import { testNamespace } from './harness.ts';

let namespace = '';
beforeAll(async () => {
  namespace = await testNamespace('lease');
});

const LEASE = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease' } as const;

interface Candidate {
  readonly election: Election;
  readonly story: string[];
  /** Resolves when the story has this line. */
  told(line: string): Promise<void>;
}

interface Candidacy {
  readonly cluster: Cluster;
  readonly lease: string;
  readonly identity: string;
  readonly clock?: Clock;
  readonly slow?: boolean;
}

/** A candidate whose times are a third of the usual ones, unless it is `slow`: then they are an hour's. */
function candidate({ cluster, lease, identity, clock = systemClock(), slow = false }: Candidacy): Candidate {
  const story: string[] = [];
  const waiting = new Set<() => void>();
  const tell = (line: string): void => {
    story.push(line);
    for (const check of waiting) check();
  };
  const leaseDurationMs = slow ? 3_600_000 : 5_000;
  const election = electLeader({
    leaseDurationMs,
    cluster,
    namespace,
    name: lease,
    identity,
    clock,
    logger: silentLogger(),
    onStarted: () => tell('started'),
    onStopped: (reason) => tell(`stopped: ${reason}`),
  });
  onTestFinished(() => election.stop());
  const told = (line: string): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!story.some((entry) => entry.startsWith(line))) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return { election, story, told };
}

describe('leader election, on a real API server', () => {
  it('has one leader; a clean stop hands over at once', async () => {
    const cluster = await connect();
    const first = candidate({ cluster, lease: 'clean', identity: 'first', slow: true });
    await first.told('started');
    const second = candidate({ cluster: await connect(), lease: 'clean', identity: 'second', slow: true });
    expect([first.election.leading, second.election.leading]).toEqual([true, false]);
    await first.election.stop();
    expect(first.election.leading).toBe(false);
    await second.told('started');
    expect(first.story).toEqual(['started', 'stopped: stopped']);
    const lease = await cluster.client.get({ ...LEASE, namespace, name: 'clean' });
    expect(lease?.spec).toMatchObject({ holderIdentity: 'second', leaseDurationSeconds: 3600 });
  });

  it('lets another lead when the leader is cut off, and the leader knows before that', async () => {
    const { proxy, cluster } = await connectThroughProxy();
    const first = candidate({ cluster, lease: 'cut', identity: 'first' });
    await first.told('started');
    const second = candidate({ cluster: await connect(), lease: 'cut', identity: 'second' });
    proxy.freeze();
    await first.told('stopped');
    expect(first.election.leading).toBe(false);
    expect(second.story).toEqual([]);
    await second.told('started');
    proxy.thawForNew();
    proxy.cut();
  });

  it('leads on through a short outage', async () => {
    const { proxy, cluster } = await connectThroughProxy();
    const only = candidate({ cluster, lease: 'outage', identity: 'only' });
    await only.told('started');
    let refused = 0;
    await new Promise<void>((resolve) => {
      proxy.setFault((request) => {
        if (request.method !== 'PUT' || refused >= 2) return undefined;
        refused += 1;
        if (refused === 2) resolve();
        return { kind: 'refuse' };
      });
    });
    expect(only.election.leading).toBe(true);
    expect(only.story).toEqual(['started']);
  });

  it('does not believe in its lease after it was stopped for a while: nothing is written', async () => {
    const clock = leapingClock();
    const cluster = await connect();
    const only = candidate({ cluster, lease: 'frozen', identity: 'only', clock, slow: true });
    await only.told('started');
    const client = fencedClient(cluster.client, () => only.election.leading);
    await client.create(configMap(namespace, 'allowed'), WRITE);
    const written = new Promise((resolve) => {
      // Before any timer of the election has run.
      clock.after(0, () =>
        resolve(client.create(configMap(namespace, 'forbidden'), WRITE).catch((error: unknown) => error)),
      );
    });
    clock.leap(2_400_001);
    expect(await written).toMatchObject({ code: 'NotLeader' });
    expect(
      await cluster.client.get({ group: '', version: 'v1', kind: 'ConfigMap', namespace, name: 'forbidden' }),
    ).toBeUndefined();
  });

  it('does not repeat a write that the server put off, once it no longer leads', async () => {
    const { proxy, cluster } = await connectThroughProxy();
    let leading = true;
    proxy.setFault(({ method }) => {
      if (method !== 'POST') return undefined;
      leading = false;
      return { kind: 'answer', status: 429, headers: { 'retry-after': '0' } };
    });
    const client = fencedClient(cluster.client, () => leading);
    const error = await client
      .create(configMap(namespace, 'put-off'), WRITE)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'NotLeader' });
    expect(proxy.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it('steps down when somebody else took the lease', async () => {
    const cluster = await connect();
    const first = candidate({ cluster, lease: 'stolen', identity: 'first' });
    await first.told('started');
    await cluster.client.mergePatch(
      { ...LEASE, namespace, name: 'stolen' },
      { spec: { holderIdentity: 'thief' } },
      WRITE,
    );
    await first.told('stopped: thief holds the lease');
  });
});
