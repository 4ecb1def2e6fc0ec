import { describe, expect, it } from 'vitest';
import { compileTemplateString } from '../../engine/playbook/template.ts';
import { stringValue } from './template-kit.ts';

describe('a template in watches.yaml', () => {
  const spec = { n: 3, t: 'a: "b"\n#', o: { x: 1 }, on: true };

  it('keeps the type of a single expression', () => {
    expect(stringValue('{{spec.n}}', { spec })).toBe(3);
    expect(stringValue('{{spec.o}}', { spec })).toEqual({ x: 1 });
    expect(stringValue('{{#if spec.on}}{{spec.n}}{{/if}}', { spec })).toBe(3);
  });

  it('joins everything else to a text', () => {
    expect(stringValue('{{metadata.name}}-db', { metadata: { name: 'a' } })).toBe('a-db');
    expect(stringValue(' {{spec.n}}', { spec })).toBe(' 3');
    expect(stringValue('x{{spec.t}}', { spec })).toBe('xa: "b"\n#');
  });

  it('without expressions is itself', () => {
    expect(stringValue('Ready: it is', {})).toBe('Ready: it is');
    expect(stringValue('', {})).toBe('');
    expect(stringValue('- 5', {})).toBe('- 5');
  });

  it('is undefined where optional drops it', () => {
    expect(stringValue('{{optional spec.x}}', { spec })).toBeUndefined();
    expect(stringValue('a{{optional spec.x}}', { spec })).toBe('a');
  });

  it('tells places in the file it stands in', () => {
    expect(stringValue('{{spec.x}}-{{spec.y}}', { spec })).toEqual([
      '7:16 TemplateMissingValue: spec.x is missing',
      '7:27 TemplateMissingValue: spec.y is missing',
    ]);
    expect(stringValue('a\n{{spec.x}}', { spec })).toEqual(['8:3 TemplateMissingValue: spec.x is missing']);
    expect(stringValue('a{{spec.o}}', { spec })).toEqual([
      '7:15 TemplateValue: {{spec.o}}: an object cannot be part of a text',
    ]);
    expect(stringValue('{{ {{ }}', {})).toEqual(['7:17 TemplateSyntax']);
  });

  it('lists its references', () => {
    const result = compileTemplateString({
      source: '{{item}}.{{default spec.a "x"}}',
      place: { file: 'w', line: 1, column: 1 },
    });
    expect(
      result.kind === 'compiled' &&
        result.template.references.map(({ root, path, guarded }) => [root, ...path, guarded]),
    ).toEqual([
      ['item', false],
      ['spec', 'a', true],
    ]);
  });
});
