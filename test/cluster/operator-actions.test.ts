import { describe, expect, test, vi } from 'vitest';
import { runCli } from '../../engine/cli/cli.ts';
import type { Terminal } from '../../engine/cli/terminal.ts';
import { ACTION_RUN } from '../../engine/kube/kinds.ts';
import {
  application,
  JOB,
  phaseOf,
  playbook,
  requestRun,
  silence,
  statusOf,
  stillness,
} from './actions-kit.ts';
import { poll, WRITE } from './cluster-support.ts';
import { testKubeconfigPath } from './harness.ts';
import { type Bench, bench, CONFIG_MAP, dataOf, engine, eventually, get, putBox } from './operator-kit.ts';

vi.setConfig({ testTimeout: 180_000 });

describe('actions on a real cluster', () => {
  test('a requested run goes through its Job, a call and a held field, and is written down', async () => {
    const at = await bench();
    const app = await application();
    await playbook(
      at,
      `  status:
    lastDump: {initial: '""'}
  actions:
    backup:
      on: {request: true}
      params: {type: object, properties: {label: {type: string}}}
      steps:
      - {name: dump, job: dump-job.yaml.hbs, timeout: 1m}
      - {name: tell, http: {method: POST, url: "http://127.0.0.1:${app.port}/dumps", body: {label: "{{run.params.label}}"}}, outputs: {id: result.json.id}}
      - {set: {lastDump: $string(run.outputs.tell.id)}}
`,
    );
    const { operator, writes } = await engine(at);
    await operator.ready;
    await putBox(at, 'orders', { text: 'hello' });
    await eventually(at, CONFIG_MAP, 'orders-config', (config) => dataOf(config).text === 'hello');
    await requestRun(at, 'first', { action: 'backup', params: { label: 'monday' } });
    const run = await phaseOf(at, 'first', 'Succeeded');
    expect(statusOf(run).outputs).toEqual({ tell: { id: '10501334649042878790' } });
    expect(app.asked).toEqual([{ method: 'POST', url: '/dumps', body: '{"label":"monday"}' }]);
    await eventually(at, at.box, 'orders', (box) => statusOf(box).lastDump === '10501334649042878790');
    const jobs = await at.cluster.client.list(JOB, { namespace: at.namespace });
    expect(jobs.map((job) => job.metadata.labels?.['libretto.dev/run-uid'])).toEqual([run?.metadata.uid]);
    await stillness(writes);
  });

  test('a changed value starts a run by itself, once', async () => {
    const at = await bench();
    const app = await application();
    await playbook(
      at,
      `  status:
    size: {initial: spec.size}
  actions:
    resize:
      on: {when: "spec.size != status.size ? spec.size"}
      vars: {target: spec.size}
      steps:
      - {http: {method: POST, url: "http://127.0.0.1:${app.port}/resize", body: {size: "{{vars.target}}"}}}
      - {set: {size: vars.target}}
`,
    );
    const { operator, writes } = await engine(at);
    await operator.ready;
    await putBox(at, 'orders', { text: 'x', size: 1 });
    await eventually(at, at.box, 'orders', (box) => statusOf(box).size === 1);
    await putBox(at, 'orders', { text: 'x', size: 3 });
    await eventually(at, at.box, 'orders', (box) => statusOf(box).size === 3);
    await stillness(writes);
    expect(app.asked).toEqual([{ method: 'POST', url: '/resize', body: '{"size":3}' }]);
    const runs = await at.cluster.client.list(ACTION_RUN, { namespace: at.namespace });
    expect(runs.map((run) => statusOf(run).phase)).toEqual(['Succeeded']);
  });

  test('a run ended by a stop of the engine in the middle of a call goes on under the next one', async () => {
    const at = await bench();
    const app = await application();
    await playbook(
      at,
      `  actions:
    ask:
      on: {request: true}
      steps:
      - {name: ask, http: {url: "http://127.0.0.1:${app.port}/slow"}, retries: 20, timeout: 5s}
`,
    );
    app.state.status = 503;
    const first = await engine(at);
    await first.operator.ready;
    await putBox(at, 'orders', { text: 'x' });
    await requestRun(at, 'long', { action: 'ask' });
    await phaseOf(at, 'long', 'Running');
    await first.stop();
    app.state.status = 200;
    await (await engine(at)).operator.ready;
    const run = await phaseOf(at, 'long', 'Succeeded');
    expect(statusOf(run).steps).toHaveLength(1);
  });

  test('a probe shows what the application says, follows it, and writes nothing while it says the same', async () => {
    const at = await bench();
    const app = await application();
    await playbook(
      at,
      `  probes:
    health: {http: {url: "http://127.0.0.1:${app.port}/health"}, every: 1s, parse: json}
  status:
    healthy: probes.health.ok
    said: probes.health.value.healthy
`,
    );
    const { operator, writes } = await engine(at);
    await operator.ready;
    await putBox(at, 'orders', { text: 'x' });
    await eventually(at, at.box, 'orders', (box) => statusOf(box).said === true);
    const before = app.asked.length;
    await stillness(writes);
    await poll(() => app.asked.length > before + 1);
    app.state.status = 503;
    const box = await eventually(at, at.box, 'orders', (each) => statusOf(each).healthy === false);
    expect(statusOf(box).said).toBe(true);
    await at.cluster.client.delete({ ...at.box, namespace: at.namespace, name: 'orders' }, {});
    await eventually(at, at.box, 'orders', (each) => each === undefined);
    await silence(() => app.asked.length);
  });

  test('deletion runs the final action first, and then lets go', async () => {
    const at = await bench();
    const app = await application();
    await playbook(
      at,
      `  actions:
    farewell:
      on: {delete: true}
      steps:
      - {http: {method: DELETE, url: "http://127.0.0.1:${app.port}/{{metadata.name}}"}}
`,
    );
    const { operator } = await engine(at);
    await operator.ready;
    await putBox(at, 'orders', { text: 'x' });
    await eventually(at, CONFIG_MAP, 'orders-config', (config) => config !== undefined);
    app.state.status = 503;
    await at.cluster.client.delete(
      { ...at.box, namespace: at.namespace, name: 'orders' },
      { propagation: 'Foreground' },
    );
    await poll(() => app.asked.length > 0);
    expect(await get(at, CONFIG_MAP, 'orders-config')).toBeDefined();
    expect(await get(at, at.box, 'orders')).toBeDefined();
    app.state.status = 200;
    await retryRuns(at);
    await eventually(at, at.box, 'orders', (box) => box === undefined);
    await eventually(at, CONFIG_MAP, 'orders-config', (config) => config === undefined);
  });
});

/** What a person does about a failed run. */
async function retryRuns(at: Bench): Promise<void> {
  for (const run of await at.cluster.client.list(ACTION_RUN, { namespace: at.namespace }))
    await at.cluster.client.mergePatch(
      { ...ACTION_RUN, namespace: at.namespace, name: run.metadata.name },
      { spec: { retry: 1 } },
      WRITE,
    );
}

describe('libretto run-action', () => {
  test('creates a run, shows its steps and tells by its exit code how it ended', async () => {
    const at = await bench();
    const app = await application();
    await playbook(
      at,
      `  actions:
    ask:
      on: {request: true}
      params: {type: object, properties: {times: {type: integer}}, required: [times]}
      steps:
      - {name: ask, http: {url: "http://127.0.0.1:${app.port}/ask/{{run.params.times}}"}}
`,
    );
    const { operator } = await engine(at);
    await operator.ready;
    await putBox(at, 'orders', { text: 'x' });
    const flags = ['--kubeconfig', testKubeconfigPath(), '--namespace', at.namespace, '--wait'];
    const asked = await command([
      'run-action',
      'ask',
      `boxes.${at.box.group}/orders`,
      '--param',
      'times=3',
      ...flags,
    ]);
    expect(asked).toMatchObject({ code: 0, err: '' });
    expect(asked.out).toMatch(/^actionrun.libretto.dev\/orders-ask-\w+ created\n(.*\n)*Succeeded/);
    expect(app.asked.map(({ url }) => url)).toEqual(['/ask/3']);
    const wrong = await command([
      'run-action',
      'ask',
      `boxes.${at.box.group}/orders`,
      '--param',
      'times=x',
      ...flags,
    ]);
    expect(wrong.code).toBe(1);
    expect(wrong.out).toContain('Refused');
  });

  test('says what is wrong with what it was told', async () => {
    const at = await bench();
    const { operator } = await engine(at);
    await operator.ready;
    const flags = ['--kubeconfig', testKubeconfigPath(), '--namespace', at.namespace];
    expect(await command(['run-action', 'ask', 'nosuchkind/orders', ...flags])).toMatchObject({ code: 2 });
    expect(await command(['run-action', 'ask', 'orders', ...flags])).toMatchObject({ code: 2 });
    const missing = await command(['run-action', 'ask', 'configmap/nope', ...flags]);
    expect(missing).toMatchObject({ code: 1, err: expect.stringContaining('ResourceNotFound') });
  });
});

async function command(argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const terminal: Terminal = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    interactive: false,
    colors: false,
    columns: 120,
    rows: 40,
    environment: {},
    hostname: 'test',
    ask: async () => '',
    onInterrupt: () => () => undefined,
  };
  return { code: await runCli(argv, terminal), out, err };
}
