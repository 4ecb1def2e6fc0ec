/**
 * A SampleDB whose engine is killed in the middle of its work, and whose new versions do not start. The engine is a
 * process of its own, and the playbook the shipped one with less patience: minutes of waiting would prove nothing more.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  type EngineProcess,
  endOfRun,
  eventually,
  newestRun,
  type RunObject,
  read,
  report,
  runsOf,
  secondsOf,
  spawnEngine,
  tellReport,
} from './engine-kit.ts';
import { apply, describeOnNode, kubectl, testNamespace, waitFor } from './harness.ts';
import {
  countOf,
  PATIENT,
  removeSampleDBs,
  type SampleDBObject,
  sampleDB,
  snapshotsIn,
  sql,
  startWriter,
} from './sampledb-kit.ts';

/** Another name of an image that is there: what servers of this test may not use. */
const FORBIDDEN = 'docker.io/library/databases:2';

function impatientPlaybook(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sampledb-'));
  cpSync(resolve(import.meta.dirname, '../../playbooks/sampledb'), folder, { recursive: true });
  const file = join(folder, 'watches.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('timeout: 5m', 'timeout: 45s'));
  return folder;
}

/** The step that a run is at. */
function stepOf({ status }: RunObject): string {
  const step = status?.steps?.at(-1);
  return step?.phase === 'Running' ? step.name : '';
}

function sinceSeconds(began: number): number {
  return Math.round((Date.now() - began) / 100) / 10;
}

describeOnNode('SampleDB when its engine or its new version fails', () => {
  vi.setConfig(PATIENT);
  let namespace: string;
  let playbook: string;
  let engine: EngineProcess;

  beforeAll(async () => {
    namespace = await testNamespace('sampledb-crash');
    playbook = impatientPlaybook();
    await start();
  });

  afterAll(async () => {
    await removeSampleDBs(namespace);
    await engine.kill();
    await kubectl([
      'delete',
      'validatingadmissionpolicy,validatingadmissionpolicybinding',
      namespace,
      '--ignore-not-found',
    ]);
    rmSync(playbook, { recursive: true });
    tellReport('SampleDB when its engine or its new version fails');
  });

  async function start(): Promise<void> {
    engine = await spawnEngine(namespace, [playbook]);
  }

  const shop = (): Promise<SampleDBObject> => read(namespace, 'sampledb/shop');
  const query = (statement: string): Promise<string> => sql(namespace, 'shop', statement);
  /** The run of an action that is at one of these steps. */
  const runAt = (action: string, ...steps: readonly string[]): Promise<RunObject> =>
    eventually(`${action} at ${steps.join(' or ')}`, async () =>
      (await runsOf(namespace, 'shop', action)).find((run) => steps.includes(stepOf(run))),
    );
  const jobsOf = async (step: string): Promise<number> =>
    (await kubectl(['get', 'jobs', '-n', namespace, '-l', `libretto.dev/run-step=${step}`, '-o', 'name']))
      .split('\n')
      .filter((name) => name !== '').length;

  test('is configured once although the engine was killed meanwhile', async () => {
    const began = Date.now();
    await apply(namespace, sampleDB('shop', { version: '1.0' }));
    await runAt('initialise', 'database');
    await engine.kill();
    await start();
    await waitFor(namespace, 'sampledb/shop', 'condition=Ready', '390s');
    const seconds = sinceSeconds(began);
    expect((await runsOf(namespace, 'shop', 'initialise')).map(({ status }) => status?.phase)).toEqual([
      'Succeeded',
    ]);
    expect(await jobsOf('database')).toBe(1);
    await query('create table orders (id serial primary key, item text not null)');
    await query("insert into orders (item) select 'item ' || n from generate_series(1, 1000) n");
    report(
      'engine killed during the initial configuration',
      'one run, one Job, a database to write to',
      seconds,
    );
  });

  test('is not configured again when its runs are deleted while no engine runs', async () => {
    await engine.kill();
    await kubectl(['delete', 'actionruns', '--all', '-n', namespace]);
    await start();
    await kubectl(['annotate', 'sampledb/shop', 'touched=1', '-n', namespace]);
    const run = await backUp();
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    expect(await runsOf(namespace, 'shop', 'initialise')).toEqual([]);
    expect(await jobsOf('database')).toBe(0);
    expect(await countOf(namespace, 'shop')).toBe(1000);
    report('runs deleted, engine restarted', '1,000 rows; no second initial configuration');
  });

  async function backUp(): Promise<RunObject> {
    const resource = { apiVersion: 'databases.libretto.dev/v1alpha1', kind: 'SampleDB', name: 'shop' };
    const metadata = { generateName: 'shop-' };
    const body = {
      apiVersion: 'libretto.dev/v1alpha1',
      kind: 'ActionRun',
      metadata,
      spec: { resource, action: 'backup' },
    };
    const made = await kubectl(['create', '-n', namespace, '-f', '-', '-o', 'name'], JSON.stringify(body));
    return endOfRun(namespace, made.trim().replace(/^.*\//, ''));
  }

  test('is upgraded once although the engine is killed at snapshot, migration and start', async () => {
    const migration = {
      version: '1.1',
      sql: `create table migrated (at timestamptz default clock_timestamp()); insert into migrated default values;
        alter table orders add column paid boolean not null default false; select pg_sleep(3)`,
    };
    const writer = startWriter(namespace, 'shop');
    await apply(namespace, sampleDB('shop', { version: '1.1', migrations: [migration] }));
    for (const steps of [['snapshot'], ['migrate'], ['switch', 'start']]) {
      await runAt('upgrade', ...steps);
      await engine.kill();
      await start();
    }
    const run = await newestRun(namespace, 'shop', 'upgrade');
    await waitFor(namespace, 'sampledb/shop', 'condition=Ready', '390s');
    const written = await writer.stop();
    expect(run.status).toMatchObject({ phase: 'Succeeded' });
    expect(await runsOf(namespace, 'shop', 'upgrade')).toHaveLength(1);
    expect((await shop()).status).toMatchObject({ version: '1.1', image: 'databases:2' });
    expect(await query('select count(*) from migrated')).toBe('1');
    expect(await query('select count(*) from orders where not paid')).toBe(String(1000 + written));
    report(
      'engine killed at snapshot, migration and start of an upgrade',
      `1,000 rows and ${written} acknowledged meanwhile, migrated once`,
      secondsOf(run),
    );
  });

  test('goes back to the version before when the new one never becomes ready', async () => {
    await forbidImage();
    const before = await countOf(namespace, 'shop');
    const migration = {
      version: '1.2',
      sql: 'alter table orders add column shipped boolean not null default false',
      undo: 'alter table orders drop column shipped',
    };
    const wishes = { version: '1.2', images: { '1.2': FORBIDDEN }, migrations: [migration] };
    const writer = startWriter(namespace, 'shop');
    await apply(namespace, sampleDB('shop', wishes));
    const run = await newestRun(namespace, 'shop', 'upgrade', ({ spec }) => spec.value === '1.2');
    await waitFor(namespace, 'sampledb/shop', 'jsonpath={.status.image}=databases:2');
    await waitFor(namespace, 'statefulset/shop', 'jsonpath={.status.readyReplicas}=1');
    const written = await writer.stop();
    expect(run.status).toMatchObject({ phase: 'Failed', failed: { step: 'start' } });
    expect((await shop()).status.version).toBe('1.1');
    expect(await countOf(namespace, 'shop')).toBe(before + written);
    expect(
      await query(
        "select count(*) from pg_attribute where attrelid = 'orders'::regclass and attname = 'shipped'",
      ),
    ).toBe('0');
    const failed = run.status?.steps?.find(({ name }) => name === 'start')?.finishedAt ?? '';
    const back = run.status?.steps?.find(({ name }) => name === 'startBack')?.finishedAt ?? '';
    report(
      'a new version never became ready: back to the one before',
      `${before} rows and ${written} acknowledged meanwhile, migration undone`,
      (Date.parse(back) - Date.parse(failed)) / 1000,
    );
  });

  test('serves on when the image of the new version is missing', async () => {
    const rows = await countOf(namespace, 'shop');
    const pod = await read<{ metadata: { uid: string } }>(namespace, 'pod/shop-0');
    await apply(namespace, sampleDB('shop', { version: '1.3', images: { '1.3': 'databases:missing' } }));
    const run = await newestRun(namespace, 'shop', 'upgrade', ({ spec }) => spec.value === '1.3');
    expect(run.status).toMatchObject({ phase: 'Failed', failed: { step: 'check', reason: 'TimedOut' } });
    expect(run.status?.failed?.message).toMatch(
      /checking databases:missing; (ErrImagePull|ImagePullBackOff)/,
    );
    expect((await read<typeof pod>(namespace, 'pod/shop-0')).metadata.uid).toBe(pod.metadata.uid);
    expect(await countOf(namespace, 'shop')).toBe(rows);
    await apply(namespace, sampleDB('shop', { version: '1.1' }));
    report('the image of a new version is missing', `${rows} rows served on by the pod that was there`);
  });

  test('leaves a whole snapshot although the engine is killed while it is deleted', async () => {
    const rows = await countOf(namespace, 'shop');
    const began = Date.now();
    await kubectl(['delete', 'sampledb', 'shop', '-n', namespace, '--wait=false']);
    await eventually('the last snapshot', async () => (await runsOf(namespace, 'shop', 'finalSnapshot'))[0]);
    await engine.kill();
    await start();
    await waitFor(namespace, 'sampledb/shop', 'delete', '390s');
    const seconds = sinceSeconds(began);
    const labels = ['-l', 'app.kubernetes.io/instance=shop'];
    const left = await kubectl([
      'get',
      'statefulset,service,pvc,secret,configmap',
      '-n',
      namespace,
      '-o',
      'name',
      ...labels,
    ]);
    expect(left.trim()).toBe('persistentvolumeclaim/shop-backup');
    const name = (await snapshotsIn(namespace, 'shop-backup')).at(-1)?.name ?? '';
    expect(name).toMatch(/-final$/);
    await apply(
      namespace,
      sampleDB('again', { version: '1.1', from: { claim: 'shop-backup', snapshot: name } }),
    );
    await waitFor(namespace, 'sampledb/again', 'condition=Ready', '390s');
    expect(await countOf(namespace, 'again')).toBe(rows);
    report(
      'engine killed in the midst of a deletion',
      `${rows} rows restored from the final snapshot`,
      seconds,
    );
  });

  /** As a cluster's administrator may: servers with that image are not let in, Jobs are. */
  async function forbidImage(): Promise<void> {
    const metadata = { name: namespace };
    await apply(
      namespace,
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicy',
        metadata,
        spec: {
          matchConstraints: {
            objectSelector: { matchLabels: { 'app.kubernetes.io/component': 'server' } },
            resourceRules: [
              { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
            ],
          },
          validations: [{ expression: `object.spec.containers.all(c, c.image != '${FORBIDDEN}')` }],
        },
      },
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata,
        spec: {
          policyName: namespace,
          validationActions: ['Deny'],
          matchResources: {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          },
        },
      },
    );
    const labels = { 'app.kubernetes.io/component': 'server' };
    const containers = [{ name: 'server', image: FORBIDDEN }];
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'forbidden', labels },
      spec: { containers },
    };
    await eventually('the policy', async () => {
      try {
        await kubectl(['create', '--dry-run=server', '-n', namespace, '-f', '-'], JSON.stringify(pod));
        return undefined;
      } catch {
        return true;
      }
    });
  }
});
