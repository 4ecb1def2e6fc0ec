import { expect, test } from 'vitest';
import { newestRun, report, secondsOf } from './engine-kit.ts';
import { describeEtcd, Etcd, since, Writer } from './etcd-kit.ts';
import { execIn } from './harness.ts';

const CTL = 'set -e; ctl() { etcdctl --command-timeout=60s "$@"; }';
const VALUE = 'head -c 150000 /dev/urandom | base64 -w0';

describeEtcd('backups of an EtcdCluster with real data', (site) => {
  const etcd = new Etcd(site, 'store');
  let writer: Writer;

  test('are taken on request', async () => {
    await etcd.create({ size: 3, backup: { retention: 2, storage: { size: '64Mi' } } });
    await etcd.ready();
    writer = await Writer.start(etcd);
    await etcd.put('first', 'kept');
    const first = await etcd.run('backup', { label: 'first' });
    expect(first.status).toMatchObject({ phase: 'Succeeded' });
    expect(await etcd.status('lastBackup')).toMatch(/^first-\d{8}T\d{6}\.db$/);
    report('backup on request', await writer.check(), secondsOf(first));
  });

  test('are taken on schedule, and the oldest ones go', async () => {
    const first = await etcd.status('lastBackup');
    await etcd.change({ backup: { schedule: '* * * * *' } });
    const run = await newestRun(site.namespace, 'store', 'backup', ({ spec }) => spec.trigger === 'Schedule');
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    await etcd.change({ backup: { schedule: null } });
    expect(await etcd.status('backups')).toContainEqual(expect.stringMatching(/^backup-/));
    expect(await etcd.status('lastBackup')).not.toBe(first);
    report('scheduled backup', await writer.check(), secondsOf(run));
  });

  test('that are not there fail a restore before anything is stopped', async () => {
    const before = await etcd.pods('.metadata.uid');
    const run = await etcd.run('restore', { snapshot: 'nowhere.db' });
    expect(run.status).toMatchObject({ phase: 'Failed', failed: { step: 'check' } });
    expect(run.status?.message).toContain(
      `there is no backup nowhere.db; there is: ${String(await etcd.status('lastBackup'))}`,
    );
    expect(await etcd.pods('.metadata.uid')).toEqual(before);
    await etcd.ready();
    report('restore of a missing backup refused', await writer.check());
  });

  test('bring the cluster back when most members are lost', async () => {
    const written = await writer.acknowledged();
    const second = await etcd.run('backup', { label: 'second' });
    expect(second.status).toMatchObject({ phase: 'Succeeded' });
    const kept = { snapshot: String(await etcd.status('lastBackup')), written };
    expect(await etcd.status('backups')).toEqual([kept.snapshot, expect.any(String)]);
    await etcd.put('after', 'the backup');
    const began = Date.now();
    await etcd.remove('pvc', 'data-store-1', 'data-store-2');
    await etcd.remove('pod', 'store-1', 'store-2');
    await etcd.says('Quorum', 'False', 'restore a backup');
    const lost = await etcd.clusterId().catch(() => 'gone');
    const run = await etcd.run('restore', { snapshot: kept.snapshot });
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    await etcd.ready();
    expect(await etcd.members()).toEqual(['store-0 started', 'store-1 started', 'store-2 started']);
    expect(await etcd.clusterId()).not.toBe(lost);
    for (const member of [0, 1, 2]) expect(await etcd.own(member, 'first')).toBe('kept');
    expect(await etcd.own(2, 'after')).toBe('');
    expect(kept.written.length).toBeGreaterThan(10);
    expect(await writer.missing(kept.written, 2)).toEqual([]);
    await writer.served();
    const data = `all ${kept.written.length} writes from before the backup are on all members`;
    report('two of three volumes lost, restored from a backup', data, since(began));
  });
});

describeEtcd('a full claim for backups of an EtcdCluster', (site) => {
  test('fails the backup and says so, and what is there stays good', async () => {
    const etcd = new Etcd(site, 'full');
    await etcd.create({ size: 1, backup: { storage: { size: '8Mi', className: 'limited' } } });
    await etcd.ready();
    await etcd.put('first', 'kept');
    expect((await etcd.run('backup', { label: 'small' })).status).toMatchObject({ phase: 'Succeeded' });
    const [snapshot] = (await etcd.status('backups')) as string[]; // as: the schema says so
    const fill = `${CTL}; for i in $(seq 50); do ${VALUE} | ctl put fill/$i > /dev/null; done`;
    await execIn(site.namespace, 'full-0', ['bash', '-c', fill]);
    const before = await etcd.pods('.metadata.uid');

    const run = await etcd.run('backup', { label: 'large' });
    expect(run.status).toMatchObject({ phase: 'Failed' });
    expect(run.status?.message).toMatch(/no space left/i);
    expect(await etcd.status('backups')).toEqual([snapshot]);
    expect(await etcd.pods('.metadata.uid')).toEqual(before);
    await etcd.ready();
    await etcd.put('still', 'served');

    expect((await etcd.run('restore', { snapshot })).status).toMatchObject({ phase: 'Succeeded' });
    await etcd.ready();
    expect(await etcd.own(0, 'first')).toBe('kept');
    expect(await etcd.own(0, 'still')).toBe('');
    report('backup to a full claim fails', 'the one before was kept and restored', secondsOf(run));
  });
});
