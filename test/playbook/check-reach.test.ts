/** What can never happen, and what is deprecated: found where it is certain, and nowhere else. */
import { describe, expect, test } from 'vitest';
import { compileExpression } from '../../engine/playbook/expression.ts';
import { isAlwaysTrue, isNeverTrue } from '../../engine/playbook/expression-possible.ts';
import type { KnownPaths } from '../../engine/playbook/language.ts';
import { loadPlaybook } from '../../engine/playbook/load.ts';
import { withActions, withSteps } from './actions-builder.ts';
import { builtIn, CONFIG, CRD, type Files, load, memcachedWith, SERVICE } from './load-builder.ts';

/** A spec that must be there, with words, a default and a choice that may be left out. */
const MODES = CRD.replace(
  'image: {type: string}',
  `mode: {type: string, enum: [fast, safe], default: safe}
              free: {type: string, enum: [a, b]}
              tls: {type: boolean, default: false}
              image: {type: string}`,
).replace(
  '        properties:\n          spec:',
  '        required: [spec]\n        properties:\n          spec:',
);

/** What is said beside names that the examples do not read. */
function found(files: Files, codes: readonly string[]): readonly string[] {
  const result = load(files);
  const all = result.kind === 'refused' ? result.problems : result.warnings;
  return all
    .filter(({ code }) => codes.includes(code))
    .map(({ line, column, code, message, hint }) => `${line}:${column} ${code}: ${message} (${hint})`);
}

function entry(rules: string, more = ''): Files {
  const nouns = `  manifests: [{file: config.yaml.hbs, ${rules}}]\n${more}`;
  return memcachedWith(nouns, { 'crd.yaml': MODES, 'config.yaml.hbs': CONFIG });
}

const UNREACHABLE = ['ManifestUnreachable', 'StepUnreachable', 'ActionNeverStarts', 'WaitNeverEnds'];

describe('a child that can never be', () => {
  test('is one whose when asks for a word that the schema does not have', () => {
    expect(found(entry(`when: 'spec.mode = "fst"'`), UNREACHABLE)).toEqual([
      '4:46 ManifestUnreachable: when of config is never true, so that it is never created (spec.mode is one of fast, safe)',
    ]);
  });

  test.each([
    `when: 'spec.size = "3"'`,
    `when: 'spec.mode = "fast" and spec.mode = "fst"'`,
    `when: 'spec.mode in ["quick", "slow"]'`,
    `when: '$not($exists(spec.mode))'`,
    `when: '$$.spec.mode = "fst" or object.spec.mode = "sfe"'`,
    `when: 'spec.mode = "fst" ? true : false'`,
    `when: 'spec.mode = spec.free'`,
    `waitFor: 'spec.free = "c"'`,
    'when: false',
  ])('is found by %s', (rule) => {
    expect(found(entry(rule), UNREACHABLE)).toHaveLength(1);
  });

  test.each([
    `when: 'spec.mode = "fast"'`,
    `when: 'spec.mode != "fst"'`,
    `when: 'spec.free != "c"'`,
    `when: '$not(spec.free = "c")'`,
    `when: 'spec.image = "3"'`,
    `when: '$exists(spec.free)'`,
    `when: '$not($exists(spec.free))'`,
    `when: 'spec.tls'`,
    `when: '$not(spec.tls)'`,
    `when: 'spec.names = "fst"'`,
    `when: 'spec.options.mode = "fst"'`,
    `when: 'status.endpoint = 3'`,
    `when: '(spec.free ?? "c") = "c"'`,
    `when: 'spec.mode & "" = "fst"'`,
    `when: 'spec.names[$ = "fst"] = "fst"'`,
    `when: '$lowercase(spec.mode) = "fst"'`,
    `when: true`,
  ])('is not claimed of %s', (rule) => {
    expect(found(entry(rule), UNREACHABLE)).toEqual([]);
  });

  test('is found through a var, unless a run may give it another value', () => {
    const vars = `  vars: {quick: 'spec.mode = "fst"'}\n`;
    expect(found(entry('when: vars.quick', vars), UNREACHABLE)).toHaveLength(1);
    const run =
      '  actions: {a: {on: {request: true}, steps: [{vars: {quick: "true"}, wait: $ready(children.config)}]}}\n';
    expect(found(entry('when: vars.quick', vars + run), UNREACHABLE)).toEqual([]);
  });

  test('is said once for all objects of a file', () => {
    const files = { 'config.yaml.hbs': `${CONFIG}---\n${SERVICE}` };
    expect(found({ ...entry('when: false'), ...files }, UNREACHABLE)).toHaveLength(1);
  });
});

describe('what an expression can yield', () => {
  const known: KnownPaths = ({ root, path }) => {
    if (root !== 'spec') return undefined;
    if (path[0] === 'there') return { missing: false, values: ['a', 'b'] };
    return path[0] === 'one' ? { missing: false, values: ['a'] } : { missing: true, values: ['a', 'b'] };
  };
  const SOURCES = ['there', 'one', 'maybe'].flatMap((left) =>
    ['"a"', '"c"', 'spec.one', 'spec.maybe'].flatMap((right) => [
      `spec.${left} = ${right}`,
      `spec.${left} != ${right}`,
      `$not(spec.${left} = ${right})`,
      `spec.${left} = ${right} or spec.one = "a"`,
      `spec.${left} = ${right} and spec.one = "a"`,
      `spec.${left} = ${right} ? true : false`,
      `$exists(spec.${left}) and spec.${left} in ["a", "c"]`,
    ]),
  );

  /** The judgement is compared with what each resource of that schema really gives. */
  test.each(SOURCES)('is never less than what %s does yield', async (source) => {
    const compiled = compileExpression({ source, place: { file: 'x', line: 1, column: 1 } });
    if (compiled.kind === 'refused') throw new Error(source);
    const { expression } = compiled;
    const judged = expression.possible(known);
    for (const there of ['a', 'b']) {
      for (const maybe of ['a', 'b', undefined]) {
        const spec = { there, one: 'a', ...(maybe === undefined ? {} : { maybe }) };
        const evaluation = await expression.evaluate({ spec });
        if (evaluation.kind === 'value')
          expect(judged.values ?? [evaluation.value]).toContain(evaluation.value);
        else expect(judged.missing).toBe(true);
        if (isNeverTrue(judged)) expect(evaluation).not.toMatchObject({ value: true });
        if (isAlwaysTrue(judged)) expect(evaluation).toMatchObject({ value: true });
      }
    }
  });
});

describe('an action', () => {
  const crd = { 'crd.yaml': MODES.replace('mode: {', 'version: {type: string}\n              mode: {') };

  test('never starts where its trigger can never be true', () => {
    const actions = `    a: {on: {when: 'spec.mode = "fst"'}, steps: [{wait: $ready(children.database)}]}\n`;
    expect(found(withActions(actions, crd), UNREACHABLE)).toEqual([
      expect.stringContaining('ActionNeverStarts: when of the action a is never true'),
    ]);
  });

  test('has a step that is never done', () => {
    const steps = `[{when: 'spec.mode = "fst"', wait: $ready(children.database)}, {unless: $exists(spec.mode), wait: $ready(children.database)}]`;
    expect(found(withSteps(steps, crd), UNREACHABLE)).toHaveLength(2);
  });

  test('never ends where it waits for what is never true, with a timeout or without', () => {
    const steps = `[{wait: 'spec.mode = "fst"', timeout: 10s}, {wait: false}]`;
    expect(found(withSteps(steps, crd), UNREACHABLE)).toHaveLength(2);
  });

  test('never ends where nothing that it waits for changes meanwhile', () => {
    const steps = `[{wait: 'status.version = vars.target'}, {set: {version: vars.target}}]`;
    expect(found(withSteps(steps, {}, 'vars: {target: spec.version}, '), UNREACHABLE)).toEqual([
      expect.stringContaining('nothing that the step wait waits for changes meanwhile'),
    ]);
  });

  test.each([
    'status.version = spec.version',
    'status.version = vars.wanted',
    'status.endpoint = vars.target',
    '$ready(children.database) and status.version = vars.target',
    '$count(observe.pods) = 0',
    'true',
    '$lookup($$, "children") = vars.target',
  ])('may wait for %s', (until) => {
    const steps = `[{wait: '${until}'}]`;
    expect(found(withSteps(steps, {}, 'vars: {target: spec.version}, '), UNREACHABLE)).toEqual([]);
  });

  test('may wait for what another action sets, or for something fixed with a timeout', () => {
    const other = '    b: {on: {request: true}, steps: [{set: {primary: metadata.name}}]}\n';
    const waits = `    a: {on: {request: true}, params: {type: object, properties: {n: {type: string}}}, steps: [{wait: 'status.primary = metadata.name'}, {wait: 'run.params.n = "x"', timeout: 1s}]}\n`;
    expect(found(withActions(waits + other), UNREACHABLE)).toEqual([]);
  });
});

describe('what nothing reads', () => {
  const pods = 'pods: {apiVersion: v1, kind: Pod}';
  const probe = 'alive: {http: {url: "http://x:80/"}}';

  test('is told of observed objects and of probes', () => {
    const nouns = `  status: {endpoint: metadata.name}\n  observe: {${pods}}\n  probes: {${probe}}\n`;
    expect(found(memcachedWith(nouns), ['UnusedObservation', 'UnusedProbe'])).toEqual([
      '5:13 UnusedObservation: nothing reads the observed object pods (remove it, or read it as observe.pods)',
      '6:12 UnusedProbe: nothing reads the probe alive (remove it, or read it as probes.alive)',
    ]);
  });

  test('is not told where something reads it, or all of them', () => {
    const nouns = `  status: {endpoint: $string($count(observe.pods)), ready: $count($keys(probes))}\n  observe: {${pods}}\n  probes: {${probe}}\n`;
    expect(found(memcachedWith(nouns), ['UnusedObservation', 'UnusedProbe'])).toEqual([]);
  });

  test('is told of a template whose name is no template’s', () => {
    const files = memcachedWith('  status: {endpoint: metadata.name}\n', { 'config.hbs': CONFIG });
    expect(found(files, ['UnusedFile'])).toEqual([
      '1:1 UnusedFile: no watch uses this file (templates are called *.yaml.hbs)',
    ]);
  });
});

describe('an API version that is deprecated', () => {
  const budget = 'apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n';
  const nouns = `  manifests: [budget.yaml]
  observe: {cron: {apiVersion: batch/v1beta1, kind: CronJob}}
  status: {ready: $count(observe.cron)}
  actions:
    a:
      on: {request: true}
      steps:
      - {delete: {apiVersion: extensions/v1beta1, kind: Deployment, name: a}}
      - apply: endpoints.yaml
`;
  const endpoints = 'apiVersion: v1\nkind: Endpoints\nmetadata: {name: a}\n';
  const files = memcachedWith(nouns, { 'budget.yaml': budget, 'endpoints.yaml': endpoints });

  test('is told in templates, observed objects and steps, with what to write', () => {
    expect(found(files, ['ApiDeprecated'])).toEqual([
      '2:1 ApiDeprecated: Kubernetes no longer serves policy/v1beta1 PodDisruptionBudget as of 1.25 (write policy/v1, there since 1.21)',
      '2:1 ApiDeprecated: Kubernetes deprecates v1 Endpoints as of 1.33 (write discovery.k8s.io/v1 EndpointSlice, there since 1.21)',
      '5:13 ApiDeprecated: Kubernetes no longer serves batch/v1beta1 CronJob as of 1.25 (write batch/v1, there since 1.21)',
      '11:9 ApiDeprecated: Kubernetes no longer serves extensions/v1beta1 Deployment as of 1.16 (write apps/v1, there since 1.9)',
    ]);
  });

  test('is not told where the playbook is for older clusters alone', () => {
    const watches = files['watches.yaml'] ?? '';
    const indented = watches.replace(/^/gm, '  ');
    const long = (range: string) =>
      `apiVersion: libretto.dev/v1alpha1\nkind: Playbook\nmetadata: {name: old}\nrequires: {kubernetes: "${range}"}\nwatches:\n${indented}`;
    const told = (range: string) =>
      found({ ...files, 'watches.yaml': long(range) }, ['ApiDeprecated']).length;
    expect([told('>=1.14 <1.16'), told('<1.25'), told('<=1.25'), told('>=1.28')]).toEqual([0, 1, 3, 4]);
  });

  test('leaves kinds of others alone that live in similar groups', () => {
    const snapshot = 'apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshot\nmetadata: {name: a}\n';
    const own = memcachedWith('  manifests: [snapshot.yaml]\n', { 'snapshot.yaml': snapshot });
    const result = loadPlaybook('test', new Map(Object.entries(own)), {
      schema: builtIn,
      versions: () => undefined,
    });
    expect(result).toMatchObject({ kind: 'loaded', warnings: [{ code: 'PathsNotChecked' }] });
  });
});
