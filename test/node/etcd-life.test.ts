import { expect, test } from 'vitest';
import { eventually, newestRun, report } from './engine-kit.ts';
import { describeEtcd, Etcd, since, Writer } from './etcd-kit.ts';
import { execIn } from './harness.ts';

/** One cluster goes through it all, while a client writes: each behaviour begins where the one before ended. */
describeEtcd('an EtcdCluster whose members come and go', (site) => {
  const etcd = new Etcd(site, 'main');
  const three = ['main-0 started', 'main-1 started', 'main-2 started'];
  let writer: Writer;

  test('is founded with three members', async () => {
    const began = Date.now();
    await etcd.create({ size: 3 });
    const took = await etcd.ready(began);
    expect(await etcd.members()).toEqual(three);
    await etcd.put('first', 'kept');
    for (const member of [0, 1, 2]) await expect.poll(() => etcd.own(member, 'first')).toBe('kept');
    expect(await etcd.status('members')).toBe(3);
    await eventually(
      'the leader in the status',
      async () => /^main-[012]$/.test(String(await etcd.status('leader'))) || undefined,
    );
    writer = await Writer.start(etcd);
    report('3 members founded', 'a key is on each of them', took);
  });

  test('grows to five members one at a time', async () => {
    const began = Date.now();
    await etcd.change({ size: 5 });
    const took = await etcd.ready(began);
    expect(await etcd.members()).toEqual([...three, 'main-3 started', 'main-4 started']);
    expect(await etcd.phases('addMember')).toEqual(['Succeeded', 'Succeeded']);
    expect(await etcd.own(4, 'first')).toBe('kept');
    report('3 → 5 members, each a learner first', await writer.check(4), took);
  });

  test('shrinks to three members one at a time, and their volumes go', async () => {
    const began = Date.now();
    await etcd.change({ size: 3 });
    const took = await etcd.ready(began);
    expect(await etcd.members()).toEqual(three);
    expect(await etcd.phases('removeMember')).toEqual(['Succeeded', 'Succeeded']);
    expect(await etcd.exists('pvc', 'data-main-3')).toBe(false);
    expect(await etcd.exists('pvc', 'data-main-4')).toBe(false);
    report('5 → 3 members', await writer.check(), took);
  });

  test('replaces a member whose volume is lost, without a person', async () => {
    const before = await etcd.memberId('main-1');
    const began = Date.now();
    await etcd.remove('pvc', 'data-main-1');
    await etcd.remove('pod', 'main-1');
    await etcd.says('Ready', 'False');
    expect((await newestRun(site.namespace, 'main', 'recoverMember')).status?.phase).toBe('Succeeded');
    const took = await etcd.ready(began);
    expect(await etcd.members()).toEqual(three);
    expect(await etcd.memberId('main-1')).not.toBe(before);
    expect(await etcd.own(1, 'first')).toBe('kept');
    report('volume of a member lost: removed, added, caught up', await writer.check(1), took);
  });

  test('replaces a member whose files are damaged when somebody says so', async () => {
    const before = await etcd.memberId('main-2');
    await execIn(site.namespace, 'main-2', [
      'sh',
      '-c',
      'cd /data/etcd/member/snap && echo damaged > new && mv new db',
    ]);
    await etcd.remove('pod', 'main-2');
    await etcd.says('Ready', 'False', '2 of 3 members are up');
    const began = Date.now();
    const run = await etcd.run('replaceMember', { member: 'main-2' });
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    await etcd.ready(began);
    expect(await etcd.memberId('main-2')).not.toBe(before);
    const damaged = ['cat', '/data/replaced/member/snap/db'];
    expect(await execIn(site.namespace, 'main-2', damaged)).toBe('damaged\n');
    expect(await etcd.own(2, 'first')).toBe('kept');
    report('damaged member replaced on request', await writer.check(2), since(began));
  });
});
