/** What runs and steps wait for, and what is asked anew after the waiting: an answer of before is none. */
import { describe, expect, test } from 'vitest';
import type { JsonObject, KubeObject } from '../../engine/kube/object.ts';
import { ActionWorld } from './actions-kit.ts';
import { configMap, watchOf } from './kit.ts';

const CALL = 'http: {method: POST, url: "http://app/"}';
const URGENT = `  urgent: {on: {when: spec.broken = true}, interrupts: [a], steps: [{name: fix, ${CALL}}]}\n`;
const JOB = `apiVersion: batch/v1
kind: Job
metadata: {name: load}
spec: {template: {spec: {containers: [{name: main, image: "a:1"}]}}}
`;
const CLAIM = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: local, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`;
const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: {name: server}
spec: {replicas: "{{spec.size}}"}
`;

const ok = { status: 200 };

interface Described {
  readonly manifests: Readonly<Record<string, string>>;
  readonly actions: string;
  readonly more?: string;
  readonly spec?: JsonObject;
}

function world({ manifests, actions, more = '', spec = {} }: Described): ActionWorld {
  const files = Object.fromEntries(Object.entries(manifests).map(([id, text]) => [`${id}.yaml.hbs`, text]));
  const nouns = `vars: {extra: spec.extra}
manifests: [${Object.keys(files).join(', ')}]
${more}actions:
${actions}`;
  return new ActionWorld(watchOf(nouns, files), { size: 3, extra: true, ...spec });
}

describe('after a manifest', () => {
  /** A requested run that comes after the manifest `first`, whose child the test moves. */
  async function asked(child: string): Promise<ActionWorld> {
    const actions = `  a: {on: {request: true}, after: [first], steps: [{name: ask, ${CALL}}]}\n`;
    const at = world({ manifests: { first: child }, actions });
    await at.turn();
    at.request('r', 'a');
    await at.turn();
    return at;
  }

  async function becomes(at: ActionWorld, child: KubeObject, status: JsonObject): Promise<void> {
    at.put({ ...child, status });
    await at.turn();
  }

  test('a Job counts when it is complete, neither when it runs nor when it failed', async () => {
    const at = await asked(JOB);
    const job = at.get('Job.batch', 'load');
    await becomes(at, job, { active: 1, startTime: '2026-01-01T00:00:00Z' });
    expect([at.phase('r'), at.status('r').reason]).toEqual(['Pending', 'Waiting']);
    expect(at.status('r').message).toContain('waits for first: Job shop/load');
    await becomes(at, job, { conditions: [{ type: 'Failed', status: 'True', reason: 'x', message: 'no' }] });
    expect(at.phase('r')).toBe('Pending');
    await becomes(at, job, { conditions: [{ type: 'Complete', status: 'True' }] });
    expect([at.phase('r'), at.called.length]).toEqual(['Running', 1]);
  });

  test('a claim that waits for its first consumer counts, else nobody would ever consume it', async () => {
    const at = await asked(CLAIM);
    const claim = at.get('PersistentVolumeClaim', 'data');
    const annotations = { 'volume.kubernetes.io/storage-provisioner': 'x' };
    await becomes(at, { ...claim, metadata: { ...claim.metadata, annotations } }, { phase: 'Pending' });
    expect([at.phase('r'), at.status('r').reason]).toEqual(['Pending', 'Waiting']);
    expect(at.status('r').message).toContain('waits for first: PersistentVolumeClaim shop/data');
    await becomes(at, claim, { phase: 'Pending' });
    expect(at.phase('r')).toBe('Running');
  });

  test('that stays unready its run waits, and says for what', async () => {
    const at = await asked(DEPLOYMENT);
    const server = at.get('Deployment.apps', 'server');
    const generation = server.metadata.generation ?? 1;
    await becomes(at, server, { observedGeneration: generation, replicas: 3, readyReplicas: 1 });
    await at.after(36_000);
    expect([at.phase('r'), at.called]).toEqual(['Pending', []]);
    expect(at.status('r').message).toContain('waits for first: Deployment shop/server');
  });

  test('its latest change counts, not what was ready before it', async () => {
    const at = world({
      manifests: { first: configMap('first', 'size: "{{spec.size}}"') },
      actions: `  a: {on: {when: "spec.size != 3 ? spec.size"}, after: [first], steps: [{name: ask, ${CALL}}]}\n`,
    });
    await at.turn();
    at.setSpec({ size: 4, extra: true });
    const plan = await at.step(at.watch);
    expect([plan.changes.map(({ ref }) => ref.name), plan.actions?.runs ?? []]).toEqual([['first'], []]);
    await at.turn();
    expect([at.of('a').length, at.called.length]).toEqual([1, 1]);
  });
});

describe('a wait', () => {
  const STOP = `  a: {on: {request: true}, vars: {extra: false}, steps: [{name: stop, wait: "true"}, {name: ask, ${CALL}}]}\n`;
  const more = configMap('more', 'x: "1"');

  test('is held up by a child that its vars take away, until that is gone', async () => {
    const manifests = { main: configMap('main', 'x: "1"'), more: `{{#if vars.extra}}\n${more}{{/if}}\n` };
    const at = world({ manifests, actions: STOP });
    await at.turn();
    expect(at.names('ConfigMap')).toEqual(['main', 'more']);
    at.lingering = true;
    at.request('r', 'a');
    await at.turn();
    expect(at.get('ConfigMap', 'more').metadata.deletionTimestamp).toBeDefined();
    await at.after(600);
    expect([at.phase('r'), at.called]).toEqual(['Running', []]);
    expect(JSON.stringify(at.status('r').steps)).toContain('waits until ConfigMap more is gone');
    at.remove('ConfigMap', 'more');
    await at.turn();
    expect(at.called.length).toBe(1);
  });

  test('comes after the delete step before it, whose objects are gone by then', async () => {
    const at = world({
      manifests: { main: configMap('main', 'x: "1"') },
      actions: `  a: {on: {request: true}, steps: [{name: kill, delete: {apiVersion: v1, kind: Pod, selector: {matchLabels: {app: web}}}}, {name: stop, wait: "true"}, {name: ask, ${CALL}}]}\n`,
    });
    at.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p0', namespace: 'shop', labels: { app: 'web' } },
    });
    await at.turn();
    at.lingering = true;
    at.request('r', 'a');
    await at.turn();
    await at.after(600);
    expect([at.steps('r'), at.called]).toEqual([['kill Running'], []]);
    at.remove('Pod', 'p0');
    await at.turn();
    expect(at.steps('r')).toEqual(['kill Succeeded', 'stop Succeeded', 'ask Running']);
  });
});

describe('after an interruption', () => {
  /** A run in its one step, which another action interrupts; the interrupter has not ended yet. */
  async function interrupted(step: string, more = ''): Promise<ActionWorld> {
    const actions = `${URGENT}  a: {on: {request: true}, steps: [{name: ask, ${step}, ${CALL}}]}\n`;
    const at = world({ manifests: { main: configMap('main', 'x: "1"') }, actions, more });
    await at.turn();
    at.probes = { up: { ok: true, value: 'x', at: new Date(at.now).toISOString() } };
    at.request('r', 'a');
    await at.turn();
    await answered(at);
    expect(at.steps('r')).toEqual(['ask Running']);
    at.setSpec({ size: 3, extra: true, broken: true });
    await at.turn();
    expect(at.phase('r')).toBe('Interrupted');
    return at;
  }

  /** The probe's round is over. */
  async function answered(at: ActionWorld, ok = true): Promise<void> {
    at.now += 1000;
    at.probes = { up: { ok, value: 'x', at: new Date(at.now).toISOString() } };
    at.probedAt = { up: at.now };
    await at.turn();
  }

  test.each([
    ['when', 'when: spec.size = 3'],
    ['unless', 'unless: spec.size = 4'],
  ])('the %s of a step is judged anew', async (_key, part) => {
    const at = await interrupted(part);
    at.setSpec({ size: 4, extra: true });
    await at.answer(ok);
    expect([at.phase('r'), at.steps('r')]).toEqual(['Succeeded', ['ask Skipped']]);
  });

  test.each([
    ['when', 'when: probes.up.ok'],
    ['unless', 'unless: probes.up.ok = false'],
  ])('a probe that its %s names is asked anew', async (_key, part) => {
    const at = await interrupted(part, 'probes: {up: {http: {url: "http://app/"}}}\n');
    at.now += 60_000;
    await at.answer(ok);
    expect(at.status('r')).toMatchObject({ phase: 'Running', attempt: 1 });
    expect(at.needs).toMatchObject([{ name: 'up', after: at.now }]);
    await answered(at, false);
    expect([at.phase('r'), at.steps('r')]).toEqual(['Succeeded', ['ask Skipped']]);
  });
});

describe('before another attempt', () => {
  test('a probe that unless names is asked anew: the attempt that failed may have done its work', async () => {
    const at = world({
      manifests: { main: configMap('main', 'x: "1"') },
      actions: `  a: {on: {request: true}, steps: [{name: ask, unless: probes.up.ok, ${CALL}, retries: 1}]}\n`,
      more: 'probes: {up: {http: {url: "http://app/"}}}\n',
    });
    const answered = async (isUp: boolean): Promise<void> => {
      at.now += 1000;
      at.probes = { up: { ok: isUp, value: 'x', at: new Date(at.now).toISOString() } };
      at.probedAt = { up: at.now };
      await at.turn();
    };
    await at.turn();
    at.request('r', 'a');
    await at.turn();
    await answered(false);
    expect(at.called.length).toBe(1);
    await at.answer({ status: 500 });
    await at.after(60);
    expect(at.called.length).toBe(1);
    await answered(true);
    expect([at.phase('r'), at.steps('r'), at.called.length]).toEqual(['Succeeded', ['ask Skipped'], 1]);
  });
});

describe('an interrupted run goes on', () => {
  const main = { main: configMap('main', 'extra: "{{vars.extra}}"') };

  async function begun(action: string): Promise<ActionWorld> {
    const at = world({ manifests: main, actions: `${URGENT}  a: {on: {request: true}, ${action}}\n` });
    await at.turn();
    at.request('r', 'a');
    await at.turn();
    return at;
  }

  async function interrupt(at: ActionWorld): Promise<void> {
    at.setSpec({ size: 3, extra: true, broken: true });
    await at.turn();
    expect(at.phase('r')).toBe('Interrupted');
    at.setSpec({ size: 3, extra: true });
    await at.answer(ok);
  }

  test('with the item of its list at which it was', async () => {
    const url = 'http: {method: POST, url: "http://app/{{item}}"}';
    const at = await begun(`steps: [{name: each, forEach: '["x", "y", "z"]', ${url}}]`);
    await at.answer(ok);
    await interrupt(at);
    await at.answer(ok);
    await at.answer(ok);
    expect(at.phase('r')).toBe('Succeeded');
    expect(at.called.map((call) => (call.kind === 'http' ? call.url : ''))).toEqual([
      'http://app/x',
      'http://app/y',
      'http://app/',
      'http://app/y',
      'http://app/z',
    ]);
  });

  test('with the objects that it meant to delete, not with others like them', async () => {
    const pod = (name: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'shop', labels: { app: 'web' } },
    });
    const at = world({
      manifests: main,
      actions: `${URGENT}  a: {on: {request: true}, steps: [{name: kill, delete: {apiVersion: v1, kind: Pod, selector: {matchLabels: {app: web}}}}]}\n`,
    });
    at.put(pod('p0'));
    await at.turn();
    at.lingering = true;
    at.request('r', 'a');
    await at.turn();
    at.put(pod('p1'));
    await interrupt(at);
    expect(at.steps('r')).toEqual(['kill Running']);
    at.remove('Pod', 'p0');
    await at.turn();
    expect([at.phase('r'), at.get('Pod', 'p1').metadata.deletionTimestamp]).toEqual(['Succeeded', undefined]);
  });

  test('with its rollback, when it was in that', async () => {
    const at = await begun(`steps: [{name: ask, ${CALL}}], rollback: [{name: undo, ${CALL}}]`);
    await at.answer({ status: 500 });
    expect(at.phase('r')).toBe('RollingBack');
    await interrupt(at);
    expect([at.phase('r'), at.steps('r')]).toEqual(['RollingBack', ['ask Failed', 'undo Running']]);
    await at.answer(ok);
    expect(at.status('r')).toMatchObject({ phase: 'Failed', reason: 'UnexpectedStatus', released: true });
  });
});

describe('a rollback that fails', () => {
  test('keeps vars and lock, for what was done is not undone', async () => {
    const at = world({
      manifests: { main: configMap('main', 'extra: "{{vars.extra}}"') },
      actions: `  a: {on: {request: true}, vars: {extra: false}, steps: [{name: ask, ${CALL}}], rollback: [{name: undo, ${CALL}}]}\n  b: {on: {when: spec.broken = true}, steps: [{name: fix, ${CALL}}]}\n`,
    });
    await at.turn();
    at.request('r', 'a');
    await at.turn();
    await at.answer({ status: 500 });
    await at.answer({ status: 500 });
    expect(at.status('r')).toMatchObject({ phase: 'Failed', reason: 'RollbackFailed' });
    at.setSpec({ size: 3, extra: true, broken: true });
    await at.after(36_000);
    expect([at.get('ConfigMap', 'main').data, at.of('b')]).toEqual([{ extra: 'false' }, []]);
    at.steer('r', { abort: true });
    await at.turn();
    expect([at.get('ConfigMap', 'main').data, at.of('b').length]).toEqual([{ extra: 'true' }, 1]);
  });
});
