/** What changes on a RedisInstance under a client's writes, its backups, and its end: each test goes on from the one before. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  abortRun,
  describeOperator,
  eventually,
  newestRun,
  type RunObject,
  report,
  runsOf,
  secondsOf,
} from './engine-kit.ts';
import { execIn, kubectl } from './harness.ts';
import {
  changeRedis,
  hasSucceeded,
  podsOf,
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
  statusOf,
  toldOf,
} from './redis-kit.ts';

const SPEC = { replicas: 3, backup: { retention: 2, storage: { size: '100Mi' } } };

// A busy machine makes each step of a test slow, and none of them wrong.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 400_000 });

describeOperator('RedisInstance, changed', ['redis'], (site) => {
  const at: RedisInstance = {
    get namespace() {
      return site.namespace;
    },
    name: 'cart',
  };
  afterAll(() => removeAll(site.namespace));
  const pods = ['cart-0', 'cart-1', 'cart-2'];
  const keysOf = async (pod: string): Promise<number> => Number(await redis(at, pod, 'dbsize'));

  beforeAll(async () => {
    await putRedis(at, SPEC);
    await redisIs(at, ({ epoch }) => epoch === 1);
  });

  test('upgrades replicas first, and hands over before the primary is restarted', async () => {
    const old = await primaryOf(at);
    const writer = await startWriter(at, pods);
    const began = Date.now();
    await changeRedis(at, { image: 'databases:2' });
    const run = await newestRun(at.namespace, at.name, 'upgrade', hasSucceeded);
    const { primary: successor = '' } = await redisIs(at, ({ primary }) => primary !== old);
    const seconds = secondsSince(began);
    const found = await podsOf(at);
    expect(found.map(({ image }) => image)).toEqual(['databases:2', 'databases:2', 'databases:2']);
    expect(found.toSorted((a, b) => a.created.localeCompare(b.created)).at(-1)?.name).toBe(old);
    const written = await writer.stop(successor);
    expect(written).toMatchObject({ missing: 0, turns: [old, successor] });
    const did = `upgrade of the image, ${old} last, after it handed over to ${successor} (the run took ${secondsOf(run)} s)`;
    report(did, toldOf(written), seconds);
  });

  test('keeps all pods when an image holds no Redis, is too old, or does not exist', async () => {
    const before = await podsOf(at);
    const primary = await primaryOf(at);
    await changeRedis(at, { image: 'busybox:1' });
    const noRedis = await newestRun(
      at.namespace,
      at.name,
      'upgrade',
      ({ spec }) => spec.value === 'busybox:1',
    );
    expect(noRedis.status).toMatchObject({ phase: 'Failed', failed: { step: 'check' } });
    expect(noRedis.status?.failed?.message).toContain('this image holds no redis-server');
    const old = execIn(at.namespace, primary, ['sh', '/etc/redis-scripts/upgrade-check.sh', '99.1.0']);
    await expect(old).rejects.toThrow(/is older than 99\.1\.0, which runs/);

    await changeRedis(at, { image: 'databases:none' });
    const pulls = await eventually('the reason why the check does not start', async () => {
      const run = (await runsOf(at.namespace, at.name, 'upgrade')).at(-1);
      const step = run?.status?.steps?.find(({ name }) => name === 'check');
      return /ErrImage|ImagePull/.test(step?.message ?? '') ? run : undefined;
    });
    expect(await redis(at, primary, 'set', 'meanwhile', '1')).toBe('OK');
    await changeRedis(at, { image: 'databases:2' });
    await abortRun(at.namespace, pulls.metadata.name);
    const { conditions = [] } = await redisIs(at);
    expect(conditions.find(({ type }) => type === 'ImageReached')?.status).toBe('True');
    expect(await podsOf(at)).toEqual(before);
    report('images that do not fit', `no pod was touched; ${noRedis.status?.failed?.message}`, '-');
  });

  test('shrinks to one pod and grows again, with all data', async () => {
    const writer = await startWriter(at, pods);
    const began = Date.now();
    await changeRedis(at, { replicas: 2 });
    await redisIs(at, ({ size }) => size === 2);
    const { primary = '' } = await redisIs(at, ({ size }) => size === 2);
    const written = await writer.stop(primary);
    expect(written.missing).toBe(0);
    const keys = await keysOf(primary);
    await changeRedis(at, { replicas: 1 });
    await redisIs(at, ({ size, primary: name }) => size === 1 && name === 'cart-0');
    expect((await podsOf(at)).map(({ name }) => name)).toEqual(['cart-0']);
    expect(await redis(at, 'cart-0', 'set', 'alone', '1')).toBe('OK');
    await changeRedis(at, { replicas: 3 });
    await redisIs(at, ({ size }) => size === 3);
    const more = keys + 1;
    expect(await Promise.all(pods.map(keysOf))).toEqual([more, more, more]);
    const data = `${toldOf(written)}; all ${keys} keys and one written by one pod alone are on 3 pods`;
    report('scaling 3 to 2 to 1 to 3', data, secondsSince(began));
  });

  test('backs up, keeps as many snapshots as it shall, and restores one', async () => {
    const primary = await primaryOf(at);
    await redis(at, primary, 'set', 'kept', 'yes');
    const keys = await keysOf(primary);
    for (const label of ['one', 'two', 'three']) {
      const run = await runAction(at, 'backup', { label });
      const outputs = { dump: { snapshot: label, keys } };
      expect(run.status).toMatchObject({ phase: 'Succeeded', outputs });
    }
    expect((await statusOf(at)).lastBackup).toBe('three');
    await redis(at, primary, 'set', 'late', 'yes');
    const run = await runAction(at, 'restore', { snapshot: 'three' });
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    await redisIs(at);
    expect(await Promise.all(pods.map((pod) => redis(at, pod, 'get', 'kept')))).toEqual([
      'yes',
      'yes',
      'yes',
    ]);
    expect(await redis(at, await primaryOf(at), 'exists', 'late')).toBe('0');
    expect(await Promise.all(pods.map(keysOf))).toEqual([keys, keys, keys]);
    report(
      'backup and restore',
      `${keys} keys on all pods, none that is younger than the snapshot`,
      secondsOf(run),
    );
  });

  test('refuses to restore a snapshot that is not there, and serves on', async () => {
    const primary = await primaryOf(at);
    const keys = await keysOf(primary);
    const { status } = await runAction(at, 'restore', { snapshot: 'one' });
    expect(status).toMatchObject({ phase: 'Failed', failed: { step: 'check' } });
    expect(status?.failed?.message).toContain('there is no snapshot one; there are: two three');
    expect(await roleOf(at, primary)).toBe('master');
    expect(await keysOf(primary)).toBe(keys);
    report('restore of a pruned snapshot', `refused: ${status?.failed?.message}; ${keys} keys served on`);
  });

  test('leaves data and snapshots when it is deleted, and finds both when it is created anew', async () => {
    const keys = await keysOf(await primaryOf(at));
    await kubectl(['delete', 'redisinstance', at.name, '-n', at.namespace, '--timeout=60s']);
    await eventually('no pods', async () => ((await podsOf(at)).length === 0 ? true : undefined));
    const began = Date.now();
    await putRedis(at, { ...SPEC, image: 'databases:2' });
    const { primary = '' } = await redisIs(at, ({ epoch = 0 }) => epoch > 1);
    const seconds = secondsSince(began);
    expect(await keysOf(primary)).toBe(keys);
    const { status } = await runAction(at, 'restore', { snapshot: 'gone' });
    expect(status?.failed?.message).toContain('there are: two three');
    report('deletion and creation anew', `${keys} keys and both snapshots are there`, seconds);
  });
});

describeOperator('RedisInstance alone', ['redis'], (site) => {
  const at: RedisInstance = {
    get namespace() {
      return site.namespace;
    },
    name: 'solo',
  };
  afterAll(() => removeAll(site.namespace));

  test('backs up by a schedule', async () => {
    const storage = { size: '8Mi', className: 'limited' };
    await putRedis(at, { backup: { schedule: '* * * * *', storage } });
    await redisIs(at);
    expect(await redis(at, 'solo-0', 'set', 'kept', 'yes')).toBe('OK');
    const scheduled = (run: RunObject): boolean => hasSucceeded(run) && run.spec.trigger === 'Schedule';
    const run = await newestRun(at.namespace, at.name, 'backup', scheduled);
    expect(run.status?.outputs).toMatchObject({ dump: { keys: 1 } });
    expect((await statusOf(at)).lastBackup).toBe(run.status?.outputs?.dump?.snapshot);
    report('scheduled backup', `a snapshot of 1 key, named in the status`, secondsOf(run));
  });

  test('says when the backup claim is full, keeps the older snapshots, and serves on', async () => {
    await changeRedis(at, { backup: { schedule: null } });
    const [snapshot = ''] = [(await statusOf(at)).lastBackup];
    const fill =
      'export REDISCLI_AUTH=$(cat /etc/redis-password/password); head -c 15000000 /dev/urandom | redis-cli -x set big';
    await execIn(at.namespace, 'solo-0', ['sh', '-c', fill]);
    const { status } = await runAction(at, 'backup', { label: 'toobig' });
    expect(status).toMatchObject({ phase: 'Failed', failed: { step: 'dump' } });
    expect(await redis(at, 'solo-0', 'strlen', 'big')).toBe('15000000');
    expect(await redis(at, 'solo-0', 'set', 'more', '1')).toBe('OK');
    expect((await statusOf(at)).lastBackup).toBe(snapshot);
    const restored = await runAction(at, 'restore', { snapshot });
    expect(restored.status).toMatchObject({ phase: 'Succeeded' });
    expect(await redis(at, 'solo-0', 'mget', 'kept', 'big')).toBe('yes');
    const data = `the run failed: ${status?.failed?.message}; all keys served on, the older snapshot is whole`;
    report('a backup claim that is full', data, secondsOf(restored));
  });

  test('tells by a drill when time or data falls short', async () => {
    const late = await runAction(at, 'killAll', { within: 1 });
    expect(late.status).toMatchObject({ phase: 'Failed', failed: { step: 'judge' } });
    expect(late.status?.failed?.message).toContain(`back after ${recoveryOf(late)} s, and 1 s were allowed`);
    // The claim goes with the pod that the drill kills: all of its data is lost then.
    await kubectl(['delete', 'pvc', 'data-solo-0', '-n', at.namespace, '--wait=false']);
    const lost = await runAction(at, 'killOne');
    expect(lost.status).toMatchObject({ phase: 'Failed', failed: { step: 'judge' } });
    expect(lost.status?.failed?.message).toContain('data was lost');
    expect(await redis(at, 'solo-0', 'exists', 'kept')).toBe('0');
    const snapshot = (await statusOf(at)).lastBackup ?? '';
    const restored = await runAction(at, 'restore', { snapshot });
    expect(restored.status).toMatchObject({ phase: 'Succeeded' });
    expect(await redis(at, 'solo-0', 'get', 'kept')).toBe('yes');
    const data = `${late.status?.failed?.message}; ${lost.status?.failed?.message}; then the snapshot brought it back`;
    report('drills that fail, and a disk that is lost', data, secondsOf(restored));
  });
});
