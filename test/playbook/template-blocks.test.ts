import { describe, expect, it } from 'vitest';
import { body, complaints, refusedBody, value } from './template-kit.ts';

describe('if and unless', () => {
  const pick = (condition: string, spec: object): unknown =>
    value(`{{#if ${condition}}}yes{{else}}no{{/if}}`, { spec });

  it.each([
    [true, 'yes'],
    [false, 'no'],
    ['', 'no'],
    ['false', 'yes'],
    [0, 'no'],
    [1, 'yes'],
    [null, 'no'],
    [undefined, 'no'],
    [[], 'no'],
    [[0], 'yes'],
    [{}, 'yes'],
    [0n, 'no'],
  ])('judge %o as Handlebars does', (tested, expected) => {
    expect(pick('spec.x', { x: tested })).toBe(expected);
    expect(value('{{#unless spec.x}}no{{else}}yes{{/unless}}', { spec: { x: tested } })).toBe(expected);
  });

  it('includeZero makes 0 true', () => {
    expect(pick('spec.x includeZero=true', { x: 0 })).toBe('yes');
    expect(refusedBody('v: {{#if spec.x foo=true}}a{{/if}}\n')).toEqual(['3:17 TemplateArguments']);
  });

  it('take a missing path, however deep, as false', () => {
    expect(pick('spec.a.b.c', {})).toBe('no');
    expect(pick('(and spec.a.b (not spec.c))', {})).toBe('no');
    expect(pick('(or spec.a.b (not spec.c))', {})).toBe('yes');
  });

  it('chain by else if', () => {
    const text = '{{#if spec.a}}a{{else if spec.b}}b{{else}}c{{/if}}';
    expect([{ a: 1, b: 1 }, { b: 1 }, {}].map((spec) => value(text, { spec }))).toEqual(['a', 'b', 'c']);
  });

  it('know the inverse form', () => {
    expect(value('x{{^if spec.a}}no{{/if}}', { spec: {} })).toBe('xno');
  });

  it('lines with a block alone leave no trace', () => {
    expect(
      body('v: |\n  a\n  {{#if spec.x}}\n  b\n  {{else}}\n  c\n  {{/if}}\n  {{! a comment }}\n  d\n', {
        spec: { x: 1 },
      }).v,
    ).toBe('a\nb\nd\n');
  });

  it('~ takes the white space', () => {
    expect(value('"a {{~#if spec.x~}} b {{~/if~}} c"', { spec: { x: 1 } })).toBe('abc');
  });
});

describe('each', () => {
  it('goes over lists, with this, @index, @first, @last', () => {
    const text =
      '"{{#each spec.l}}{{@index}}{{#if @first}}<{{/if}}{{this}}{{#unless @last}},{{/unless}}{{/each}}"';
    expect(value(text, { spec: { l: ['a', 'b', 'c'] } })).toBe('0<a,1b,2c');
  });

  it('goes over objects by sorted key', () => {
    expect(
      value('"{{#each spec.o}}{{@key}}{{this}}{{@index}} {{/each}}"', { spec: { o: { b: 1, a: 2, B: 3 } } }),
    ).toBe('B30 a21 b12 ');
  });

  it('builds lists and maps', () => {
    const text =
      'env:\n  {{#each spec.env}}\n  - name: {{@key}}\n    value: "{{this}}"\n  {{/each}}\nmap:\n  {{#each spec.env}}\n  {{@key}}: {{this}}\n  {{/each}}\n';
    expect(body(text, { spec: { env: { A: 1, B: true } } })).toEqual({
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: 'true' },
      ],
      map: { A: 1, B: true },
    });
    expect(body('env:\n  {{#each spec.env}}\n  - a\n  {{/each}}\n', { spec: { env: [] } })).toEqual({});
  });

  it('makes flow lists with commas', () => {
    expect(
      value('[{{#each spec.l}}{{this}}{{#unless @last}}, {{/unless}}{{/each}}]', {
        spec: { l: [1, 'x: y', 3] },
      }),
    ).toEqual([1, 'x: y', 3]);
  });

  it('names item and key by as, and reaches out by ../ and @root', () => {
    const text =
      '"{{#each spec.a as |x i|}}{{#each x.l as |y j|}}{{i}}{{j}}{{y}}{{../n}}{{@root.spec.z}}{{@../index}}{{../../spec.z}} {{/each}}{{/each}}"';
    const spec = {
      z: 'Z',
      a: [
        { n: 'm', l: ['p', 'q'] },
        { n: 'n', l: ['r'] },
      ],
    };
    expect(value(text, { spec })).toBe('00pmZ0Z 01qmZ0Z 10rnZ1Z ');
  });

  it('a name of as wins over a field, this. does not', () => {
    expect(
      value('"{{#each spec.l as |n|}}{{n.n}}{{this.n}}{{./n}}{{/each}}"', { spec: { l: [{ n: 'f' }] } }),
    ).toBe('fff');
  });

  it('takes else for nothing to go over, which provides for absence too', () => {
    const text = '{{#each spec.l}}{{this}}{{else}}none{{/each}}';
    expect([{ l: [] }, {}, { l: ['a'] }].map((spec) => value(text, { spec }))).toEqual(['none', 'none', 'a']);
    expect(body('v: [{{#each (optional spec.l)}}{{this}}{{/each}}]\n', { spec: {} })).toEqual({ v: [] });
  });

  it('tells which item lacks what, with a hint at @root', () => {
    const text = 'v: "{{#each spec.l}}{{name}}{{spec.x}}{{/each}}"\n';
    expect(complaints(text, { spec: { l: [{ name: 'a', spec: { x: 1 } }, {}] } })).toEqual([
      '3:23 TemplateMissingValue: spec.l[1].name is missing',
      '3:31 TemplateMissingValue: spec.l[1].spec.x is missing',
    ]);
  });

  it('refuses what is neither list nor object', () => {
    expect(complaints('v: "{{#each spec.l}}x{{/each}}"\n', { spec: { l: 'text' } })[0]).toContain(
      'each takes a list or an object, not a text',
    );
  });
});

describe('with', () => {
  it('opens a scope, with as and else', () => {
    expect(value('"{{#with spec.a}}{{b}}{{../spec.c}}{{/with}}"', { spec: { a: { b: 1 }, c: 2 } })).toBe(
      '12',
    );
    expect(value('"{{#with spec.a as |x|}}{{x.b}}{{/with}}"', { spec: { a: { b: 1 } } })).toBe('1');
    expect(value('{{#with spec.a}}{{b}}{{else}}none{{/with}}', { spec: {} })).toBe('none');
  });

  it('takes its else for absence alone', () => {
    for (const a of [false, 0, ''])
      expect(value('"{{#with spec.a}}[{{this}}]{{else}}none{{/with}}"', { spec: { a } })).toBe(`[${a}]`);
  });

  it('evaluates once: one random text in two places', () => {
    const text = '{{#with (randomString 12) as |p|}}\na: {{p}}\nb: "x{{p}}"\n{{/with}}\n';
    const { a, b } = body(text, {}, { seed: 's' });
    expect(b).toBe(`x${a}`);
  });
});

describe('what the language does not have is refused', () => {
  it.each([
    ['{{> part}}', 'TemplateUnknownBlock'],
    ['{{#> part}}x{{/part}}', 'TemplateUnknownBlock'],
    ['{{* deco}}', 'TemplateUnknownBlock'],
    ['{{{spec.a}}}', 'TemplateUnknownBlock'],
    ['{{& spec.a}}', 'TemplateUnknownBlock'],
    ['{{#spec.a}}x{{/spec.a}}', 'TemplateUnknownBlock'],
    ['{{#join spec.a}}x{{/join}}', 'TemplateUnknownBlock'],
    ['{{{{raw}}}}x{{{{/raw}}}}', 'TemplateUnknownBlock'],
    ['{{lookup spec "a"}}', 'TemplateUnknownHelper'],
    ['{{spec.a spec.b}}', 'TemplateUnknownHelper'],
    ['{{null}}', 'TemplateNull'],
    ['{{default spec.a undefined}}', 'TemplateNull'],
    ['{{@index}}', 'TemplateUnknownName'],
    ['{{@data}}', 'TemplateUnknownName'],
    ['{{../spec.a}}', 'TemplateUnknownName'],
    ['{{this}}', 'TemplateUnknownName'],
    ['{{#if spec.a spec.b}}x{{/if}}', 'TemplateArguments'],
    ['{{#each spec.a as |a b c|}}x{{/each}}', 'TemplateArguments'],
    ['{{upper spec.a x=1}}', 'TemplateArguments'],
    ['{{upper}}', 'TemplateArguments'],
  ])('%s', (text, code) => expect(refusedBody(`v: a${text}\n`).join()).toContain(code));
});
