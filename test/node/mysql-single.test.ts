/** MySQLCluster of one pod on real MariaDB: nobody has to decide who the primary is, and all else is as with replicas. */
import { expect, test, vi } from 'vitest';
import { describeOperator, report, secondsOf } from './engine-kit.ts';
import {
  type MySQLCluster,
  missingIn,
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

  test('says that its backup claim is full, keeps the older snapshot, and serves on', async () => {
    const good = await runAction(at, 'backup', { label: 'good' });
    expect(good.status).toMatchObject({ phase: 'Succeeded' });
    await sql(at, 'solo-0', 'INSERT INTO items SELECT seq, RANDOM_BYTES(1000) FROM seq_1001_to_15000');
    const run = await runAction(at, 'backup', { label: 'large' });
    expect(run.status).toMatchObject({ phase: 'Failed', failed: { step: 'dump' } });
    expect(run.status?.failed?.message).toMatch(/No space left on device/);
    expect(await count()).toBe('15000');
    expect((await statusOf(at)).lastBackup).toBe('good');
    report(
      'the backup claim was full',
      '15,000 rows served on; the snapshot from before stayed',
      secondsOf(run),
    );
  });

  test('is restored from it', async () => {
    const run = await runAction(at, 'restore', { snapshot: 'good' });
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    await settled(at);
    expect(await count()).toBe('1000');
    await sql(at, 'solo-0', 'INSERT INTO items (id) VALUES (1001)');
    report('restored one pod', '1,000 rows, and none of the 14,000 later ones', secondsOf(run));
  });
});
