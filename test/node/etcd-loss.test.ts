import { expect, test } from 'vitest';
import { eventually, report } from './engine-kit.ts';
import { describeEtcd, Etcd, since, Writer } from './etcd-kit.ts';
import { kubectl } from './harness.ts';

/** One cluster loses all that says that it was founded, bit by bit. It is the same one after each of them. */
describeEtcd('what an EtcdCluster forgets', (site) => {
  const etcd = new Etcd(site, 'old');
  let writer: Writer;
  let id = '';

  /** It is the cluster that it was, with all that was written, and nobody founded another one. */
  async function isTheSame(member = 0): Promise<string> {
    await etcd.ready();
    expect(await etcd.status('members')).toBe(3);
    expect(await etcd.members()).toEqual(['old-0 started', 'old-1 started', 'old-2 started']);
    for (const each of [0, 1, 2]) expect(await etcd.clusterId(each)).toBe(id);
    expect(await etcd.own(member, 'first')).toBe('kept');
    return await writer.check(member);
  }

  test('its status: the volumes know how many members there are', async () => {
    await etcd.create({ size: 3 });
    await etcd.ready();
    await etcd.put('first', 'kept');
    writer = await Writer.start(etcd);
    id = await etcd.clusterId();
    const before = await etcd.pods('.metadata.uid');
    await forget('{"status":null}', '--subresource=status');
    const data = await isTheSame();
    expect(await etcd.pods('.metadata.uid')).toEqual(before);
    report('status lost', data);
  });

  test('its runs, and what is written of them on the resource, while no engine looks', async () => {
    const before = await etcd.pods('.metadata.uid');
    const began = Date.now();
    await site.restart(async () => {
      await kubectl(['delete', 'actionruns', '--all', '-n', site.namespace]);
      await forget('{"metadata":{"annotations":{"libretto.dev/action-state":null}}}');
      await forget('{"status":null}', '--subresource=status');
      await forget('{"metadata":{"labels":{"seen":"anew"}}}');
    });
    const data = await isTheSame(1);
    expect(await etcd.pods('.metadata.uid')).toEqual(before);
    report('status, runs and evidence lost, engine restarted', data, since(began));
  });

  test('all of that and its pods', async () => {
    const began = Date.now();
    const before = await etcd.pods('.metadata.uid');
    await site.restart(async () => {
      await kubectl(['delete', 'actionruns', '--all', '-n', site.namespace]);
      await forget('{"metadata":{"annotations":{"libretto.dev/action-state":null}}}');
      await forget('{"status":null}', '--subresource=status');
      await kubectl(['delete', 'pods', '-n', site.namespace, 'old-0', 'old-1', 'old-2', '--wait=false']);
    });
    await eventually('three new pods that are ready', async () => {
      const uids = await etcd.pods('.metadata.uid');
      const ready = await etcd.pods('.status.conditions[?(@.type=="Ready")].status');
      const known = uids.filter((uid) => before.includes(uid));
      return (known.length === 0 && ready.join() === 'True,True,True') || undefined;
    });
    report('status, runs, evidence and all pods lost', await isTheSame(2), since(began));
  });

  async function forget(patch: string, ...more: readonly string[]): Promise<void> {
    await kubectl([
      'patch',
      'etcdcluster',
      'old',
      '-n',
      site.namespace,
      '--type=merge',
      '-p',
      patch,
      ...more,
    ]);
  }
});
