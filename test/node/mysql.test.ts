/** MySQLCluster with replicas on real MariaDB: each behaviour with rows that a client wrote and that are counted afterwards. */
import { expect, test, vi } from 'vitest';
import { describeOperator, eventually, report } from './engine-kit.ts';
import { kubectl } from './harness.ts';
import {
  askAll,
  type MySQLCluster,
  missingIn,
  putMySQL,
  settled,
  sql,
  startWriter,
  statusOf,
} from './mysql-kit.ts';

vi.setConfig({ testTimeout: 300_000 });

describeOperator('MySQLCluster with replicas', ['mysql'], (site) => {
  const at: MySQLCluster = {
    name: 'store',
    get namespace() {
      return site.namespace;
    },
  };
  const pods = ['store-0', 'store-1', 'store-2'];
  const primaryOf = async () => (await statusOf(at)).primary;
  const writable = (pod: string) => sql(at, pod, 'SELECT @@read_only');

  test('founds itself with one primary, which alone takes writes, and replicas that have its data', async () => {
    const began = Date.now();
    await putMySQL(at, { replicas: 3, backup: { retention: 2, storage: { size: '100Mi' } } });
    const { primary } = await settled(at);
    const seconds = Math.round((Date.now() - began) / 100) / 10;
    expect((await Promise.all(pods.map(writable))).toSorted()).toEqual(['0', '1', '1']);
    expect(await writable(primary)).toBe('0');
    await sql(at, primary, 'CREATE TABLE app.items (id INT AUTO_INCREMENT PRIMARY KEY, name TEXT NOT NULL)');
    await sql(at, primary, "INSERT INTO app.items (name) SELECT CONCAT('item ', seq) FROM seq_1_to_1000");
    expect(await askAll(at, pods, 'SELECT COUNT(*) FROM app.items')).toEqual(['1000', '1000', '1000']);
    report('founded with 3 pods', '1,000 rows on all three, one of which takes writes', seconds);
  });

  test('promotes the replica with the most data when the primary is gone, and loses no acknowledged write', async () => {
    const old = await primaryOf();
    const writer = await startWriter(at);
    await kubectl(['delete', 'pvc', `data-${old}`, '-n', at.namespace, '--wait=false']);
    await kubectl(['delete', 'pod', old, '-n', at.namespace, '--grace-period=0', '--force']);
    const { primary } = await settled(at, { holds: (status) => status.primary !== old });
    const before = await writer.count();
    await eventually('writes after the failover', async () => (await writer.count()) > before || undefined);
    const { acknowledged, pauseSeconds } = await writer.stop();
    expect(await missingIn(at, pods, acknowledged)).toEqual([0, 0, 0]);
    const data = `${acknowledged.length} acknowledged writes and 1,000 rows on all three; ${old} was cloned`;
    report(`lost ${old}, its pod and its volume; ${primary} took over`, data, pauseSeconds);
  });
});
