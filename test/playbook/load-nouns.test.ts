import { describe, expect, test } from 'vitest';
import { collectReads } from '../../engine/playbook/reads.ts';
import {
  briefly,
  CONFIG,
  CRD,
  DEPLOYMENT,
  type Files,
  firstWatch,
  load,
  loaded,
  MEMCACHED,
  memcachedWith,
  problemsOf,
  SERVICE,
  theProblem,
} from './load-builder.ts';

const DEPLOYED = { 'deployment.yaml.hbs': DEPLOYMENT };

/** The problems of a watch with a Deployment and these nouns. */
function said(nouns: string, files: Files = DEPLOYED): readonly string[] {
  return problemsOf(memcachedWith(`  manifests: [deployment.yaml.hbs]\n${nouns}`, files)).map(
    ({ code, message, hint }) => `${code}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
  );
}

describe('vars', () => {
  test('are put into the order in which they need each other', () => {
    const { vars } = firstWatch(
      memcachedWith('  vars:\n    c: vars.b + 1\n    b: vars.a + 1\n    a: spec.size\n    port: 11211\n'),
    );
    expect(vars.map(({ name }) => name)).toEqual(['a', 'port', 'b', 'c']);
  });

  test('may not need each other in a circle', () => {
    const problem = theProblem(memcachedWith('  vars:\n    a: vars.b\n    b: vars.a\n'), 'VarsCycle');
    expect(problem).toMatchObject({ line: 5, column: 5, message: 'these vars need each other: a → b → a' });
  });

  test('must be declared', () => {
    expect(said('  vars: {size: spec.size}\n  health: {Ready: vars.sise = 1}\n')).toEqual([
      'UnknownVar: there is no var sise (did you mean vars.size?)',
    ]);
  });

  test('come before the manifests are rendered', () => {
    expect(said('  vars: {x: rendered.deployment.spec.replicas}\n')[0]).toContain('RootNotHere');
  });
});

describe('observe', () => {
  const observe = (text: string) => firstWatch(memcachedWith(`  observe: ${text}\n`)).observe;

  test('finds one object by name, or a list by selector, or all of a kind', () => {
    const [config, pods, all] = observe(
      '{config: {apiVersion: v1, kind: ConfigMap, name: "{{spec.image}}", namespace: shared}, ' +
        'pods: {group: "", version: v1, kind: Pod, selector: {matchLabels: {app: "{{metadata.name}}"}}}, ' +
        'namespaces: {apiVersion: v1, kind: Namespace, allNamespaces: true}}',
    );
    expect(config).toMatchObject({
      name: 'config',
      target: { by: 'name', objectName: { source: '{{spec.image}}' } },
      namespace: { source: 'shared' },
      allNamespaces: false,
    });
    expect(pods).toMatchObject({
      gvk: { group: '', kind: 'Pod' },
      target: { by: 'selector', labels: { app: { source: '{{metadata.name}}' } } },
    });
    expect(all).toMatchObject({ target: { by: 'selector', labels: {} }, allNamespaces: true });
  });

  test.each([
    ['{kind: Pod}', 'BadKind'],
    ['{apiVersion: v1, version: v1, kind: Pod}', 'BadKind'],
    ['{apiVersion: v1, kind: Pod, name: a, selector: {matchLabels: {}}}', 'BadObservation'],
    ['{apiVersion: v1, kind: Pod, namespace: a, allNamespaces: true}', 'BadObservation'],
    // Nothing would ever be found by it.
    ['{apiVersion: v1, kind: Pod, name: "{{children.deployment.metadata.name}}"}', 'BadObservation'],
  ])('%s is refused', (text, code) => {
    theProblem(memcachedWith(`  observe: {x: ${text}}\n`), code);
  });

  test('its paths are checked like those of children', () => {
    const pods = '  observe: {pods: {apiVersion: v1, kind: Pod}}\n';
    expect(
      said(
        `${pods}  vars: {x: observe.pods.status.phase, y: 'observe.pod[0].status.phase', z: observe.pods.status.phaes}\n`,
      ),
    ).toEqual([
      'UnknownObserved: nothing is observed as pod (did you mean observe.pods?)',
      "UnknownPath: observe.pods.status.phaes is not in Pod's schema (did you mean observe.pods.status.phase?)",
    ]);
  });
});

describe('health', () => {
  test('warns of a condition that differs from one of kstatus by its capitals alone', () => {
    const found = problemsOf(memcachedWith('  health: {ready: spec.size > 0, Up: spec.size > 1}\n'));
    expect(found.map(({ code, message, hint }) => [code, message, hint])).toEqual([
      ['BadConditionType', 'ready is another condition than Ready', 'write Ready'],
    ]);
  });

  test('may say why not', () => {
    const { health } = firstWatch(
      memcachedWith(
        '  health: {Available: {when: spec.size > 0, reason: NoReplica, message: "{{metadata.name}} is down"}}\n',
      ),
    );
    expect(health).toMatchObject([
      { type: 'Available', reason: 'NoReplica', message: { source: '{{metadata.name}} is down' } },
    ]);
  });

  test.each([
    ['{Reconciling: "true"}', 'ReservedCondition'],
    ['{"is ready": "true"}', 'BadConditionType'],
    ['{Ready: {when: "true", reason: not pascal}}', 'BadValue'],
    ['{Ready: {reason: X}}', 'MissingKey'],
    ['{Ready: {when: "true", raeson: X}}', 'UnknownKey'],
  ])('%s is refused', (text, code) => {
    theProblem(memcachedWith(`  health: ${text}\n`), code);
  });
});

describe('status', () => {
  test('holds a value, or projects one', () => {
    const { status } = firstWatch(
      memcachedWith('  status: {ready: {initial: spec.size}, endpoint: metadata.name & ".svc"}\n'),
    );
    expect(status).toMatchObject([
      { kind: 'held', name: 'ready', initial: { source: 'spec.size' } },
      { kind: 'projection', name: 'endpoint' },
    ]);
  });

  test('must be in the schema', () => {
    const problem = theProblem(memcachedWith('  status: {endpiont: "1"}\n'), 'StatusFieldMissing');
    expect(problem).toMatchObject({ line: 4, column: 12, hint: 'did you mean status.endpoint?' });
  });

  test.each(['spec.size', '"1"', 'metadata.name = "x" ? 1 : 2', 'spec.size & ""'])(
    'endpoint: %s',
    (source) => {
      const wrong = ['spec.size'].includes(source);
      const yaml = JSON.stringify(source);
      const codes = problemsOf(memcachedWith(`  status: {endpoint: ${yaml}}\n`)).map(({ code }) => code);
      expect(codes).toEqual(wrong ? ['StatusFieldType'] : source === '"1"' ? [] : codes);
    },
  );

  test('of a child is compared by type as well', () => {
    expect(said('  status: {endpoint: children.deployment.status.readyReplicas}\n')[0]).toContain(
      'StatusFieldType',
    );
    expect(said('  status: {ready: children.deployment.status.readyReplicas}\n')).toEqual([]);
  });

  test('initial comes before vars and manifests', () => {
    expect(said('  vars: {a: "1"}\n  status: {ready: {initial: vars.a}}\n')[0]).toContain(
      'RootNotHere: initial is evaluated before vars',
    );
    expect(said('  status: {ready: {initial: children.deployment.spec.replicas}}\n')).toEqual([]);
  });

  test.each(['conditions', 'observedGeneration'])('%s belongs to the engine', (name) => {
    theProblem(memcachedWith(`  status: {${name}: "1"}\n`), 'ReservedStatusField');
  });

  test('needs the status subresource', () => {
    const files = { ...MEMCACHED, 'crd.yaml': CRD.replace('    subresources: {status: {}}\n', '') };
    expect(theProblem(files, 'StatusSubresourceMissing').hint).toContain('subresources: {status: {}}');
  });

  test('needs the fields that the engine writes', () => {
    const crd = CRD.replace('              observedGeneration: {type: integer}\n', '').replace(
      '                    reason: {type: string}\n',
      '',
    );
    expect(theProblem({ ...MEMCACHED, 'crd.yaml': crd }, 'StatusFieldMissing').message).toBe(
      'the engine writes status.observedGeneration, status.conditions[].reason, which the schema of Memcached v1 lacks',
    );
  });
});

describe('paths', () => {
  test('of templates are checked with file, line and column', () => {
    const files = { ...MEMCACHED, 'deployment.yaml.hbs': DEPLOYMENT.replace('spec.size', 'spec.sise') };
    expect(theProblem(files, 'UnknownPath')).toMatchObject({
      file: 'deployment.yaml.hbs',
      line: 6,
      message: "spec.sise is not in Memcached's schema",
      hint: 'did you mean spec.size?',
    });
  });

  test.each([
    ['object.spec.sise', 'did you mean object.spec.size?'],
    ['spec.size.max', undefined],
    ['metadata.nmae', 'did you mean metadata.name?'],
    ['status.endpiont', 'did you mean status.endpoint?'],
    ['children.deploymnt.spec', 'did you mean children.deployment?'],
    ['children.deployment.spec.replica', 'did you mean children.deployment.spec.replicas?'],
  ])('%s is refused', (path, hint) => {
    const problems = problemsOf(
      memcachedWith(`  manifests: [deployment.yaml.hbs]\n  health: {Ready: '${path} = 1'}\n`, DEPLOYED),
    );
    expect(problems.map((each) => each.hint)).toEqual([hint]);
  });

  test.each([
    'spec.options.any.thing',
    'metadata.labels.app',
    'metadata.annotations',
    'spec.names',
    'children',
    'spec',
  ])('%s passes', (path) => {
    expect(said(`  vars: {x: ${path}}\n`)).toEqual([]);
  });

  test('guarded ones are checked as well', () => {
    const files = { 'deployment.yaml.hbs': DEPLOYMENT.replace('spec.size', 'default spec.sise 1') };
    expect(said('', files)[0]).toContain('did you mean spec.size?');
  });

  test('of a forEach go through its list: by item in JSONata, by position in a template', () => {
    const nouns = (list: string) =>
      `  manifests: [{file: deployment.yaml.hbs, forEach: spec.names}, config.yaml.hbs]\n${list}`;
    const reading = (path: string) => ({
      ...DEPLOYED,
      'config.yaml.hbs': CONFIG.replace('{{spec.size}}', `{{${path}}}`),
    });
    expect(
      briefly(memcachedWith(nouns('  vars: {x: children.deployment.spec.replicas}\n'), reading('spec.size'))),
    ).toEqual([]);
    expect(briefly(memcachedWith(nouns(''), reading('children.deployment.[0].spec.replicas')))).toEqual([]);
    const problem = theProblem(
      memcachedWith(nouns(''), reading('children.deployment.spec.replicas')),
      'UnknownPath',
    );
    expect(problem.message).toBe('children.deployment is a list; spec stands in its items');
  });

  test.each(['item', 'index', 'self.status', 'run.outputs', 'old.spec', 'operation', 'result.exit'])(
    '%s has no value in health',
    (path) => {
      expect(said(`  health: {Ready: ${path} = 1}\n`)[0]).toContain('RootNotHere');
    },
  );

  test('item and index stand in a manifest with forEach, self in ready', () => {
    const nouns =
      "  manifests: [{file: deployment.yaml.hbs, forEach: spec.names, when: item != 'x' and index < 3, ready: self.status.replicas = 1}]\n";
    expect(
      briefly(
        memcachedWith(nouns, {
          'deployment.yaml.hbs': DEPLOYMENT.replace('{{metadata.name}}', '{{item}}-{{index}}'),
        }),
      ),
    ).toEqual([]);
    expect(
      said('', { 'deployment.yaml.hbs': DEPLOYMENT.replace('{{metadata.name}}', '{{item}}') })[0],
    ).toContain('add forEach');
  });

  test('of a list that the schema knows warn where a single value is wanted', () => {
    expect(said('  health: {Ready: $exists(spec.names)}\n')[0]).toContain('ExistsOfList');
    expect(said('  health: {Ready: $exists(spec.size)}\n')).toEqual([]);
  });

  test('that can not be judged say so', () => {
    const result = load(MEMCACHED, () => undefined);
    expect(result.kind === 'loaded' && result.warnings.map(({ code, message }) => [code, message])).toEqual([
      [
        'PathsNotChecked',
        'paths of apps/v1/Deployment, v1/Service were not checked: their schemas are not known here',
      ],
    ]);
  });
});

describe('crd.yaml', () => {
  test('may hold several definitions', () => {
    const second = CRD.replaceAll('memcached', 'proxie').replaceAll('Memcached', 'Proxy');
    const files = { ...MEMCACHED, 'crd.yaml': `${CRD}---\n${second}` };
    expect(loaded(files).crds.map(({ metadata }) => metadata.name)).toEqual([
      'memcacheds.cache.example.com',
      'proxies.cache.example.com',
    ]);
    expect(briefly(files)).toEqual([
      'crd.yaml:30:1 KindNotWatched'.replace('30', String(CRD.split('\n').length + 1)),
    ]);
  });

  test.each([
    ['another kind', 'apiVersion: v1\nkind: ConfigMap\n'],
    ['no names', CRD.replace('  names: {kind: Memcached, plural: memcacheds}\n', '')],
    ['no versions', CRD.slice(0, CRD.indexOf('  versions:'))],
    ['no schema', CRD.replace('openAPIV3Schema', 'schema')],
    ['a wrong name', CRD.replace('name: memcacheds.cache', 'name: memcached.cache')],
    [
      'a short name that Kubernetes refuses',
      CRD.replace('plural: memcacheds}', 'plural: memcacheds, shortNames: [MC]}'),
    ],
    ['a group of Kubernetes itself', CRD.replaceAll('cache.example.com', 'cache.k8s.io')],
    ['one kind twice', `${CRD}---\n${CRD}`],
  ])('is refused with %s', (_, crd) => {
    const codes = problemsOf({ ...MEMCACHED, 'crd.yaml': crd }).map(({ code }) => code);
    expect(codes).toContain('BadCrd');
  });

  test('must serve the watched version', () => {
    const files = {
      ...MEMCACHED,
      'watches.yaml': (MEMCACHED['watches.yaml'] ?? '').replace('version: v1', 'version: v2'),
    };
    expect(theProblem(files, 'VersionNotServed')).toMatchObject({ line: 3, column: 12 });
    expect(
      theProblem(
        { ...MEMCACHED, 'crd.yaml': CRD.replace('served: true', 'served: false') },
        'VersionNotServed',
      ).code,
    ).toBe('VersionNotServed');
  });
});

describe('who writes the status', () => {
  const watch = (nouns: string, group = 'cache.example.com', kind = 'Memcached') =>
    `- {group: "${group}", version: v1, kind: ${kind}, ${nouns}}\n`;
  const owners = (...watches: readonly string[]) =>
    loaded({ 'crd.yaml': CRD, 'watches.yaml': watches.join('') }).watches.map(({ ownsStatus }) => ownsStatus);

  test('the watch with health or status, else the first of an own kind', () => {
    expect(owners(watch('vars: {a: "1"}'), watch('health: {Ready: "true"}'))).toEqual([false, true]);
    expect(owners(watch('vars: {a: "1"}'), watch('vars: {b: "1"}'))).toEqual([true, false]);
  });

  test('nobody that of a kind of someone else, unless a noun says so', () => {
    expect(owners(watch('vars: {a: "1"}'), watch('vars: {a: "1"}', 'apps', 'Deployment'))).toEqual([
      true,
      false,
    ]);
  });

  test('not two watches of one kind', () => {
    const files = {
      'crd.yaml': CRD,
      'watches.yaml': watch('status: {ready: "1"}') + watch('health: {Ready: "true"}'),
    };
    expect(theProblem(files, 'StatusWrittenTwice')).toMatchObject({
      line: 2,
      hint: 'keep the nouns health and status in one watch of the kind',
    });
  });

  test('watches that only decorate must differ in their selectors', () => {
    const pod = (selector: string) => watch(`${selector}vars: {a: "1"}`, '', 'Pod');
    const files = (...watches: readonly string[]) => ({ 'watches.yaml': watches.join('') });
    expect(theProblem(files(pod(''), pod('')), 'WatchRepeated').line).toBe(2);
    expect(briefly(files(pod(''), pod('selector: {matchLabels: {a: b}}, ')))).toEqual([]);
  });

  test('children of foreign kinds are removed when the selector no longer matches, of own kinds they stay', () => {
    const selector = 'selector: {matchLabels: {a: b}}, vars: {a: "1"}';
    const files = {
      'crd.yaml': CRD,
      'watches.yaml': watch(selector) + watch(selector, '', 'Pod') + watch(`${selector}, unselected: Remove`),
    };
    const { watches } = loaded(files);
    expect(watches.map(({ unselected }) => unselected)).toEqual(['Leave', 'Remove', 'Remove']);
    expect(watches[0]?.selector).toEqual({ matchLabels: { a: 'b' } });
    theProblem(memcachedWith('  unselected: Leave\n  vars: {a: "1"}\n'), 'BadCombination');
  });
});

describe('what is read', () => {
  const CONFIGURED = { 'config.yaml.hbs': CONFIG, 'service.yaml.hbs': SERVICE };
  const reads = (nouns: string) =>
    Object.fromEntries(
      collectReads(loaded(memcachedWith(nouns, CONFIGURED))).map(({ gvk, read }) => [gvk.kind, read]),
    );

  test('is metadata alone of kinds that are ready at once', () => {
    expect(reads('  manifests: [config.yaml.hbs, service.yaml.hbs]\n')).toEqual({
      Memcached: 'full',
      ConfigMap: 'metadata',
      Service: 'full',
    });
  });

  test.each([
    ['children.config.data.size', 'full'],
    ['$exists(children.config)', 'full'],
    ['children.config.metadata.labels', 'metadata'],
    ['rendered.config.data.size', 'metadata'],
    ['spec.size', 'metadata'],
  ])('is by %s: %s', (source, read) => {
    expect(
      reads(`  manifests: [config.yaml.hbs, service.yaml.hbs]\n  health: {Ready: ${source} = 1}\n`).ConfigMap,
    ).toBe(read);
  });

  test('is all of an observed kind of which more than metadata is read', () => {
    const observe = '  observe: {a: {apiVersion: v1, kind: Secret}, b: {apiVersion: v1, kind: ConfigMap}}\n';
    expect(
      reads(`${observe}  vars: {x: $count(observe.a.metadata.name), y: $count(observe.b)}\n`),
    ).toMatchObject({ Secret: 'metadata', ConfigMap: 'full' });
  });
});
