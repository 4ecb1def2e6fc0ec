import { describe, expect, it } from 'vitest';
import { compileTemplate } from '../../engine/playbook/template.ts';
import { body, compiled, complaints, FILE, outcome, refusedBody, value } from './template-kit.ts';

describe('a plain scalar that is one expression', () => {
  it('keeps its type', () => {
    const spec = { number: 3, float: 1.5, yes: true, text: 'x', digits: '007', big: 2n ** 60n };
    for (const [name, expected] of Object.entries(spec))
      expect(value(`{{spec.${name}}}`, { spec })).toBe(expected);
  });

  it('inserts whole objects and lists', () => {
    const spec = { resources: { limits: { cpu: '1' }, requests: {} }, args: ['a', 1, { b: [] }] };
    expect(value('{{spec.resources}}', { spec })).toEqual(spec.resources);
    expect(value('[{{spec.args}}, x]', { spec })).toEqual([spec.args, 'x']);
  });

  it('shares what it inserts, and what holds no expression', () => {
    const template = compiled('apiVersion: v1\nkind: X\nfixed: {a: [1]}\nv: {{spec.o}}\n');
    const spec = { o: { deep: { er: 1 } } };
    const trees = [1, 2].map(() => {
      const rendering = template.render({ spec });
      return rendering.kind === 'objects' ? rendering.documents[0]?.tree : undefined;
    });
    expect(trees[0]?.fixed).toBe(trees[1]?.fixed);
    expect(Object.isFrozen(trees[0]?.fixed)).toBe(true);
    expect(trees[0]?.v).toBe(spec.o);
  });

  it('leaves null out of what it inserts, and what is null in the template', () => {
    const spec = { o: { a: null, b: { c: null, d: 1 }, e: [null, 2] } };
    expect(body('v: {{spec.o}}\nn: null\nm:\nl: [~, 1]\n', { spec })).toEqual({
      v: { b: { d: 1 }, e: [2] },
      l: [1],
    });
  });
});

describe('quoted, joined, or in a block scalar', () => {
  const spec = { size: 3, on: true, name: 'db', o: {}, l: [] };

  it('is a text', () => {
    expect(value('"{{spec.size}}"', { spec })).toBe('3');
    expect(value("'{{spec.on}}'", { spec })).toBe('true');
    expect(value('{{spec.name}}-{{spec.size}}', { spec })).toBe('db-3');
    expect(value('{{spec.size}}{{spec.size}}', { spec })).toBe('33');
    expect(value('|\n  size {{spec.size}}\n  end', { spec })).toBe('size 3\nend\n');
    expect(value('>-\n  {{spec.name}}\n  end', { spec })).toBe('db end');
  });

  it('an object or a list is refused, with a hint at json', () => {
    expect(complaints('v: "{{spec.o}}"\nw: a{{spec.l}}\n', { spec })).toEqual([
      '3:5 TemplateValue: {{spec.o}}: an object cannot be part of a text',
      '4:5 TemplateValue: {{spec.l}}: a list cannot be part of a text',
    ]);
    const rendering = compiled('apiVersion: v1\nkind: X\nv: "{{spec.o}}"').render({ spec });
    expect(rendering.kind === 'error' && rendering.problems[0]?.hint).toContain('json');
    expect(value('"{{json spec.o}}"', { spec })).toBe('{}');
  });
});

describe('a key', () => {
  it('may be an expression', () => {
    expect(body('{{spec.k}}: 1\n"{{spec.p}}": 2\n{{spec.k}}-x: 3\n', { spec: { k: 'a', p: 80 } })).toEqual({
      a: 1,
      80: 2,
      'a-x': 3,
    });
  });

  it('must be a text', () => {
    expect(complaints('{{spec.p}}: 1\n', { spec: { p: 80 } })).toEqual([
      '3:1 TemplateKey: {{spec.p}}: a key must be a text, not a number',
    ]);
    expect(refusedBody('8080: x\n')).toEqual(['3:1 YamlKeyNotString']);
  });

  it('is checked for duplicates and __proto__ after filling', () => {
    expect(complaints('a: 1\n{{spec.k}}: 2\n', { spec: { k: 'a' } })).toEqual([
      '4:1 TemplateKey: the key a is given twice',
    ]);
    expect(complaints('v:\n  "{{spec.k}}": 2\n', { spec: { k: '__proto__' } })[0]).toContain('__proto__');
    expect(refusedBody('a: 1\na: 2\n__proto__: 3\n')).toEqual([
      '4:1 YamlDuplicateKey',
      '5:1 YamlForbiddenKey',
    ]);
  });
});

describe('missing values', () => {
  it('are reported all at once, with their places', () => {
    const text = 'a: {{spec.one}}\nb:\n  - x: "{{upper spec.two.deep}}"\nc: |\n  text {{metadata.name}}\n';
    expect(complaints(text, { spec: { two: 'x' }, metadata: {} })).toEqual([
      '3:6 TemplateMissingValue: spec.one is missing',
      '5:17 TemplateMissingValue: spec.two.deep is missing',
      '7:10 TemplateMissingValue: metadata.name is missing',
    ]);
  });

  it('null counts as missing', () => {
    expect(complaints('a: {{spec.a}}\n', { spec: { a: null } })).toEqual([
      '3:6 TemplateMissingValue: spec.a is missing',
    ]);
  });

  it('each is tied to its reference', () => {
    const rendering = compiled('apiVersion: v1\nkind: X\na: {{children.db.status.ip}}\n').render({
      children: {},
    });
    expect(rendering.kind === 'missing' && rendering.missing.map(({ reference }) => reference)).toEqual([
      {
        root: 'children',
        path: ['db', 'status', 'ip'],
        guarded: false,
        place: { file: FILE, line: 3, column: 6 },
      },
    ]);
  });

  it.each([
    '{{#each spec.typo}}{{/each}}',
    '{{#with spec.typo}}{{/with}}',
    '{{eq spec.typo 1}}',
    '{{#if (eq spec.typo 1)}}{{/if}}',
  ])('%s does not pass', (text) =>
    expect(complaints(`v: ${text}x\n`, { spec: {} })[0]).toContain('spec.typo is missing'),
  );

  it('only own properties are read', () => {
    const spec = { s: 'abc', l: [1, 2] };
    for (const path of ['spec.constructor', 'spec.toString.name', 'spec.s.length', 'spec.__proto__.x']) {
      expect(complaints(`v: {{${path}}}\n`, { spec })[0]).toContain('TemplateMissingValue');
    }
    expect(value('{{spec.l.length}}', { spec })).toBe(2);
    expect(value('{{spec.l.[1]}}', { spec })).toBe(2);
  });

  it('errors come before what is missing', () => {
    expect(complaints('a: {{spec.a}}\nb: {{parseJson spec.b}}\n', { spec: { b: '{' } })[0]).toContain(
      '4:6 TemplateValue',
    );
  });
});

describe('labels and annotations', () => {
  it('must be texts: what came out as number or boolean is refused, with a hint', () => {
    const text =
      'metadata:\n  labels: {a: {{spec.n}}, b: "{{spec.n}}"}\nspec: {template: {metadata: {annotations: {{spec.m}} }}}\n';
    expect(
      complaints(text, { spec: { n: 1, m: { x: true } } }).map((c) => c.split(':', 2).join(':')),
    ).toEqual(['4:15 TemplateLabel', '5:43 TemplateLabel']);
    expect(refusedBody('metadata:\n  labels: {a: 1, b: true, c: y, d: on}\n')).toEqual([
      '4:15 TemplateLabel',
      '4:21 TemplateLabel',
    ]);
  });

  it('other fields of that name may hold anything', () => {
    expect(body('spec: {labels: {a: 1}}\n', {})).toEqual({ spec: { labels: { a: 1 } } });
  });
});

describe('a plain manifest', () => {
  it('has no expressions', () => {
    const source = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {t: "{{ $x }}"}\n';
    const result = compileTemplate({ file: 'a.yaml', source, plain: true });
    const rendering = result.kind === 'compiled' ? result.template.render({}) : undefined;
    expect(rendering?.kind === 'objects' && rendering.documents[0]?.tree.data).toEqual({ t: '{{ $x }}' });
  });
});

it('rendering is pure: the same context gives the same result', () => {
  const template = compiled(
    'apiVersion: v1\nkind: X\nv: {{spec}}\nw: {{#each spec}}{{@key}}={{this}};{{/each}}\n',
  );
  const context = { spec: { b: 1, a: 2 } };
  expect(template.render(context)).toEqual(template.render(structuredClone(context)));
  expect(outcome(template.render(context))).toEqual([]);
});
