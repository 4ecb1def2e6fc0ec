import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutAtMarkers } from '../../engine/playbook/template/emission.ts';
import { body, compiled, complaints, outcome, refusals } from './template-kit.ts';

const HEAD = 'apiVersion: v1\nkind: X\n';

/** Texts that mean something to YAML, Handlebars, or to the engine's own markers. */
const piece = fc.constantFrom(
  '\n',
  '\r\n',
  ': ',
  ' #',
  '- ',
  '"',
  "'",
  '\\',
  '&a',
  '*a',
  '!x',
  '|',
  '>',
  '{',
  '}',
  '[',
  ']',
  ',',
  '---\n',
  '...\n',
  '\t',
  '%',
  '? ',
  '<<: ',
  '{{x}}',
  '{{/if}}',
  '\uE0000\uE001',
  '\uE000',
  '\uE001',
  '\u0000',
  '\u0085',
  '\u2028',
  '\uFEFF',
  '\uD800',
  '\u{1F600}',
  'é',
  'null',
  'true',
  '0777',
  '1e3',
  '__proto__',
  ' ',
  'a',
);
const hostile = fc.oneof(
  fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

const template = compiled(
  `${HEAD}metadata:
  name: {{spec.s}}
  labels: {a: {{spec.s}}, b: "{{spec.s}}", c: '{{spec.s}}' }
  annotations:
    {{#each spec.list}}
    k{{@index}}: x{{this}}y
    {{/each}}
spec:
  - {{spec.s}}
  - [{{spec.s}}, "{{spec.s}}"]
  - |
    {{spec.s}}
  - >-
    a
    {{spec.s}}
  - {{spec.s}}: 1
    "{{spec.s}}!": {{spec.s}}
    x: {{spec.object}}
`,
);

describe('a hostile text', () => {
  it('never changes the structure, wherever it stands', () => {
    fc.assert(
      fc.property(
        hostile.filter((s) => !['__proto__', 'x'].includes(s)),
        fc.array(hostile, { maxLength: 3 }),
        (s, list) => {
          const rendering = template.render({ spec: { s, list, object: { [`k${s}`]: s } } });
          expect(outcome(rendering)).toEqual([]);
          expect(rendering.kind === 'objects' && rendering.documents).toEqual([
            {
              document: 0,
              tree: {
                apiVersion: 'v1',
                kind: 'X',
                metadata: {
                  name: s,
                  labels: { a: s, b: s, c: s },
                  ...(list.length === 0
                    ? {}
                    : { annotations: Object.fromEntries(list.map((item, i) => [`k${i}`, `x${item}y`])) }),
                },
                spec: [s, [s, s], `${s}\n`, `a ${s}`, { [s]: 1, [`${s}!`]: s, x: { [`k${s}`]: s } }],
              },
            },
          ]);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('never gets through a helper either', () => {
    fc.assert(
      fc.property(hostile, (s) => {
        const text =
          'a: {{upper spec.s}}\nb: {{replace spec.s "a" spec.s}}\nc: {{json spec.s}}\nd: {{base64decode (base64 spec.s)}}\n';
        const wellFormed = s.toWellFormed();
        const { a, c, d } = body(text, { spec: { s } });
        expect([a, JSON.parse(String(c)), d]).toEqual([s.toUpperCase(), s, wellFormed]);
      }),
      { numRuns: 300 },
    );
  });

  it('of 1 MB is put in without being read', () => {
    const s = ': \n#"'.repeat(200_000);
    expect(body('a: {{spec.s}}\nb: "x{{spec.s}}"\n', { spec: { s } })).toEqual({ a: s, b: `x${s}` });
  });

  it('as a source is refused or compiled, and never throws', () => {
    const bit = fc.oneof(
      piece,
      fc.constantFrom(
        '{{',
        '}}',
        '{{#if spec.a}}',
        '{{else}}',
        '{{#each spec.l as |x|}}',
        '{{/each}}',
        '{{spec.a}}',
        'a: ',
        'apiVersion: v1\n',
        'kind: X\n',
        '~',
        '{{{',
        '}}}',
        '{{!',
        '\\{{',
        '(',
        ')',
      ),
    );
    fc.assert(
      fc.property(fc.array(bit, { maxLength: 20 }), (bits) => {
        for (const each of refusals(bits.join(''))) expect(each).toMatch(/^[1-9]\d*:[1-9]\d* [A-Z]\w+$/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('work is bounded', () => {
  it('each over each over each', () => {
    const l = Array.from({ length: 1000 }, (_, i) => i);
    const text =
      'v: "{{#each spec.l}}{{#each ../spec.l}}{{#each ../../spec.l}}x{{/each}}{{/each}}{{/each}}"\n';
    expect(complaints(text, { spec: { l } })[0]).toContain('TemplateTooLarge');
  });

  it('a large text repeated', () => {
    const spec = { s: 'x'.repeat(1 << 20), l: Array.from({ length: 50 }, (_, i) => i) };
    expect(complaints('v:\n  {{#each spec.l}}\n  - {{../spec.s}}\n  {{/each}}\n', { spec })[0]).toContain(
      'TemplateTooLarge',
    );
    expect(complaints('v: {{replace spec.s "x" spec.s}}\n', { spec })[0]).toContain('more than');
  });

  it('a large object repeated', () => {
    const spec = {
      o: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`key${i}`, i])),
      l: Array.from({ length: 50 }, (_, i) => i),
    };
    expect(complaints('v:\n  {{#each spec.l}}\n  - {{../spec.o}}\n  {{/each}}\n', { spec })[0]).toContain(
      'TemplateTooLarge',
    );
  });
});

it('parentheses of the text around are no calls', () => {
  expect(refusals(`${HEAD}v: "${':('.repeat(200)}{{spec.a}}${'('.repeat(200)}"\n`)).toEqual([]);
});

it('absurd nesting is refused', () => {
  const deep = (n: number, open: string, inner: string, close: string): string =>
    open.repeat(n) + inner + close.repeat(n);
  for (const n of [100, 20_000]) {
    expect(refusals(`${HEAD}v: ${deep(n, '{{#if spec.a}}', 'x', '{{/if}}')}\n`).join()).toContain(
      'TemplateTooDeep',
    );
    expect(refusals(`${HEAD}v: {{not ${deep(n, '(not ', 'spec.a', ')')}}}\n`).join()).toContain(
      'TemplateTooDeep',
    );
  }
});

it('markers are cut out of scalars alone', () => {
  expect(cutAtMarkers('a\uE00012\uE001b\uE0000\uE001')).toEqual(['a', 12, 'b', 0]);
  expect(cutAtMarkers('plain')).toEqual(['plain']);
});
