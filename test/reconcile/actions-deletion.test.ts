/** A resource that goes: its final actions, its other runs, and its children meanwhile. */
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../engine/kube/object.ts';
import { ActionWorld } from './actions-kit.ts';
import { configMap, watchOf } from './kit.ts';

const CALL = 'http: {method: POST, url: "http://app/"}';
const FAREWELL = `  farewell: {on: {delete: true}, steps: [{set: {version: '"last"'}}, {name: ask, ${CALL}}]}\n`;
const WORK = `  a: {on: {request: true}, vars: {replicas: 0}, steps: [{name: ask, ${CALL}}], rollback: [{name: undo, ${CALL}}]}\n`;

function world(actions = FAREWELL + WORK): ActionWorld {
  const nouns = `status: {version: {initial: spec.version}}
vars: {replicas: spec.size}
manifests: [main.yaml.hbs]
actions:
${actions}`;
  const text = configMap('main', 'size: "{{spec.size}}"\nreplicas: "{{vars.replicas}}"');
  return new ActionWorld(watchOf(nouns, { 'main.yaml.hbs': text }), { size: 3, version: '1' });
}

async function going(at: ActionWorld): Promise<void> {
  at.setMeta({ deletionTimestamp: new Date(at.now).toISOString() });
  await at.turn();
}

function main(at: ActionWorld): KubeObject | undefined {
  return [...at.objects.values()].find(({ metadata }) => metadata.name === 'main');
}

const ok = { status: 200 };

describe('a watch with a final action', () => {
  test('sets no ownerReferences, on children and runs alike, and holds its resource by a finalizer', async () => {
    const at = world();
    await at.turn();
    at.request('r', 'a');
    await at.turn();
    expect([main(at)?.metadata.ownerReferences, at.run('r').metadata.ownerReferences]).toEqual([
      undefined,
      undefined,
    ]);
    expect(at.resource.metadata.finalizers).toEqual(['libretto.dev/cleanup']);
  });

  test('takes the ownerReferences away that were set before it had one', async () => {
    const at = world(WORK);
    await at.turn();
    expect(main(at)?.metadata.ownerReferences).toMatchObject([{ name: 'web' }]);
    at.watch = world().watch;
    at.version = 'v2';
    await at.turn();
    expect(main(at)).toBeDefined();
    expect(main(at)?.metadata.ownerReferences ?? []).toEqual([]);
    expect(at.resource.metadata.finalizers).toEqual(['libretto.dev/cleanup']);
  });

  test('runs it before anything goes, and says so; the run stays, the children go', async () => {
    const at = world();
    await at.turn();
    await going(at);
    expect(main(at)).toBeDefined();
    expect(at.condition('Ready')).toMatchObject({ status: 'False', reason: 'FinalAction' });
    expect(at.condition('Acting')).toMatchObject({ status: 'True', reason: 'Farewell' });
    await at.answer(ok);
    expect([main(at), at.resource.metadata.finalizers]).toEqual([undefined, []]);
    expect(at.of('farewell').map((name) => at.phase(name))).toEqual(['Succeeded']);
  });

  test('tries it again in the same run, from the failed step', async () => {
    const at = world();
    await at.turn();
    await going(at);
    await at.answer({ status: 500 });
    expect(at.condition('ActionFailed')).toMatchObject({ status: 'True', reason: 'Farewell' });
    await at.after(3600);
    await at.answer(ok);
    expect(at.of('farewell').map((name) => at.steps(name))).toEqual([['set Succeeded', 'ask Succeeded']]);
    expect(at.resource.metadata.finalizers).toEqual([]);
  });

  test('does not run it twice when its run was deleted by someone', async () => {
    const at = world(`${FAREWELL}  second: {on: {delete: true}, steps: [{name: tell, ${CALL}}]}\n`);
    await at.turn();
    await going(at);
    await at.answer(ok);
    for (const name of at.of('farewell')) at.runs.delete(name);
    at.restart();
    await at.turn();
    await at.answer(ok);
    expect(at.of('farewell')).toEqual([]);
    expect(at.resource.metadata.finalizers).toEqual([]);
  });

  test('changes children meanwhile, and makes none again', async () => {
    const at = world(
      `  farewell: {on: {delete: true}, vars: {replicas: 1}, steps: [{name: ask, ${CALL}}]}\n`,
    );
    await at.turn();
    await going(at);
    expect(main(at)?.data).toMatchObject({ replicas: '1' });
    at.remove('ConfigMap', 'main');
    await at.turn();
    expect(main(at)).toBeUndefined();
    await at.answer(ok);
    expect(at.resource.metadata.finalizers).toEqual([]);
  });

  test('leaves no trace of it where a resource was never deleted', async () => {
    const at = world();
    await at.turn();
    await at.after(3600);
    expect(at.of('farewell')).toEqual([]);
  });
});

describe('final actions that do not run', () => {
  const skipped = expect.objectContaining({ type: 'Warning', reason: 'FinalActionsSkipped' });

  async function released(at: ActionWorld): Promise<void> {
    await at.turn();
    expect([main(at), at.resource.metadata.finalizers, at.called]).toEqual([undefined, [], []]);
    expect(at.events).toContainEqual(skipped);
  }

  test('because the namespace goes are told of at the namespace: in it no Event can be made', async () => {
    const at = world();
    await at.turn();
    at.namespaces.shop = { terminating: true, labels: {} };
    at.setMeta({ deletionTimestamp: new Date(at.now).toISOString() });
    await released(at);
    const [event] = at.events.filter(({ reason }) => reason === 'FinalActionsSkipped');
    expect(event).toMatchObject({ namespace: 'shop', message: expect.stringContaining('App shop/web') });
  });

  test('because the annotation says so are told of, also where their playbook is gone', async () => {
    const at = world();
    await at.turn();
    at.watch = { ...at.watch, manifests: [], actions: [], ownsStatus: false };
    at.setMeta({ deletionTimestamp: new Date(at.now).toISOString() });
    await at.turn();
    expect(at.condition('Stalled')).toMatchObject({ status: 'True', reason: 'FinalActionsWait' });
    expect(main(at)).toBeDefined();
    const annotations = { ...at.resource.metadata.annotations, 'libretto.dev/skip-final-actions': 'true' };
    at.setMeta({ annotations });
    await released(at);
  });

  test('yet are waited for by a watch that decorates, which says nothing of them', async () => {
    const at = world();
    await at.turn();
    at.served.add('App.example.com');
    at.setMeta({ deletionTimestamp: new Date(at.now).toISOString() });
    const plan = await at.plan({ ...at.watch, manifests: [], actions: [], ownsStatus: false });
    expect([plan.finalizer, plan.changes, plan.status]).toEqual(['keep', [], undefined]);
  });
});

describe('other runs of a resource that goes', () => {
  test('are ended without a rollback, and then come the final ones', async () => {
    const at = world();
    await at.turn();
    at.request('r', 'a');
    await at.turn();
    await going(at);
    expect(at.status('r')).toMatchObject({ phase: 'Aborted', reason: 'ResourceDeleted' });
    expect(at.called.length).toBe(2);
    expect(at.of('farewell').map((name) => at.phase(name))).toEqual(['Running']);
  });

  test('give back the vars that a failed one kept', async () => {
    const at = world();
    await at.turn();
    at.request('r', 'a');
    await at.turn();
    await at.answer({ status: 500 });
    await at.after(60);
    await at.answer({ status: 500 });
    expect([at.phase('r'), main(at)?.data]).toMatchObject(['Failed', { replicas: '0' }]);
    await going(at);
    expect([at.phase('r'), main(at)?.data]).toMatchObject(['Aborted', { replicas: '3' }]);
    expect(at.of('farewell').map((name) => at.phase(name))).toEqual(['Running']);
  });

  test('that are asked for now are refused', async () => {
    const at = world();
    await at.turn();
    await going(at);
    at.request('r', 'a');
    await at.turn();
    expect(at.status('r')).toMatchObject({ phase: 'Refused', reason: 'ResourceDeleted' });
  });
});
