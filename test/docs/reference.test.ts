import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import golden from '../../schemas/case.schema.json' with { type: 'json' };
import watches from '../../schemas/watches.schema.json' with { type: 'json' };
import { referencePage } from './reference.ts';

const page = readFileSync(new URL('../../docs/reference.md', import.meta.url), 'utf8');

function* keysOf(node: unknown): Generator<string> {
  if (typeof node !== 'object' || node === null) return;
  for (const [name, child] of Object.entries(node)) {
    if (name === 'properties') yield* Object.keys(child);
    yield* keysOf(child);
  }
}

describe('docs/reference.md', () => {
  test('is as the schemas are; else: npm run docs:reference', () => {
    expect(page).toBe(referencePage());
  });

  test('names every key, and says what each means', () => {
    const rows = [...page.matchAll(/^\| `(?:\S*\.)?(\w+)` \| (.+) \| (.*) \| (.+) \|$/gm)];
    const named = new Set(rows.map(([, key]) => key));
    expect([...keysOf(watches), ...keysOf(golden)].filter((key) => !named.has(key))).toEqual([]);
    expect(rows.length).toBeGreaterThan(180);
    const [keys] = page.split('## Values');
    expect(keys?.match(/^\| `/gm)?.length).toBe(rows.length);
  });

  test('links to sections that are there', () => {
    const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, text]) =>
      text?.toLowerCase().replaceAll(' ', '-'),
    );
    const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
    expect(links.filter((anchor) => !headings.includes(anchor))).toEqual([]);
    expect(new Set(headings).size).toBe(headings.length);
  });

  test('holds nothing undefined', () => {
    expect(page).not.toMatch(/undefined|\[object/);
  });
});
