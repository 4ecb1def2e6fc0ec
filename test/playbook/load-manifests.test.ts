import { describe, expect, test } from 'vitest';
import type { Manifest } from '../../engine/playbook/model.ts';
import {
  briefly,
  CONFIG,
  DEPLOYMENT,
  type Files,
  firstWatch,
  MEMCACHED,
  memcachedWith,
  problemsOf,
  SERVICE,
  theProblem,
} from './load-builder.ts';

const APP = `${DEPLOYMENT}---\n${SERVICE}`;
const NAMESPACE = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: "{{metadata.name}}"}\n';

function manifests(list: string, files: Files = {}): readonly Manifest[] {
  return firstWatch(memcachedWith(`  manifests: ${list}\n`, { 'deployment.yaml.hbs': DEPLOYMENT, ...files }))
    .manifests;
}

function manifest(keys: string, files: Files = {}): Manifest {
  const [first] = manifests(`[{file: deployment.yaml.hbs, ${keys}}]`, files);
  if (first === undefined) throw new Error('no manifest');
  return first;
}

function refused(list: string, code: string, files: Files = {}) {
  return theProblem(
    memcachedWith(`  manifests: ${list}\n`, { 'deployment.yaml.hbs': DEPLOYMENT, ...files }),
    code,
  );
}

describe('an entry', () => {
  test('may be a bare file name; all else has a default', () => {
    expect(manifests('[deployment.yaml.hbs]')[0]).toMatchObject({
      id: 'deployment',
      gvk: { group: 'apps', version: 'v1', kind: 'Deployment' },
      document: 0,
      after: [],
      needs: [],
      namespaces: { kind: 'Own' },
      policy: 'Apply',
      ignoreFields: [],
      force: false,
      onImmutable: 'Fail',
    });
    expect(manifests('[deployment.yaml.hbs]')[0]).not.toHaveProperty('prune');
  });

  test('takes every key of the language', () => {
    const all = manifest(
      'id: db, when: spec.size > 0, waitFor: "true", forEach: "[1..spec.size]", key: $string(item), ' +
        'rolling: {max: 2, order: Any}, ready: self.status.readyReplicas > 0, namespace: "{{item}}", namespaces: Any, ' +
        'ignoreFields: [spec.replicas, {path: [spec, paused], when: index = 0}], force: true, onImmutable: Recreate, ' +
        'prune: Keep, onDelete: Orphan',
    );
    expect(all).toMatchObject({
      id: 'db',
      when: { source: 'spec.size > 0' },
      waitFor: { source: 'true' },
      forEach: { source: '[1..spec.size]' },
      key: { source: '$string(item)' },
      rolling: { max: 2, order: 'Any' },
      ready: { source: 'self.status.readyReplicas > 0' },
      namespace: { source: '{{item}}' },
      namespaces: { kind: 'Any' },
      ignoreFields: [
        { path: ['spec', 'replicas'] },
        { path: ['spec', 'paused'], when: { source: 'index = 0' } },
      ],
      force: true,
      onImmutable: 'Recreate',
      prune: 'Keep',
      onDelete: 'Orphan',
    });
  });

  test('may be a plain manifest, in which {{ means nothing', () => {
    const [plain] = manifests('[config.yaml]', {
      'config.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: "{{y}}"}\n',
    });
    expect(plain?.template.render({})).toMatchObject({ documents: [{ tree: { data: { x: '{{y}}' } } }] });
  });

  test('rolls one at a time, in order, unless it says otherwise', () => {
    expect(manifest('forEach: "[1]", rolling: {}').rolling).toEqual({ max: 1, order: 'Ordered' });
  });

  test.each([
    ['Own', { kind: 'Own' }],
    ['[a, b]', { kind: 'List', names: ['a', 'b'] }],
    ['{labels: {team: x}}', { kind: 'Labels', labels: { team: 'x' } }],
    ['Any', { kind: 'Any' }],
  ])('namespaces: %s', (text, rule) => {
    expect(manifest(`namespaces: ${text}`).namespaces).toEqual(rule);
  });

  test('takes a boolean of YAML as an expression', async () => {
    expect(await manifest('when: false').when?.evaluate({})).toEqual({ kind: 'value', value: false });
  });
});

describe('files', () => {
  test('a missing one is named, with the one that was meant', () => {
    expect(refused('[deploymnt.yaml.hbs]', 'FileMissing')).toMatchObject({
      file: 'watches.yaml',
      line: 4,
      column: 15,
      hint: 'did you mean deployment.yaml.hbs?',
    });
  });

  test.each(['crd.yaml', 'sample.yaml', 'x.case.yaml', 'README.md', 'watches.yaml'])(
    '%s is no manifest',
    (file) => {
      expect(
        refused(`[${file}]`, 'BadFileName', file === 'watches.yaml' ? {} : { [file]: '' }).message,
      ).toContain(file);
    },
  );

  test('a sample of nearly a kind of the playbook, or of another version, is a slip; other objects are none', () => {
    const said = (apiVersion: string, kind: string) =>
      problemsOf(
        memcachedWith('  vars: {}\n', { 'sample.yaml': `apiVersion: ${apiVersion}\nkind: ${kind}\n` }),
      )
        .filter(({ file }) => file === 'sample.yaml')
        .map(({ line, code, hint }) => `${line} ${code}: ${hint}`);
    expect(said('cache.example.com/v1', 'Memcache')).toEqual(['2 KindUnserved: did you mean Memcached?']);
    expect(said('cache.example.com/v2', 'Memcached')).toEqual(['1 KindUnserved: there is v1']);
    expect(said('v1', 'Secret')).toEqual([]);
    expect(said('cache.example.com/v1', 'Other')).toEqual([]);
  });

  test('an unused one is a warning; sample, cases and README are no manifests', () => {
    const extra = { 'old.yaml.hbs': SERVICE, 'sample.yaml': 'a: b', 'x.case.yaml': 'a: b', 'README.md': '' };
    expect(briefly({ ...MEMCACHED, ...extra })).toEqual(['old.yaml.hbs:1:1 UnusedFile']);
  });

  test('problems of a template come with its own place', () => {
    const files = { ...MEMCACHED, 'service.yaml.hbs': `${SERVICE}  x: {{#if spec.size}}\n` };
    expect(problemsOf(files).map(({ file }) => file)).toContain('service.yaml.hbs');
  });

  test('a name that is no id asks for one', () => {
    const files = { '1.2.yaml.hbs': SERVICE };
    expect(refused('[1.2.yaml.hbs]', 'BadName', files).hint).toContain('give the entry an id');
    expect(manifests('[{file: 1.2.yaml.hbs, id: svc}]', files)[0]?.id).toBe('svc');
  });

  test('no id can reach a prototype', () => {
    refused('[{file: deployment.yaml.hbs, id: __proto__}]', 'BadName');
    refused('[__proto__.yaml.hbs]', 'BadName', Object.fromEntries([['__proto__.yaml.hbs', SERVICE]]));
    expect(manifests('[{file: deployment.yaml.hbs, id: constructor}]')[0]?.id).toBe('constructor');
  });

  test('two entries with one id are refused', () => {
    expect(refused('[deployment.yaml.hbs, deployment.yaml.hbs]', 'DuplicateId').message).toContain(
      'deployment',
    );
  });

  test('one file may serve two entries', () => {
    const ids = manifests('[deployment.yaml.hbs, {file: deployment.yaml.hbs, id: second}]').map(
      ({ id }) => id,
    );
    expect(ids).toEqual(['deployment', 'second']);
  });

  test('randomString is for CreateOnly alone', () => {
    const files = {
      'secret.yaml.hbs':
        'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {p: "{{randomString 8}}"}\n',
    };
    expect(manifests('[{file: secret.yaml.hbs, policy: CreateOnly}]', files)).toHaveLength(1);
    expect(problemsOf(memcachedWith('  manifests: [secret.yaml.hbs]\n', files))[0]?.file).toBe(
      'secret.yaml.hbs',
    );
  });
});

describe('several documents in one file', () => {
  const files = { 'app.yaml.hbs': APP };

  test('become children named by their kinds', () => {
    const found = manifests('[app.yaml.hbs]', files).map(({ id, document }) => [id, document]);
    expect(found).toEqual([
      ['app.service', 1],
      ['app.deployment', 0],
    ]);
  });

  test('are read as children.STEM.KIND', () => {
    const nouns =
      '  manifests: [app.yaml.hbs]\n  health: {Ready: children.app.deployment.status.readyReplicas = 1}\n';
    expect(briefly(memcachedWith(nouns, files))).toEqual([]);
  });

  test('must be named one by one', () => {
    const problem = theProblem(
      memcachedWith('  manifests: [app.yaml.hbs]\n  health: {Ready: $ready(children.app)}\n', files),
      'UnknownChild',
    );
    expect(problem.hint).toBe('there are children.app.deployment, children.app.service');
  });

  test('are all meant by after, or one of them', () => {
    const waitsFor = (id: string) =>
      manifests(`[app.yaml.hbs, {file: config.yaml.hbs, after: ${id}}]`, {
        ...files,
        'config.yaml.hbs': CONFIG,
      }).find(({ id: name }) => name === 'config')?.after;
    expect(waitsFor('app')).toEqual(['app.deployment', 'app.service']);
    expect(waitsFor('[app.service]')).toEqual(['app.service']);
  });

  test('of one kind are refused', () => {
    const problem = refused('[app.yaml.hbs]', 'DuplicateId', { 'app.yaml.hbs': `${SERVICE}---\n${SERVICE}` });
    expect(problem).toMatchObject({ file: 'app.yaml.hbs', hint: 'put one of them into a file of its own' });
  });

  test('cannot wait for each other, for a file is rendered as a whole', () => {
    const both = `${SERVICE}---\n${CONFIG}  ip: {{children.app.service.spec.clusterIP}}\n`.replace(
      'data: {size: "{{spec.size}}"}',
      'data:',
    );
    expect(refused('[app.yaml.hbs]', 'ManifestCycle', { 'app.yaml.hbs': both }).message).toContain(
      'app.service',
    );
  });
});

describe('the order', () => {
  const reading = (text: string) => CONFIG.replace('{{spec.size}}', `{{${text}}}`);
  const order = (list: string, files: Files) => manifests(list, files).map(({ id, rank }) => `${rank} ${id}`);

  test('follows an unguarded reference of a template', () => {
    const files = { 'config.yaml.hbs': reading('children.deployment.status.replicas') };
    const [deployment, config] = manifests('[config.yaml.hbs, deployment.yaml.hbs]', files);
    expect([deployment?.id, config?.id, config?.needs]).toEqual(['deployment', 'config', ['deployment']]);
  });

  test('follows rendered.ID and the namespace too', () => {
    const files = {
      'config.yaml.hbs': reading('sha256 (json rendered.deployment.spec)'),
      'service.yaml.hbs': SERVICE,
    };
    expect(order('[config.yaml.hbs, deployment.yaml.hbs]', files)).toEqual(['0 deployment', '1 config']);
    const list =
      '[{file: service.yaml.hbs, namespace: "{{children.deployment.metadata.name}}", namespaces: Any}, deployment.yaml.hbs]';
    expect(order(list, files)).toEqual(['0 deployment', '1 service']);
  });

  test('does not follow guarded references and expressions', () => {
    const files = { 'config.yaml.hbs': reading('default children.deployment.status.replicas 0') };
    const list =
      '[deployment.yaml.hbs, {file: config.yaml.hbs, when: children.deployment.spec.replicas > 0}]';
    expect(order(list, files)).toEqual(['0 config', '1 deployment']);
  });

  test('follows after', () => {
    const list = '[{file: service.yaml.hbs, after: [deployment]}, deployment.yaml.hbs]';
    expect(order(list, { 'service.yaml.hbs': SERVICE })).toEqual(['0 deployment', '1 service']);
  });

  test('is the usual one of kinds, and the file’s for one kind, in one rank', () => {
    const files = { 'a.yaml.hbs': CONFIG, 'b.yaml.hbs': CONFIG, 'ns.yaml.hbs': NAMESPACE };
    expect(order('[deployment.yaml.hbs, b.yaml.hbs, a.yaml.hbs, ns.yaml.hbs]', files)).toEqual([
      '0 ns',
      '1 b',
      '1 a',
      '2 deployment',
    ]);
  });

  test('refuses cycles by reference and after', () => {
    const files = { 'config.yaml.hbs': reading('children.deployment.status.replicas') };
    const problem = refused(
      '[config.yaml.hbs, {file: deployment.yaml.hbs, after: config}]',
      'ManifestCycle',
      files,
    );
    expect(problem.message).toBe('these manifests wait for each other: config → deployment → config');
    expect(refused('[{file: deployment.yaml.hbs, after: deployment}]', 'ManifestCycle').message).toBe(
      'deployment waits for itself',
    );
  });

  test('refuses an unknown id in after', () => {
    expect(refused('[{file: deployment.yaml.hbs, after: [deploymnt]}]', 'UnknownChild').hint).toBe(
      'did you mean deployment?',
    );
  });
});

describe('keys that do not go together', () => {
  test.each([
    ['rolling: {max: 1}', 'rolling'],
    ['key: item', 'key'],
    ['policy: CreateOnly, force: true', 'force'],
    ['policy: CreateOnly, ignoreFields: [spec.replicas]', 'ignoreFields'],
    ['policy: CreateOnly, onImmutable: Recreate', 'onImmutable'],
    ['policy: Patch, onImmutable: Recreate', 'onImmutable'],
    ['policy: Patch, prune: Keep', 'prune'],
    ['policy: Patch, onDelete: Orphan', 'onDelete'],
  ])('%s', (keys, key) => {
    expect(refused(`[{file: deployment.yaml.hbs, ${keys}}]`, 'BadCombination').message).toContain(key);
  });

  test.each([
    ['Own', '"{{spec.image}}"'],
    ['Own', 'monitoring'],
    ['[other]', 'monitoring'],
  ])('namespaces: %s with namespace: %s', (rule, namespace) => {
    refused(
      `[{file: deployment.yaml.hbs, namespaces: ${rule}, namespace: ${namespace}}]`,
      'NamespaceNotAllowed',
    );
  });

  test('a namespace is allowed where the watch makes namespaces, or it is the resource’s own', () => {
    const files = { 'ns.yaml.hbs': NAMESPACE, 'deployment.yaml.hbs': DEPLOYMENT };
    const nouns = (first: string, namespace: string) =>
      `  manifests: [${first}{file: deployment.yaml.hbs, namespace: "${namespace}"}]\n`;
    expect(briefly(memcachedWith(nouns('ns.yaml.hbs, ', '{{metadata.name}}'), files))).toEqual([]);
    expect(
      briefly(memcachedWith(nouns('', '{{metadata.namespace}}'), { 'deployment.yaml.hbs': DEPLOYMENT })),
    ).toEqual([]);
  });
});

describe('ignored fields', () => {
  test.each(['"spec.containers[0].image"', 'metadata.name', 'kind', '"spec..x"'])('%s is refused', (path) => {
    refused(`[{file: deployment.yaml.hbs, ignoreFields: [${path}]}]`, 'BadIgnoredField');
  });

  test('must be in the schema of the kind', () => {
    const problem = refused('[{file: deployment.yaml.hbs, ignoreFields: [spec.replica]}]', 'UnknownPath');
    expect(problem).toMatchObject({ hint: 'did you mean spec.replicas?', line: 4 });
  });
});
