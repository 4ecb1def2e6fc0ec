/** What starts, stops and outranks a run on a real control plane, where time is real and an engine may be another. */
import { expect, test, vi } from 'vitest';
import { ACTION_RUN } from '../../engine/kube/kinds.ts';
import type { KubeObject } from '../../engine/kube/object.ts';
import { getPath } from '../../engine/kube/value.ts';
import {
  type Application,
  application,
  JOB,
  phaseOf,
  playbook,
  requestRun,
  statusOf,
  stillness,
} from './actions-kit.ts';
import { poll, WRITE } from './cluster-support.ts';
import {
  type Bench,
  bench,
  CONFIG_MAP,
  condition,
  dataOf,
  type Engine,
  engine,
  eventually,
  isReady,
  putBox,
} from './operator-kit.ts';

vi.setConfig({ testTimeout: 300_000 });

const EVENT = { group: 'events.k8s.io', version: 'v1', kind: 'Event' };

/** No node is like this: the pod never starts, and the Job never ends. */
const ENDLESS_JOB = `apiVersion: batch/v1
kind: Job
metadata:
  name: "{{metadata.name}}-endless"
spec:
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {nobody: has-this}
      containers:
      - {name: load, image: "example.com/load:1"}
`;

interface Scene {
  readonly at: Bench;
  readonly app: Application;
  readonly running: Engine;
}

async function scene(actions: (url: string) => string, files: Record<string, string> = {}): Promise<Scene> {
  const at = await bench();
  const app = await application();
  await playbook(at, `  actions:\n${actions(`http://127.0.0.1:${app.port}`)}`, files);
  const running = await engine(at);
  await running.operator.ready;
  return { at, app, running };
}

function runs(at: Bench): Promise<readonly KubeObject[]> {
  return at.cluster.client.list(ACTION_RUN, { namespace: at.namespace });
}

async function jobUids(at: Bench): Promise<readonly unknown[]> {
  const jobs = await at.cluster.client.list(JOB, { namespace: at.namespace });
  return jobs.map(({ metadata }) => metadata.uid);
}

function told({ app }: Scene): readonly string[] {
  return app.asked.map(({ method, url }) => `${method} ${url}`);
}

test('a schedule runs at its minute, once, whoever deletes the run and whichever engine looks', async () => {
  const here = await scene(
    (url) => `    tick:
      on: {schedule: "* * * * *"}
      steps: [{http: {method: POST, url: "${url}/tick"}}]
`,
  );
  const { at, app, running } = here;
  await putBox(at, 'orders', { text: 'x' });
  const ended = async (): Promise<KubeObject | undefined> =>
    (await runs(at)).find((run) => statusOf(run).phase === 'Succeeded');
  await poll(async () => (await ended()) !== undefined);
  const first = await ended();
  // What it did stands on the resource as well, and is all that is left of it for the next engine.
  const tickOf = (run: KubeObject | undefined): number => Date.parse(String(getPath(run?.spec, ['tick'])));
  await eventually(at, at.box, 'orders', (box) =>
    String(box?.metadata.annotations?.['libretto.dev/action-state']).includes(`"tick":${tickOf(first)}`),
  );
  await running.stop();
  const name = first?.metadata.name ?? '';
  await at.cluster.client.delete({ ...ACTION_RUN, namespace: at.namespace, name }, {});
  await (await engine(at)).operator.ready;
  await poll(async () => (await ended()) !== undefined);
  const next = await ended();
  expect([tickOf(first) % 60_000, tickOf(next) % 60_000]).toEqual([0, 0]);
  expect(tickOf(next)).toBeGreaterThan(tickOf(first));
  const all = await runs(at);
  expect(new Set(all.map(tickOf)).size).toBe(all.length);
  expect(app.asked.length).toBeLessThanOrEqual(1 + all.length);
});

test('a limit ends the tries with Stalled and a Warning, for the next engine too, and all else goes on', async () => {
  const here = await scene(
    (url) => `    repair:
      on: {when: spec.size > 1}
      limit: {times: 2, per: 12h}
      steps: [{http: {method: POST, url: "${url}/repair"}}]
`,
  );
  const { at, app, running } = here;
  app.state.status = 503;
  await putBox(at, 'orders', { text: 'x', size: 2 });
  const limited = (box: KubeObject | undefined): boolean =>
    condition(box, 'Stalled')?.['reason'] === 'LimitReached';
  const box = await eventually(at, at.box, 'orders', limited);
  expect(condition(box, 'Stalled')).toMatchObject({ status: 'True' });
  expect((await runs(at)).map((run) => statusOf(run).phase)).toEqual(['Failed', 'Failed']);
  await poll(async () => {
    const events = await at.cluster.client.list(EVENT, { namespace: at.namespace });
    return events.some(({ type, reason }) => type === 'Warning' && reason === 'LimitReached');
  });
  for (const { metadata } of await runs(at))
    await at.cluster.client.delete({ ...ACTION_RUN, namespace: at.namespace, name: metadata.name }, {});
  await stillness(running.writes);
  await running.stop();
  const second = await engine(at);
  await second.operator.ready;
  await putBox(at, 'orders', { text: 'y', size: 2 });
  await eventually(at, CONFIG_MAP, 'orders-config', (config) => dataOf(config).text === 'y');
  await stillness(second.writes);
  expect(await eventually(at, at.box, 'orders', limited)).toBeDefined();
  expect(told(here)).toEqual(['POST /repair', 'POST /repair']);
});

test('an interrupter hangs up on a call, which is made again afterwards as another attempt', async () => {
  const here = await scene(
    (url) => `    rescue:
      on: {when: spec.size > 1}
      interrupts: [load]
      steps: [{http: {method: POST, url: "${url}/rescue"}}]
    load:
      on: {request: true}
      steps: [{name: load, http: {method: POST, url: "${url}/load"}, timeout: 1h}]
`,
  );
  const { at, app } = here;
  await putBox(at, 'orders', { text: 'x', size: 1 });
  await eventually(at, at.box, 'orders', isReady);
  app.state.silent = true;
  await requestRun(at, 'long', { action: 'load' });
  await poll(() => app.asked.length === 1);
  app.state.silent = false;
  await putBox(at, 'orders', { text: 'x', size: 2 });
  const run = await phaseOf(at, 'long', 'Succeeded');
  expect(statusOf(run).steps).toMatchObject([{ name: 'load', phase: 'Succeeded', attempt: 2 }]);
  expect(told(here)).toEqual(['POST /load', 'POST /rescue', 'POST /load']);
  await poll(() => app.hungUp() === 1);
  await poll(async () => {
    const events = await at.cluster.client.list(EVENT, { namespace: at.namespace });
    return events.some(({ reason }) => reason === 'Interrupted');
  });
});

test('an interrupter ends a Job with its pods before it begins, and another Job follows it', async () => {
  const here = await scene(
    (url) => `    rescue:
      on: {when: spec.size > 1}
      interrupts: [load]
      steps: [{http: {method: POST, url: "${url}/rescue"}}]
    load:
      on: {request: true}
      steps: [{name: load, job: endless-job.yaml.hbs}]
`,
    { 'endless-job.yaml.hbs': ENDLESS_JOB },
  );
  const { at, app } = here;
  await putBox(at, 'orders', { text: 'x', size: 1 });
  await requestRun(at, 'long', { action: 'load' });
  await poll(async () => (await jobUids(at)).length === 1);
  const [before] = await jobUids(at);
  await putBox(at, 'orders', { text: 'x', size: 2 });
  await poll(() => app.asked.length === 1);
  expect(await jobUids(at)).not.toContain(before);
  await eventually(at, ACTION_RUN, 'long', (run) => statusOf(run).attempt === 2);
  await poll(async () => (await jobUids(at)).length === 1);
  const ref = { ...ACTION_RUN, namespace: at.namespace, name: 'long' };
  await at.cluster.client.mergePatch(ref, { spec: { abort: true } }, WRITE);
  await phaseOf(at, 'long', 'Aborted');
  await poll(async () => (await jobUids(at)).length === 0);
  expect(told(here)).toEqual(['POST /rescue']);
});

test('a Job that never ends is ended by the timeout of its step, and the resource stays as it was', async () => {
  const { at } = await scene(
    () => `    load:
      on: {request: true}
      steps: [{name: load, job: endless-job.yaml.hbs, timeout: 3s}]
`,
    { 'endless-job.yaml.hbs': ENDLESS_JOB },
  );
  await putBox(at, 'orders', { text: 'x' });
  await requestRun(at, 'long', { action: 'load' });
  const run = await phaseOf(at, 'long', 'Failed');
  expect(statusOf(run)).toMatchObject({ reason: 'TimedOut', released: true });
  await poll(async () => (await jobUids(at)).length === 0);
  const box = await eventually(at, at.box, 'orders', isReady);
  expect(condition(box, 'ActionFailed')).toMatchObject({ status: 'True', reason: 'Load' });
});
