/** What the operator's tests share: an engine of their own in a namespace of their own, and a small playbook. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../engine/base/clock.ts';
import { createLogger, type LogLevel, silentLogger } from '../../engine/base/logger.ts';
import { createMetrics } from '../../engine/base/metrics.ts';
import type { Cluster } from '../../engine/cluster/api.ts';
import type { RequestObservation } from '../../engine/cluster/transport.ts';
import { PLAYBOOK_LABEL } from '../../engine/kube/labels.ts';
import {
  type GroupVersionKind,
  isObject,
  type JsonObject,
  type KubeObject,
} from '../../engine/kube/object.ts';
import { type Operator, type OperatorOptions, startOperator } from '../../engine/operator/operator.ts';
import { connect, poll, WRITE } from './cluster-support.ts';
import { testNamespace } from './harness.ts';

export interface Bench {
  readonly cluster: Cluster;
  /** The engine's namespace, in which the tests' resources live, too. */
  readonly namespace: string;
  /** The watched kind; its group is the test's own, for definitions are cluster-wide. */
  readonly box: GroupVersionKind;
}

/** A namespace, a connection of the test's own (not the engine's), and a kind that only this test uses. */
export async function bench(): Promise<Bench> {
  const cluster = await connect();
  const namespace = await testNamespace('operator');
  const box = { group: `${namespace}.example.com`, version: 'v1', kind: 'Box' };
  onTestFinished(async () => {
    const name = `boxes.${box.group}`;
    await cluster.client.delete({ ...CRD, name }, {});
  });
  return { cluster, namespace, box };
}

const CRD = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition' };
export const CONFIG_MAP = { group: '', version: 'v1', kind: 'ConfigMap' };
export const DEPLOYMENT = { group: 'apps', version: 'v1', kind: 'Deployment' };

export interface Engine {
  readonly operator: Operator;
  readonly cluster: Cluster;
  /** Every request that it sent, in order. */
  readonly requests: readonly RequestObservation[];
  /** Requests that are no reads, without the lease's. */
  writes(): number;
  metric(name: string): Promise<string>;
  /** Stops it before the test ends. */
  stop(): Promise<void>;
}

export async function engine(at: Bench, options: Partial<OperatorOptions> = {}): Promise<Engine> {
  const requests: RequestObservation[] = [];
  const cluster = options.cluster ?? (await connect({ onRequest: (request) => requests.push(request) }));
  const metrics = createMetrics();
  const level = process.env['LIBRETTO_TEST_LOG'];
  const logger = level === undefined ? silentLogger() : createLogger({ level: level as LogLevel }); // as: a developer's aid
  const operator = await startOperator({
    clock: systemClock(),
    logger,
    namespace: at.namespace,
    watchNamespaces: [at.namespace],
    instance: 'test',
    metrics,
    ...options,
    cluster,
  });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= operator.stop();
    return stopped;
  };
  onTestFinished(stop);
  return {
    operator,
    cluster,
    requests,
    stop,
    writes: () => requests.filter((r) => r.method !== 'GET').length,
    async metric(name) {
      return (await metrics.render())
        .split('\n')
        .filter((line) => line.startsWith(name))
        .join('\n');
    },
  };
}

/** A playbook of Box: a ConfigMap with a text, a Deployment of so many replicas. */
export function boxFiles(
  { box }: Bench,
  changes: Record<string, string | undefined> = {},
): Record<string, string> {
  const files: Record<string, string | undefined> = {
    'watches.yaml': `- group: ${box.group}
  version: v1
  kind: Box
  manifests: [config.yaml.hbs, deployment.yaml.hbs]
  health:
    Ready: children.deployment.status.readyReplicas = spec.size
`,
    'config.yaml.hbs': `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{metadata.name}}-config
data:
  text: "{{spec.text}}"
`,
    'deployment.yaml.hbs': `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{metadata.name}}
spec:
  replicas: {{spec.size}}
  selector: {matchLabels: {app: "{{metadata.name}}"}}
  template:
    metadata: {labels: {app: "{{metadata.name}}"}}
    spec:
      containers:
      - {name: main, image: "example.com/box:1"}
`,
    'crd.yaml': crdText(box.group),
    ...changes,
  };
  return Object.fromEntries(
    Object.entries(files).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
  );
}

function crdText(group: string): string {
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: boxes.${group}
spec:
  group: ${group}
  scope: Namespaced
  names: {kind: Box, plural: boxes, singular: box, listKind: BoxList}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              size: {type: integer}
              text: {type: string}
          status:
            type: object
            x-kubernetes-preserve-unknown-fields: true
`;
}

/** What \`kubectl create configmap\` and \`kubectl label\` do; also changes one that is there. */
export async function putPlaybook(
  at: Bench,
  name: string,
  files: Record<string, string>,
  annotations: Record<string, string> = {},
  label = name,
): Promise<void> {
  const metadata = { name, namespace: at.namespace, labels: { [PLAYBOOK_LABEL]: label }, annotations };
  await at.cluster.client.apply(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: files },
    { ...WRITE, force: true },
  );
}

/** The same in a folder, which goes with the test. */
export async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'libretto-playbook-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

export async function putBox(at: Bench, name: string, spec: JsonObject): Promise<KubeObject> {
  const body = {
    apiVersion: `${at.box.group}/v1`,
    kind: 'Box',
    metadata: { name, namespace: at.namespace },
    spec,
  };
  return await retryUntilServed(() => at.cluster.client.apply(body, { ...WRITE, force: true }), at);
}

async function retryUntilServed<T>(work: () => Promise<T>, at: Bench): Promise<T> {
  await poll(async () => {
    if (at.cluster.discovery.resource(at.box) === undefined) await at.cluster.discovery.refresh();
    return at.cluster.discovery.resource(at.box) !== undefined;
  });
  return await work();
}

export function get(at: Bench, gvk: GroupVersionKind, name: string): Promise<KubeObject | undefined> {
  return at.cluster.client.get({ ...gvk, namespace: at.namespace, name });
}

/** Resolves when the object is as wanted; undefined where it must be gone. */
export async function eventually(
  at: Bench,
  gvk: GroupVersionKind,
  name: string,
  holds: (object: KubeObject | undefined) => boolean,
): Promise<KubeObject | undefined> {
  let last: KubeObject | undefined;
  await poll(async () => {
    last = await get(at, gvk, name);
    return holds(last);
  });
  return last;
}

export function isReady(object: KubeObject | undefined): boolean {
  return condition(object, 'Ready')?.['status'] === 'True';
}

export function condition(object: KubeObject | undefined, type: string): Record<string, unknown> | undefined {
  const status = isObject(object?.status) ? object.status : {};
  const conditions = Array.isArray(status['conditions']) ? status['conditions'].filter(isObject) : [];
  return conditions.find((c) => c['type'] === type);
}

export function dataOf(object: KubeObject | undefined): Record<string, unknown> {
  const data = object?.['data'];
  return isObject(data) ? data : {};
}
