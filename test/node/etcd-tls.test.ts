import { expect, test } from 'vitest';
import { createAuthority, issueCertificate } from '../../engine/base/certificates.ts';
import { newestRun, report, secondsOf } from './engine-kit.ts';
import { describeEtcd, Etcd, since } from './etcd-kit.ts';
import { apply, execIn, waitFor } from './harness.ts';

/** Members and clients show certificates of two authorities, and whoever has none, or one of another, is kept out. */
describeEtcd('an EtcdCluster with TLS', (site) => {
  const etcd = new Etcd(site, 'safe', 'https');
  const tls = { serverSecret: 'safe-server', peerSecret: 'safe-peer', clientSecret: 'safe-client' };
  const service = () => `https://safe.${site.namespace}.svc:2379`;
  const peer = () => `https://safe-0.safe-peers.${site.namespace}.svc:2380/version`;

  test('lets nobody in without the right certificate', async () => {
    await makeSecrets();
    const began = Date.now();
    await etcd.create({ size: 1, tls, backup: { storage: { size: '64Mi' } } });
    const took = await etcd.ready(began);
    await etcd.put('first', 'kept');
    await startClient();

    expect(await etcdctl(service(), 'client')).toBe('kept');
    await expect(etcdctl(service().replace('https', 'http'), 'client')).rejects.toThrow();
    await expect(etcdctl(service(), undefined)).rejects.toThrow();
    await expect(etcdctl(service(), 'stranger')).rejects.toThrow();
    expect(await asMember('safe-0', '/tls/peer')).toContain('etcdserver');
    await expect(asMember('safe-0', undefined)).rejects.toThrow(/curl: \(\d+\)/);
    await expect(asMember('safe-0', '/tls/client')).rejects.toThrow(/curl: \(\d+\)/);
    // Stolen: it does not come from where its names lead.
    await expect(asMember('client', '/peer')).rejects.toThrow(/curl: \(\d+\)/);
    report(
      'founded with TLS',
      'read by the right client alone, and the port of the peers by peers alone',
      took,
    );
  });

  test('is upgraded, and restored from the backup before it', async () => {
    const began = Date.now();
    await etcd.change({ version: '3.5.35' });
    const upgrade = await newestRun(site.namespace, 'safe', 'upgrade');
    expect(upgrade.status).toMatchObject({ phase: 'Succeeded' });
    await etcd.ready(began);
    expect(await etcd.version(0)).toBe('3.5.35');
    await etcd.put('first', 'changed');
    const snapshot = await etcd.status('lastBackup');
    const run = await etcd.run('restore', { snapshot });
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    await etcd.ready();
    expect(await etcdctl(service(), 'client')).toBe('kept');
    report('with TLS: upgrade to 3.5 and restore', 'a key is as in the backup', secondsOf(run));
  });

  test('grows by members that show each other certificates', async () => {
    const began = Date.now();
    await etcd.change({ size: 3 });
    const took = await etcd.ready(began);
    for (const member of [0, 1, 2]) expect(await etcd.own(member, 'first')).toBe('kept');
    await etcd.put('second', 'of three', 1);
    expect(await etcd.own(1, 'second')).toBe('of three');
    const run = await etcd.run('killOne');
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    report('with TLS: 1 → 3 members, one killed', `two keys are there (${since(began)})`, took);
  });

  async function makeSecrets(): Promise<void> {
    const times = { now: Date.now(), validDays: 7 };
    const authority = (commonName: string) => createAuthority({ commonName, ...times });
    const [clients, peers, others] = [
      await authority('clients'),
      await authority('peers'),
      await authority('others'),
    ];
    const members = `*.safe-peers.${site.namespace}.svc`;
    const make = async (
      name: string,
      ca: typeof clients,
      usages: readonly ('client' | 'server')[],
      hosts: readonly string[] = [],
    ) => {
      const issued = await issueCertificate(ca, { commonName: name, usages, hosts, ...times });
      await apply(site.namespace, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: `safe-${name}` },
        type: 'kubernetes.io/tls',
        stringData: { 'tls.crt': issued.certificate, 'tls.key': issued.privateKey, 'ca.crt': ca.certificate },
      });
    };
    await make('server', clients, ['server', 'client'], [members, `safe.${site.namespace}.svc`]);
    // A member that is called looks up the caller's name, which has the cluster's domain.
    await make('peer', peers, ['server', 'client'], [members, `${members}.cluster.local`]);
    await make('client', clients, ['client']);
    await make('stranger', others, ['client']);
  }

  /** A pod with all the certificates. */
  async function startClient(): Promise<void> {
    const names = ['client', 'peer', 'stranger'];
    const container = {
      name: 'client',
      image: 'databases:1',
      command: ['sleep', 'infinity'],
      env: [{ name: 'ETCDCTL_API', value: '3' }],
      volumeMounts: names.map((name) => ({ name, mountPath: `/${name}` })),
    };
    await apply(site.namespace, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'client' },
      spec: {
        enableServiceLinks: false,
        terminationGracePeriodSeconds: 0,
        containers: [container],
        volumes: names.map((name) => ({ name, secret: { secretName: `safe-${name}` } })),
      },
    });
    await waitFor(site.namespace, 'pod/client', 'condition=Ready');
  }

  /** Reads the first key, with nobody's or somebody's certificate. */
  async function etcdctl(endpoint: string, as: string | undefined): Promise<string> {
    const own = as === undefined ? [] : [`--cert=/${as}/tls.crt`, `--key=/${as}/tls.key`];
    const all = [
      'etcdctl',
      '--cacert=/client/ca.crt',
      ...own,
      `--endpoints=${endpoint}`,
      '--command-timeout=10s',
    ];
    const found = await execIn(site.namespace, 'client', [...all, 'get', 'first', '--print-value-only']);
    return found.trim();
  }

  /** Asks the port of the peers, from a pod, with the certificate in a folder. */
  function asMember(pod: string, folder: string | undefined): Promise<string> {
    const own = folder === undefined ? [] : ['--cert', `${folder}/tls.crt`, '--key', `${folder}/tls.key`];
    const authority = pod === 'client' ? '/peer/ca.crt' : '/tls/peer/ca.crt';
    return execIn(site.namespace, pod, ['curl', '-sS', '--http1.1', '--cacert', authority, ...own, peer()]);
  }
});
