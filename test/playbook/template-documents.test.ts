import { describe, expect, it } from 'vitest';
import type { Context } from '../../engine/playbook/model.ts';
import { compiled, refusals } from './template-kit.ts';

const document = (kind: string, rest = ''): string => `apiVersion: v1\nkind: ${kind}\n${rest}`;

function rendered(source: string, context: Context): unknown[] {
  const rendering = compiled(source).render(context);
  return rendering.kind === 'objects'
    ? rendering.documents.map(({ document, tree }) => [document, tree.kind])
    : [rendering];
}

describe('several documents in one file', () => {
  it('are numbered in order, empty ones left out', () => {
    const source = `---\n# nothing\n---\n${document('A')}---\n${document('B')}...\n---\n${document('C')}`;
    expect(compiled(source).documents.map(({ kind, place }) => [kind, place.line])).toEqual([
      ['A', 5],
      ['B', 8],
      ['C', 12],
    ]);
    expect(rendered(source, {})).toEqual([
      [0, 'A'],
      [1, 'B'],
      [2, 'C'],
    ]);
  });

  it('keep their number when another is left out', () => {
    const source = `{{#if spec.a}}\n${document('A')}---\n{{/if}}\n${document('B', 'v: {{spec.b}}\n')}`;
    expect(rendered(source, { spec: { a: true, b: 1 } })).toEqual([
      [0, 'A'],
      [1, 'B'],
    ]);
    expect(rendered(source, { spec: { b: 1 } })).toEqual([[1, 'B']]);
  });

  it('keep it even when two have the same text', () => {
    const one = (test: string): string => `{{#if spec.${test}}}\n---\n${document('A')}{{/if}}\n`;
    const source = one('a') + one('b');
    expect(rendered(source, { spec: { a: 1 } })).toEqual([[0, 'A']]);
    expect(rendered(source, { spec: { b: 1 } })).toEqual([[1, 'A']]);
    expect(rendered(source, { spec: { a: 1, b: 1 } })).toEqual([
      [0, 'A'],
      [1, 'A'],
    ]);
  });

  it('may all be left out', () => {
    expect(rendered(`{{#if spec.a}}\n${document('A')}{{/if}}\n`, { spec: {} })).toEqual([]);
  });

  it('have group, version and kind', () => {
    expect(compiled('apiVersion: apps/v1\nkind: Deployment\n').documents[0]).toMatchObject({
      group: 'apps',
      version: 'v1',
      kind: 'Deployment',
    });
  });
});

it('each does not repeat documents: forEach does', () => {
  expect(refusals(`{{#each spec.l}}\n---\n${document('A')}{{/each}}\n`)).toEqual([
    '4:1 TemplateRepeatedDocument',
  ]);
});
