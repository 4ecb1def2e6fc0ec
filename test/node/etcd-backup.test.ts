import { expect, test } from 'vitest';
import { eventually, newestRun, type RunObject, read, report, runsOf, secondsOf } from './engine-kit.ts';
import { describeEtcd, Etcd, since, Writer } from './etcd-kit.ts';
import { execIn } from './harness.ts';

const CTL = 'set -e; ctl() { etcdctl --command-timeout=60s "$@"; }';
const VALUE = 'head -c 150000 /dev/urandom | base64 -w0';

/** Four megabytes are written and forgotten again: the files stay as large. */
const HOLES = `
  ${CTL}
  for i in $(seq 20); do ${VALUE} | ctl put junk/$i > /dev/null; done
  ctl del junk/ --prefix > /dev/null
  revision=$(ctl get junk -w json | grep -o '"revision":[0-9]*' | cut -d: -f2)
  ctl compact --physical $revision`;

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

  test('are taken on schedule, and the oldest ones go; members are defragmented one at a time', async () => {
    const first = await etcd.status('lastBackup');
    const sizes = () => Promise.all([0, 1, 2].map((member) => etcd.dbSize(member)));
    await execIn(site.namespace, 'store-0', ['bash', '-c', HOLES]);
    const holed = await sizes();
    expect(Math.min(...holed)).toBeGreaterThan(3_000_000);

    const schedule = onceSoon();
    await etcd.change({ backup: { schedule }, defragment: { schedule } });
    const scheduled = ({ spec }: RunObject) => spec.trigger === 'Schedule';
    const run = await newestRun(site.namespace, 'store', 'backup', scheduled);
    const defragment = await newestRun(site.namespace, 'store', 'defragment', scheduled);
    await etcd.change({ backup: { schedule: null }, defragment: null });
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    expect(defragment.status).toMatchObject({ phase: 'Succeeded' });
    expect(await etcd.status('backups')).toEqual([expect.stringMatching(/^backup-/), first]);
    expect(Math.max(...(await sizes()))).toBeLessThan(1_000_000);
    const parts = await partsOf(site.namespace, 'store', 'defragmentMember');
    expect(parts.map(({ spec }) => spec.params?.member).toSorted()).toEqual([
      'store-0',
      'store-1',
      'store-2',
    ]);
    const times = parts.map(({ status }) => [
      Date.parse(status?.startedAt ?? ''),
      Date.parse(status?.finishedAt ?? ''),
    ]);
    expect(times.flat()).toEqual(times.flat().toSorted((one, other) => one - other));
    const shrunk = `${Math.max(...holed)} bytes became ${Math.max(...(await sizes()))}; ${await writer.check()}`;
    report('scheduled defragmentation, one member at a time', shrunk, secondsOf(defragment));

    report('scheduled backup, retention of two', await writer.check(), secondsOf(run));
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

  test('are taken at the deletion, outlive the cluster, and found another one', async () => {
    await etcd.put('last', 'word');
    await writer.stop();
    const keys = await etcd.ctl(0, 'get', 'writer-store/', '--prefix', '--keys-only');
    const written = keys.split('\n').filter((line) => line !== '');
    expect(written.length).toBeGreaterThan(10);
    await etcd.remove('etcdcluster', 'store');
    await eventually(
      'the end of the cluster',
      async () => !(await etcd.exists('etcdcluster', 'store')) || undefined,
    );
    const began = Date.now();
    // At once: what the cluster before leaves may still be on its way out.
    await etcd.create({ size: 1, backup: { retention: 2, storage: { size: '64Mi' } } });
    await etcd.ready(began);
    expect(await etcd.own(0, 'last')).toBe('');
    const runs = await runsOf(site.namespace, 'store', 'finalBackup');
    expect(runs.at(-1)?.status?.phase).toBe('Succeeded');
    const missing = await etcd.run('restore', { snapshot: 'which.db' });
    const [snapshot] = /final-\S+\.db/.exec(missing.status?.message ?? '') ?? [];
    expect((await etcd.run('restore', { snapshot })).status).toMatchObject({ phase: 'Succeeded' });
    await etcd.ready();
    expect(await etcd.own(0, 'last')).toBe('word');
    expect(await writer.missing(written)).toEqual([]);
    report(
      'deleted, made again, restored from the last backup',
      `all ${written.length} writes are there`,
      since(began),
    );
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

/** The runs that other runs made of an action, in the order of their beginning. */
async function partsOf(namespace: string, resource: string, action: string): Promise<readonly Part[]> {
  const { items } = await read<{ items: readonly Part[] }>(namespace, 'actionruns.libretto.dev');
  return items
    .filter(
      ({ spec }) => spec.resource.name === resource && spec.action === action && spec.parent !== undefined,
    )
    .toSorted((one, other) => times(one).localeCompare(times(other)));
}

function times({ status }: Part): string {
  return `${status?.startedAt} ${status?.finishedAt}`;
}

/** A cron line that comes true once, at the first full minute that is at least ten seconds away. */
function onceSoon(): string {
  const at = new Date(Date.now() + 70_000);
  return `${at.getUTCMinutes()} ${at.getUTCHours()} ${at.getUTCDate()} ${at.getUTCMonth() + 1} *`;
}

type Part = RunObject & { readonly spec: { readonly params?: Readonly<Record<string, string>> } };
