import { describe, expect, it } from 'vitest';
import { body, complaints, refusals, refusalText, refusedBody, stringValue, value } from './template-kit.ts';

const spec = {
  n: 3,
  big: 9007199254740993n,
  t: 'Ab c',
  off: false,
  empty: '',
  l: ['a', 1, true],
  o: { b: 1, a: { x: [1] } },
  none: null,
};

const call = (text: string): unknown => value(`{{${text}}}`, { spec });

describe('default', () => {
  it('takes the first value that is there, also for a missing parent', () => {
    expect(call('default spec.n 5')).toBe(3);
    expect(call('default spec.a.b.c 5')).toBe(5);
    expect(call('default spec.none "x"')).toBe('x');
    expect(call('default spec.a spec.b spec.t "x"')).toBe('Ab c');
    expect(call('default (upper spec.a.b) "x"')).toBe('x');
  });

  it('leaves false, 0 and the empty text alone', () => {
    expect(call('default spec.off true')).toBe(false);
    expect(call('default spec.empty "x"')).toBe('');
  });

  it('reports the fallback when that is missing too', () => {
    expect(complaints('v: {{default spec.a spec.b}}\n', { spec })).toEqual([
      '3:21 TemplateMissingValue: spec.b is missing',
    ]);
  });
});

describe('optional', () => {
  it('drops the pair, the item, or its part of a text', () => {
    const text =
      'a: {{optional spec.x.y}}\n{{optional spec.x}}: b\nl: [{{optional spec.x}}, 1]\nt: "a{{optional spec.x}}b"\nm: {n: {{optional spec.none}} }\n';
    expect(body(text, { spec })).toEqual({ l: [1], t: 'ab', m: {} });
  });

  it('drops a text of which nothing else is left', () => {
    expect(body('a: "{{optional spec.x}}"\nb: {{optional spec.x}}{{optional spec.y}}\n', { spec })).toEqual(
      {},
    );
  });

  it('makes what is computed from it absent', () => {
    expect(body('a: {{base64 (optional spec.x)}}\nb: {{join (optional spec.x) ","}}\n', { spec })).toEqual(
      {},
    );
    expect(call('default (base64 (optional spec.x)) "d"')).toBe('d');
  });

  it('keeps what is there', () => {
    expect(call('optional spec.o')).toEqual(spec.o);
    expect(call('optional spec.off')).toBe(false);
  });
});

describe('comparisons and conditions', () => {
  it.each([
    ['eq spec.n 3', true],
    ['eq spec.n "3"', false],
    ['eq spec.o (parseJson "{\\"a\\":{\\"x\\":[1]},\\"b\\":1}")', true],
    ['ne spec.t "x"', true],
    ['lt spec.n 10', true],
    ['gt spec.big 9007199254740992', true],
    ['lt "a" "b"', true],
    ['gt 3 3', false],
    ['and spec.n spec.t', true],
    ['and spec.n spec.empty', false],
    ['or spec.none spec.x.y spec.n', true],
    ['not spec.x.y', true],
    ['not spec.l', false],
    ['eq (optional spec.x) "a"', false],
    ['ne (optional spec.x) "a"', true],
    ['lt (optional spec.x) 1', false],
  ])('%s is %s', (text, expected) => expect(call(text)).toBe(expected));

  it('order needs two numbers or two texts', () => {
    expect(complaints('v: {{lt spec.n "3"}}\n', { spec })).toEqual([
      '3:6 TemplateValue: a number and a text have no order',
    ]);
  });
});

describe('texts', () => {
  it.each([
    ['join spec.l', 'a,1,true'],
    ['join spec.l " "', 'a 1 true'],
    ['lower spec.t', 'ab c'],
    ['upper spec.t', 'AB C'],
    ['trim "  x "', 'x'],
    ['replace spec.t " " "--"', 'Ab--c'],
    ['replace "a.b.c" "." "$&"', 'a$&b$&c'],
    ['base64 "ä€"', 'w6Tigqw='],
    ['base64decode "w6Tigqw="', 'ä€'],
    ['upper spec.n', '3'],
  ])('%s', (text, expected) => expect(call(text)).toBe(expected));

  it.each([
    ['base64decode "%%%%"', 'no base64'],
    ['base64decode "/w=="', 'no base64'],
    ['upper spec.o', 'an object cannot be part of a text'],
    ['join spec.n', 'join takes a list, not a number'],
    ['join (parseJson "[{}]")', 'an object cannot be part'],
    ['replace "x" "" "y"', 'empty text'],
    ['parseJson "{"', 'the text is no JSON'],
    ['merge spec.l', 'merge takes objects, not a list'],
    ['range "a"', 'range takes whole numbers'],
    ['range 100000', 'at most'],
  ])('%s fails with a reason', (text, reason) => {
    expect(complaints(`v: {{${text}}}\n`, { spec })[0]).toContain(reason);
  });
});

describe('data', () => {
  it('json is one text for the same data, whatever the order of keys', () => {
    expect(call('json spec.o')).toBe('{"a":{"x":[1]},"b":1}');
    expect(call('json spec.big')).toBe('9007199254740993');
  });

  it('parseJson gives data back, integers exact', () => {
    expect(call('parseJson "{\\"a\\":9007199254740993,\\"b\\":[1.5]}"')).toEqual({
      a: 9007199254740993n,
      b: [1.5],
    });
  });

  it('sha256 takes texts and data', () => {
    expect(call('sha256 "a"')).toBe('ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb');
    expect(call('sha256 spec.o')).toBe(call('sha256 (parseJson "{\\"a\\":{\\"x\\":[1]},\\"b\\":1}")'));
  });

  it('merge goes all the way down, later objects win, lists are replaced', () => {
    expect(call('merge spec.o (parseJson "{\\"a\\":{\\"y\\":2,\\"x\\":[]},\\"c\\":3}")')).toEqual({
      a: { x: [], y: 2 },
      b: 1,
      c: 3,
    });
    expect(spec.o).toEqual({ b: 1, a: { x: [1] } });
  });

  it('range counts', () => {
    expect(call('range 3')).toEqual([0, 1, 2]);
    expect(call('range 1 4')).toEqual([1, 2, 3]);
    expect(call('range 0')).toEqual([]);
    expect(
      value('"{{#each (range spec.n) as |i|}}{{@root.metadata.name}}-{{i}} {{/each}}"', {
        spec,
        metadata: { name: 'db' },
      }),
    ).toBe('db-0 db-1 db-2 ');
  });
});

describe('randomString', () => {
  it('depends on the seed alone', () => {
    const text = 'a: {{randomString 24}}\nb: {{randomString 24}}\n';
    const first = body(text, {}, { seed: 'one' });
    expect(first).toEqual(body(text, {}, { seed: 'one' }));
    expect(first.a).toMatch(/^[A-Za-z0-9]{24}$/);
    expect(new Set([first.a, first.b, ...Object.values(body(text, {}, { seed: 'two' }))]).size).toBe(4);
  });

  it('is refused where the object would change on each pass', () => {
    const source = 'apiVersion: v1\nkind: X\nv: {{randomString 5}}\n';
    expect(refusals(source, { policy: 'Apply' }).join()).toBe('3:6 TemplateRandom');
    expect(refusals(source, { policy: 'CreateOnly' }).join()).toBe('');
    expect(stringValue('{{randomString 5}}', {})).toEqual(['7:16 TemplateRandom']);
  });

  it('is an error without a seed, and for odd lengths', () => {
    expect(complaints('v: {{randomString 5}}\n', {})).toEqual([
      '3:6 TemplateValue: no randomness is at hand',
    ]);
    expect(complaints('v: {{randomString 0}}\n', {}, { seed: 's' })[0]).toContain('length from 1');
  });
});

describe('unknown helpers', () => {
  it('get a hint at the right one', () => {
    expect(refusalText('apiVersion: v1\nkind: X\nv: {{uper spec.a}}\nw: {{toYaml spec.a}}\n')).toMatch(
      /did you mean upper\?.*\n.*inserted as it is/,
    );
    expect(refusalText('apiVersion: v1\nkind: X\n{{- if spec.a}}\nv: 1\n{{- end}}\n')).toContain(
      'blocks are {{#if …}}…{{/if}}',
    );
  });

  it('need their arguments', () => {
    expect(refusedBody('v: {{default spec.a}}\n')).toEqual(['3:6 TemplateArguments']);
    expect(refusedBody('v: {{replace spec.a "x"}}\n')).toEqual(['3:6 TemplateArguments']);
  });
});
