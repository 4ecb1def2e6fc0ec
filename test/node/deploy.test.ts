/**
 * The engine as its users install it: the image is built and loaded, deploy/ applied, and a SampleDB lives through it with
 * real data, while engines are killed and exchanged.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { type BuiltImage, buildImage } from '../../deploy/image/build.ts';
import { isKubeObject } from '../../engine/cluster/parse.ts';
import { whyNoNode } from '../../engine/embedded/node.ts';
import { type NodeCluster, startNodeCluster } from '../../engine/embedded/node-cluster.ts';
import type { KubeObject } from '../../engine/kube/object.ts';
import { parseYaml } from '../../engine/playbook/yaml.ts';
import { libretto } from '../cli/libretto.ts';
import { followSection, type Surroundings } from '../docs/blocks.ts';
import { librettoIn } from '../docs/libretto-command.ts';
import {
  backUp,
  createShop,
  digestOf,
  installPlaybook,
  type Kubectl,
  kubectlAt,
  leaderOf,
  leaderPod,
  NEXT,
  overlay,
  pods,
  ROOT,
  removeShop,
  SYSTEM,
  secondsSince,
  sql,
} from './deploy-kit.ts';
import { eventually, report, tellReport } from './engine-kit.ts';
import { kubectlOn } from './harness.ts';
import { type Helm, helmAt, helmProgram } from './helm.ts';
import { PATIENT } from './sampledb-kit.ts';

const TAG = 'libretto:0.1.0';
const PAGE = join(ROOT, 'docs/install.md');
const CHART = join(ROOT, 'deploy/chart');
/** Built without a release's flags, Helm takes itself to be older than the chart allows. */
const OFFLINE = '--kube-version 1.35.0';
const HELMS = new Set(['helm.sh/chart', 'app.kubernetes.io/managed-by']);

describe.skipIf(whyNoNode() !== undefined)('an engine in the cluster', () => {
  vi.setConfig(PATIENT);
  let folder = '';
  let cluster: NodeCluster;
  let kubectl: Kubectl;
  let helm: Helm;
  let built: Built;
  let surroundings: Surroundings;

  // The first time it builds Helm.
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'libretto-deploy-'));
    const building = buildTwice(folder);
    building.catch(() => undefined); // told when it is waited for
    cluster = await startNodeCluster();
    built = await building;
    kubectl = kubectlAt({ kubeconfig: cluster.plane.kubeconfigPath });
    helm = await helmAt({ kubeconfig: cluster.plane.kubeconfigPath, folder });
    surroundings = await surroundingsIn(folder, cluster.plane.kubeconfigPath);
  }, 1_200_000);
  afterAll(async () => {
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
    tellReport('an engine in the cluster');
  });

  test('comes as an image, the same byte for byte whenever it is built', async () => {
    const { image, seconds, first, second, said } = built;
    expect(await digestOf(second)).toBe(await digestOf(first));
    expect(said).toContain(`${TAG} ${image.id}\n`);
    expect(image.bytes).toBeLessThan(200e6);
    await cluster.node.importImage(first);
    await cluster.node.tagImage(`docker.io/library/${TAG}`, `docker.io/library/libretto:${NEXT}`);
    report('built the image', `${Math.round(image.bytes / 1e6)} MB, twice the same`, seconds);
  });

  test('is installed with kubectl as docs/install.md says, twice, of which one leads', async () => {
    const began = Date.now();
    await followSection(PAGE, '### With kubectl', surroundings);
    report('installed with kubectl apply -k', 'both replicas are ready', secondsSince(began));
    expect((await pods(kubectl)).map(({ ready }) => ready)).toEqual([true, true]);
    expect((await pods(kubectl)).map(({ name }) => name)).toContain(await leaderOf(kubectl));
  });

  test('has no shell, and nothing that it may change', async () => {
    const leader = await leaderOf(kubectl);
    const inside = `exec -n ${SYSTEM} ${leader} --`;
    for (const shell of ['sh', '/bin/sh', 'bash', 'busybox'])
      await expect(kubectl(`${inside} ${shell}`)).rejects.toThrow(/not found|no such file/);
    const script = `process.stdout.write(String(process.getuid()));require('fs').writeFileSync('/opt/libretto/new','')`;
    const written = kubectl(`${inside} node -e ${script}`);
    await expect(written).rejects.toThrow('EROFS');
    expect(await kubectl(`${inside} node -p process.getuid()`)).toBe('65532\n');
  });

  test('takes a playbook in and out, and prints rights, as docs/install.md says', async () => {
    await followSection(PAGE, '## A playbook into the cluster', surroundings);
    await followSection(PAGE, '### By hand', surroundings);
    await followSection(PAGE, '## The rights it needs', surroundings);
  });

  test('keeps a SampleDB from a playbook in a ConfigMap', async () => {
    await followSection(PAGE, '### Then the playbooks', surroundings);
    await createShop(kubectl, 'shop');
    await backUp(kubectl, 'shop', 'first');
    report('backed up on request', '1,000 rows in a snapshot');
  });

  test('goes on when its leader is killed', async () => {
    const { name, container } = await leaderPod(kubectl);
    const began = Date.now();
    await cluster.node.run('ctr', [
      ...['--address', '/run/containerd/containerd.sock', '--namespace', 'k8s.io'],
      ...['tasks', 'kill', '--signal', 'SIGKILL', container],
    ]);
    await eventually('another leader', async () => {
      const now = await leaderOf(kubectl);
      return now !== '' && now !== name ? now : undefined;
    });
    const seconds = secondsSince(began);
    await backUp(kubectl, 'shop', 'after-the-kill');
    expect(await sql(kubectl, 'shop', 'select count(*) from orders')).toBe('1000');
    report('its leader was killed', 'another led and backed up 1,000 rows', seconds);
  });

  test('is exchanged pod by pod without a gap', async () => {
    const before = await pods(kubectl);
    const began = Date.now();
    await kubectl(`apply -k ${await overlay(folder)}`);
    await kubectl(`rollout status deployment/libretto -n ${SYSTEM} --timeout=280s`);
    report('exchanged both pods', 'kubectl apply -k with another tag', secondsSince(began));
    await eventually('a new leader', async () => {
      const leader = await leaderOf(kubectl);
      return leader !== '' && before.every(({ name }) => name !== leader) ? leader : undefined;
    });
    await backUp(kubectl, 'shop', 'after-the-rollout');
  });

  test('shows its metrics to those that the NetworkPolicy names, and to nobody else', async () => {
    for (const [namespace, label] of [
      ['monitoring', 'metrics=enabled'],
      ['elsewhere', 'metrics=none'],
    ]) {
      await kubectl(`create namespace ${namespace}`);
      await kubectl(`label namespace ${namespace} ${label}`);
      await kubectl(`run asker -n ${namespace} --image=databases:1 --command -- sleep 100000`);
    }
    for (const namespace of ['monitoring', 'elsewhere'])
      await kubectl(`wait -n ${namespace} --for=condition=Ready pod/asker --timeout=280s`);
    const ask = (namespace: string, path: string): Promise<string> =>
      kubectl(
        `exec -n ${namespace} asker -- curl -sSf -m 5 http://libretto-metrics.${SYSTEM}.svc:8080${path}`,
      );
    expect(await ask('monitoring', '/metrics')).toContain('leader_election_master_status');
    expect(await ask('monitoring', '/healthz')).toBe('ok\n');
    expect(await ask('monitoring', '/readyz')).toBe('ok\n');
    await expect(ask('elsewhere', '/metrics')).rejects.toThrow(/timed out/i);
  });

  test('has its own share of the API server', async () => {
    const metrics = await kubectl('get --raw /metrics');
    const [, count] =
      /^apiserver_flowcontrol_dispatched_requests_total\{flow_schema="libretto"[^}]*\} (\d+)/m.exec(
        metrics,
      ) ?? [];
    expect(Number(count)).toBeGreaterThan(0);
  });

  test('is removed, and leaves the definitions', async () => {
    await removeShop(kubectl, 'shop');
    await kubectl(`delete -k ${await overlay(folder)} --timeout=280s`);
    await expect(kubectl(`get namespace ${SYSTEM}`)).rejects.toThrow('not found');
    const left = await kubectl('get crd,clusterrole,flowschema -o name');
    expect(left.split('\n').filter((name) => /libretto/.test(name))).toEqual([
      'customresourcedefinition.apiextensions.k8s.io/actionruns.libretto.dev',
      'customresourcedefinition.apiextensions.k8s.io/sampledbs.databases.libretto.dev',
      `clusterrole.rbac.authorization.k8s.io/${SYSTEM}:libretto-sampledb`,
    ]);
  });

  test('has a chart that makes what deploy/ makes', async () => {
    const byChart = objectsIn(await helm(`template libretto ${CHART} ${OFFLINE} -n ${SYSTEM}`));
    const byKustomize = objectsIn(await kubectl(`kustomize ${join(ROOT, 'deploy')}`));
    // Helm makes no namespace with labels.
    byKustomize.delete(`Namespace ${SYSTEM}`);
    expect(byChart).toEqual(byKustomize);
  });

  test.each([
    [['impersonate=true'], ['--impersonate']],
    [['impersonate=false'], []],
    [['installCrds=false'], ['--impersonate', '--install-crds=false']],
    [['playbookNamespaces={shop,blog}'], ['--impersonate', '--playbook-namespace=shop,blog']],
  ])('has a chart that gives it the rights that it needs with %s', async (values, flags) => {
    const sets = values.map((one) => `--set ${one}`).join(' ');
    const byChart = objectsIn(await helm(`template libretto ${CHART} ${OFFLINE} -n ${SYSTEM} ${sets}`));
    const { out } = await libretto('rbac', '--engine', ...flags);
    expect(rightsIn(byChart)).toEqual(rightsIn(objectsIn(out)));
  });

  test('has a chart whose switches make what the API server takes', async () => {
    const lists = ['watchNamespaces={default,kube-public}', 'playbookNamespaces={kube-public}'];
    const switches = ['impersonate=false', 'flowSchema.enabled=true', 'serviceMonitor.enabled=true'];
    const more = [
      'allowOtherNamespaces=true',
      'concurrency=4',
      'logLevel=debug',
      'serviceMonitor.interval=30s',
    ];
    const sets = [...lists, ...switches, ...more].map((one) => `--set ${one}`).join(' ');
    const made = objectsIn(await helm(`template tuned ${CHART} ${OFFLINE} -n default ${sets}`));
    expect([...made.keys()].filter((name) => /^(Role|Flow|Service|Priority)/.test(name)).toSorted()).toEqual([
      'FlowSchema tuned-libretto',
      'PriorityLevelConfiguration tuned-libretto',
      'Role default/tuned-libretto',
      'Role kube-public/tuned-libretto',
      'RoleBinding default/tuned-libretto',
      'RoleBinding kube-public/tuned-libretto',
      'Service default/tuned-libretto-metrics',
      'ServiceAccount default/tuned-libretto',
      'ServiceMonitor default/tuned-libretto',
    ]);
    made.delete('ServiceMonitor default/tuned-libretto'); // its kind is the Prometheus operator's
    const list = { apiVersion: 'v1', kind: 'List', items: [...made.values()] };
    await kubectl('apply --dry-run=server -f -', list);
    await expect(helm(`template tuned ${CHART} ${OFFLINE} --set replica=3`)).rejects.toThrow(/replica/);
    await expect(helm(`template tuned ${CHART} ${OFFLINE} --set logLevel=loud`)).rejects.toThrow(/logLevel/);
  });

  test('is installed and changed with Helm', async () => {
    const began = Date.now();
    await followSection(PAGE, '### With Helm', surroundings);
    report('installed with helm install', 'both replicas are ready', secondsSince(began));
    await installPlaybook(kubectl, 'sampledb');
    await createShop(kubectl, 'bazaar');
    const upgrading = Date.now();
    const changes = `--set image.tag=${NEXT},replicas=3,logLevel=debug`;
    await helm(`upgrade libretto ${CHART} -n ${SYSTEM} ${changes} --wait --timeout 280s`);
    report('changed with helm upgrade', 'three replicas of another tag are ready', secondsSince(upgrading));
    expect((await pods(kubectl)).map(({ ready }) => ready)).toEqual([true, true, true]);
    await backUp(kubectl, 'bazaar', 'after-the-upgrade');
  });

  test('leaves every database where it is when Helm removes it, and goes on when it is back', async () => {
    await helm(`uninstall libretto -n ${SYSTEM} --wait --timeout 280s`);
    expect(await pods(kubectl)).toEqual([]);
    expect(await sql(kubectl, 'bazaar', 'select count(*) from orders')).toBe('1000');
    const scope = '--set watchNamespaces={bazaar}';
    await helm(`install libretto ${CHART} -n ${SYSTEM} ${scope} --wait --timeout 280s`);
    await backUp(kubectl, 'bazaar', 'after-the-return');
    report('removed and installed again with Helm', '1,000 rows served all the time');
    await removeShop(kubectl, 'bazaar');
  });
});

interface Built {
  readonly image: BuiltImage;
  readonly seconds: number;
  /** Two archives, of which the second was made as users make it; and what that said. */
  readonly first: string;
  readonly second: string;
  readonly said: string;
}

async function buildTwice(folder: string): Promise<Built> {
  const began = Date.now();
  const [first = '', second = ''] = ['one', 'two'].map((name) => join(folder, `${name}.tar`));
  const image = await buildImage({ tag: TAG, output: first });
  const seconds = secondsSince(began);
  const args = ['deploy/image/main.ts', '--tag', TAG, '--output', second];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  return { image, seconds, first, second, said: stdout };
}

/** Where the page's commands are typed, with the programs that it names. */
async function surroundingsIn(folder: string, kubeconfig: string): Promise<Surroundings> {
  const bin = await librettoIn(join(folder, 'bin'));
  await symlink(await helmProgram(), join(bin, 'helm'));
  const PATH = [bin, dirname(inject('kubectlPath')), process.env.PATH].join(delimiter);
  // The page's cluster has a name of its own.
  const named = join(folder, 'kubeconfig');
  await copyFile(kubeconfig, named);
  const context = (await kubectlOn(named, ['config', 'current-context'])).trim();
  await kubectlOn(named, ['config', 'rename-context', context, 'staging']);
  return { folder: ROOT, environment: { KUBECONFIG: named, PATH, HOME: folder } };
}

/** By kind and name; without the labels that say that Helm made them. */
function objectsIn(text: string): Map<string, KubeObject> {
  const { documents } = parseYaml({ file: 'rendered.yaml', text });
  const objects = documents.map(({ value }): unknown => value).filter(isKubeObject);
  return new Map(objects.map((object) => [nameOf(object), withoutHelm(object)]));
}

/** Who may do what, whatever the order in which it is written. */
function rightsIn(objects: ReadonlyMap<string, KubeObject>): Readonly<Record<string, unknown>> {
  const entries = [...objects].filter(([name]) => /^(Cluster)?Role/.test(name));
  return Object.fromEntries(
    entries.map(([name, { rules, roleRef, subjects }]) => [name, { rules, roleRef, subjects }]),
  );
}

function nameOf({ kind, metadata: { name, namespace } }: KubeObject): string {
  return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

function withoutHelm(object: KubeObject): KubeObject {
  const labels = Object.entries(object.metadata.labels ?? {}).filter(([name]) => !HELMS.has(name));
  return { ...object, metadata: { ...object.metadata, labels: Object.fromEntries(labels) } };
}
