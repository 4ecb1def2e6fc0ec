/** Deletion by every way that kubectl offers, with a final action that must come first. */
import { expect, test, vi } from 'vitest';
import { ACTION_RUN } from '../../engine/kube/kinds.ts';
import type { KubeObject } from '../../engine/kube/object.ts';
import { getPath } from '../../engine/kube/value.ts';
import { type Application, application, phaseOf, playbook, requestRun, statusOf } from './actions-kit.ts';
import { poll, WRITE } from './cluster-support.ts';
import { testNamespace } from './harness.ts';
import {
  type Bench,
  bench,
  CONFIG_MAP,
  condition,
  type Engine,
  engine,
  eventually,
  get,
  putBox,
} from './operator-kit.ts';

vi.setConfig({ testTimeout: 180_000 });

const EVENT = { group: 'events.k8s.io', version: 'v1', kind: 'Event' };

const KEPT = `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{metadata.name}}-kept
data:
  text: "{{spec.text}}"
`;

interface Scene {
  readonly at: Bench;
  readonly app: Application;
  readonly running: Engine;
}

/** A resource with a child, a child that outlives it, and a final action that fails until the application is well. */
async function scene(): Promise<Scene> {
  const here = await bench();
  const app = await application();
  const call = (method: string) =>
    `{name: ${method.toLowerCase()}, http: {method: ${method}, url: "http://127.0.0.1:${app.port}/{{metadata.name}}"}, retries: 50}`;
  await playbook(
    here,
    `  - {file: kept.yaml.hbs, onDelete: Orphan}
  actions:
    farewell:
      on: {delete: true}
      steps: [${call('DELETE').replace(', retries: 50', '')}]
    long:
      on: {request: true}
      steps: [${call('POST')}]
      rollback: [${call('PUT')}]
`,
    { 'kept.yaml.hbs': KEPT },
  );
  const running = await engine(here);
  await running.operator.ready;
  return { at: here, app, running };
}

async function deployed({ at, app }: Scene): Promise<void> {
  await putBox(at, 'orders', { text: 'x' });
  await eventually(at, CONFIG_MAP, 'orders-config', (config) => config !== undefined);
  await eventually(at, CONFIG_MAP, 'orders-kept', (config) => config !== undefined);
  app.state.status = 503;
}

function remove(at: Bench, propagation?: 'Background' | 'Foreground' | 'Orphan'): Promise<unknown> {
  const ref = { ...at.box, namespace: at.namespace, name: 'orders' };
  return at.cluster.client.delete(ref, propagation === undefined ? {} : { propagation });
}

/** The final action has failed, and nothing has gone. */
async function heldBack({ at }: Scene): Promise<void> {
  const box = await eventually(at, at.box, 'orders', (each) =>
    String(condition(each, 'Ready')?.message).includes('farewell'),
  );
  expect(condition(box, 'Ready')).toMatchObject({ status: 'False', reason: 'FinalAction' });
  await poll(async () => (await eventReasons(at)).includes('RunFailed'));
  expect(await get(at, CONFIG_MAP, 'orders-config')).toBeDefined();
}

async function eventReasons(at: Bench): Promise<readonly unknown[]> {
  const events = await at.cluster.client.list(EVENT, { namespace: at.namespace });
  return events.map((event) => event.reason);
}

async function retryFarewell(at: Bench): Promise<void> {
  for (const run of await at.cluster.client.list(ACTION_RUN, { namespace: at.namespace }))
    if (getPath(run.spec, ['action']) === 'farewell')
      await at.cluster.client.mergePatch(
        { ...ACTION_RUN, namespace: at.namespace, name: run.metadata.name },
        { spec: { retry: 1 } },
        WRITE,
      );
}

function gone(at: Bench, name = 'orders-config'): Promise<unknown> {
  return eventually(at, CONFIG_MAP, name, (config) => config === undefined);
}

test.each(['Background', 'Foreground', 'Orphan'] as const)(
  'deletion in the %s waits for the final action, whose run stays as history',
  async (propagation) => {
    const here = await scene();
    const { at, app } = here;
    await deployed(here);
    // Without ownerReferences no finalizer tells for long that children are to stay: the annotation does.
    if (propagation === 'Orphan') await annotate(at, 'libretto.dev/deletion', 'Orphan');
    await remove(at, propagation);
    await heldBack(here);
    app.state.status = 200;
    await retryFarewell(at);
    await eventually(at, at.box, 'orders', (box) => box === undefined);
    if (propagation === 'Orphan') expect(await get(at, CONFIG_MAP, 'orders-config')).toBeDefined();
    else await gone(at);
    const [run] = await at.cluster.client.list(ACTION_RUN, { namespace: at.namespace });
    expect([getPath(run?.spec, ['action']), statusOf(run).phase]).toEqual(['farewell', 'Succeeded']);
  },
);

test('the garbage collector, which clears away in the foreground what a resource owns, finds nothing of ours', async () => {
  const here = await scene();
  const { at, app } = here;
  await deployed(here);
  const names = ['orders-config', 'orders-kept'];
  const before = await Promise.all(names.map((name) => get(at, CONFIG_MAP, name)));
  await ownedBy(at, await get(at, at.box, 'orders'), 'owned');
  await remove(at, 'Foreground');
  // Gone is what the collector found: it has been there, while the final action cannot succeed.
  await gone(at, 'owned');
  await heldBack(here);
  const after = await Promise.all(names.map((name) => get(at, CONFIG_MAP, name)));
  expect(after.map((each) => [each?.metadata.uid, each?.metadata.deletionTimestamp])).toEqual(
    before.map((each) => [each?.metadata.uid, undefined]),
  );
  app.state.status = 200;
  await retryFarewell(at);
  await eventually(at, at.box, 'orders', (box) => box === undefined);
  await gone(at);
});

/** Somebody else's object that goes with the resource. */
async function ownedBy(at: Bench, owner: KubeObject | undefined, name: string): Promise<void> {
  const { apiVersion = '', kind = '', metadata } = owner ?? {};
  const reference = { apiVersion, kind, name: metadata?.name ?? '', uid: metadata?.uid ?? '' };
  const about = { name, namespace: at.namespace, ownerReferences: [reference] };
  await at.cluster.client.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: about }, WRITE);
}

test('what outlives its resource is adopted by the next of its name', async () => {
  const here = await scene();
  const { at, app } = here;
  await deployed(here);
  app.state.status = 200;
  const before = await get(at, CONFIG_MAP, 'orders-kept');
  await remove(at);
  await eventually(at, at.box, 'orders', (box) => box === undefined);
  const left = await get(at, CONFIG_MAP, 'orders-kept');
  expect(left?.metadata.uid).toBe(before?.metadata.uid);
  expect(left?.metadata.annotations).toEqual({
    'libretto.dev/orphaned-from': `Box.${at.box.group}/${at.namespace}/orders`,
  });
  const box = await putBox(at, 'orders', { text: 'y' });
  const adopted = await eventually(
    at,
    CONFIG_MAP,
    'orders-kept',
    (config) => getPath(config, ['data', 'text']) === 'y',
  );
  expect(adopted?.metadata.uid).toBe(before?.metadata.uid);
  expect(adopted?.metadata.labels?.['libretto.dev/owner-uid']).toBe(box.metadata.uid);
});

test('another run is ended by the deletion, without its rollback', async () => {
  const here = await scene();
  const { at, app } = here;
  await deployed(here);
  await requestRun(at, 'running', { action: 'long' });
  await poll(() => app.asked.some(({ method }) => method === 'POST'));
  await remove(at);
  const run = await phaseOf(at, 'running', 'Aborted');
  expect(statusOf(run)).toMatchObject({ reason: 'ResourceDeleted' });
  await heldBack(here);
  app.state.status = 200;
  await retryFarewell(at);
  await eventually(at, at.box, 'orders', (box) => box === undefined);
  expect(app.asked.map(({ method }) => method)).not.toContain('PUT');
});

test('without its playbook the resource waits and says so, and the annotation lets it go', async () => {
  const here = await scene();
  const { at, app, running } = here;
  await deployed(here);
  app.state.status = 200;
  await at.cluster.client.delete({ ...CONFIG_MAP, namespace: at.namespace, name: 'boxes' }, {});
  await remove(at);
  const box = await eventually(at, at.box, 'orders', (each) => condition(each, 'Stalled')?.status === 'True');
  expect(condition(box, 'Stalled')).toMatchObject({ reason: 'FinalActionsWait' });
  expect(condition(box, 'Stalled')?.message).toContain('libretto.dev/skip-final-actions');
  expect(await get(at, CONFIG_MAP, 'orders-config')).toBeDefined();
  await letGo(at);
  await gone(at);
  await eventually(at, at.box, 'orders', (each) => each === undefined);
  expect(app.asked).toEqual([]);
  await poll(async () => (await eventReasons(at)).includes('FinalActionsSkipped'));
  await poll(async () => / 1$/.test(await running.metric('libretto_final_actions_skipped_total{')));
});

function letGo(at: Bench): Promise<unknown> {
  return annotate(at, 'libretto.dev/skip-final-actions', 'true');
}

function annotate(at: Bench, name: string, value: string): Promise<unknown> {
  const ref = { ...at.box, namespace: at.namespace, name: 'orders' };
  return at.cluster.client.mergePatch(ref, { metadata: { annotations: { [name]: value } } }, WRITE);
}

test('a final action that fails is skipped where the annotation says so, and an Event tells it', async () => {
  const here = await scene();
  const { at, running } = here;
  await deployed(here);
  await remove(at);
  await heldBack(here);
  await letGo(at);
  await eventually(at, at.box, 'orders', (box) => box === undefined);
  await gone(at);
  await poll(async () => (await eventReasons(at)).includes('FinalActionsSkipped'));
  expect(await running.metric('libretto_final_actions_skipped_total{')).toMatch(/ 1$/);
});

test('a definition that is deleted waits for the final actions of its resources', async () => {
  const here = await scene();
  const { at, app } = here;
  await deployed(here);
  const crd = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition' };
  await at.cluster.client.delete({ ...crd, name: `boxes.${at.box.group}` }, {});
  await heldBack(here);
  app.state.status = 200;
  await retryFarewell(at);
  await gone(at);
  expect(app.asked.at(-1)?.method).toBe('DELETE');
});

test('in a namespace that goes, final actions are skipped, for nothing can be made there', async () => {
  const at = await bench();
  const other = await testNamespace('going');
  const app = await application();
  await playbook(
    at,
    `  actions:
    farewell:
      on: {delete: true}
      steps: [{http: {method: DELETE, url: "http://127.0.0.1:${app.port}/"}}]
`,
  );
  const running = await engine(at, { watchNamespaces: [at.namespace, other] });
  await running.operator.ready;
  const there = { ...at, namespace: other };
  await putBox(there, 'orders', { text: 'x' });
  await eventually(there, CONFIG_MAP, 'orders-config', (config) => config !== undefined);
  const namespace = { group: '', version: 'v1', kind: 'Namespace', name: other };
  await at.cluster.client.delete(namespace, {});
  await poll(async () => (await at.cluster.client.get(namespace)) === undefined);
  expect(app.asked).toEqual([]);
  expect(await running.metric('libretto_final_actions_skipped_total{')).toMatch(/ 1$/);
  await poll(async () => {
    const events = await at.cluster.client.list(EVENT, { namespace: 'default' });
    const [event] = events.filter(({ regarding }) => getPath(regarding, ['name']) === other);
    if (event === undefined) return false;
    expect(event).toMatchObject({
      type: 'Warning',
      reason: 'FinalActionsSkipped',
      regarding: { kind: 'Namespace' },
      related: { kind: 'Box', namespace: other, name: 'orders' },
    });
    return true;
  });
});
