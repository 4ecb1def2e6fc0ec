/** What a SampleDB makes of wishes that cannot be: a state with its reason, the old one serving on, and a way out. */
import { expect, test } from 'vitest';
import {
  abortRun,
  endOfRun,
  eventually,
  newestRun,
  type RunObject,
  read,
  report,
  requestRun,
  runsOf,
  secondsOf,
} from './engine-kit.ts';
import { apply, kubectl, waitFor } from './harness.ts';
import {
  countOf,
  describeSampleDB,
  type SampleDBObject,
  SHOP,
  sampleDB,
  says,
  snapshotsIn,
  sql,
} from './sampledb-kit.ts';

/** A backup claim that is a file system of its own and soon full. */
const SMALL = {
  extensions: ['pgcrypto'],
  backupStorage: { size: '8Mi', className: 'limited' },
};

describeSampleDB('SampleDB in trouble', (site) => {
  const shop = (): Promise<SampleDBObject> => read(site.namespace, 'sampledb/shop');
  const query = (statement: string): Promise<string> => sql(site.namespace, 'shop', statement);
  const want = (wishes: object): Promise<void> =>
    apply(site.namespace, sampleDB('shop', { version: '1.0', ...SMALL, ...wishes }));

  test('keeps the snapshots it has when the backup claim is full', async () => {
    const { namespace } = site;
    await want({});
    await waitFor(namespace, 'sampledb/shop', 'condition=Ready', '390s');
    await query("create table orders as select n as id, 'item ' || n as item from generate_series(1, 500) n");
    const small = await requestRun(namespace, SHOP, 'backup', { label: 'small' });
    expect(small.status).toMatchObject({ phase: 'Succeeded' });
    await query(
      'create table ballast as select gen_random_bytes(1000) as bytes from generate_series(1, 12000)',
    );
    const full = await requestRun(namespace, SHOP, 'backup');
    expect(full.status).toMatchObject({ phase: 'Failed', failed: { step: 'dump' } });
    expect(full.status?.failed?.message).toContain('No space left on device');
    const [snapshot = '', ...more] = (await snapshotsIn(namespace, 'shop-backup')).map(({ name }) => name);
    expect(more).toEqual([]);
    expect((await shop()).status.lastBackup).toBe(snapshot);
    expect(await says(namespace, 'shop', 'Ready')).not.toBe('');
    report(
      'the backup claim was full',
      '12,500 rows served on; the snapshot before it intact, the only one in the index',
    );
  });

  test("is restored only at a person's word when there is no room to save its state first", async () => {
    const { namespace } = site;
    const snapshot = (await shop()).status.lastBackup;
    const careful = await requestRun(namespace, SHOP, 'restore', { snapshot });
    expect(careful.status).toMatchObject({ phase: 'Failed', failed: { step: 'before' } });
    expect(await query('select count(*) from ballast')).toBe('12000');
    const run = await requestRun(namespace, SHOP, 'restore', { snapshot, saveFirst: false });
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    expect(await countOf(namespace, 'shop')).toBe(500);
    expect(await query("select to_regclass('ballast') is null")).toBe('t');
    report(
      'restored from the snapshot on a full claim, by saveFirst: false',
      '500 rows; without it the restore was refused and all 12,500 rows stayed',
      secondsOf(run),
    );
  });

  test('tells a wrong cron line, and serves on', async () => {
    const { namespace } = site;
    await want({ schedule: '61 * * * *' });
    expect(await says(namespace, 'shop', 'Stalled')).toContain('schedule of backup');
    expect(await countOf(namespace, 'shop')).toBe(500);
    await want({});
    await eventually('no Stalled', async () => {
      const { status } = await shop();
      return (
        status.conditions.every(({ type, status: is }) => type !== 'Stalled' || is === 'False') || undefined
      );
    });
    report('a wrong cron line was told', '500 rows served on; gone with its correction');
  });

  test('refuses to jump over a version that a migration begins with', async () => {
    const { namespace } = site;
    const migrations = [
      { version: '1.1', from: '1.0', sql: 'create table one ()' },
      { version: '2.1', from: '2.0', sql: 'create table two ()' },
    ];
    await want({ version: '2.1', migrations });
    expect(await says(namespace, 'shop', 'NoVersionSkipped', 'False')).toContain(
      'the migration to 2.1 begins with 2.0',
    );
    expect(await runsOf(namespace, 'shop', 'upgrade')).toEqual([]);
    expect((await shop()).status.version).toBe('1.0');
    expect(await query("select to_regclass('one') is null")).toBe('t');
    await want({});
    await says(namespace, 'shop', 'NoVersionSkipped');
    report('a jump over 2.0 was refused', 'no migration was begun, version 1.0 serves on');
  });

  test('is freed of a migration that never ends when its run is aborted', async () => {
    const { namespace } = site;
    const endless = 'alter table orders add column slow int; select pg_sleep(100000)';
    await want({ version: '1.1', migrations: [{ version: '1.1', sql: endless }] });
    const sleepers =
      "select count(*) from pg_stat_activity where state = 'active' and query ~ '^select pg_sleep'";
    await eventually('the migration', async () => (await query(sleepers)) === '1' || undefined);
    const [run] = await runsOf(namespace, 'shop', 'upgrade');
    const name = run?.metadata.name ?? '';
    const began = Date.now();
    await abortRun(namespace, name);
    // It waits as long as the migration holds its lock on the table.
    expect(await countOf(namespace, 'shop')).toBe(500);
    const seconds = Math.round((Date.now() - began) / 100) / 10;
    expect((await endOfRun(namespace, name)).status).toMatchObject({ phase: 'Aborted' });
    expect(await query(sleepers)).toBe('0');
    const columns =
      "select string_agg(attname, ',') from pg_attribute where attrelid = 'orders'::regclass and attnum > 0";
    expect(await query(columns)).toBe('id,item');
    expect((await shop()).status.version).toBe('1.0');
    await want({});
    report('a migration without end was aborted', '500 rows read again, schema as before', seconds);
  });

  test('comes back when a setting that PostgreSQL refuses is taken back', async () => {
    const { namespace } = site;
    await want({ parameters: { shared_bufers: '16MB' } });
    await says(namespace, 'shop', 'Ready', 'False');
    await eventually('the server to fail', async () => {
      const pod = await read<{ status: { containerStatuses?: { restartCount: number }[] } }>(
        namespace,
        'pod/shop-0',
      );
      return (pod.status.containerStatuses?.[0]?.restartCount ?? 0) > 0 || undefined;
    });
    const began = Date.now();
    await want({ parameters: { shared_buffers: '16MB' } });
    await eventually('the server', async () => (await query('show shared_buffers')) === '16MB' || undefined);
    const seconds = Math.round((Date.now() - began) / 100) / 10;
    await waitFor(namespace, 'sampledb/shop', 'condition=Ready', '390s');
    expect(await countOf(namespace, 'shop')).toBe(500);
    report(
      'a setting that the server refuses was corrected',
      '500 rows; the pod that never was ready replaced',
      seconds,
    );
  });

  test('waits for a snapshot that is there before it begins from one', async () => {
    const { namespace } = site;
    const [good] = await snapshotsIn(namespace, 'shop-backup');
    const begin = (claim: string, snapshot: string): Promise<void> =>
      apply(namespace, sampleDB('copy', { version: '1.0', from: { claim, snapshot } }));
    const retry = (run: RunObject, count: number): Promise<string> =>
      kubectl([
        'patch',
        'actionrun',
        run.metadata.name,
        '-n',
        namespace,
        '--type=merge',
        '-p',
        JSON.stringify({ spec: { retry: count } }),
      ]);
    await begin('nowhere', 'latest');
    const first = await newestRun(namespace, 'copy', 'initialise');
    expect(first.status).toMatchObject({ phase: 'Failed', failed: { step: 'source' } });
    expect(first.status?.failed?.message).toContain('there is no claim nowhere');
    await begin('shop-backup', '19990101T000000Z');
    await retry(first, 1);
    const isMissing = ({ status }: RunObject): boolean => status?.failed?.step === 'load';
    const second = await newestRun(namespace, 'copy', 'initialise', isMissing);
    expect(second.status?.failed?.message).toContain(
      `there is no snapshot 19990101T000000Z; the newest are: ${good?.name}`,
    );
    expect(await says(namespace, 'copy', 'Ready', 'False')).toContain('initialise');
    const began = Date.now();
    await begin('shop-backup', good?.name ?? '');
    await retry(second, 2);
    await waitFor(namespace, 'sampledb/copy', 'condition=Ready', '390s');
    const seconds = Math.round((Date.now() - began) / 100) / 10;
    expect(await countOf(namespace, 'copy')).toBe(500);
    report(
      'created from a missing claim, then a missing snapshot, then one that is there',
      '500 rows',
      seconds,
    );
  });
});
