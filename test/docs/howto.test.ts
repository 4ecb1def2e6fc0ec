/** docs/howto.md: each answer's example, with the playbook that all of them share, has nothing that lint could find. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Json } from '../../engine/kube/object.ts';
import { isJsonObject } from '../../engine/kube/value.ts';
import { parseYaml } from '../../engine/playbook/yaml.ts';
import schema from '../../schemas/watches.schema.json' with { type: 'json' };
import { libretto } from '../cli/libretto.ts';

const PAGE = new URL('../../docs/howto.md', import.meta.url);
const page = await readFile(PAGE, 'utf8');
const [head = '', ...answers] = page.split(/^(?=### )/m);
const shared = filesOf(head);

describe('docs/howto.md', () => {
  test.each(answers.map((answer): [string, string] => [answer.split('\n', 1)[0] ?? '', answer]))(
    '%s',
    async (_, answer) => {
      const folder = await mkdtemp(join(tmpdir(), 'libretto-howto-'));
      onTestFinished(() => rm(folder, { recursive: true, force: true }));
      const own = filesOf(answer);
      const files = new Map([...shared, ...own]);
      const nouns = yaml(own.get('') ?? '{}');
      const [watch] = listOf(yaml(shared.get('watches.yaml') ?? ''));
      if (!own.has('watches.yaml')) files.set('watches.yaml', JSON.stringify([merged(watch ?? {}, nouns)]));
      files.delete('');
      const watches = files.get('watches.yaml') ?? '';
      // What the answer's own manifests take the place of.
      for (const name of shared.keys())
        if (!watches.includes(name) && name !== 'watches.yaml') files.delete(name);
      for (const [name, text] of files) await writeFile(join(folder, name), text);
      expect(await libretto('lint', folder)).toEqual({ code: 0, out: '', err: '' });
      // A folder without cases is told of.
      if (own.has('shop.case.yaml'))
        expect(await libretto('test', folder)).toMatchObject({ code: 0, err: '' });
    },
  );

  test('has an example for every key of a watch, a manifest, an action, a trigger and a step', () => {
    for (const definition of ['watch', 'manifest', 'action', 'trigger', 'step'] as const)
      for (const noun of keysOf(definition))
        expect(page, `${definition}.${noun}`).toMatch(new RegExp(`\\b${noun}:`));
  });
});

/** Of a definition of the schema, without what is said of an example elsewhere. */
function keysOf(definition: string): readonly string[] {
  const found = Object(Object(schema).$defs)[definition];
  return Object.keys(Object(found).properties);
}

/** By the name in their first line; '' for nouns of the watch. */
function filesOf(text: string): ReadonlyMap<string, string> {
  const fences = [...text.matchAll(/^```yaml\n(?:# (\S+\.(?:yaml|hbs))\n)?([\s\S]*?)^```$/gm)];
  return new Map(fences.map(([, name = '', body = '']) => [name, body]));
}

function yaml(text: string): Json {
  const parsed = parseYaml({ file: 'howto.md', text });
  expect(parsed.kind === 'refused' ? parsed.problems : []).toEqual([]);
  return parsed.documents[0]?.value ?? {};
}

function listOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

/** Maps one into the other; lists and values take the place of what was there. */
function merged(one: Json, other: Json): Json {
  if (!isJsonObject(one) || !isJsonObject(other)) return other;
  const entries = Object.entries(other).map(([key, value]) => [
    key,
    key in one ? merged(one[key] ?? null, value) : value,
  ]);
  return { ...one, ...Object.fromEntries(entries) };
}
