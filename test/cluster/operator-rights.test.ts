/**
 * The shipped playbooks with exactly the rights that `libretto rbac` prints, the engine as its own ServiceAccount: they
 * live a whole life, and the API server's audit log knows of no request that was denied.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applySamples, installPlaybook, SAMPLE_NAMESPACE } from '../../engine/cli/up-samples.ts';
import { ACTION_RUN } from '../../engine/kube/kinds.ts';
import { FINALIZER } from '../../engine/kube/labels.ts';
import { isObject, type JsonObject, type KubeObject, refOf } from '../../engine/kube/object.ts';
import { readPlaybookFolders } from '../../engine/operator/folder-files.ts';
import { candidacy, poll, WRITE } from './cluster-support.ts';
import { DEPLOYMENT, isReady } from './operator-kit.ts';
import {
  applyRbac,
  audited,
  createNamespace,
  denials,
  type Stage,
  startAsItself,
  startStage,
} from './rights-kit.ts';

const PLAYBOOKS = join(import.meta.dirname, '../../playbooks');
const ENGINE = 'libretto-system';

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.close());

/** A change of each sample's spec that makes the engine change something. */
const CHANGES: Readonly<Record<string, JsonObject>> = {
  EtcdCluster: { backup: { retention: 3 } },
  ExternalApp: { addresses: ['192.0.2.12'] },
  Memcached: { size: 3 },
  MySQLCluster: { backup: { schedule: '0 4 * * *' } },
  RedisInstance: { resources: { requests: { memory: '128Mi' } } },
  SampleDB: { resources: { requests: { memory: '128Mi' } } },
  WebApp: { replicas: 3 },
};

function live(object: KubeObject): Promise<KubeObject | undefined> {
  return stage.admin.client.get(refOf(object));
}

/** Ready, and the present spec has been looked at. */
async function isSettled(object: KubeObject): Promise<boolean> {
  const now = await live(object);
  const seen = isObject(now?.status) ? now.status['observedGeneration'] : undefined;
  return isReady(now) && seen === now?.metadata.generation;
}

async function change(sample: KubeObject): Promise<void> {
  const spec = CHANGES[sample.kind];
  if (spec === undefined) throw new Error(`no change of ${sample.kind} is known to this test`);
  await stage.admin.client.mergePatch(refOf(sample), { spec }, WRITE);
}

/** Requested as a user does; answers with how it ended. */
async function runAction(sample: KubeObject, action: string): Promise<unknown> {
  const { apiVersion, kind, metadata } = sample;
  const name = `${metadata.name}-${action}`;
  const spec = { resource: { apiVersion, kind, name: metadata.name }, action };
  const body = {
    apiVersion: 'libretto.dev/v1alpha1',
    kind: 'ActionRun',
    metadata: { name, namespace: SAMPLE_NAMESPACE },
  };
  await stage.admin.client.create({ ...body, spec }, WRITE);
  let phase: unknown;
  await poll(async () => {
    const run = await stage.admin.client.get({ ...ACTION_RUN, namespace: SAMPLE_NAMESPACE, name });
    phase = isObject(run?.status) ? run.status['phase'] : undefined;
    return ['Succeeded', 'Failed', 'Refused', 'Aborted'].includes(String(phase));
  });
  return phase;
}

describe('every shipped playbook with exactly its rights', () => {
  it('lives a whole life without a denial', async () => {
    const { admin } = stage;
    const folders = (await readdir(PLAYBOOKS)).map((name) => join(PLAYBOOKS, name));
    await createNamespace(admin, ENGINE);
    await applyRbac(admin, '--engine', '--impersonate', ...folders);
    const playbooks = await readPlaybookFolders(PLAYBOOKS);
    for (const folder of playbooks) await installPlaybook(admin, ENGINE, folder);
    const operator = await startAsItself(stage, {
      namespace: ENGINE,
      leaderElection: candidacy('test'),
    });
    await operator.ready;
    const problems = operator.playbooks().flatMap((playbook) => playbook.problems);
    expect(problems.filter(({ severity, code }) => severity === 'error' || code === 'RightsMissing')).toEqual(
      [],
    );

    await admin.discovery.refresh();
    const applied = (await Promise.all(playbooks.map((folder) => applySamples(admin, folder)))).flat();
    expect(applied.filter(({ kind }) => kind === 'failed')).toEqual([]);
    const samples = applied.flatMap((one) => (one.kind === 'applied' ? [one.object] : []));
    expect(samples.map(({ kind }) => kind).toSorted()).toEqual(Object.keys(CHANGES));
    for (const sample of samples) await poll(() => isSettled(sample));

    for (const sample of samples) await change(sample);
    for (const sample of samples) await poll(() => isSettled(sample));
    const drifting = { ...DEPLOYMENT, namespace: SAMPLE_NAMESPACE, name: 'sessions' };
    await admin.client.delete(drifting, {});
    await poll(async () => (await admin.client.get(drifting))?.metadata.deletionTimestamp === undefined);
    const [database] = samples.filter(({ kind }) => kind === 'SampleDB');
    if (database !== undefined) expect(await runAction(database, 'configure')).toBe('Succeeded');

    const finals = (await Promise.all(samples.map(live))).filter((one) =>
      one?.metadata.finalizers?.includes(FINALIZER),
    );
    expect(finals.length).toBeGreaterThan(2);
    for (const sample of samples) await admin.client.delete(refOf(sample), {});
    for (const sample of samples) await poll(async () => (await live(sample)) === undefined);
    await operator.stop();

    expect(await denials(stage)).toEqual([]);
    const seen = await audited(stage);
    const names = playbooks.map(({ name }) => `libretto as libretto-${name}`);
    expect([...new Set(seen.map(({ who }) => who))].toSorted()).toEqual(['libretto', ...names].toSorted());
    const alone = seen.filter(({ who, what }) => who === 'libretto' && !/^(?:get|list|watch) /.test(what));
    expect(alone.filter(({ what }) => what.includes(`/namespaces/${SAMPLE_NAMESPACE}/`))).toEqual([]);
  }, 600_000);
});
