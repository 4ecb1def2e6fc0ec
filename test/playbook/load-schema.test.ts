import { describe, expect, it, test } from 'vitest';
import type { JsonObject } from '../../engine/kube/object.ts';
import { getPath } from '../../engine/kube/value.ts';
import { type Files, loaded, problemsOf } from './load-builder.ts';

const CONFIG = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{{metadata.name}}"}\n';

function box(schema: string, nouns = '  manifests: [c.yaml.hbs]\n', config = CONFIG): Files {
  const head = '- group: example.com\n  version: v1\n  kind: Box\n';
  return { 'watches.yaml': `${head}  schema: ${schema}\n${nouns}`, 'c.yaml.hbs': config };
}

function said(files: Files): readonly string[] {
  return problemsOf(files).map(({ line, column, code, message }) => `${line}:${column} ${code}: ${message}`);
}

function specOf(schema: string): unknown {
  return getPath(versionOf(box(`{spec: ${schema}}`)), ['schema', 'openAPIV3Schema', 'properties', 'spec']);
}

function versionOf(files: Files): unknown {
  const [crd] = loaded(files).crds;
  return getPath(crd?.spec, ['versions', '0']) ?? Object(getPath(crd?.spec, ['versions']))[0];
}

function ruled(rule: string): Files {
  const mail = 'mail: {fields: {server: string}}, hosts: [string], labels: {values: string}, free: object';
  const spec = `{size: integer, mode: string, my-name: string, ${mail}}`;
  return box(`{spec: ${spec}, rules: [{rule: ${JSON.stringify(rule)}, message: wrong}]}`);
}

describe('a short schema', () => {
  test.each([
    ['{type: integer, default: 20, max: 9}', 'the default 20 is beyond maximum 9'],
    ['{type: string, default: b, pattern: ^a}', 'the default b does not match ^a'],
    ['{type: string, pattern: "["}', 'missing closing ]'],
    ['{type: integer, min: 3, max: 2}', 'minimum 3 is greater than maximum 2'],
    ['{items: {fields: {name: string}}, key: id}', 'items have no id'],
  ])('is refused where its limits contradict each other: %s', (field, message) => {
    expect(said(box(`{spec: {x: ${field}}}`))).toEqual([expect.stringContaining(message)]);
  });

  it('is refused where Kubernetes refuses its names', () => {
    const kind = 'A'.repeat(63);
    const long = box('{spec: {size: integer}}')['watches.yaml']?.replace('Box', kind) ?? '';
    const [plural, ...rest] = said({ ...box('{}'), 'watches.yaml': long });
    expect(plural).toMatch(/^3:9 BadSchema: plural "a+s" is refused by Kubernetes: at most 63/);
    expect(rest).toEqual([expect.stringMatching(/^3:9 BadSchema: listKind/)]);
    const protectedGroup = box('{spec: {size: integer}}')['watches.yaml']?.replace('example.com', 'x.k8s.io');
    expect(said({ ...box('{}'), 'watches.yaml': protectedGroup ?? '' })).toEqual([
      "1:10 BadSchema: the group x.k8s.io is Kubernetes' own, which takes no definitions of others",
    ]);
  });

  test.each([
    ['self.sise > 1', 'UnknownPath: self.sise is not'],
    ['self.spec.size > 1', 'UnknownPath: self.spec is not'],
    ["self.mail.sever != ''", 'UnknownPath: self.mail.sever is not'],
    ['oldSelf.size == self.siz', 'UnknownPath: self.siz is not'],
    ['self.size >', 'BadSchema: no valid CEL: nothing follows >'],
    ['(self.size > 1', 'BadSchema: no valid CEL: a ) is missing'],
    ["self.mode == 'fast", 'BadSchema: no valid CEL: a quote is not closed'],
    ['self.size = 1', 'BadSchema: no valid CEL: equality is =='],
  ])('is refused for a rule that can’t be right: %s', (rule, message) => {
    expect(said(ruled(rule))).toEqual([expect.stringContaining(message)]);
  });

  test.each([
    "self.size < 5 || self.mode == 'self.sise ('",
    "has(self.mail) && self.mail.server.startsWith('a') && size(self.hosts) >= 1",
    'self.hosts.all(h, h.contains(".") && h != self.mode) && self.hosts.exists(x, x == self.hosts[0])',
    'self.labels.foo == "a" && self.labels.all(k, k.matches("^[a-z\\"]+$")) && self.free.any.thing == 1',
    '!has(oldSelf.size) || self.size != oldSelf.size ? true : self.size <= {"a": 1}["a"]',
    'self.mail.?server.orValue("x") != "" && self.my__dash__name == "a"',
    "self.mode.matches(r'\\d') // it's fine",
  ])('takes a rule that may be right: %s', (rule) => {
    expect(said(ruled(rule))).toEqual([]);
  });

  it('is refused where a column or scale reads a field that is not there', () => {
    const columns = (path: string) => said(box(`{spec: {size: integer}, columns: {Size: ${path}}}`));
    expect(columns('spec.sise')).toEqual(["4:51 UnknownPath: spec.sise is not in Box's schema"]);
    for (const path of ['.spec.size', 'status.conditions', 'metadata.labels.a', '".spec.list[0].x"'])
      expect(columns(path)).toEqual([]);
    const scale = '{spec: {size: integer}, scale: {replicas: spec.replicas, readyReplicas: status.ready}}';
    expect(said(box(scale))).toEqual([
      expect.stringContaining('UnknownPath: spec.replicas is not'),
      expect.stringContaining('UnknownPath: status.ready is not'),
    ]);
  });

  it('hints at its own words for those of other languages', () => {
    const hints = (schema: string) => problemsOf(box(schema)).map(({ hint }) => hint);
    expect(hints('{spec: {a: {type: string, maxLength: 3}}}')).toEqual(['write max']);
    expect(hints('{spec: {a: {type: int}}}')).toEqual(['write integer']);
    expect(hints('{spec: {a: {type: array}}}')).toEqual(['write [TYPE], or items: TYPE']);
  });

  it('makes a definition with status, conditions and columns', () => {
    const [crd] = loaded(box('{spec: {size: integer}, columns: {Size: spec.size}, shortNames: [bx]}')).crds;
    expect(crd).toMatchObject({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'boxes.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { kind: 'Box', listKind: 'BoxList', plural: 'boxes', singular: 'box', shortNames: ['bx'] },
      },
    });
    expect(versionOf(box('{spec: {size: integer}, columns: {Size: spec.size}}'))).toMatchObject({
      name: 'v1',
      served: true,
      storage: true,
      subresources: { status: {} },
      additionalPrinterColumns: [
        { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
        { name: 'Ready' },
        { name: 'Status' },
        { name: 'Age' },
      ],
    });
  });

  it('says fields by their type, in lists and maps, nested, with limits and defaults', () => {
    expect(
      specOf(
        '{a: integer, b: [string], c: {values: boolean}, d: {fields: {e: {type: string, min: 1, max: 9, pattern: "^x"}}}, f: {type: integer, default: 3, min: 1, enum: [3, 4], description: f}}',
      ),
    ).toEqual({
      type: 'object',
      default: {},
      properties: {
        a: { type: 'integer', format: 'int64' },
        b: { type: 'array', items: { type: 'string' } },
        c: { type: 'object', additionalProperties: { type: 'boolean' } },
        d: {
          type: 'object',
          properties: { e: { type: 'string', minLength: 1, maxLength: 9, pattern: '^x' } },
        },
        f: { description: 'f', type: 'integer', format: 'int64', minimum: 1, enum: [3, 4], default: 3 },
      },
    });
  });

  it('wants the spec where a field of it is required', () => {
    const root = getPath(versionOf(box('{spec: {a: {type: string, required: true}}}')), [
      'schema',
      'openAPIV3Schema',
    ]);
    expect(root).toMatchObject({ required: ['spec'], properties: { spec: { required: ['a'] } } });
    expect(Object(getPath(root, ['properties', 'spec']))).not.toHaveProperty('default');
  });

  it('keeps an immutable field by a rule on the object around it', () => {
    expect(specOf('{"size-mb": {type: integer, immutable: true}}')).toMatchObject({
      'x-kubernetes-validations': [
        {
          rule: '!has(oldSelf.size__dash__mb) || (has(self.size__dash__mb) && self.size__dash__mb == oldSelf.size__dash__mb)',
          message: "size-mb can't be changed once it is set",
          fieldPath: '.size-mb',
        },
      ],
    });
  });

  it('lets status fields that the watch writes be anything, unless it describes them', () => {
    const nouns = '  status: {endpoint: metadata.name, size: spec.size}\n';
    const status = getPath(versionOf(box('{spec: {size: integer}, status: {endpoint: string}}', nouns)), [
      'schema',
      'openAPIV3Schema',
      'properties',
      'status',
      'properties',
    ]) as JsonObject; // as: a map of schemas
    expect(status).toMatchObject({
      endpoint: { type: 'string' },
      size: { 'x-kubernetes-preserve-unknown-fields': true },
      observedGeneration: { type: 'integer' },
    });
    expect(Object.keys(status)).toContain('conditions');
  });

  it('is what paths are checked against', () => {
    const files = box('{spec: {size: integer}}', undefined, `${CONFIG}data: {size: "{{spec.sise}}"}\n`);
    expect(said(files)).toEqual(["4:17 UnknownPath: spec.sise is not in Box's schema"]);
  });

  it('of several versions makes one definition, the first of them stored', () => {
    const watch = (version: string) =>
      `- group: example.com\n  version: ${version}\n  kind: Box\n  selector: {matchLabels: {v: ${version}}}\n  schema: {spec: {size: integer}}\n  manifests: [c.yaml.hbs]\n`;
    const { crds } = loaded({ 'watches.yaml': watch('v1') + watch('v1beta1'), 'c.yaml.hbs': CONFIG });
    expect(crds).toHaveLength(1);
    expect(getPath(crds[0]?.spec, ['versions'])).toMatchObject([
      { name: 'v1', storage: true },
      { name: 'v1beta1', storage: false },
    ]);
  });
});

describe('what is wrong with a short schema', () => {
  it('is told with its place', () => {
    expect(said(box('{spec: {size: int}}'))).toEqual([
      '4:25 BadValue: "int" is not one of string, integer, number, boolean, quantity, intOrString, object, any',
    ]);
    expect(said(box('{spec: {size: {type: integer, default: many}}}'))).toEqual([
      '4:50 BadSchema: the field is of the type integer, and this is a string',
    ]);
    expect(said(box('{spec: {mode: {type: string, enum: [a, 1]}}}'))[0]).toContain('4:50 BadSchema');
    expect(said(box('{spec: {mode: {type: string, enum: [a, b], default: c}}}'))[0]).toContain(
      'the default c is not one of a, b',
    );
    expect(said(box('{spec: {flag: {type: boolean, min: 1}}}'))[0]).toContain(
      '4:41 BadSchema: this limits nothing of boolean',
    );
    expect(said(box('{spec: {x: {type: string, fields: {a: string}}}}'))[0]).toContain(
      'a field is one of type',
    );
    expect(said(box('{spec: {x: {}}}'))[0]).toContain('BadSchema');
    expect(said(box('{status: {}}'))[0]).toContain('MissingKey');
  });

  it('is a kind that crd.yaml defines as well', () => {
    const crd =
      'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: boxes.example.com}\nspec: {group: example.com, scope: Namespaced, names: {kind: Box, plural: boxes}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}\n';
    expect(said({ ...box('{spec: {}}'), 'crd.yaml': crd }).join()).toContain(
      'BadCrd: Box.example.com is defined twice',
    );
  });
});
