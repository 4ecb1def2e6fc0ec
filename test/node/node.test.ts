import { expect, test } from 'vitest';
import { apply, describeOnNode, execIn, kubectl, testNamespace, waitFor } from './harness.ts';
import { claim, postgres, shell } from './pods.ts';

const READY = 'condition=Ready';
const BOUND = 'jsonpath={.status.phase}=Bound';

describeOnNode('a node with real containers', () => {
  test('runs a PostgreSQL that keeps its rows on its claim when its pod is deleted', async () => {
    const namespace = await testNamespace();
    const sql = (statement: string): Promise<string> =>
      execIn(namespace, 'pg', ['psql', '-U', 'postgres', '-Atc', statement]);
    await apply(namespace, ...postgres());
    await waitFor(namespace, 'pvc/data', BOUND);
    await waitFor(namespace, 'pod/pg', READY);
    await sql("create table kept(word text); insert into kept values ('before')");
    await kubectl(['delete', 'pod', 'pg', '-n', namespace]);
    await apply(namespace, ...postgres());
    await waitFor(namespace, 'pod/pg', READY);
    expect(await sql('select word from kept')).toBe('before\n');
  });

  test('resolves Services by name and reaches them from another pod', async () => {
    const namespace = await testNamespace();
    await apply(namespace, ...postgres(), shell('client'));
    await waitFor(namespace, 'pod/pg', READY);
    await waitFor(namespace, 'pod/client', READY);
    const ask = (host: string): Promise<string> =>
      execIn(namespace, 'client', ['psql', '-h', host, '-U', 'postgres', '-Atc', 'select 40 + 2']);
    expect(await ask('pg')).toBe('42\n');
    expect(await ask(`pg.${namespace}.svc.cluster.local`)).toBe('42\n');
    await expect(ask('no-such-service')).rejects.toThrow('could not translate host name');
  });

  test('lets pods reach the API server with their account', async () => {
    const namespace = await testNamespace();
    await apply(namespace, shell('client'));
    await waitFor(namespace, 'pod/client', READY);
    const folder = '/var/run/secrets/kubernetes.io/serviceaccount';
    const call = `curl -s --cacert ${folder}/ca.crt -H "Authorization: Bearer $(cat ${folder}/token)" https://kubernetes.default/version`;
    expect(await execIn(namespace, 'client', ['sh', '-c', call])).toContain('"gitVersion"');
  });

  test('has every database server in its image', async () => {
    const namespace = await testNamespace();
    await apply(namespace, shell('client'));
    await waitFor(namespace, 'pod/client', READY);
    for (const program of ['postgres', 'redis-server', 'etcd', 'mariadbd'])
      expect(await execIn(namespace, 'client', [program, '--version'])).toMatch(/\d+\.\d+/);
    expect(await execIn(namespace, 'client', ['id', '-u', 'postgres'])).toBe('999\n');
  });

  test.for(['3.5', '3.6'])('has etcd %s for upgrades', async (version) => {
    const namespace = await testNamespace();
    await apply(namespace, shell('client', { image: `etcd:${version}` }));
    await waitFor(namespace, 'pod/client', READY);
    for (const program of [
      ['etcd', '--version'],
      ['etcdctl', 'version'],
      ['etcdutl', 'version'],
    ])
      expect(await execIn(namespace, 'client', program)).toContain(`ersion: ${version}.`);
  });

  test('removes the data of a claim with the claim', async () => {
    const namespace = await testNamespace();
    await apply(namespace, claim('short', '1Gi'));
    await waitFor(namespace, 'pvc/short', BOUND);
    const volume = await kubectl([
      'get',
      'pvc',
      'short',
      '-n',
      namespace,
      '-o',
      'jsonpath={.spec.volumeName}',
    ]);
    await kubectl(['delete', 'pvc', 'short', '-n', namespace]);
    await kubectl(['wait', '--for=delete', `pv/${volume}`, '--timeout=30s']);
  });

  test('has volumes that are full when they are full', async () => {
    const namespace = await testNamespace();
    await apply(
      namespace,
      claim('tiny', '1Mi', 'limited'),
      shell('writer', { image: 'busybox:1', claimName: 'tiny' }),
    );
    await waitFor(namespace, 'pod/writer', READY);
    const write = execIn(namespace, 'writer', ['dd', 'if=/dev/zero', 'of=/data/file', 'bs=1M', 'count=2']);
    await expect(write).rejects.toThrow('No space left on device');
  });
});
