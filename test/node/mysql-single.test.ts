/** MySQLCluster of one pod on real MariaDB: nobody has to decide who the primary is, and all else is as with replicas. */
import { expect, test, vi } from 'vitest';
import { describeOperator, newestRun, report, secondsOf } from './engine-kit.ts';
import {
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

describeOperator('MySQLCluster of one pod', ['mysql'], (site) => {
  const at: MySQLCluster = {
    name: 'solo',
    get namespace() {
      return site.namespace;
    },
  };
  let snapshot = '';
  const count = () => sql(at, 'solo-0', 'SELECT COUNT(*) FROM items');

  test('is created with its database and a user who may do all in it and nothing else', async () => {
    const began = Date.now();
    await putMySQL(at, { backup: { storage: { size: '8Mi', className: 'limited' } } });
    await settled(at);
    const seconds = secondsSince(began);
    const grants = await sql(at, 'solo-0', "SHOW GRANTS FOR 'app'@'%'");
    expect(grants.split('\n').map((line) => line.replace(/ IDENTIFIED.*/, ''))).toEqual([
      'GRANT USAGE ON *.* TO `app`@`%`',
      'GRANT ALL PRIVILEGES ON `app`.* TO `app`@`%`',
    ]);
    await sql(at, 'solo-0', 'CREATE TABLE items (id INT PRIMARY KEY, filler BLOB)');
    await sql(at, 'solo-0', 'INSERT INTO items SELECT seq, RANDOM_BYTES(100) FROM seq_1_to_1000');
    const writer = await startWriter(at);
    const { acknowledged } = await writer.stop();
    expect(await missingIn(at, ['solo-0'], acknowledged)).toEqual([0]);
    const data = `1,000 rows, and ${acknowledged.length} by a client that knows the connection Secret alone`;
    report('created with one pod', data, seconds);
  });

  test('comes back with its rows when its pod is killed', async () => {
    const run = await runAction(at, 'killAll', { within: 240 });
    expect(run.status).toMatchObject({ phase: 'Succeeded', outputs: { verify: { rows: 1 } } });
    expect(await count()).toBe('1000');
    report(
      'killAll on one pod',
      '1,000 rows and the one of the drill',
      Number(run.status?.outputs?.['verify']?.['seconds']),
    );
  });

  test('writes a snapshot at the time of its schedule, until that is suspended', async () => {
    await changeMySQL(at, { backup: { schedule: '* * * * *' } });
    const scheduled = () =>
      newestRun(at.namespace, at.name, 'backup', ({ spec }) => spec.trigger === 'Schedule');
    await scheduled();
    await changeMySQL(at, { backup: { suspend: true } });
    const { status } = await scheduled();
    expect(status?.phase).toBe('Succeeded');
    const { lastBackup } = await statusOf(at);
    expect(lastBackup).toMatch(/^\d{8}t\d{6}/);
    expect(status?.outputs?.['dump']).toMatchObject({
      snapshot: lastBackup,
      gtid: expect.stringMatching(/^0-1-/),
    });
    snapshot = lastBackup;
    report('backed up by schedule', `the snapshot ${lastBackup}, which is restored below`);
  });

  test('says that its backup claim is full, keeps the older snapshot, and serves on', async () => {
    await sql(at, 'solo-0', 'INSERT INTO items SELECT seq, RANDOM_BYTES(1000) FROM seq_1001_to_15000');
    const run = await runAction(at, 'backup', { label: 'large' });
    expect(run.status).toMatchObject({ phase: 'Failed', failed: { step: 'dump' } });
    expect(run.status?.failed?.message).toMatch(/No space left on device/);
    expect(await count()).toBe('15000');
    expect((await statusOf(at)).lastBackup).toBe(snapshot);
    report(
      'the backup claim was full',
      '15,000 rows served on; the snapshot from before stayed',
      secondsOf(run),
    );
  });

  test('is restored from it', async () => {
    const run = await runAction(at, 'restore', { snapshot });
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    await settled(at);
    expect(await count()).toBe('1000');
    await sql(at, 'solo-0', 'INSERT INTO items (id) VALUES (1001)');
    report('restored one pod', '1,000 rows, and none of the 14,000 later ones', secondsOf(run));
  });

  test('goes on with its image when a snapshot cannot be written before an upgrade, and is upgraded when it can', async () => {
    await sql(at, 'solo-0', 'INSERT INTO items SELECT seq, RANDOM_BYTES(1000) FROM seq_2001_to_15000');
    await changeMySQL(at, { image: 'databases:2' });
    const failed = await newestRun(at.namespace, at.name, 'upgrade');
    expect(failed.status).toMatchObject({ phase: 'Failed', failed: { step: 'snapshot' } });
    expect((await podsOf(at)).map(({ image }) => image)).toEqual(['databases:1']);
    await sql(at, 'solo-0', 'DELETE FROM items WHERE id > 1001');
    await changeMySQL(at, { image: 'databases:1' });
    await changeMySQL(at, { image: 'databases:2' });
    const run = await newestRun(at.namespace, at.name, 'upgrade', ({ status }) => status?.phase !== 'Failed');
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    await settled(at, { conditions: ['Ready', 'ImageReached'] });
    expect((await podsOf(at)).map(({ image }) => image)).toEqual(['databases:2']);
    expect(await count()).toBe('1001');
    report('upgraded one pod', '1,001 rows; without a snapshot the old image went on', secondsOf(run));
  });
});
