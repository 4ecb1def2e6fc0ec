/** What a template was rendered with before it need not render again, and never shows other values. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Template } from '../../engine/playbook/language.ts';
import { compileTemplate } from '../../engine/playbook/template.ts';

function template(data: string, policy: 'Apply' | 'CreateOnly' = 'Apply'): Template {
  const source = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n${data}\n`;
  const compiled = compileTemplate({ file: 'a.yaml.hbs', source, plain: false, context: { policy } });
  return compiled.kind === 'compiled' ? compiled.template : expect.fail(JSON.stringify(compiled.problems));
}

it('a template gives the same trees for the same values', () => {
  const rendered = template('data: {size: "{{spec.size}}"}');
  const first = rendered.render({ spec: { size: 1 } });
  expect(rendered.render({ spec: { size: 1, other: 2 }, status: {} })).toBe(first);
  expect(rendered.render({ spec: { size: 2 } })).not.toEqual(first);
});

it('a template that makes random texts gives others with another seed', () => {
  const random = template('data: {password: "{{randomString 20}}"}', 'CreateOnly');
  const first = random.render({}, { seed: 'a' });
  expect(random.render({}, { seed: 'b' })).not.toEqual(first);
  expect(random.render({}, { seed: 'a' })).toEqual(first);
});

it('whatever was rendered before, a template renders as one that never was', () => {
  const sources = [
    'data:\n  a: "{{spec.a}}"',
    'data: {{spec}}',
    'data:\n  a: {{default spec.a.b "none"}}',
    'data:\n  a:\n{{#each spec}}\n  - {{json this}}\n{{/each}}',
    'data:\n  a:\n{{#each spec.a as |item key|}}\n  - "{{key}} {{json item}} {{json @root.spec.b}}"\n{{/each}}',
    'data:\n  z: 1\n{{#if spec.a}}\n  a: "{{json spec.b}}"\n{{else}}\n  b: {{optional status.a}}\n{{/if}}',
    'data:\n  z: 1\n{{#with spec.a}}\n  a: {{json b}}\n  c: {{json ../spec.b}}\n{{else}}\n  b: 1\n{{/with}}',
    'data:\n  a: {{json spec.[0]}}\n  b: {{default spec.length 0}}',
    'data:\n  a: {{eq (default spec.a 1) (default spec.b 1)}}',
  ];
  const leaf = fc.constantFrom<unknown>(1, 1n, 2, '1', '', true, false, null, []);
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 3 }, leaf, fc.array(tie('tree'), { maxLength: 3 }), tie('map')),
    map: fc.dictionary(fc.constantFrom('a', 'b'), tie('tree'), { maxKeys: 2 }),
  }));
  const context = fc.record({ spec: tree, status: tree }, { requiredKeys: [] });
  fc.assert(
    fc.property(
      fc.constantFrom(...sources),
      fc.array(context, { minLength: 2, maxLength: 12 }),
      (source, asked) => {
        const rendered = template(source);
        for (const one of [...asked, ...asked])
          expect(rendered.render(one)).toEqual(template(source).render(one));
      },
    ),
    { numRuns: 100 },
  );
});
