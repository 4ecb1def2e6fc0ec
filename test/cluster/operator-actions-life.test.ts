/** What a run leaves alone, and what it leaves behind. */
import { expect, test, vi } from 'vitest';
import { createLogger } from '../../engine/base/logger.ts';
import { ACTION_RUN } from '../../engine/kube/kinds.ts';
import { application, phaseOf, playbook, requestRun, statusOf, stillness } from './actions-kit.ts';
import { poll, WRITE } from './cluster-support.ts';
import {
  type Bench,
  bench,
  CONFIG_MAP,
  dataOf,
  engine,
  eventually,
  isReady,
  putBox,
} from './operator-kit.ts';

vi.setConfig({ testTimeout: 180_000 });

const EVENT = { group: 'events.k8s.io', version: 'v1', kind: 'Event' };
const SECRET = { group: '', version: 'v1', kind: 'Secret' };

function steer(at: Bench, name: string, spec: { abort?: boolean; retry?: number }): Promise<unknown> {
  return at.cluster.client.mergePatch({ ...ACTION_RUN, namespace: at.namespace, name }, { spec }, WRITE);
}

test('a secret output stands in a Secret of the run, and in no status, Event or line of the log', async () => {
  const at = await bench();
  const app = await application();
  app.state.text = 'hunter2-hunter2';
  await playbook(
    at,
    `  actions:
    login:
      on: {request: true}
      steps:
      - {name: ask, http: {method: POST, url: "http://127.0.0.1:${app.port}/token"}, outputs: {token: {value: result.body, secret: true}}}
      - {name: use, http: {method: POST, url: "http://127.0.0.1:${app.port}/use", headers: {authorization: "{{run.outputs.ask.token}}"}, body: "{{run.outputs.ask.token}}"}}
`,
  );
  const lines: string[] = [];
  const logger = createLogger({ level: 'debug', sink: { write: (line) => lines.push(line) } });
  const { operator } = await engine(at, { logger });
  await operator.ready;
  await putBox(at, 'orders', { text: 'x' });
  await requestRun(at, 'first', { action: 'login' });
  const run = await phaseOf(at, 'first', 'Succeeded');
  expect(app.asked.at(-1)).toMatchObject({ url: '/use', body: 'hunter2-hunter2' });
  const secrets = await at.cluster.client.list(SECRET, { namespace: at.namespace });
  const kept = secrets.filter((secret) => JSON.stringify(secret.metadata).includes(run?.metadata.uid ?? '-'));
  expect(kept.map(({ metadata }) => metadata.ownerReferences?.[0]?.uid)).toEqual([run?.metadata.uid]);
  const told: unknown[] = [...lines];
  for (const gvk of [ACTION_RUN, at.box, EVENT, CONFIG_MAP])
    told.push(...(await at.cluster.client.list(gvk, { namespace: at.namespace })));
  expect(lines.length).toBeGreaterThan(0);
  for (const form of ['hunter2', Buffer.from('hunter2').toString('base64').slice(0, 8)])
    expect(told.filter((one) => JSON.stringify(one).includes(form))).toEqual([]);
});

test('what was done at the creation is not done again when all runs are deleted', async () => {
  const at = await bench();
  const app = await application();
  await playbook(
    at,
    `  actions:
    initialise:
      on: {create: true}
      steps: [{http: {method: POST, url: "http://127.0.0.1:${app.port}/init"}}]
`,
  );
  const first = await engine(at);
  await first.operator.ready;
  await putBox(at, 'orders', { text: 'x' });
  await eventually(at, at.box, 'orders', isReady);
  for (const { metadata } of await at.cluster.client.list(ACTION_RUN, { namespace: at.namespace }))
    await at.cluster.client.delete({ ...ACTION_RUN, namespace: at.namespace, name: metadata.name }, {});
  await stillness(first.writes);
  await first.stop();
  const next = await engine(at);
  await next.operator.ready;
  await putBox(at, 'orders', { text: 'y' });
  await eventually(at, CONFIG_MAP, 'orders-config', (config) => dataOf(config).text === 'y');
  await stillness(next.writes);
  expect(app.asked.map(({ url }) => url)).toEqual(['/init']);
  expect(await at.cluster.client.list(ACTION_RUN, { namespace: at.namespace })).toEqual([]);
});

test('a call that takes its time holds up neither repair nor abort, and abort hangs up', async () => {
  const at = await bench();
  const app = await application();
  await playbook(
    at,
    `  actions:
    ask:
      on: {request: true}
      steps: [{name: ask, http: {method: POST, url: "http://127.0.0.1:${app.port}/slow"}, timeout: 1h}]
      rollback: [{name: undo, http: {method: DELETE, url: "http://127.0.0.1:${app.port}/{{run.failed.step}}/{{run.failed.reason}}"}}]
`,
  );
  const { operator } = await engine(at);
  await operator.ready;
  await putBox(at, 'orders', { text: 'x' });
  await eventually(at, CONFIG_MAP, 'orders-config', (config) => dataOf(config).text === 'x');
  app.state.silent = true;
  await requestRun(at, 'long', { action: 'ask' });
  await poll(() => app.asked.length === 1);
  const config = { ...CONFIG_MAP, namespace: at.namespace, name: 'orders-config' };
  await at.cluster.client.mergePatch(config, { data: { text: 'spoilt' } }, WRITE);
  await eventually(at, CONFIG_MAP, 'orders-config', (each) => dataOf(each).text === 'x');
  expect(app.hungUp()).toBe(0);
  app.state.silent = false;
  await steer(at, 'long', { abort: true });
  const run = await phaseOf(at, 'long', 'Aborted');
  await poll(() => app.hungUp() === 1);
  expect(app.asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'POST /slow',
    'DELETE /ask/Aborted',
  ]);
  expect(statusOf(run).failed).toMatchObject({ step: 'ask', reason: 'Aborted' });
});

test('a command for a pod that is gone is a failure that says so, and is tried again on demand', async () => {
  const at = await bench();
  await playbook(
    at,
    `  actions:
    ask:
      on: {request: true}
      steps: [{name: ask, exec: {pod: "{{metadata.name}}-0", command: ["true"]}}]
`,
  );
  const { operator } = await engine(at);
  await operator.ready;
  await putBox(at, 'orders', { text: 'x' });
  await requestRun(at, 'first', { action: 'ask' });
  const run = await phaseOf(at, 'first', 'Failed');
  expect(statusOf(run)).toMatchObject({
    reason: 'PodNotFound',
    message: expect.stringContaining('orders-0'),
  });
  await eventually(at, at.box, 'orders', isReady);
  await steer(at, 'first', { retry: 1 });
  const again = await eventually(at, ACTION_RUN, 'first', (each) => statusOf(each).attempt === 2);
  expect(statusOf(again).step).toBe('ask');
});
