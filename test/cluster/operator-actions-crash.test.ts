/**
 * The engine dies, or loses an answer, at every write of a run and at every call of it: the run comes to the same end
 * by the same steps, and the application is asked nothing out of turn. What a crash repeats is a call that was under
 * way, once; `unless` guards even that.
 */
import { describe, expect, test } from 'vitest';
import { ACTION_RUN } from '../../engine/kube/kinds.ts';
import { isObject, type KubeObject } from '../../engine/kube/object.ts';
import { type Application, application, JOB, playbook, requestRun, statusOf } from './actions-kit.ts';
import { connect, poll, WRITE } from './cluster-support.ts';
import { type Fault, faulty } from './faulty-cluster.ts';
import { type Bench, bench, CONFIG_MAP, dataOf, engine, eventually, get, putBox } from './operator-kit.ts';

/** A step of each sort, on a resource that shows its held size in its ConfigMap. */
function nouns(port: number): string {
  const post = (path: string): string =>
    `http: {method: POST, url: "http://127.0.0.1:${port}/{{metadata.name}}/${path}"}`;
  return `  status:
    size: {initial: "0"}
  probes:
    done: {http: {url: "http://127.0.0.1:${port}/{{metadata.name}}"}, parse: json, every: 1h}
  actions:
    change:
      on: {request: true}
      params: {type: object, properties: {label: {type: string}}}
      vars: {target: spec.size}
      steps:
      - {name: first, ${post('first')}}
      - {name: dump, job: dump-job.yaml.hbs}
      - {name: once, unless: '"once" in probes.done.value.posted', ${post('once')}}
      - {name: part, run: inner}
      - {name: remove, delete: {apiVersion: v1, kind: ConfigMap, name: "{{metadata.name}}-victim"}}
      - {name: size, set: {size: vars.target}}
      - {name: shown, wait: 'children.config.data.text = $string(status.size)'}
      - {name: each, forEach: '["a", "b"]', ${post('{{item}}')}}
    inner:
      steps:
      - {name: ask, ${post('inner')}, outputs: {answer: result.status}}
`;
}

const CONFIG = `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{metadata.name}}-config
data:
  text: "{{default status.size 0}}"
`;

interface Story {
  readonly steps: unknown;
  readonly parts: readonly unknown[];
  readonly outputs: unknown;
  /** What the application was asked, without what was asked twice in a row. */
  readonly asked: readonly string[];
  readonly jobs: number;
  readonly text: unknown;
  readonly victim: boolean;
}

function askedOf(app: Application, name: string): readonly string[] {
  return app.asked
    .filter(({ method, url }) => method === 'POST' && url.startsWith(`/${name}/`))
    .map((a) => a.url);
}

function stepsOf(run: KubeObject): unknown {
  const { steps } = statusOf(run);
  const told = (name: unknown, phase: unknown): string =>
    // It was done before the crash, and its guard saw that.
    `${name} ${name === 'once' && phase === 'Skipped' ? 'Succeeded' : phase}`;
  return Array.isArray(steps) ? steps.filter(isObject).map(({ name, phase }) => told(name, phase)) : steps;
}

async function storyOf(at: Bench, app: Application, name: string): Promise<Story> {
  const runs = await at.cluster.client.list(ACTION_RUN, { namespace: at.namespace });
  const mine = runs.filter(
    ({ spec }) => isObject(spec) && isObject(spec.resource) && spec.resource.name === name,
  );
  const uids = mine.map(({ metadata }) => metadata.uid);
  const jobs = await at.cluster.client.list(JOB, { namespace: at.namespace });
  const [whole, ...parts] = mine.toSorted(
    (a, b) => Number(b.metadata.name === name) - Number(a.metadata.name === name),
  );
  const asked = askedOf(app, name);
  const { outputs } = statusOf(whole);
  return {
    steps: whole === undefined ? undefined : stepsOf(whole),
    parts: parts.map(stepsOf),
    outputs,
    asked: asked.filter((url, i) => url !== asked[i - 1]).map((url) => url.slice(name.length + 1)),
    jobs: jobs.filter((job) => uids.includes(job.metadata.labels?.['libretto.dev/run-uid'])).length,
    text: dataOf(await get(at, CONFIG_MAP, `${name}-config`)).text,
    victim: (await get(at, CONFIG_MAP, `${name}-victim`)) !== undefined,
  };
}

async function begin(at: Bench, name: string): Promise<void> {
  await putBox(at, name, { size: 7, text: 'x' });
  const metadata = { name: `${name}-victim`, namespace: at.namespace };
  await at.cluster.client.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata }, WRITE);
  await eventually(at, CONFIG_MAP, `${name}-config`, (config) => config !== undefined);
}

function ended(at: Bench, name: string): Promise<KubeObject | undefined> {
  return eventually(at, ACTION_RUN, name, (run) =>
    ['Succeeded', 'Failed', 'Halted'].includes(String(statusOf(run).phase)),
  );
}

/** The run of a resource of this name, under a process that is struck; how many writes and calls it took so far. */
async function struckRun(
  at: Bench,
  name: string,
  { k, fault }: { k: number; fault: Fault },
): Promise<number> {
  const broken = faulty(await connect(), k, fault, { calls: true });
  const running = await engine(at, { cluster: broken.cluster });
  let struck = false;
  void broken.struck.then(() => {
    struck = true;
  });
  await requestRun(at, name, { action: 'change', resource: resourceOf(at, name) });
  const over = async (): Promise<boolean> => statusOf(await get(at, ACTION_RUN, name)).phase === 'Succeeded';
  await poll(async () => (fault !== 'lost' && struck) || (await over()));
  await running.stop();
  return broken.writes();
}

function resourceOf(at: Bench, name: string) {
  return { apiVersion: `${at.box.group}/v1`, kind: 'Box', name };
}

/** Each fault at other places, so that together they are spread over the whole run; all of them on demand. */
const STRIDE = process.env.LIBRETTO_TEST_EVERY_CRASH === undefined ? 6 : 1;

describe.each<[Fault, number]>([
  ['before', 1],
  ['after', 3],
  ['lost', 5],
])('a fault %s the write or call', (fault, first) => {
  test('changes neither the end of a run nor its way', { timeout: 1_800_000 }, async () => {
    const at = await bench();
    const app = await application();
    await playbook(at, nouns(app.port), { 'config.yaml.hbs': CONFIG });
    const quiet = await engine(at);
    await quiet.operator.ready;
    await begin(at, 'calm');
    await quiet.stop();
    const writes = await struckRun(at, 'calm', { k: 0, fault });
    const calm = await storyOf(at, app, 'calm');
    expect(calm).toMatchObject({
      asked: ['/first', '/once', '/inner', '/a', '/b'],
      jobs: 1,
      text: '7',
      victim: false,
    });
    process.stderr.write(`a run of ${writes} writes and calls, a fault ${fault} every ${STRIDE}. of them\n`);
    const places = Array.from({ length: writes }, (_, i) => i + 1).filter((k) => (k - first) % STRIDE === 0);
    const nurse = await engine(at);
    for (const k of places) await begin(at, `box-${k}`);
    await nurse.stop();
    for (const k of places) {
      await struckRun(at, `box-${k}`, { k, fault });
      const next = await engine(at);
      const run = await ended(at, `box-${k}`);
      await next.stop();
      expect([k, statusOf(run).phase, statusOf(run).message]).toEqual([k, 'Succeeded', undefined]);
      await expectSame(at, app, { k, calm });
    }
  });
});

/** Nothing skipped, nothing out of turn, and at most the one call again that was under way; what is guarded not even that. */
async function expectSame(
  at: Bench,
  app: Application,
  { k, calm }: { readonly k: number; readonly calm: Story },
): Promise<void> {
  expect([k, await storyOf(at, app, `box-${k}`)]).toEqual([k, calm]);
  const asked = askedOf(app, `box-${k}`);
  expect([k, asked.length <= calm.asked.length + 1]).toEqual([k, true]);
  expect([k, asked.filter((url) => url.endsWith('/once')).length]).toEqual([k, 1]);
}
