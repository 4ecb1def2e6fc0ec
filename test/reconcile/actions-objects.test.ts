/** What steps do to objects, and what a run holds up while it does. */
import { describe, expect, test } from 'vitest';
import { getPath } from '../../engine/kube/value.ts';
import { ActionWorld } from './actions-kit.ts';
import { configMap, watchOf } from './kit.ts';

const CALL = 'http: {method: POST, url: "http://app/"}';
const ANSWER = { kind: 'http', status: 200, headers: {}, body: '', truncated: false } as const;
const JOB = `apiVersion: batch/v1
kind: Job
metadata: {name: x}
spec: {template: {spec: {containers: [{name: main, image: "a:1"}]}}}
`;
const SERVER = `apiVersion: apps/v1
kind: Deployment
metadata: {name: server}
spec: {replicas: "{{vars.replicas}}"}
`;

function world(actions: string, files: Record<string, string> = {}): ActionWorld {
  const nouns = `vars: {replicas: spec.size}
manifests: [server.yaml.hbs]
actions:
${actions}`;
  return new ActionWorld(watchOf(nouns, { 'server.yaml.hbs': SERVER, ...files }), { size: 3 });
}

async function begun(actions: string, files: Record<string, string> = {}): Promise<ActionWorld> {
  const at = world(actions, files);
  await at.turn();
  at.request('r', 'a');
  await at.turn();
  return at;
}

describe('an apply step', () => {
  const actions = '  a: {on: {request: true}, steps: [{name: keep, apply: copy.yaml.hbs}]}\n';
  const files = { 'copy.yaml.hbs': configMap('{{metadata.name}}-copy', 'run: "{{run.name}}"') };

  test('asks for an object that has no owner and outlives the run', async () => {
    const at = world(actions, files);
    await at.turn();
    at.request('r', 'a');
    await at.step(at.watch);
    await at.step(at.watch);
    const plan = await at.plan(at.watch);
    const [change] = plan.changes.filter(({ ref }) => ref.name === 'web-copy');
    expect(change).toMatchObject({
      kind: 'apply',
      body: { data: { run: 'r' }, metadata: { labels: { 'libretto.dev/run-step': 'keep' } } },
    });
    expect(JSON.stringify(change)).not.toContain('ownerReferences');
  });

  test('takes no object of someone else', async () => {
    const at = world(actions, files);
    at.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web-copy', namespace: 'shop' } });
    await at.turn();
    at.request('r', 'a');
    await at.turn();
    expect(at.status('r')).toMatchObject({ phase: 'Failed', reason: 'NameTaken' });
  });
});

describe('a delete step', () => {
  test('requests all its targets at once, each with its uid as precondition, after they are stored', async () => {
    const at = world(
      '  a: {on: {request: true}, steps: [{name: kill, delete: {apiVersion: v1, kind: Pod, selector: {matchLabels: {app: web}}}}]}\n',
    );
    for (const name of ['p0', 'p1'])
      at.put({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'shop', uid: `uid-${name}`, labels: { app: 'web' } },
      });
    await at.turn();
    at.request('r', 'a');
    const stored: boolean[] = [];
    for (let i = 0; i < 5; i++) {
      const before = JSON.stringify(at.run('r'));
      const plan = await at.step(at.watch);
      const deletes = plan.changes.filter(({ kind }) => kind === 'delete');
      if (deletes.length === 0) continue;
      stored.push(before.includes('uid-p0') && before.includes('uid-p1'));
      expect(deletes).toMatchObject([{ uid: 'uid-p0' }, { uid: 'uid-p1' }]);
    }
    expect([stored, at.phase('r')]).toEqual([[true], 'Succeeded']);
  });

  test('deletes nothing on doubt: a list that is not complete is waited for', async () => {
    const at = world(
      '  a: {on: {request: true}, steps: [{name: kill, delete: {apiVersion: v1, kind: Pod, selector: {matchLabels: {app: web}}}}]}\n',
    );
    at.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p0', namespace: 'shop', labels: { app: 'web' } },
    });
    await at.turn();
    at.unsynced.add('Pod');
    at.request('r', 'a');
    await at.turn();
    expect([at.phase('r'), at.names('Pod')]).toEqual(['Running', ['p0']]);
    at.unsynced.clear();
    await at.turn();
    expect([at.phase('r'), at.names('Pod')]).toEqual(['Succeeded', []]);
  });
});

describe('a wait', () => {
  test('waits until the controllers of the children have seen their latest change', async () => {
    const at = await begun(
      '  a: {on: {request: true}, vars: {replicas: 0}, steps: [{name: stop, wait: "children.server.status.replicas = 3"}]}\n',
    );
    const old = at.get('Deployment.apps', 'server');
    const generation = old.metadata.generation ?? 1;
    at.put({ ...old, status: { observedGeneration: generation - 1, replicas: 3 } });
    await at.turn();
    expect(at.phase('r')).toBe('Running');
    expect(JSON.stringify(at.status('r').steps)).toContain('has seen the latest change');
    at.put({ ...old, status: { observedGeneration: generation, replicas: 3 } });
    await at.turn();
    expect(at.phase('r')).toBe('Succeeded');
  });
});

describe('an interrupted job', () => {
  test('loses its Job, and is a new attempt with a new Job afterwards', async () => {
    const at = await begun(
      `  urgent: {on: {when: spec.broken = true}, interrupts: [a], steps: [{name: fix, ${CALL}}]}\n  a: {on: {request: true}, steps: [{name: dump, job: job.yaml.hbs}]}\n`,
      { 'job.yaml.hbs': JOB },
    );
    const [first] = at.jobs;
    at.setSpec({ size: 3, broken: true });
    await at.turn();
    expect([at.phase('r'), at.jobs]).toEqual(['Interrupted', []]);
    at.setSpec({ size: 3 });
    await at.answer({ status: 200 });
    expect(at.jobs.length).toBe(1);
    expect(at.jobs[0]?.metadata.name).not.toBe(first?.metadata.name);
    await at.endJob('Complete');
    expect(at.phase('r')).toBe('Succeeded');
  });
});

describe('the outputs of a run', () => {
  test('take 64 KiB together', { timeout: 30_000 }, async () => {
    const steps = Array.from({ length: 17 }, (_, i) => `{name: s${i}, ${CALL}, outputs: {all: result.body}}`);
    const at = await begun(`  a: {on: {request: true}, steps: [${steps.join(', ')}]}\n`);
    for (let i = 0; i < 16; i++) await at.answer({ status: 200, body: 'x'.repeat(4050) });
    expect(at.phase('r')).toBe('Running');
    await at.answer({ status: 200, body: 'x'.repeat(4050) });
    expect(at.status('r')).toMatchObject({ phase: 'Failed', reason: 'OutputTooLarge' });
    expect(at.status('r').message).toContain('64 KiB');
  });
});

describe('an exec step', () => {
  test('names pod and command, and gives what must stand in no audit log by stdin', async () => {
    const at = await begun(
      '  a: {on: {request: true}, steps: [{name: load, exec: {pod: "{{metadata.name}}-0", container: db, command: [load, "{{spec.size}}"], stdin: "text {{spec.size}}"}}]}\n',
    );
    expect(at.called).toMatchObject([
      {
        kind: 'exec',
        namespace: 'shop',
        pod: 'web-0',
        container: 'db',
        command: ['load', '3'],
        stdin: 'text 3',
      },
    ]);
  });
});

describe('the vars of a step', () => {
  test('are stored with the step and its attempt in one write, and reach the manifests after it', async () => {
    const at = world(
      `  a: {on: {request: true}, steps: [{name: stop, vars: {replicas: 0}, ${CALL}}, {name: more, vars: {replicas: 1}, ${CALL}}]}\n`,
    );
    await at.turn();
    at.request('r', 'a');
    const stored: string[] = [];
    const applied: unknown[] = [];
    for (let round = 0; round < 12; round++) {
      const { step, attempt, phase, stepVars = {} } = at.status('r');
      const replicas = getPath(stepVars, ['replicas']) ?? 3;
      stored.push(`${String(phase)} ${String(step)} ${String(attempt)} ${String(replicas)}`);
      const { changes } = await at.step(at.watch);
      for (const change of changes) {
        if (change.kind !== 'apply') continue;
        const given = getPath(change.body, ['spec', 'replicas']);
        expect(given).toBe(String(replicas));
        applied.push(given);
      }
      const [effect] = at.effects;
      if (effect !== undefined) at.outcomes = { [effect.key]: { ...ANSWER, finishedAt: at.now } };
    }
    expect(applied).toEqual(['0', '1', '3']);
    expect([...new Set(stored)].slice(1)).toEqual([
      'Running stop 1 0',
      'Running more 1 1',
      'Succeeded more 1 3',
    ]);
  });
});
