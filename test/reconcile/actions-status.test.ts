/** Held status, another resource of the same name, and answers that are older than the step that reads them. */
import { describe, expect, test } from 'vitest';
import { conditionOf } from '../../engine/kube/conditions.ts';
import { ActionWorld } from './actions-kit.ts';
import { configMap, watchOf } from './kit.ts';

const CALL = 'http: {method: POST, url: "http://app/"}';

function world(actions: string, more = ''): ActionWorld {
  const nouns = `status: {version: {initial: spec.version}, shown: '"v" & status.version'}
manifests: [main.yaml.hbs]
${more}actions:
${actions}`;
  const text = configMap('main', 'version: "{{status.version}}"');
  return new ActionWorld(watchOf(nouns, { 'main.yaml.hbs': text }), { version: '1' });
}

const UPGRADE = `  upgrade:
    on: {when: "spec.version != status.version ? spec.version"}
    vars: {target: spec.version}
    steps: [{name: ask, ${CALL}}, {set: {version: vars.target}}]
`;

describe('a held field', () => {
  test('is written before any child is made', async () => {
    const at = world(UPGRADE);
    const plan = await at.step(at.watch);
    expect([plan.changes, plan.status?.version]).toEqual([[], '1']);
  });

  test('changes by `set` alone, stays in every status that is written, and what reads it follows', async () => {
    const at = world(UPGRADE);
    await at.turn();
    at.setSpec({ version: '2' });
    await at.turn();
    await at.after(60);
    expect([at.held('version'), at.held('shown'), at.get('ConfigMap', 'main').data]).toEqual([
      '1',
      'v1',
      { version: '1' },
    ]);
    await at.answer({ status: 200 });
    await at.after(60);
    expect([at.held('version'), at.held('shown'), at.get('ConfigMap', 'main').data]).toEqual([
      '2',
      'v2',
      { version: '2' },
    ]);
  });

  test('is never written with a Ready that speaks of the value before', async () => {
    const at = world(UPGRADE, 'health: {Ready: children.main.data.version = status.version}\n');
    await at.turn();
    at.setSpec({ version: '2' });
    await at.turn();
    const told: unknown[] = [];
    const step = at.step.bind(at);
    at.step = async (watch) => {
      const plan = await step(watch);
      const { version, conditions } = plan.status ?? {};
      if (version !== undefined)
        told.push([version, conditionOf({ status: { conditions } }, 'Ready')?.status]);
      return plan;
    };
    await at.answer({ status: 200 });
    await at.after(60);
    expect(told).toEqual([
      ['2', 'False'],
      ['2', 'True'],
    ]);
  });

  test('is frozen before it is set: a spec that changes meanwhile comes by a run of its own', async () => {
    const at = world(UPGRADE);
    await at.turn();
    at.setSpec({ version: '2' });
    await at.turn();
    at.setSpec({ version: '3' });
    await at.answer({ status: 200 });
    expect([at.held('version'), at.of('upgrade').length]).toEqual(['2', 2]);
    await at.answer({ status: 200 });
    expect(at.held('version')).toBe('3');
  });
});

describe('another resource of the same name', () => {
  test('begins anew, and takes no run of the one before for its own', async () => {
    const at = world(`  init: {on: {create: true}, steps: [{name: ask, ${CALL}}]}\n`);
    await at.turn();
    await at.answer({ status: 200 });
    const { status: _gone, ...rest } = at.resource;
    at.resource = rest;
    at.setMeta({ uid: 'another', annotations: {}, finalizers: [] });
    at.objects.clear();
    at.restart();
    await at.turn();
    expect(at.called.length).toBe(2);
    expect(at.of('init').length).toBe(2);
  });

  test('a run that names the one before it is left alone', async () => {
    const at = world(`  a: {on: {request: true}, steps: [{name: ask, ${CALL}}]}\n`);
    await at.turn();
    at.request('r', 'a', {
      resource: { apiVersion: 'example.com/v1', kind: 'App', name: 'web', uid: 'former' },
    });
    await at.turn();
    expect([at.phase('r'), at.called.length]).toEqual(['none', 0]);
  });
});

describe('the annotation with what was done', () => {
  test('is written anew where someone broke it', async () => {
    const at = world(`  init: {on: {create: true}, steps: [{name: ask, ${CALL}}]}\n`);
    await at.turn();
    await at.answer({ status: 200 });
    at.setMeta({ annotations: { 'libretto.dev/action-state': '{broken' } });
    await at.after(60);
    expect(at.resource.metadata.annotations?.['libretto.dev/action-state']).toContain('"created":true');
    expect(at.called.length).toBe(1);
  });
});

describe.each([
  ['when', 'when: probes.up.ok, '],
  ['unless', 'unless: probes.up.ok = false, '],
  ['outputs', 'outputs: {up: probes.up.ok}, '],
])('a probe named in %s', (_key, part) => {
  test('is asked anew after the step began', async () => {
    const at = world(
      `  a: {on: {request: true}, steps: [{name: first, ${CALL}}, {name: ask, ${part}wait: true}]}\n`,
      'probes: {up: {http: {url: "http://app/"}}}\n',
    );
    await at.turn();
    at.request('r', 'a');
    await at.turn();
    at.probes = { up: { ok: true, value: 'x', at: new Date(at.now).toISOString() } };
    at.probedAt = { up: at.now };
    at.now += 1000;
    await at.answer({ status: 200 });
    expect(at.phase('r')).toBe('Running');
    expect(at.needs).toMatchObject([{ name: 'up', after: at.now }]);
    at.now += 1000;
    at.probedAt = { up: at.now };
    await at.turn();
    expect(at.phase('r')).toBe('Succeeded');
  });
});
