import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDiagnostic } from '../../engine/base/diagnostic.ts';
import {
  briefly,
  CONFIG,
  CRD,
  firstWatch,
  load,
  loaded,
  MEMCACHED,
  MEMCACHED_WATCHES,
  memcachedWith,
  problemsOf,
  theProblem,
} from './load-builder.ts';

describe('the example of the design', () => {
  test('loads character for character, without a warning', () => {
    const result = load(MEMCACHED);
    expect(result.kind === 'refused' ? result.problems.map(formatDiagnostic) : result.warnings).toEqual([]);
  });

  test('becomes a watch with two children in the order of kinds', () => {
    const watch = firstWatch(MEMCACHED);
    expect(watch.gvk).toEqual({ group: 'cache.example.com', version: 'v1', kind: 'Memcached' });
    expect(watch.manifests.map(({ id, rank, gvk }) => [id, rank, gvk.kind])).toEqual([
      ['service', 0, 'Service'],
      ['deployment', 1, 'Deployment'],
    ]);
    expect(watch.ownsStatus).toBe(true);
    expect(watch.unselected).toBe('Leave');
  });

  test('judges health by its rule', async () => {
    const [rule] = firstWatch(MEMCACHED).health;
    const context = { spec: { size: 2 }, children: { deployment: { status: { readyReplicas: 2 } } } };
    expect(rule?.type).toBe('Ready');
    expect(await rule?.when.evaluate(context)).toEqual({ kind: 'value', value: true });
  });

  test('is named by its source, and its version is the hash of its files', () => {
    const playbook = loaded(MEMCACHED);
    expect(playbook.name).toBe('test');
    expect(playbook.version).toBe(playbook.contentHash.slice(0, 12));
    expect(loaded({ ...MEMCACHED, 'README.md': 'x' }).version).not.toBe(playbook.version);
  });

  test('has the same hash whatever the order of its files', () => {
    const turned = Object.fromEntries(Object.entries(MEMCACHED).toReversed());
    expect(loaded(turned).contentHash).toBe(loaded(MEMCACHED).contentHash);
  });

  test('is frozen all the way down', () => {
    const playbook = loaded(MEMCACHED);
    expect(Object.isFrozen(playbook.watches[0]?.manifests[0]?.gvk)).toBe(true);
    expect(Object.isFrozen(playbook.crds[0]?.metadata)).toBe(true);
  });
});

describe('the long form', () => {
  const long = (head: string) => ({
    ...MEMCACHED,
    'watches.yaml': `apiVersion: libretto.dev/v1alpha1\nkind: Playbook\n${head}watches:\n${MEMCACHED_WATCHES}`,
  });

  test('says name, version, description and requirements', () => {
    const playbook = loaded(
      long(
        'metadata: {name: cache, version: "1.2", description: Caches}\n' +
          'requires:\n  kubernetes: ">=1.28"\n  kinds: [v1/Pod, {apiVersion: apps/v1, kind: Deployment}, {group: a.b, version: v1, kind: C}]\n',
      ),
    );
    expect(playbook).toMatchObject({
      name: 'cache',
      version: '1.2',
      description: 'Caches',
      requires: {
        kubernetes: '>=1.28',
        kinds: [
          { group: '', version: 'v1', kind: 'Pod' },
          { group: 'apps', version: 'v1', kind: 'Deployment' },
          { group: 'a.b', version: 'v1', kind: 'C' },
        ],
      },
    });
  });

  test('refuses another apiVersion or kind', () => {
    const files = {
      ...MEMCACHED,
      'watches.yaml': `apiVersion: v1\nkind: Play\nwatches:\n${MEMCACHED_WATCHES}`,
    };
    expect(briefly(files)).toEqual(['watches.yaml:1:13 BadValue', 'watches.yaml:2:7 BadValue']);
  });

  test('refuses a version that YAML reads as a number', () => {
    const problem = theProblem(long('metadata: {version: 1.10}\n'), 'WrongType');
    expect(problem).toMatchObject({
      message: 'this must be a string, and is a number',
      hint: 'put it in quotes',
    });
  });

  test('refuses a kind in requires that names no version', () => {
    expect(theProblem(long('requires: {kinds: [{kind: Pod}]}\n'), 'BadKind').hint).toContain('apiVersion');
    expect(theProblem(long('requires: {kinds: [Pod]}\n'), 'BadValue').line).toBe(3);
  });

  test('refuses a range of Kubernetes versions that is none', () => {
    expect(theProblem(long('requires: {kubernetes: newest}\n'), 'BadValue').line).toBe(3);
  });
});

describe('bad input', () => {
  test('names the missing watches.yaml', () => {
    expect(theProblem({ 'crd.yaml': CRD }, 'FileMissing').message).toBe('there is no file watches.yaml');
  });

  test('reports broken YAML of both files at once', () => {
    const files = { 'watches.yaml': 'a: [', 'crd.yaml': 'b: "' };
    expect(problemsOf(files).map(({ file }) => file)).toEqual(
      expect.arrayContaining(['watches.yaml', 'crd.yaml']),
    );
  });

  test('reports an empty watches.yaml, an empty list and two documents', () => {
    expect(briefly({ 'watches.yaml': '# nothing\n' })).toEqual(['watches.yaml:1:1 BadWatches']);
    expect(briefly({ 'watches.yaml': '[]\n' })).toEqual(['watches.yaml:1:1 BadValue']);
    expect(
      theProblem({ ...MEMCACHED, 'watches.yaml': `${MEMCACHED_WATCHES}---\nb: 1\n` }, 'BadWatches').line,
    ).toBe(9);
  });

  test('suggests the key that was meant', () => {
    const problem = theProblem(memcachedWith('  helth: {}\n'), 'UnknownKey');
    expect(problem).toMatchObject({ file: 'watches.yaml', line: 4, column: 3, hint: 'did you mean health?' });
  });

  test('says which nouns come in a later version', () => {
    const problem = theProblem(memcachedWith('  conversion: {}\n  vars: {a: "1"}\n'), 'NounNotAvailable');
    expect(problem.message).toBe('conversion is not available in this version');
  });

  test('asks for at least one noun', () => {
    expect(theProblem(memcachedWith(''), 'NounMissing')).toMatchObject({ line: 1, column: 3 });
  });

  test('reports missing keys and wrong types where they stand', () => {
    const files = { 'watches.yaml': '- kind: Memcached\n  version: 1\n  manifests: a.yaml\n' };
    expect(briefly(files)).toEqual([
      'watches.yaml:1:3 MissingKey',
      'watches.yaml:2:12 WrongType',
      'watches.yaml:3:14 WrongType',
    ]);
  });

  test('refuses a file larger than 1 MiB before it is parsed', () => {
    const files = {
      ...MEMCACHED,
      'deployment.yaml.hbs': 'x'.repeat((1 << 20) + 1),
      'service.yaml.hbs': 'ä'.repeat(600_000),
    };
    expect(briefly(files)).toEqual([
      'deployment.yaml.hbs:1:1 FileTooLarge',
      'service.yaml.hbs:1:1 FileTooLarge',
    ]);
  });

  test('refuses an alias bomb', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (const [name, before] of ['ba', 'cb', 'dc', 'ed', 'fe'] as const) {
      bomb.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(', ')}]`);
    }
    expect(problemsOf({ 'watches.yaml': bomb.join('\n') }).map(({ code }) => code)).toContain('YamlAlias');
  });

  test('shows all problems of all nouns at once', () => {
    const files = memcachedWith(
      [
        '  vars: {a: vars.b, b: vars.a, "c-d": "1"}',
        '  manifests: [{file: deploy.yaml.hbs, rolling: {max: 0}}]',
        '  health: {Stalled: "true", "Not good": "true"}',
        '  status: {conditions: "[]", nowhere: "1"}',
        '',
      ].join('\n'),
      { 'deployment.yaml.hbs': CONFIG, 'left-over.yaml.hbs': CONFIG },
    );
    const problems = problemsOf(files);
    // The file that a misspelt name most likely means is not left over.
    expect(problems.flatMap(({ code, file }) => (code === 'UnusedFile' ? [file] : []))).toEqual([
      'left-over.yaml.hbs',
    ]);
    expect(problems.map(({ code }) => code)).toEqual(
      expect.arrayContaining([
        'VarsCycle',
        'BadName',
        'FileMissing',
        'BadValue',
        'BadCombination',
        'ReservedCondition',
        'BadConditionType',
        'ReservedStatusField',
        'StatusFieldMissing',
        'UnusedFile',
      ]),
    );
  });

  test('never throws when parts of the files are lost, doubled or replaced', () => {
    const scraps = fc.constantFrom(
      '',
      ' ',
      '\n',
      ': ',
      '- ',
      '{',
      '}',
      '[',
      '"',
      "'",
      '{{',
      '}}',
      '#',
      '&a ',
      '*a',
      '$',
      '\t',
    );
    const cut = fc.record({
      file: fc.constantFrom(...Object.keys(MEMCACHED)),
      at: fc.nat(400),
      length: fc.nat(30),
      put: scraps,
    });
    fc.assert(
      fc.property(fc.array(cut, { minLength: 1, maxLength: 3 }), (cuts) => {
        const files: Record<string, string> = { ...MEMCACHED };
        for (const { file, at, length, put } of cuts) {
          const text = files[file] ?? '';
          files[file] = text.slice(0, at) + put + text.slice(at + length);
        }
        for (const { file, line, column } of problemsOf(files)) {
          const lines = (files[file] ?? '').split('\n');
          expect(line).toBeLessThanOrEqual(Math.max(1, lines.length));
          expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1);
        }
      }),
      { numRuns: 60, interruptAfterTimeLimit: 4_000, markInterruptAsFailure: false },
    );
  });

  test('never throws, whatever the file holds', () => {
    const texts = [
      'null',
      '1',
      '"x"',
      '[null]',
      '[[]]',
      '[{}]',
      '{}',
      '- 1\n- a: b',
      '- manifests: [null, 1, {}]\n  vars: []',
      '- {group: 1, version: [], kind: {}, status: 1, health: [], observe: 3, manifests: {}}',
      '- {group: a, version: v1, kind: K, manifests: [{file: 1, after: {}, ignoreFields: [1, {}], namespaces: 5, rolling: 1}], observe: {a: 1, b: {}}, health: {a: null, b: {}}, status: {a: null, b: {}}}',
    ];
    for (const text of texts) {
      expect(load({ 'watches.yaml': text, 'crd.yaml': text }).kind, text).toBe('refused');
    }
  });
});
