/** A cluster of the test's own, for it is all of a cluster that the engine is installed in; and what is asked of it there. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { expect } from 'vitest';
import type { Node } from '../../engine/embedded/node.ts';
import { libretto } from '../cli/libretto.ts';
import { eventually, report } from './engine-kit.ts';
import { kubectlOn } from './harness.ts';

export const ROOT = resolve(import.meta.dirname, '../..');
export const SYSTEM = 'libretto-system';
/** The tag of the image that an update leads to. */
export const NEXT = '0.1.1';

export interface Place {
  readonly kubeconfig: string;
  readonly node: Node;
}

export type Kubectl = (args: string, input?: string | object) => Promise<string>;

/** Takes its arguments as they are typed; an object as input is written as JSON. */
export function kubectlAt({ kubeconfig }: Pick<Place, 'kubeconfig'>): Kubectl {
  return (args, input) =>
    kubectlOn(kubeconfig, args.split(' '), typeof input === 'object' ? JSON.stringify(input) : input);
}

/** As docs/install.md says: rights first, then the ConfigMap. */
export async function installPlaybook(kubectl: Kubectl, name: string): Promise<void> {
  const folder = join(ROOT, 'playbooks', name);
  for (const command of ['rbac', 'package']) {
    const { code, out, err } = await libretto(command, folder);
    expect([code, err]).toEqual([0, '']);
    await kubectl('apply --server-side -f -', out);
  }
}

/** The pod that holds the Lease. */
export async function leaderOf(kubectl: Kubectl): Promise<string> {
  const holder = await kubectl(`get lease libretto -n ${SYSTEM} -o jsonpath={.spec.holderIdentity}`);
  return holder.split('_')[0] ?? '';
}

/** A SampleDB from nothing, with a thousand rows of its user, and a backup of them. */
export async function createShop(kubectl: Kubectl, namespace: string): Promise<void> {
  await kubectl(`create namespace ${namespace}`);
  const began = Date.now();
  const spec = { image: 'databases:1', version: '1.0', database: 'shop', user: 'shop' };
  const body = { apiVersion: 'databases.libretto.dev/v1alpha1', kind: 'SampleDB', spec };
  // Its kind is served once an engine has read the playbook.
  await eventually('the kind SampleDB', () =>
    kubectl(`apply -n ${namespace} -f -`, { ...body, metadata: { name: 'shop' } }),
  );
  await kubectl(`wait -n ${namespace} --for=condition=Ready sampledb/shop --timeout=280s`);
  report('a SampleDB was created', 'PostgreSQL from a playbook in a ConfigMap', secondsSince(began));
  await sql(kubectl, namespace, 'create table orders (id serial primary key, item text not null)');
  await sql(
    kubectl,
    namespace,
    "insert into orders (item) select 'item ' || n from generate_series(1, 1000) n",
  );
}

export async function sql(kubectl: Kubectl, namespace: string, statement: string): Promise<string> {
  // By standard input, so that the statement is no word of the command.
  const args = `exec -i -n ${namespace} shop-0 -- psql -XqAt -v ON_ERROR_STOP=1`;
  return (await kubectl(args, `${statement};`)).trim();
}

/** By a run that is requested as users do; only an engine that works carries it out. */
export async function backUp(kubectl: Kubectl, namespace: string, name: string): Promise<void> {
  const resource = { apiVersion: 'databases.libretto.dev/v1alpha1', kind: 'SampleDB', name: 'shop' };
  await kubectl(`create -n ${namespace} -f -`, {
    apiVersion: 'libretto.dev/v1alpha1',
    kind: 'ActionRun',
    metadata: { name },
    spec: { resource, action: 'backup', params: { label: name } },
  });
  await kubectl(
    `wait -n ${namespace} actionrun/${name} --for=jsonpath={.status.phase}=Succeeded --timeout=280s`,
  );
  const last = await kubectl(`get -n ${namespace} sampledb/shop -o jsonpath={.status.lastBackup}`);
  expect(last).toContain(name);
}

/** Without the snapshot at the end. */
export async function removeShop(kubectl: Kubectl, namespace: string): Promise<void> {
  await kubectl(`annotate -n ${namespace} sampledb/shop libretto.dev/skip-final-actions=true`);
  await kubectl(`delete -n ${namespace} sampledb/shop --timeout=280s`);
  expect(await kubectl(`get -n ${namespace} statefulset,service -o name`)).toBe('');
}

export function secondsSince(began: number): number {
  return Math.round((Date.now() - began) / 100) / 10;
}

/** deploy/ with an image of another tag and a share of the API server, as users do it. */
export async function overlay(folder: string): Promise<string> {
  const base = relative(folder, join(ROOT, 'deploy'));
  await writeFile(
    join(folder, 'kustomization.yaml'),
    JSON.stringify({
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: [base],
      components: [`${base}/components/flow-schema`],
      images: [{ name: 'libretto', newTag: NEXT }],
    }),
  );
  return folder;
}

export interface EnginePod {
  readonly name: string;
  readonly ready: boolean;
  /** As containerd knows it. */
  readonly container: string;
}

export async function pods(kubectl: Kubectl): Promise<readonly EnginePod[]> {
  const list: {
    items: {
      metadata: { name: string; deletionTimestamp?: string };
      status: { containerStatuses: { ready: boolean; containerID: string }[] };
    }[];
  } = JSON.parse(await kubectl(`get pods -n ${SYSTEM} -l app.kubernetes.io/name=libretto -o json`));
  return list.items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata, status: { containerStatuses } }) => ({
      name: metadata.name,
      ready: containerStatuses[0]?.ready ?? false,
      container: containerStatuses[0]?.containerID.replace('containerd://', '') ?? '',
    }));
}

export async function leaderPod(kubectl: Kubectl): Promise<EnginePod> {
  const leader = await leaderOf(kubectl);
  const found = (await pods(kubectl)).find(({ name }) => name === leader);
  if (found === undefined) throw new Error(`there is no pod ${leader}`);
  return found;
}

export async function digestOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
