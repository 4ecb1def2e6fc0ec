import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { collectCodes } from './codes.ts';

const codes = collectCodes(new URL('../../engine', import.meta.url).pathname);
const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const headings = [...page.matchAll(/^### (\S+)$/gm)].map(([, code]) => code ?? '');

describe('docs/errors.md', () => {
  test('has a paragraph for every code that the engine reports', () => {
    const missing = [...codes].filter(([code]) => !headings.includes(code));
    expect(missing.map(([code, files]) => `${code} (${files.join(', ')})`)).toEqual([]);
  });

  test('has no paragraph for a code that nothing reports', () => {
    expect(headings.filter((code) => !codes.has(code))).toEqual([]);
  });

  test('says each code once, with a text below it', () => {
    expect(headings).toEqual([...new Set(headings)]);
    expect(page).not.toMatch(/^### \S+\n+(###|##)/m);
  });

  test('compares with codes that were really found', () => {
    expect(codes.get('UnknownPath')).toContain('playbook/check-references.ts');
    expect(codes.get('KindNotServed')).toContain('cluster/client.ts');
    expect(codes.get('YamlSyntax')).toContain('playbook/yaml.ts');
  });
});
