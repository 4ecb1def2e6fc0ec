import { expect, test } from 'vitest';
import { newestRun, report, secondsOf } from './engine-kit.ts';
import { describeEtcd, Etcd, since, Writer } from './etcd-kit.ts';
import { apply, kubectl, waitFor } from './harness.ts';

/** One cluster goes from etcd 3.4 to 3.6 and through the drills there, while a client writes. */
describeEtcd('upgrades and drills of an EtcdCluster with real data', (site) => {
  const etcd = new Etcd(site, 'live');
  let writer: Writer;
  const versions = () => Promise.all([0, 1, 2].map((member) => etcd.version(member)));

  test('a step over a minor version is refused, and what runs goes on', async () => {
    await etcd.create({ size: 3, backup: { storage: { size: '64Mi' } } });
    await etcd.ready();
    writer = await Writer.start(etcd);
    const before = await etcd.pods('.metadata.uid');
    await etcd.change({ version: '3.6.16' });
    await etcd.says(
      'VersionSupported',
      'False',
      'set spec.version to a 3.5 before 3.6.16; 3.4.23 keeps running',
    );
    await etcd.says('Ready', 'False', 'one minor version at a time');
    const data = await writer.check();
    expect(await etcd.phases('upgrade')).toEqual([]);
    expect(await etcd.pods('.metadata.uid')).toEqual(before);
    expect(await versions()).toEqual(['3.4.23', '3.4.23', '3.4.23']);
    report('3.4 → 3.6 in one step refused', data);
  });

  test.each(['3.5.35', '3.6.16'])(
    'every member goes to %s, one after another, after a backup',
    async (version) => {
      const began = Date.now();
      await etcd.change({ version });
      const run = await newestRun(site.namespace, 'live', 'upgrade', ({ spec }) => spec.value === version);
      expect(run.status).toMatchObject({ phase: 'Succeeded' });
      const took = await etcd.ready(began);
      expect(await versions()).toEqual([version, version, version]);
      expect(await etcd.status('version')).toBe(version);
      expect(await etcd.status('lastBackup')).toMatch(/^before-upgrade-\d{8}T\d{6}\.db$/);
      report(`upgrade to ${version}, member by member`, await writer.check(2), took);
    },
  );

  test('members go back when the new version does not start', async () => {
    const began = Date.now();
    const before = await versions();
    await etcd.change({ version: '3.6.99' });
    const run = await newestRun(site.namespace, 'live', 'upgrade', ({ spec }) => spec.value === '3.6.99');
    expect(run.status).toMatchObject({ phase: 'Failed', failed: { step: 'judge' } });
    expect(run.status?.message).toMatch(/live-2 does not start with 3\.6\.99/);
    expect(await versions()).toEqual(before);
    const data = await writer.check();
    await etcd.change({ version: before[0] });
    await etcd.ready();
    report('upgrade to what does not start: rolled back', data, since(began));
  });

  test('one member is killed, and comes back (drill killOne)', async () => {
    const before = await etcd.pods('.metadata.uid');
    const run = await etcd.run('killOne');
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    const after = await etcd.pods('.metadata.uid');
    expect(after.filter((uid) => before.includes(uid))).toHaveLength(2);
    expect(run.status?.outputs?.recover?.seconds).toEqual(expect.any(Number));
    report('drill killOne', await writer.check(), secondsOf(run, 'recover'));
  });

  test('all members are killed, and come back (drill killAll)', async () => {
    const before = await etcd.pods('.metadata.uid');
    const run = await etcd.run('killAll');
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    const after = await etcd.pods('.metadata.uid');
    expect(after.filter((uid) => before.includes(uid))).toEqual([]);
    report('drill killAll', await writer.check(), secondsOf(run, 'recover'));
  });

  test('the leader is cut off, and the others go on (drill partition)', async () => {
    const run = await etcd.run('partition');
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    expect(await etcd.exists('networkpolicy', 'live-partition')).toBe(false);
    report('drill partition', await writer.check(), secondsOf(run, 'recover'));
  });

  test('drills fail when what was written before is gone, or it took too long', async () => {
    const endpoints = [0, 1, 2].map((member) => `http://live-${member}.live-peers:2379`).join(',');
    const steal = `etcdctl --endpoints=${endpoints} --command-timeout=2s del libretto/drill/ --prefix`;
    const thief = {
      name: 'thief',
      image: 'databases:1',
      command: ['bash', '-c', `while :; do ${steal}; sleep 0.1; done`],
      env: [{ name: 'ETCDCTL_API', value: '3' }],
    };
    await apply(site.namespace, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'thief' },
      // With no grace at all a deleted pod would go on for a while.
      spec: { enableServiceLinks: false, terminationGracePeriodSeconds: 1, containers: [thief] },
    });
    await waitFor(site.namespace, 'pod/thief', 'condition=Ready');
    const stolen = await etcd.run('killOne');
    // Until it is gone: it would steal from the next drill as well.
    await kubectl(['delete', 'pod', 'thief', '-n', site.namespace]);
    expect(stolen.status).toMatchObject({ phase: 'Failed', failed: { step: 'compare' } });
    expect(stolen.status?.message).toContain('what was written before is gone');

    const late = await etcd.run('killAll', { within: 1 });
    expect(late.status).toMatchObject({ phase: 'Failed', failed: { step: 'judge' } });
    expect(late.status?.message).toMatch(/it took \d+ s until all were back/);
    await etcd.ready();
    report('drills whose entry is stolen, or that take too long, fail', await writer.check());
  });
});
