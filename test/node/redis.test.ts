/** The life of a RedisInstance with replicas and real data: each test goes on where the one before it ended. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { describeOperator, eventually, newestRun, report, secondsOf } from './engine-kit.ts';
import { kubectl } from './harness.ts';
import {
  hasSucceeded,
  isBack,
  primaryOf,
  putRedis,
  type RedisInstance,
  recoveryOf,
  redis,
  redisIs,
  removeAll,
  roleOf,
  runAction,
  secondsSince,
  startWriter,
  toldOf,
  writeWithin,
  writtenWithin,
} from './redis-kit.ts';

// A busy machine makes each step of a test slow, and none of them wrong.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 400_000 });

describeOperator('RedisInstance', ['redis'], (site) => {
  const at: RedisInstance = {
    get namespace() {
      return site.namespace;
    },
    name: 'queue',
  };
  afterAll(() => removeAll(site.namespace));
  const pods = ['queue-0', 'queue-1', 'queue-2'];
  const dataOf = () => Promise.all(pods.map(async (pod) => Number(await redis(at, pod, 'dbsize'))));

  beforeAll(async () => {
    await putRedis(at, { replicas: 3, backup: { retention: 2, storage: { size: '100Mi' } } });
  });

  test('founds itself with one primary, which alone takes writes', async () => {
    const began = Date.now();
    await redisIs(at, ({ epoch }) => epoch === 1);
    const primary = await primaryOf(at);
    const roles = await Promise.all(pods.map((pod) => roleOf(at, pod)));
    expect(roles.toSorted()).toEqual(['master', 'slave', 'slave']);
    expect(await roleOf(at, primary)).toBe('master');
    expect(await redis(at, primary, 'set', 'first', '1')).toBe('OK');
    const replica = pods.find((pod) => pod !== primary) ?? '';
    expect(await redis(at, replica, 'set', 'second', '2')).toContain('READONLY');
    report('founding of 3 pods', `${primary} takes writes, the others refuse them`, secondsSince(began));
  });

  test('promotes the replica with the highest offset when the primary hangs, and takes the old one back, without losing a write', async () => {
    const old = await primaryOf(at);
    // Of two replicas that offer the same the first is taken: that it is not tells that its offset counted.
    const [laggard = '', ahead = ''] = pods.filter((pod) => pod !== old);
    const password = await redis(at, laggard, 'config', 'get', 'masterauth').then(
      (text) => text.split('\n')[1] ?? '',
    );
    await redis(at, laggard, 'config', 'set', 'masterauth', 'none');
    await redis(at, laggard, 'client', 'kill', 'type', 'master');
    const writer = await startWriter(at, pods);
    const began = Date.now();
    await redis(at, old, 'client', 'pause', '600000', 'all');
    await eventually('another primary', async () => ((await primaryOf(at)) === old ? undefined : true));
    await redis(at, laggard, 'config', 'set', 'masterauth', password);
    const { primary: successor = '' } = await redisIs(at, ({ primary }) => primary !== old);
    expect(successor).toBe(ahead);
    const seconds = secondsSince(began);
    const written = await writer.stop(successor);
    expect(written).toMatchObject({ missing: 0, turns: [old, successor] });
    expect(await eventually(`${old} as a replica`, () => isBack(at, old, successor))).toBe(true);
    expect(new Set(await dataOf()).size).toBe(1);
    const run = await newestRun(at.namespace, at.name, 'failover', hasSucceeded);
    expect(run.status?.outputs).toMatchObject({ choose: { best: successor } });
    const did = `failover from ${old}, which hangs, to ${successor}, not to ${laggard}, which lagged behind (the run took ${secondsOf(run)} s)`;
    report(did, toldOf(written), seconds);
  });

  test('promotes a replica when the primary loses its volume: the empty pod founds nothing over the data', async () => {
    const old = await primaryOf(at);
    const [before = 0] = await dataOf();
    const began = Date.now();
    await kubectl(['delete', 'pvc', `data-${old}`, '-n', at.namespace, '--wait=false']);
    await kubectl(['delete', 'pod', old, '-n', at.namespace, '--grace-period=0', '--force']);
    const { primary: successor = '' } = await redisIs(at, ({ primary }) => primary !== old);
    const seconds = secondsSince(began);
    expect(await dataOf()).toEqual([before, before, before]);
    report(`the volume of ${old} is lost`, `${successor} took over, all 3 pods hold ${before} keys`, seconds);
  });

  test('recovers from the loss of any pod (drill killOne)', async () => {
    const run = await runAction(at, 'killOne');
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    await redisIs(at);
    report('drill killOne', 'the marker is there', recoveryOf(run));
  });

  test('lets the primary go on when all pods are killed (drill killAll)', async () => {
    const old = await primaryOf(at);
    const keys = Number(await redis(at, old, 'dbsize'));
    const run = await runAction(at, 'killAll');
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    await redisIs(at);
    expect(await primaryOf(at)).toBe(old);
    expect(await dataOf()).toEqual([1, 1, 1].map((marker) => keys + marker));
    report('drill killAll', `the marker and ${keys} keys are on all pods`, recoveryOf(run));
  });

  test('fails over from a primary that is cut off, which takes no write meanwhile (drill partition)', async () => {
    const old = await primaryOf(at);
    const writer = await startWriter(at, pods);
    await writeWithin(at, old);
    const run = await runAction(at, 'partition');
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    const { primary: successor = '' } = await redisIs(at);
    const written = await writer.stop(successor);
    expect(written).toMatchObject({ missing: 0, turns: [old, successor] });
    const { taken, lastTaken, refusals } = await writtenWithin(at, old);
    expect(taken).toBeGreaterThan(0);
    const refusal = refusals.find((answer) => answer.startsWith('NOREPLICAS'));
    expect(refusal).toBeDefined();
    expect(lastTaken).toBeLessThan(written.first[successor] ?? 0);
    const data = `${toldOf(written)}; a client within ${old} had its last write taken before that, then ${refusal}`;
    report(`drill partition, from ${old} to ${successor}`, data, recoveryOf(run));
  });
});
