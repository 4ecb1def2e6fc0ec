/** A new version of a playbook that goes out gradually: to a sample first, to all, or to nobody else. */
import { expect, it, onTestFinished } from 'vitest';
import { isObject, type KubeObject } from '../../engine/kube/object.ts';
import { readAnswer } from '../../engine/operator/answer.ts';
import { PROBLEMS_ANNOTATION } from '../../engine/operator/report.ts';
import { readRecord } from '../../engine/operator/rollout-record.ts';
import { hashOf } from '../../engine/operator/rollout-sample.ts';
import { type CommandResult, libretto } from '../cli/libretto.ts';
import { phaseOf, requestRun } from './actions-kit.ts';
import { candidacy, poll } from './cluster-support.ts';
import { testKubeconfigPath } from './harness.ts';
import {
  type Bench,
  bench,
  boxFiles,
  CONFIG_MAP,
  condition,
  dataOf,
  engine,
  eventually,
  folderOf,
  get,
  isReady,
  putBox,
  putPlaybook,
} from './operator-kit.ts';

const EVENT = { group: '', version: 'v1', kind: 'Event' };
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];

interface Version {
  readonly version: string;
  /** `canary`, `pause` and `deadline` in one; undefined: all at once. */
  readonly rollout: string | undefined;
  /** When a Box is Ready. */
  readonly ready?: string;
  readonly nouns?: string;
  /** What the ConfigMap's name ends with. */
  readonly suffix?: string;
  readonly crd?: (text: string) => string;
}

/** A playbook of Box, whose ConfigMap says which version made it. */
function files(at: Bench, wish: Version): Record<string, string> {
  const { version, rollout, ready = '$exists(children.config)', nouns = '', suffix = '-config' } = wish;
  const { 'crd.yaml': crd = '' } = boxFiles(at);
  return {
    'crd.yaml': wish.crd?.(crd) ?? crd,
    'watches.yaml': `apiVersion: libretto.dev/v1alpha1
kind: Playbook
metadata: {name: box, version: "${version}"}
${rollout === undefined ? '' : `rollout: {${rollout}}\n`}watches:
- group: ${at.box.group}
  version: v1
  kind: Box
  manifests: [config.yaml.hbs]
  health: {Ready: "${ready}"}
${nouns}`,
    'config.yaml.hbs': `apiVersion: v1
kind: ConfigMap
metadata:
  name: "{{metadata.name}}${suffix}"
data:
  text: "{{spec.text}}"
  version: "${version}"
`,
  };
}

async function put(at: Bench, wish: Version): Promise<void> {
  await putPlaybook(at, 'box', files(at, wish));
}

async function boxes(at: Bench, text = 'one'): Promise<void> {
  for (const name of NAMES) await putBox(at, name, { text });
}

async function versions(at: Bench): Promise<readonly string[]> {
  const found = await Promise.all(NAMES.map((name) => get(at, CONFIG_MAP, `${name}-config`)));
  return found.map((config) => String(dataOf(config)['version']));
}

/** Resolves when so many have the version. */
async function have(at: Bench, count: number, version: string): Promise<void> {
  await poll(async () => (await versions(at)).filter((one) => one === version).length === count);
}

async function answer(at: Bench): Promise<string> {
  const part = await get(at, CONFIG_MAP, 'box');
  const { state, running } = (part && readAnswer(part)) ?? {};
  return `${state} ${running?.version}`;
}

/** Of all ConfigMaps of Boxes, in the order in which they came. */
async function history(at: Bench): Promise<ReadonlyMap<string, readonly string[]>> {
  const seen = new Map<string, string[]>();
  const cache = at.cluster.cache({ gvk: CONFIG_MAP, namespace: at.namespace });
  onTestFinished(() => cache.release());
  const take = (config: KubeObject): void => {
    const { version } = dataOf(config);
    const before = seen.get(config.metadata.name) ?? [];
    if (typeof version === 'string' && before.at(-1) !== version)
      seen.set(config.metadata.name, [...before, version]);
  };
  cache.subscribe((event) => {
    if (event.kind !== 'synced') take(event.object);
  });
  for (const config of cache.list()) take(config);
  await cache.whenSynced();
  return seen;
}

async function reasons(at: Bench): Promise<readonly string[]> {
  const events = await at.cluster.client.list(EVENT, { namespace: at.namespace });
  return events
    .filter(({ involvedObject: about }) => isObject(about) && about['name'] === 'box')
    .map((event) => String(event['reason']));
}

function on({ namespace }: Bench, command: string, ...argv: readonly string[]): Promise<CommandResult> {
  return libretto(command, ...argv, '--kubeconfig', testKubeconfigPath(), '--namespace', namespace);
}

async function begin(at: Bench, former: Version): Promise<void> {
  await put(at, former);
  await boxes(at);
  for (const name of NAMES) await eventually(at, at.box, name, isReady);
  await poll(async () => (await readRecord(at.cluster.client, at.namespace, 'box')) !== undefined);
}

const ONE = { version: '1.0.0', rollout: 'canary: 30%' };

it('a new version reaches a sample first, stays there through a restart, and the next one begins from what the others have', async () => {
  const at = await bench();
  const first = await engine(at);
  await begin(at, ONE);
  const seen = await history(at);
  await put(at, { version: '1.1.0', rollout: 'canary: 30%, pause: 1h' });
  await have(at, 3, '1.1.0');
  await poll(async () => (await answer(at)) === 'RollingOut 1.0.0');
  await poll(async () => (await reasons(at)).includes('RolloutStarted'));
  await first.stop();

  const second = await engine(at);
  await second.operator.ready;
  await boxes(at, 'two');
  for (const name of NAMES)
    await eventually(at, CONFIG_MAP, `${name}-config`, (config) => dataOf(config)['text'] === 'two');
  const sampled = NAMES.filter((name) => seen.get(`${name}-config`)?.length === 2);
  expect(sampled).toHaveLength(3);
  expect(await answer(at)).toBe('RollingOut 1.0.0');

  const folder = await folderOf(files(at, { version: '1.2.0', rollout: 'canary: 30%, pause: 1s' }));
  const installed = await on(at, 'install', folder, '--without-rights', '--crds', 'never');
  expect(installed).toMatchObject({ code: 0, err: '' });
  expect(installed.out).toContain('box: reaches a sample of the resources first; version 1.0.0 goes on');
  expect(installed.out).toContain('box: version 1.2.0 runs');
  await have(at, 10, '1.2.0');
  expect(await answer(at)).toBe('Running 1.2.0');
  const ways = new Set(NAMES.map((name) => seen.get(`${name}-config`)?.join(' ')));
  expect(ways).toEqual(new Set(['1.0.0 1.1.0 1.2.0', '1.0.0 1.2.0']));
  const record = await readRecord(at.cluster.client, at.namespace, 'box');
  expect(record).toMatchObject({ stable: { version: '1.2.0' }, previous: { version: '1.0.0' } });
  expect(record?.candidate).toBeUndefined();

  const back = await on(at, 'rollback', 'box');
  expect(back).toMatchObject({ code: 0, err: '' });
  expect(back.out).toContain('box: back to version 1.0.0');
  expect(back.out).toContain('box: version 1.0.0 runs');
  await have(at, 10, '1.0.0');
});

it('stops by itself when one of the sample has not become Ready in time, and can be taken back', async () => {
  const at = await bench();
  await engine(at);
  await begin(at, ONE);
  await put(at, {
    version: '2.0.0',
    rollout: 'canary: 2, pause: 1s, deadline: 2s',
    ready: "children.config.data.text = 'never'",
  });
  await poll(async () => (await answer(at)) === 'Stopped 1.0.0');
  await have(at, 2, '2.0.0');
  await have(at, 8, '1.0.0');
  const part = await get(at, CONFIG_MAP, 'box');
  expect(part?.metadata.annotations?.[PROBLEMS_ANNOTATION]).toMatch(
    /RolloutStopped.*Box .* was not Ready within 2 s/,
  );
  await poll(async () => (await reasons(at)).includes('RolloutStopped'));
  const list = await on(at, 'list', '--watch-namespaces', at.namespace);
  expect(list.out).toMatch(/box +1\.0\.0 → 2\.0\.0 +\S+ +Stopped +10 Box +1/);

  expect(await on(at, 'rollback', 'box')).toMatchObject({ code: 0, err: '' });
  await have(at, 10, '1.0.0');
  await poll(async () => (await answer(at)) === 'Running 1.0.0');
  const nothing = await on(at, 'rollback', 'box');
  expect(nothing.code).toBe(1);
  expect(nothing.err).toContain('NothingToTakeBack');
});

it('stops at once when one of the sample can never become Ready', async () => {
  const at = await bench();
  await engine(at);
  await begin(at, ONE);
  // The API server alone sees that its upper case is refused.
  await put(at, { version: '2.0.0', rollout: 'canary: 1, pause: 1h', suffix: '-{{upper metadata.name}}' });
  await poll(async () => (await answer(at)) === 'Stopped 1.0.0');
  const stalled = await Promise.all(NAMES.map((name) => get(at, at.box, name)));
  expect(stalled.filter((box) => condition(box, 'Stalled')?.['status'] === 'True')).toHaveLength(1);

  await put(at, { version: '2.0.1', rollout: 'canary: 1, pause: 1s' });
  await have(at, 10, '2.0.1');
  await poll(async () => (await answer(at)) === 'Running 2.0.1');
});

it('an edit that comes while no engine runs goes out gradually, too', async () => {
  const at = await bench();
  const first = await engine(at);
  await begin(at, ONE);
  await first.stop();
  await put(at, { version: '1.1.0', rollout: 'canary: 1, pause: 1h' });
  await engine(at);
  await have(at, 1, '1.1.0');
  await poll(async () => (await answer(at)) === 'RollingOut 1.0.0');
  await have(at, 9, '1.0.0');

  // Without rollout it reaches the others as well.
  await put(at, { version: '1.1.1', rollout: undefined });
  await have(at, 10, '1.1.1');
  await poll(async () => (await answer(at)) === 'Running 1.1.1');
});

it('a standby that takes over in the middle goes on where the leader was', async () => {
  const at = await bench();
  const both = ['one', 'two'].map((identity) => ({ leaderElection: candidacy(identity) }));
  const [leader, standby] = [await engine(at, both[0]), await engine(at, both[1])];
  await begin(at, ONE);
  await poll(() => standby.operator.playbooks().some(({ running }) => running?.version === '1.0.0'));
  const seen = await history(at);
  await put(at, { version: '1.1.0', rollout: 'canary: 40%, pause: 1h' });
  await have(at, 4, '1.1.0');
  await leader.stop();
  await boxes(at, 'two');
  for (const name of NAMES)
    await eventually(at, CONFIG_MAP, `${name}-config`, (config) => dataOf(config)['text'] === 'two');
  const ways = NAMES.map((name) => seen.get(`${name}-config`)?.join(' ')).toSorted();
  expect(ways).toEqual([...Array(6).fill('1.0.0'), ...Array(4).fill('1.0.0 1.1.0')]);
});

it.for([
  { canary: '1', reason: 'RolloutContinued' },
  { canary: '100%', reason: 'RolloutStarted' },
])(
  'a run goes on with the version that it began with, and holds its resource back alone (canary: $canary)',
  async ({ canary, reason }) => {
    const at = await bench();
    const nouns = (step: string): string => `  actions:
    backup:
      on: {request: true}
      steps:
      - {name: ${step}, wait: "children.config.data.text = 'go'", timeout: 10m}
`;
    await engine(at);
    await begin(at, { ...ONE, nouns: nouns('copy') });
    const last = await lastInLine(at);
    await requestRun(at, 'dump', { action: 'backup', resource: boxRef(at, last) });
    await phaseOf(at, 'dump', 'Running');
    await put(at, { version: '1.1.0', rollout: `canary: ${canary}, pause: 1s`, nouns: nouns('carry') });
    await have(at, 9, '1.1.0');
    await poll(async () => (await reasons(at)).includes(reason));
    expect(await answer(at)).toBe('RollingOut 1.0.0');
    expect(dataOf(await get(at, CONFIG_MAP, `${last}-config`))['version']).toBe('1.0.0');
    await putBox(at, last, { text: 'go' });
    await phaseOf(at, 'dump', 'Succeeded');
    await have(at, 10, '1.1.0');
    await poll(async () => (await answer(at)) === 'Running 1.1.0');
  },
);

it('a version that comes while all are getting one begins from that one, also after a restart', async () => {
  const at = await bench();
  const nouns = `  actions:
    backup:
      on: {request: true}
      steps:
      - {name: copy, wait: "children.config.data.text = 'go'", timeout: 10m}
`;
  const first = await engine(at);
  await begin(at, { ...ONE, nouns });
  const last = await lastInLine(at);
  await requestRun(at, 'dump', { action: 'backup', resource: boxRef(at, last) });
  await phaseOf(at, 'dump', 'Running');
  const seen = await history(at);
  await put(at, { version: '1.1.0', rollout: 'canary: 1, pause: 1s', nouns });
  await have(at, 9, '1.1.0');
  await poll(async () => (await reasons(at)).includes('RolloutContinued'));
  await first.stop();

  await engine(at);
  await boxes(at, 'two');
  for (const name of NAMES)
    await eventually(at, CONFIG_MAP, `${name}-config`, (config) => dataOf(config)['text'] === 'two');
  expect(await versions(at)).toContain('1.0.0');
  await put(at, { version: '1.2.0', rollout: 'canary: 1, pause: 1h', nouns });
  await have(at, 1, '1.2.0');
  await poll(async () => (await answer(at)) === 'RollingOut 1.1.0');
  const ways = NAMES.map((name) => seen.get(`${name}-config`)?.join(' '));
  expect(ways.filter((way) => way?.includes('1.1.0 1.0.0'))).toEqual([]);
});

/** The one that a sample takes last. */
async function lastInLine(at: Bench): Promise<string> {
  const found = await at.cluster.client.list(at.box, { namespace: at.namespace });
  const hash = ({ metadata }: KubeObject): number => hashOf(metadata.uid ?? '');
  return found.toSorted((a, b) => hash(a) - hash(b)).at(-1)?.metadata.name ?? '';
}

function boxRef({ box }: Bench, name: string): { apiVersion: string; kind: string; name: string } {
  return { apiVersion: `${box.group}/v1`, kind: 'Box', name };
}

it('a version whose definition does not fit the one before is refused, and nothing of it is installed', async () => {
  const at = await bench();
  await engine(at);
  await begin(at, ONE);
  const crd = (text: string): string => text.replace('size: {type: integer}', 'size: {type: string}');
  await put(at, { ...ONE, version: '1.1.0', crd });
  await poll(async () => (await answer(at)) === 'Refused 1.0.0');
  const part = await get(at, CONFIG_MAP, 'box');
  expect(part?.metadata.annotations?.[PROBLEMS_ANNOTATION]).toMatch(
    /crd\.yaml:\d+:\d+: error RolloutImpossible/,
  );
  await boxes(at, 'still kept');
  await have(at, 10, '1.0.0');
});
