/** What the tests of actions share: an application that is asked things, a playbook of Box with actions, requested runs. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { formatDiagnostic } from '../../engine/base/diagnostic.ts';
import { ACTION_RUN } from '../../engine/kube/kinds.ts';
import { isObject, type JsonObject, type KubeObject } from '../../engine/kube/object.ts';
import { loadPlaybook } from '../../engine/playbook/load.ts';
import { poll, WRITE } from './cluster-support.ts';
import { type Bench, boxFiles, eventually, putPlaybook } from './operator-kit.ts';

export const JOB = { group: 'batch', version: 'v1', kind: 'Job' };

const JOB_FILE = `apiVersion: batch/v1
kind: Job
metadata:
  name: "{{metadata.name}}-dump"
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
      - {name: dump, image: "example.com/dump:1", env: [{name: LABEL, value: "{{optional run.params.label}}"}]}
`;

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly body: string;
}

export interface Application {
  readonly port: number;
  /** In the order in which it was asked. */
  readonly asked: readonly Asked[];
  /** What it answers; silent: nothing. */
  readonly state: { text: string; status: number; silent: boolean };
  /** How many have hung up on it without an answer. */
  readonly hungUp: () => number;
}

/**
 * A server of the application's: answers with its state (a GET of `/NAME`: with what was posted below it), and remembers
 * what it was asked.
 */
export async function application(): Promise<Application> {
  const asked: Asked[] = [];
  const state = { text: '{"healthy":true}', status: 200, silent: false };
  let hungUp = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      asked.push({ method: request.method ?? '', url: request.url ?? '', body });
      response.on('close', () => {
        if (!response.writableEnded) hungUp += 1;
      });
      if (state.silent) return;
      response.writeHead(state.status, { 'content-type': 'application/json' });
      response.end(answerTo(asked, state.text));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked, state, hungUp: () => hungUp }; // as: it listens on TCP
}

function answerTo(asked: readonly Asked[], text: string): string {
  const { method = '', url = '' } = asked.at(-1) ?? {};
  if (url === '/dumps') return '{"id":10501334649042878790}';
  if (method !== 'GET' || url === '/health') return text;
  const below = asked.filter((one) => one.method === 'POST' && one.url.startsWith(`${url}/`));
  return JSON.stringify({ posted: below.map((one) => one.url.slice(url.length + 1)) });
}

export async function playbook(at: Bench, nouns: string, more: Record<string, string> = {}): Promise<void> {
  const watches = `- group: ${at.box.group}
  version: v1
  kind: Box
  manifests:
  - config.yaml.hbs
${nouns}`;
  const files = boxFiles(at, {
    'watches.yaml': watches,
    'deployment.yaml.hbs': undefined,
    ...(nouns.includes('dump-job.yaml.hbs') ? { 'dump-job.yaml.hbs': JOB_FILE } : {}),
    ...more,
  });
  const loaded = loadPlaybook('boxes', new Map(Object.entries(files)), { schema: () => undefined });
  if (loaded.kind === 'refused') throw new Error(loaded.problems.map(formatDiagnostic).join('\n'));
  await putPlaybook(at, 'boxes', files);
}

export function statusOf(object: KubeObject | undefined): Record<string, unknown> {
  return isObject(object?.status) ? object.status : {};
}

export async function requestRun(at: Bench, name: string, spec: JsonObject): Promise<void> {
  await at.cluster.client.create(
    {
      apiVersion: 'libretto.dev/v1alpha1',
      kind: 'ActionRun',
      metadata: { name, namespace: at.namespace },
      spec: { resource: { apiVersion: `${at.box.group}/v1`, kind: 'Box', name: 'orders' }, ...spec },
    },
    WRITE,
  );
}

export function phaseOf(at: Bench, name: string, phase: string): Promise<KubeObject | undefined> {
  return eventually(at, ACTION_RUN, name, (run) => statusOf(run).phase === phase);
}

/** Resolves when two seconds passed without a write. */
export function stillness(writes: () => number): Promise<void> {
  return silence(writes);
}

export async function silence(count: () => number): Promise<void> {
  let last = -1;
  let since = 0;
  await poll(() => {
    if (count() !== last) since = performance.now();
    last = count();
    return performance.now() - since > 2_000;
  });
}
