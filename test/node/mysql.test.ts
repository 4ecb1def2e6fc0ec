/** MySQLCluster with replicas on real MariaDB: each behaviour with rows that a client wrote and that are counted afterwards. */
import { expect, test, vi } from 'vitest';
import {
  describeOperator,
  eventually,
  newestRun,
  type RunObject,
  read,
  report,
  runsOf,
  secondsOf,
} from './engine-kit.ts';
import { execIn, kubectl } from './harness.ts';
import {
  askAll,
  changeMySQL,
  type MySQLCluster,
  missingIn,
  podsOf,
  putMySQL,
  runAction,
  secondsSince,
  settled,
  sql,
  startWriter,
  statusOf,
} from './mysql-kit.ts';

vi.setConfig({ testTimeout: 600_000 });

describeOperator('MySQLCluster with replicas', ['mysql'], (site) => {
  const at: MySQLCluster = {
    name: 'store',
    get namespace() {
      return site.namespace;
    },
  };
  const pods = ['store-0', 'store-1', 'store-2'];
  const primaryOf = async () => (await statusOf(at)).primary;
  const writable = (pod: string) => sql(at, pod, 'SELECT @@read_only');

  test('founds itself with one primary, which alone takes writes, and replicas that have its data', async () => {
    const began = Date.now();
    await putMySQL(at, { replicas: 3, backup: { retention: 2, storage: { size: '100Mi' } } });
    const { primary } = await settled(at);
    const seconds = secondsSince(began);
    expect((await Promise.all(pods.map(writable))).toSorted()).toEqual(['0', '1', '1']);
    expect(await writable(primary)).toBe('0');
    await sql(at, primary, 'CREATE TABLE app.items (id INT AUTO_INCREMENT PRIMARY KEY, name TEXT NOT NULL)');
    await sql(at, primary, "INSERT INTO app.items (name) SELECT CONCAT('item ', seq) FROM seq_1_to_1000");
    expect(await askAll(at, pods, 'SELECT COUNT(*) FROM app.items')).toEqual(['1000', '1000', '1000']);
    report('founded with 3 pods', '1,000 rows on all three, one of which takes writes', seconds);
  });

  test('promotes the replica with the most data when the primary is gone, and loses no acknowledged write', async () => {
    const old = await primaryOf();
    const writer = await startWriter(at);
    await kubectl(['delete', 'pvc', `data-${old}`, '-n', at.namespace, '--wait=false']);
    await kubectl(['delete', 'pod', old, '-n', at.namespace, '--grace-period=0', '--force']);
    const { primary } = await settled(at, { holds: (status) => status.primary !== old });
    const before = await writer.count();
    await eventually('writes after the failover', async () => (await writer.count()) > before || undefined);
    const { acknowledged, pauseSeconds } = await writer.stop();
    expect(await missingIn(at, pods, acknowledged)).toEqual([0, 0, 0]);
    const data = `${acknowledged.length} acknowledged writes and 1,000 rows on all three; ${old} was cloned`;
    report(`lost ${old}, its pod and its volume; ${primary} took over`, data, pauseSeconds);
  });

  test('drops what only the old primary had and nobody was told of, and says so', async () => {
    const old = await primaryOf();
    const replicas = pods.filter((pod) => pod !== old);
    for (const pod of replicas) await sql(at, pod, 'STOP SLAVE IO_THREAD');
    const doubtful = sql(at, old, "INSERT INTO app.items (name) VALUES ('never acknowledged')").then(
      () => 'acknowledged',
      () => 'refused',
    );
    const waits = "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE '%semi-sync%'";
    await eventually('a write that waits', async () => (await sql(at, old, waits)) === '1' || undefined);
    await execIn(at.namespace, old, ['bash', '-c', 'kill -STOP $(cat /run/mysql/server)']);
    const stopped = Date.now();
    const { primary } = await settled(at, { holds: (status) => status.primary !== old });
    const seconds = secondsSince(stopped);
    expect(await doubtful).toBe('refused');
    expect(await askAll(at, pods, 'SELECT COUNT(*) FROM app.items')).toEqual(['1000', '1000', '1000']);
    const clones = await runsOf(at.namespace, 'store', 'clone');
    const dropped = clones.flatMap(({ status }) => status?.outputs?.['clone'] ?? []);
    expect(dropped).toContainEqual(
      expect.objectContaining({ pod: old, dropped: expect.stringMatching(/^0-/) }),
    );
    const data = `1,000 rows on all three; the row that only ${old} had is gone, and the run of clone says so`;
    report(`${old} hung with a write in doubt; ${primary} took over`, data, seconds);
  });

  test.each([
    ['killOne', 'one pod was deleted'],
    ['killAll', 'all pods were deleted'],
    ['partition', 'the primary was cut off by a NetworkPolicy'],
  ])('comes back from %s with every acknowledged write', async (action, what) => {
    const old = await primaryOf();
    const writer = await startWriter(at);
    const run = await runAction(at, action, { within: 240 });
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    const { primary } = await settled(at);
    if (action === 'partition') expect(primary).not.toBe(old);
    const { acknowledged, pauseSeconds } = await writer.stop();
    expect(await missingIn(at, pods, acknowledged)).toEqual([0, 0, 0]);
    const { seconds, rows } = run.status?.outputs?.['verify'] ?? {};
    expect(rows).toBe(1);
    const data = `${acknowledged.length} acknowledged writes on all three, ${pauseSeconds} s without one`;
    report(`${action}: ${what}`, data, Number(seconds));
  });

  test('fails a drill that is not over in time', async () => {
    const run = await runAction(at, 'killOne', { within: 1 });
    expect(run.status).toMatchObject({ phase: 'Failed', failed: { step: 'inTime' } });
    expect(run.status?.failed?.message).toMatch(/back after \d+ s, and 1 s were allowed/);
    await settled(at);
    report('a drill that took longer than allowed', 'the run failed and says how long', secondsOf(run));
  });

  test('backs up, keeps as many snapshots as it shall, and restores one', async () => {
    for (const label of ['one', 'two', 'three']) {
      const run = await runAction(at, 'backup', { label });
      expect(run.status).toMatchObject({ phase: 'Succeeded', outputs: { dump: { snapshot: label } } });
    }
    expect((await statusOf(at)).lastBackup).toBe('three');
    await sql(at, await primaryOf(), 'DELETE FROM app.items; CREATE TABLE app.later (id INT PRIMARY KEY)');
    const missing = await runAction(at, 'restore', { snapshot: 'one' });
    expect(missing.status).toMatchObject({ phase: 'Failed', failed: { step: 'check' } });
    expect(missing.status?.failed?.message).toContain('there is no snapshot one; there are: two three');
    expect(await askAll(at, pods, 'SELECT COUNT(*) FROM app.items')).toEqual(['0', '0', '0']);
    const run = await runAction(at, 'restore', { snapshot: 'three' });
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    await settled(at);
    expect(await askAll(at, pods, 'SELECT COUNT(*) FROM app.items')).toEqual(['1000', '1000', '1000']);
    expect(await askAll(at, pods, "SHOW TABLES FROM app LIKE 'later'")).toEqual(['', '', '']);
    await sql(at, await primaryOf(), "INSERT INTO app.items (name) VALUES ('after the restore')");
    expect(await askAll(at, pods, 'SELECT COUNT(*) FROM app.items')).toEqual(['1001', '1001', '1001']);
    const data =
      'snapshot one was pruned and refused; of three all 1,000 rows are on all pods, and no later table';
    report('backed up, with a retention of 2, and restored', data, secondsOf(run));
  });

  test('refuses an image that cannot go on with the data, and serves on', async () => {
    await changeMySQL(at, { image: 'busybox:1' });
    const run = await newestRun(at.namespace, 'store', 'upgrade', ({ spec }) => spec.value === 'busybox:1');
    expect(run.status).toMatchObject({ phase: 'Failed', failed: { step: 'check' } });
    expect((await statusOf(at)).image).toBe('databases:1');
    await sql(at, await primaryOf(), "INSERT INTO app.items (name) VALUES ('meanwhile')");
    const data = 'the pods kept their image, and a row was written meanwhile';
    report('an image without MariaDB was refused', data, secondsOf(run));
  });

  test('upgrades the replicas first, hands over, and brings the system tables along', async () => {
    const old = await primaryOf();
    const writer = await startWriter(at);
    await changeMySQL(at, { image: 'databases:2' });
    const run = await newestRun(at.namespace, 'store', 'upgrade', ({ spec }) => spec.value === 'databases:2');
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    const { primary } = await settled(at, { conditions: ['Ready', 'Replicated', 'ImageReached'] });
    expect(primary).not.toBe(old);
    const started = await podsOf(at);
    expect(started.map(({ image }) => image)).toEqual(['databases:2', 'databases:2', 'databases:2']);
    expect(started.at(-1)?.name).toBe(old);
    const { acknowledged, pauseSeconds } = await writer.stop();
    expect(await missingIn(at, pods, acknowledged)).toEqual([0, 0, 0]);
    const data = `${acknowledged.length} acknowledged writes on all three, ${pauseSeconds} s without one; ${old} was restarted last`;
    report(`upgraded to another image; ${primary} took over`, data, secondsOf(run));
  });

  test('shrinks to one pod and grows again, with all rows', async () => {
    const rows = await sql(at, await primaryOf(), 'SELECT COUNT(*) FROM app.items');
    const began = Date.now();
    const scaled = async (replicas: number) => {
      await changeMySQL(at, { replicas });
      const run = await newestRun(at.namespace, at.name, 'scale', ({ spec }) => spec.value === replicas);
      expect(run.status).toMatchObject({ phase: 'Succeeded' });
      return settled(at, { holds: ({ size }) => size === replicas });
    };
    expect((await scaled(1)).primary).toBe('store-0');
    await sql(at, 'store-0', "INSERT INTO app.items (name) VALUES ('alone')");
    await scaled(3);
    const more = String(Number(rows) + 1);
    expect(await askAll(at, pods, 'SELECT COUNT(*) FROM app.items')).toEqual([more, more, more]);
    report(
      'scaled 3 to 1 to 3',
      `${rows} rows, and one written by the one alone, on all three`,
      secondsSince(began),
    );
  });

  test('writes a last snapshot and leaves the data when it is deleted, and finds both when it is created anew', async () => {
    const rows = await sql(at, await primaryOf(), 'SELECT COUNT(*) FROM app.items');
    await changeMySQL(at, { backup: { final: true } });
    const deleted = Date.now();
    await kubectl(['delete', 'mysqlcluster', at.name, '-n', at.namespace]);
    const last = await newestRun(at.namespace, at.name, 'finalBackup');
    expect(last.status).toMatchObject({ phase: 'Succeeded' });
    const { items } = await read<{ items: readonly RunObject[] }>(at.namespace, 'actionruns.libretto.dev');
    const backup = items.find(({ spec }) => spec.parent?.name === last.metadata.name);
    const snapshot = String(backup?.status?.outputs?.['dump']?.['snapshot']);
    expect(snapshot).toMatch(/^\d{8}t\d{6}/);
    const took = secondsSince(deleted);
    await eventually('no pods', async () => (await podsOf(at)).length === 0 || undefined);
    const began = Date.now();
    await putMySQL(at, { replicas: 3, backup: { retention: 2, storage: { size: '100Mi' } } });
    await settled(at);
    const seconds = secondsSince(began);
    expect(await askAll(at, pods, 'SELECT COUNT(*) FROM app.items')).toEqual([rows, rows, rows]);
    const run = await runAction(at, 'restore', { snapshot: 'gone' });
    expect(run.status?.failed?.message).toMatch(
      new RegExp(`there is no snapshot gone; there are: .*${snapshot}`),
    );
    const data = `a last snapshot after ${took} s; then ${rows} rows on all three with new passwords, and the snapshots`;
    report('deleted and created anew under its name', data, seconds);
  });
});
