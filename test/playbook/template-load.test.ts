import { describe, expect, it } from 'vitest';
import type { SchemaNode } from '../../engine/kube/schema.ts';
import { compileTemplate } from '../../engine/playbook/template.ts';
import { compiled, FILE, refusals, refusalText, refusedBody } from './template-kit.ts';

const HEAD = 'apiVersion: v1\nkind: X\n';

describe('traps of {{ }} in YAML get a hint', () => {
  it('}}} in a flow map', () => {
    expect(refusalText(`${HEAD}v: {a: {{spec.x}}}\n`)).toMatch(
      /^t\.yaml\.hbs:3:16: error TemplateSyntax.*space between }} and }/,
    );
  });

  it.each(['v: {{ .Values.x }}\n', 'v: {{}}\n', 'v: {{ %x }}\n', 'v: {{ $labels.x }}\n', 'v: a {{ b\n'])(
    'a literal {{ as in %j',
    (text) => {
      expect(refusalText(HEAD + text)).toContain('for a literal {{ write \\{{ or {{"{{"}}');
    },
  );

  it.each([
    [
      'v: {{ .Values.image }}\n',
      /t\.yaml\.hbs:3:7: .*no path begins with a dot: \.Values\.image.*write {{spec\.image}}/,
    ],
    ['v: {{ spec.a | default "x" }}\n', /t\.yaml\.hbs:3:14: .*no pipes.*the helper goes first: {{default /],
  ])('what charts say, as in %j', (text, expected) => {
    expect(refusalText(HEAD + text)).toMatch(expected);
  });

  it('and both ways to write it work', () => {
    const rendering = compiled(`${HEAD}a: "\\{{ .x }}"\nb: "{{"{{"}} .y }}"\n`).render({});
    expect(rendering.kind === 'objects' && rendering.documents[0]?.tree).toMatchObject({
      a: '{{ .x }}',
      b: '{{ .y }}',
    });
  });
});

describe('a template that does not parse is refused at its place', () => {
  it.each([
    ['{{#if spec.a}}\nv: 1\n', '3:1 TemplateSyntax'],
    ['{{#if spec.a}}\nv: 1\n{{/each}}\n', '3:4 TemplateSyntax'],
    ['v: 1\n{{/if}}\n', '4:1 TemplateSyntax'],
    ['v: {{spec.a\n', '3:4 TemplateSyntax'],
    ['v: {{spec.[a}}\n', '3:11 TemplateSyntax'],
    ['v: {{spec/../a}}\n', '3:6 TemplateSyntax'],
  ])('%j', (text, expected) => expect(refusedBody(text)).toEqual([expected]));
});

describe('expressions where no value can stand', () => {
  it.each([
    ['comment', 'v: 1 # {{spec.a}}\n'],
    ['comment line', '# x: {{spec.a}}\nv: 1\n'],
    ['anchor', 'v: &{{spec.a}} 1\n'],
  ])('%s', (_, text) => expect(refusedBody(text).join()).toContain('TemplateMisplaced'));

  it.each([
    ['tag', 'v: !{{spec.a}} x\n'],
    ['alias', 'v: *{{spec.a}}\n'],
  ])('%s', (_, text) => expect(refusedBody(text)).toHaveLength(1));

  it('name the expression, not the marker', () => {
    expect(refusalText(`${HEAD}v: *{{spec.a}}\n`)).toContain('{{spec.a}}');
  });
});

it('the characters of markers are refused in the source', () => {
  expect(refusedBody('v: \uE000\n')).toEqual(['3:4 TemplateCharacter']);
  expect(refusedBody('v: "\uE001"\n')).toEqual(['3:5 TemplateCharacter']);
});

it('a leading zero is refused, with a hint at 0o', () => {
  expect(refusalText(`${HEAD}mode: 0777\n`)).toContain('0o777');
});

it('merge keys and unknown tags are refused', () => {
  expect(refusedBody('a: &a {b: 1}\nc: {<<: *a}\n')).toEqual(['4:5 YamlMergeKey']);
  expect(refusedBody('a: !Ref x\n')).toEqual(['3:4 YamlTag']);
});

it('literal anchors and aliases work as in YAML', () => {
  const rendering = compiled(`${HEAD}a: &a {b: {{spec.x}} }\nc: *a\n`).render({ spec: { x: 1 } });
  expect(rendering.kind === 'objects' && rendering.documents[0]?.tree).toMatchObject({
    a: { b: 1 },
    c: { b: 1 },
  });
});

describe('manifests', () => {
  it('need a literal apiVersion and kind', () => {
    expect(refusals('kind: X\nmetadata: {}\n')).toEqual(['1:1 TemplateKind']);
    expect(refusals('apiVersion: {{spec.a}}\nkind: "{{spec.b}}"\n')).toEqual([
      '1:13 TemplateKind',
      '2:8 TemplateKind',
    ]);
    expect(refusals('apiVersion: a/b/c\nkind: My Kind\n')).toEqual(['1:13 TemplateKind', '2:7 TemplateKind']);
    expect(refusals('apiVersion: v1\nkind: {{#if spec.a}}A{{else}}B{{/if}}\n')).toEqual(['2:1 TemplateKind']);
  });

  it('are objects', () => {
    expect(refusals('- a\n')).toEqual(['1:1 TemplateNoObject']);
    expect(refusals('{{spec.o}}')).toEqual(['1:1 TemplateNoObject']);
    expect(refusals('# nothing\n')).toEqual(['1:1 TemplateNoObject']);
  });

  it('write no field of the API server or the engine', () => {
    const fields =
      'ownerReferences: []\n  finalizers: [a]\n  uid: x\n  resourceVersion: "1"\n  managedFields: []';
    const keys =
      'labels: {libretto.dev/owner-uid: x}\n  annotations: {sub.libretto.dev/a: b, my.dev/libretto.dev: c}';
    const found = refusedBody(`metadata:\n  ${fields}\n  ${keys}\n`);
    expect(found.map((each) => each.split(' ')[0])).toEqual([
      '4:3',
      '5:3',
      '6:3',
      '7:3',
      '8:3',
      '9:12',
      '10:17',
    ]);
    expect(new Set(found.map((each) => each.split(' ')[1]))).toEqual(new Set(['TemplateReservedField']));
  });

  it('may have such fields elsewhere', () => {
    expect(refusedBody('spec: {template: {metadata: {finalizers: [a]}}, uid: x}\n')).toEqual([]);
  });
});

describe('all shapes are parsed at load', () => {
  it('both sides of an if', () => {
    expect(refusedBody('v: 1\n{{#if spec.a}}\nw: 2\n{{else}}\nv: 2\n{{/if}}\n')).toEqual([
      '7:1 YamlDuplicateKey',
    ]);
  });

  it('no, one and two rounds of an each', () => {
    expect(refusedBody('{{#each spec.l}}\nv: 1\n{{/each}}\n')).toEqual(['4:1 YamlDuplicateKey']);
    expect(refusedBody('v:\n  a: 1\n{{#each spec.l}}\n{{else}}\n - x\n{{/each}}\n').join()).toContain(
      'YamlSyntax',
    );
  });

  it('follows @first, @last and @index', () => {
    expect(refusedBody('{{#each spec.l}}\n{{#if @first}}\nv:\n{{/if}}\n- {{this}}\n{{/each}}\n')).toEqual([]);
    expect(
      refusedBody('{{#each spec.l}}\n{{#if (eq @index 0)}}\nv:\n{{/if}}\n- {{this}}\n{{/each}}\n'),
    ).toEqual([]);
  });

  it('the number of shapes grows with the blocks, not with its power', () => {
    const blocks = Array.from({ length: 40 }, (_, i) => `{{#if spec.a${i}}}\nk${i}: 1\n{{/if}}\n`).join('');
    expect(refusedBody(blocks)).toEqual([]);
    expect(
      refusedBody(`${blocks}{{#each spec.l}}{{#if this}}\nz: 1\n{{else}}\nk3: 2\n{{/if}}{{/each}}\n`).join(),
    ).toContain('YamlDuplicateKey');
  });
});

it('reports problems of the language, of YAML and of the manifest together', () => {
  expect(refusedBody('metadata: {uid: 1}\nv: 0777\nw: {{foo spec.a}}\nx: {{spce.y}}\n')).toEqual([
    '3:12 TemplateReservedField',
    '4:4 YamlLeadingZero',
    '5:6 TemplateUnknownHelper',
    '6:6 TemplateUnknownName',
  ]);
});

describe('names', () => {
  it('must be of the context, with a hint', () => {
    expect(refusalText(`${HEAD}v: {{spce.a}}\n`)).toContain('did you mean spec?');
    expect(refusals(`${HEAD}v: {{item}}\n`, { roots: ['spec', 'metadata'] })).toEqual([
      '3:6 TemplateUnknownName',
    ]);
  });
});

describe('references', () => {
  const references = (text: string): string[] =>
    compiled(`${HEAD}v: "${text}"\n`).references.map(
      ({ root, path, guarded }) => [root, ...path].join('.') + (guarded ? '?' : ''),
    );

  it.each([
    ['{{spec.a.b}}', ['spec.a.b']],
    ['{{default spec.a spec.b}}', ['spec.a?', 'spec.b']],
    ['{{optional (upper spec.a)}}', ['spec.a?']],
    ['{{#if spec.a}}{{spec.b}}{{/if}}', ['spec.a?', 'spec.b']],
    ['{{#if (eq spec.a 1)}}{{/if}}', ['spec.a']],
    ['{{#if (and spec.a (not spec.b))}}{{/if}}', ['spec.a?', 'spec.b?']],
    ['{{spec.l.[0].x}}{{spec.l.length}}', ['spec.l', 'spec.l']],
    ['{{#each spec.l as |y|}}{{y.foo}}{{this.bar}}{{@root.spec.z}}{{/each}}', ['spec.l', 'spec.z']],
    ['{{#each spec.l}}{{else}}{{/each}}', ['spec.l?']],
    ['{{#with spec.a}}{{b.c}}{{../metadata.name}}{{/with}}', ['spec.a', 'spec.a.b.c', 'metadata.name']],
    ['{{#with spec.a as |x|}}{{#with x.b}}{{c}}{{/with}}{{/with}}', ['spec.a', 'spec.a.b', 'spec.a.b.c']],
  ])('of %s', (text, expected) => expect(references(text)).toEqual(expected));

  it('what an if has found to be there counts as guarded within', () => {
    expect(
      references('{{#if children.db.status.ip}}{{children.db.status.ip}}{{children.db.status.port}}{{/if}}'),
    ).toEqual(['children.db.status.ip?', 'children.db.status.ip?', 'children.db.status.port']);
    expect(references('{{#unless spec.a}}{{else}}{{spec.a}}{{/unless}}{{spec.a}}')).toEqual([
      'spec.a?',
      'spec.a?',
      'spec.a',
    ]);
  });

  it('carry their places', () => {
    expect(compiled(`${HEAD}v: a {{~ default spec.a.b 1}}\n`).references[0]?.place).toEqual({
      file: FILE,
      line: 3,
      column: 18,
    });
  });
});

it('warns of an if on an object', () => {
  const source = `${HEAD}v: a{{#if spec.o}}b{{/if}}{{#if spec.s}}c{{/if}}\n`;
  const node = (type: 'object' | 'string'): SchemaNode => ({
    type,
    intOrString: false,
    open: false,
    property: () => undefined,
    propertyNames: () => [],
    listType: 'atomic',
    listKeys: [],
    mapType: 'granular',
    required: [],
    nullable: false,
  });
  const schemaOf = ({ path }: { path: readonly string[] }): SchemaNode =>
    node(path[0] === 'o' ? 'object' : 'string');
  const result = compileTemplate({ file: FILE, source, plain: false, context: { schemaOf } });
  expect(result.kind === 'compiled' && result.warnings.map((w) => `${w.line}:${w.column} ${w.code}`)).toEqual(
    ['3:11 TemplateObjectCondition'],
  );
});
