import { expect, test } from 'vitest';
import { eventually, report, runsOf } from './engine-kit.ts';
import { describeEtcd, Etcd, since, Writer } from './etcd-kit.ts';
import { kubectl } from './harness.ts';

/** One cluster loses all that says that it was founded, bit by bit. It is the same one after each of them. */
describeEtcd('what an EtcdCluster forgets', (site) => {
  const etcd = new Etcd(site, 'old');
  const spec = { size: 3 };
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
    await etcd.create(spec);
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

  test('its status, its runs and one of its volumes: the others take that member in again', async () => {
    const began = Date.now();
    const before = await etcd.memberId('old-2');
    await site.restart(async () => {
      await kubectl(['delete', 'actionruns', '--all', '-n', site.namespace]);
      await forget('{"metadata":{"annotations":{"libretto.dev/action-state":null}}}');
      await forget('{"status":null}', '--subresource=status');
      await etcd.remove('pvc', 'data-old-2');
      await kubectl(['delete', 'pod', '-n', site.namespace, 'old-2']);
    });
    await eventually('another member of that name', async () => {
      const id = await etcd.memberId('old-2');
      return (id !== '' && id !== before) || undefined;
    });
    report('status, runs, evidence and a volume lost', await isTheSame(2), since(began));
  });

  test('itself: made again over the volumes that are left, it is the same cluster', async () => {
    const began = Date.now();
    await forget('{"metadata":{"annotations":{"libretto.dev/deletion":"Orphan"}}}');
    await kubectl(['delete', 'etcdcluster', 'old', '-n', site.namespace]);
    await site.restart(async () => {
      await kubectl(['delete', 'statefulset', 'old', '-n', site.namespace, '--cascade=orphan']);
      await kubectl(['delete', 'actionruns', '--all', '-n', site.namespace]);
      await kubectl(['delete', 'pods', '-n', site.namespace, 'old-0', 'old-1', 'old-2']);
      for (const ordinal of [0, 1, 2]) expect(await etcd.exists('pvc', `data-old-${ordinal}`)).toBe(true);
    });
    await etcd.create(spec);
    report('resource, status, runs and pods lost; made again', await isTheSame(), since(began));
  });

  test('not what it held: with all volumes gone no member starts', async () => {
    const founded = (await runsOf(site.namespace, 'old', 'found')).length;
    await etcd.remove('pvc', 'data-old-0', 'data-old-1', 'data-old-2');
    await etcd.remove('pod', 'old-0', 'old-1', 'old-2');
    await eventually('three guards that refuse', async () => {
      const guard = '.status.initContainerStatuses[0]';
      const now = await etcd.pods(
        `${guard}.state.terminated.exitCode}{${guard}.lastState.terminated.exitCode`,
      );
      return (now.length === 3 && now.every((codes) => /^(42)+$/.test(codes))) || undefined;
    });
    await etcd.says('Quorum', 'False', 'restore a backup');
    await site.restart(() => forget('{"status":null}', '--subresource=status'));
    await etcd.says('Quorum', 'False', 'restore a backup');
    expect(await etcd.status('members')).toBe(3);
    expect(await runsOf(site.namespace, 'old', 'found')).toHaveLength(founded);
    report('all volumes, then the status lost: no member starts', 'nothing is founded over the loss');
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
