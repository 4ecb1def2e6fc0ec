import { expect, it } from 'vitest';
import { INCOMPATIBLE_ANNOTATION } from '../../engine/kube/labels.ts';
import { isObject, type KubeObject } from '../../engine/kube/object.ts';
import { PROBLEMS_ANNOTATION } from '../../engine/operator/report.ts';
import { poll } from './cluster-support.ts';
import {
  type Bench,
  bench,
  boxFiles,
  CONFIG_MAP,
  engine,
  eventually,
  get,
  isReady,
  putBox,
  putPlaybook,
} from './operator-kit.ts';

const EVENT = { group: 'events.k8s.io', version: 'v1', kind: 'Event' };

it('a definition that resources no longer fit is installed and warned of where people look, also after a restart, which writes nothing', async () => {
  const at = await bench();
  const first = await engine(at);
  await putPlaybook(at, 'box', boxFiles(at));
  await putBox(at, 'one', { size: 3, text: 'hello' });
  await eventually(at, at.box, 'one', isReady);
  expect(problemsOf(await get(at, CONFIG_MAP, 'box'))).toBeUndefined();

  await putPlaybook(at, 'box', withCrd(at, 'size: {type: integer}', 'size: {type: integer, maximum: 2}'));
  const warned = await eventually(at, CONFIG_MAP, 'box', (c) => problemsOf(c) !== undefined);
  const problems = problemsOf(warned);
  expect(problems).toMatch(
    /^crd\.yaml:21:15: warning LimitTightened: maximum of spec\.size is 2 \(hint: .*refused/,
  );
  await poll(async () => (await incompatibleEvents(at)).length > 0);
  const [event] = await incompatibleEvents(at);
  expect(event).toMatchObject({ type: 'Warning', regarding: { kind: 'ConfigMap', name: 'box' } });
  expect(event?.['note']).toContain('maximum of spec.size is 2');
  expect(await first.metric('libretto_playbook_loaded')).toContain('{playbook="box"} 1');
  await first.stop();

  const second = await engine(at);
  await second.operator.ready;
  await poll(async () => /success"} [1-9]/.test(await second.metric('controller_runtime_reconcile_total')));
  expect(await second.metric('libretto_playbook_problems')).toContain('{playbook="box"} 1');
  expect(second.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  expect(problemsOf(await get(at, CONFIG_MAP, 'box'))).toBe(problems);
  expect(await incompatibleEvents(at)).toHaveLength(1);

  // What takes nothing away ends the warning.
  await putPlaybook(at, 'box', boxFiles(at));
  await eventually(at, CONFIG_MAP, 'box', (c) => problemsOf(c) === undefined);
  const name = `boxes.${at.box.group}`;
  const crd = await at.cluster.client.get({ ...DEFINITION, name });
  expect(crd?.metadata.annotations?.[INCOMPATIBLE_ANNOTATION]).toBeUndefined();
});

const DEFINITION = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition' };

function withCrd(at: Bench, from: string, to: string): Record<string, string> {
  const before = boxFiles(at);
  return { ...before, 'crd.yaml': before['crd.yaml']?.replace(from, to) ?? '' };
}

function problemsOf(configMap: KubeObject | undefined): string | undefined {
  return configMap?.metadata.annotations?.[PROBLEMS_ANNOTATION];
}

async function incompatibleEvents(at: Bench): Promise<readonly KubeObject[]> {
  const events = await at.cluster.client.list(EVENT, { namespace: at.namespace });
  return events.filter((event) => event['reason'] === 'KindIncompatible' && isObject(event['regarding']));
}
