/** The life of a SampleDB with real data: each test goes on where the one before it ended. */
import { expect, test } from 'vitest';
import { newestRun, type RunObject, read, report, requestRun, runsOf, secondsOf } from './engine-kit.ts';
import { apply, kubectl, waitFor } from './harness.ts';
import {
  countOf,
  describeSampleDB,
  type SampleDBObject,
  SHOP,
  sampleDB,
  snapshotsIn,
  sql,
  startWriter,
} from './sampledb-kit.ts';

/** The run that led, or did not lead, to a version. */
function isUpgradeTo(version: string, phase: string): (run: RunObject) => boolean {
  return ({ spec, status }) => spec.value === version && status?.phase === phase;
}

describeSampleDB('SampleDB', (site) => {
  const shop = (): Promise<SampleDBObject> => read(site.namespace, 'sampledb/shop');
  const query = (statement: string): Promise<string> => sql(site.namespace, 'shop', statement);

  test('is created with its database, user and extensions', async () => {
    const { namespace } = site;
    const began = Date.now();
    await apply(namespace, sampleDB('shop', { version: '1.0', extensions: ['pgcrypto', 'hstore'] }));
    await waitFor(namespace, 'sampledb/shop', 'condition=Ready', '390s');
    const seconds = Math.round((Date.now() - began) / 100) / 10;
    expect((await runsOf(namespace, 'shop', 'initialise')).map(({ status }) => status?.phase)).toEqual([
      'Succeeded',
    ]);
    expect(await query("select string_agg(extname, ',' order by extname) from pg_extension")).toBe(
      'hstore,pgcrypto,plpgsql',
    );
    expect(
      await query(
        'select current_user, current_database(), rolsuper from pg_roles where rolname = current_user',
      ),
    ).toBe('shop|shop|f');
    expect((await shop()).status).toMatchObject({
      version: '1.0',
      initialised: true,
      endpoint: `shop.${namespace}.svc:5432`,
    });
    report('created', 'database, owner without superuser rights, two extensions', seconds);
  });

  test('is reached from another pod by the ConfigMap and the Secret alone', async () => {
    const { namespace } = site;
    await query('create table orders (id serial primary key, item text not null)');
    await query("insert into orders (item) select 'item ' || n from generate_series(1, 1000) n");
    const env = [{ configMapRef: { name: 'shop-connection' } }, { secretRef: { name: 'shop-connection' } }];
    const command = ['psql', '-Atc', 'select count(*) from orders'];
    await apply(namespace, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'client' },
      spec: {
        restartPolicy: 'Never',
        containers: [{ name: 'client', image: 'databases:1', command, envFrom: env }],
      },
    });
    await waitFor(namespace, 'pod/client', 'jsonpath={.status.phase}=Succeeded');
    expect(await kubectl(['logs', '-n', namespace, 'client'])).toBe('1000\n');
    report('connected from another pod', '1,000 rows read with the ConfigMap and Secret alone');
  });

  test('is not configured a second time when its runs are deleted', async () => {
    const { namespace } = site;
    await kubectl(['delete', 'actionruns', '--all', '-n', namespace]);
    await kubectl(['annotate', 'sampledb/shop', 'touched=1', '-n', namespace]);
    const run = await requestRun(namespace, SHOP, 'backup', { label: 'first' });
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    expect(await runsOf(namespace, 'shop', 'initialise')).toEqual([]);
    expect(await countOf(namespace, 'shop')).toBe(1000);
    report('lost all its runs', '1,000 rows; no second initial configuration');
  });

  test('backs up on request, and keeps so many snapshots', async () => {
    const { namespace } = site;
    await apply(namespace, sampleDB('shop', { version: '1.0', retention: 3 }));
    for (const label of ['second', 'third', 'fourth']) {
      const run = await requestRun(namespace, SHOP, 'backup', { label });
      expect(run.status).toMatchObject({ phase: 'Succeeded' });
    }
    const { status } = await shop();
    expect(status.snapshots.map((name) => name.replace(/^\w+-/, ''))).toEqual(['fourth', 'third', 'second']);
    expect(status.lastBackup).toBe(status.snapshots[0]);
    const index = await snapshotsIn(namespace, 'shop-backup');
    expect(index.map(({ name }) => name)).toEqual(status.snapshots.toReversed());
    expect(index.map(({ version }) => version)).toEqual(['1.0', '1.0', '1.0']);
    const last = (await runsOf(namespace, 'shop', 'backup')).at(-1);
    report(
      'backed up on request',
      'snapshot, index and retention of 3 on the claim',
      last && secondsOf(last),
    );
  });

  test('backs up on schedule', async () => {
    const { namespace } = site;
    const before = (await shop()).status.lastBackup;
    await apply(namespace, sampleDB('shop', { version: '1.0', schedule: '* * * * *' }));
    const run = await newestRun(namespace, 'shop', 'backup', ({ spec }) => spec.trigger === 'Schedule');
    await apply(namespace, sampleDB('shop', { version: '1.0' }));
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    expect((await shop()).status.lastBackup > before).toBe(true);
    report('backed up on schedule', 'a new snapshot on the tick', secondsOf(run));
  });

  test('is upgraded by migrations in one transaction, after a snapshot', async () => {
    const { namespace } = site;
    const writer = startWriter(namespace, 'shop');
    await apply(namespace, sampleDB('shop', { version: '1.1' }));
    const run = await newestRun(namespace, 'shop', 'upgrade');
    const written = await writer.stop();
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    await waitFor(namespace, 'sampledb/shop', 'condition=VersionReached');
    const { status } = await shop();
    expect(status).toMatchObject({ version: '1.1', image: 'databases:2' });
    expect(status.lastBackup).toContain('before-1.1');
    const pod = await read<{ spec: { containers: { image: string }[] } }>(namespace, 'pod/shop-0');
    expect(pod.spec.containers[0]?.image).toBe('databases:2');
    expect(await query('select count(*) from orders where not paid')).toBe(String(1000 + written));
    report(
      'upgraded 1.0 to 1.1',
      `1,000 rows and ${written} acknowledged meanwhile, migrated`,
      secondsOf(run),
    );
  });

  test('keeps version, schema and every row when a migration fails', async () => {
    const { namespace } = site;
    const before = await countOf(namespace, 'shop');
    const broken = [
      { version: '1.2', sql: "update orders set item = 'spoilt'; select pg_sleep(2); select 1/0;" },
    ];
    const writer = startWriter(namespace, 'shop');
    await apply(namespace, sampleDB('shop', { version: '1.2', migrations: broken }));
    const run = await newestRun(namespace, 'shop', 'upgrade', isUpgradeTo('1.2', 'Failed'));
    const written = await writer.stop();
    expect(run.status).toMatchObject({ phase: 'Failed', failed: { step: 'migrate' } });
    expect(run.status?.failed?.message).toContain('division by zero');
    expect((await shop()).status).toMatchObject({ version: '1.1', image: 'databases:2' });
    expect(await countOf(namespace, 'shop')).toBe(before + written);
    expect(await query("select count(*) from orders where item = 'spoilt'")).toBe('0');
    report(
      'a failing migration was rolled back',
      `${before} rows and ${written} acknowledged meanwhile, none lost, none changed`,
      secondsOf(run),
    );
  });

  test('is upgraded once the migration is corrected', async () => {
    const { namespace } = site;
    await apply(namespace, sampleDB('shop', { version: '1.2' }));
    const run = await newestRun(namespace, 'shop', 'upgrade', isUpgradeTo('1.2', 'Succeeded'));
    await waitFor(namespace, 'sampledb/shop', 'condition=VersionReached');
    expect((await shop()).status.version).toBe('1.2');
    expect(await query("select string_agg(version, ',' order by version) from libretto.migrations")).toBe(
      '1.1,1.2',
    );
    report('upgraded to 1.2 after the correction', 'the migrations that are on record', secondsOf(run));
  });

  test('goes on with its version when an older one is asked for', async () => {
    const { namespace } = site;
    await apply(namespace, sampleDB('shop', { version: '1.1' }));
    await waitFor(namespace, 'sampledb/shop', 'condition=VersionSupported=false');
    expect((await shop()).status.version).toBe('1.2');
    await apply(namespace, sampleDB('shop', { version: '1.2' }));
    await waitFor(namespace, 'sampledb/shop', 'condition=VersionSupported');
    report('a downgrade was refused', 'the version that runs', '-');
  });

  test('refuses an image without PostgreSQL, and serves on', async () => {
    const { namespace } = site;
    const rows = await countOf(namespace, 'shop');
    await apply(namespace, sampleDB('shop', { version: '2.0', images: { '2.0': 'busybox:1' } }));
    const run = await newestRun(namespace, 'shop', 'upgrade', isUpgradeTo('2.0', 'Failed'));
    expect(run.status?.phase).toBe('Failed');
    expect(await countOf(namespace, 'shop')).toBe(rows);
    expect((await shop()).status.version).toBe('1.2');
    await apply(namespace, sampleDB('shop', { version: '1.2' }));
    report('an image that does not fit was refused', `${rows} rows served on`, secondsOf(run));
  });

  test('is restored in place', async () => {
    const { namespace } = site;
    const rows = await countOf(namespace, 'shop');
    const backup = await requestRun(namespace, SHOP, 'backup', { label: 'good' });
    const snapshot = String(backup.status?.outputs?.dump?.snapshot);
    await query('delete from orders');
    const run = await requestRun(namespace, SHOP, 'restore', { snapshot });
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    expect(await countOf(namespace, 'shop')).toBe(rows);
    expect((await shop()).status).toMatchObject({ version: '1.2' });
    report('restored in place after all rows were deleted', `${rows} rows`, secondsOf(run));
  });

  test('refuses to restore a snapshot that is missing, and a wrong parameter', async () => {
    const { namespace } = site;
    const rows = await countOf(namespace, 'shop');
    const missing = await requestRun(namespace, SHOP, 'restore', { snapshot: '19990101T000000Z' });
    expect(missing.status).toMatchObject({ phase: 'Failed', failed: { step: 'check' } });
    expect(missing.status?.failed?.message).toContain(
      'there is no snapshot 19990101T000000Z; the newest are: ',
    );
    const wrong = await requestRun(namespace, SHOP, 'restore', { snapshot: '../../data' });
    expect(wrong.status?.phase).toBe('Refused');
    expect(await countOf(namespace, 'shop')).toBe(rows);
    report('refused to restore what is not there', `${rows} rows served on`, secondsOf(missing));
  });

  test.each([
    ['killOne', 'its pod was deleted'],
    ['killAll', 'all its pods were deleted'],
    ['partition', 'it was cut off by a NetworkPolicy'],
  ])('comes back from %s with what was committed', async (action, what) => {
    const { namespace } = site;
    const rows = await countOf(namespace, 'shop');
    const run = await requestRun(namespace, SHOP, action, { within: 90 });
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    const { seconds, rows: kept } = run.status?.outputs?.verify ?? {};
    expect(kept).toBe(1);
    expect(await countOf(namespace, 'shop')).toBe(rows);
    report(`${action}: ${what}`, `the row committed before and ${rows} others`, Number(seconds));
  });

  test('fails a drill that is not over in time', async () => {
    const run = await requestRun(site.namespace, SHOP, 'killOne', { within: 1 });
    expect(run.status).toMatchObject({ phase: 'Failed', failed: { step: 'verify' } });
    expect(run.status?.failed?.message).toMatch(/back after \d+ s, and 1 s were allowed/);
  });

  test('writes a snapshot when it is deleted, and takes all else away', async () => {
    const { namespace } = site;
    const rows = await countOf(namespace, 'shop');
    const began = Date.now();
    await kubectl(['delete', 'sampledb', 'shop', '-n', namespace, '--timeout=390s']);
    const seconds = Math.round((Date.now() - began) / 100) / 10;
    const left = (
      await kubectl(['get', 'statefulset,service,pvc,secret', '-n', namespace, '-o', 'name'])
    ).split('\n');
    expect(left.filter((name) => name.includes('/shop'))).toEqual(['persistentvolumeclaim/shop-backup']);
    const index = await snapshotsIn(namespace, 'shop-backup');
    expect(index.at(-1)?.name).toMatch(/-final$/);
    report(
      'deleted',
      `a final snapshot of ${rows} rows; StatefulSet, Services, Secrets and data volume gone`,
      seconds,
    );
  });

  test('begins anew under its name from that snapshot, in the claim that it left', async () => {
    const { namespace } = site;
    const began = Date.now();
    await apply(namespace, sampleDB('shop', { version: '1.2', from: { snapshot: 'latest' } }));
    await waitFor(namespace, 'sampledb/shop', 'condition=Ready', '390s');
    const seconds = Math.round((Date.now() - began) / 100) / 10;
    const rows = await countOf(namespace, 'shop');
    expect(rows).toBeGreaterThanOrEqual(1000);
    expect(await query('select count(*) from orders where paid is not null')).toBe(String(rows));
    report('created again under the same name from the final snapshot', `${rows} rows`, seconds);
  });

  test('begins under another name and owner, and is upgraded from the version of the snapshot', async () => {
    const { namespace } = site;
    const rows = await countOf(namespace, 'shop');
    const first = (await snapshotsIn(namespace, 'shop-backup')).find(({ version }) => version !== '1.2');
    await apply(
      namespace,
      sampleDB('copy', {
        version: '1.2',
        user: 'clerk',
        from: { claim: 'shop-backup', snapshot: first?.name ?? 'latest' },
      }),
    );
    const run = await newestRun(namespace, 'copy', 'upgrade');
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    await waitFor(namespace, 'sampledb/copy', 'condition=Ready', '390s');
    const count = await countOf(namespace, 'copy');
    expect(count).toBeGreaterThanOrEqual(1000);
    expect(await sql(namespace, 'copy', "select tableowner from pg_tables where tablename = 'orders'")).toBe(
      'clerk',
    );
    report(
      'copied under another name from a snapshot of another SampleDB',
      `${count} rows of ${rows}, owned by the new user`,
      secondsOf(run),
    );
  });
});
