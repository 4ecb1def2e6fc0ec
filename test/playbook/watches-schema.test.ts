import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import golden from '../../schemas/case.schema.json' with { type: 'json' };
import watches from '../../schemas/watches.schema.json' with { type: 'json' };

/** Every schema below that stands for a key an author can write. */
function* keysOf(node: unknown, path: string): Generator<readonly [string, Record<string, unknown>]> {
  if (typeof node !== 'object' || node === null) return;
  for (const [name, child] of Object.entries(node)) {
    if (name === 'properties') {
      for (const [key, value] of Object.entries(child ?? {})) yield [`${path}.${key}`, Object(value)];
    }
    yield* keysOf(child, `${path}/${name}`);
  }
}

describe.each([
  ['watches.yaml', watches],
  ['golden cases', golden],
])('the schema of %s', (_, schema) => {
  const definitions: Readonly<Record<string, object>> = schema.$defs;

  /** What is shown for a key: its own words, or else those of what it refers to. */
  function shown(key: Record<string, unknown>): string {
    const referred = definitions[String(key['$ref']).replace('#/$defs/', '')];
    return String(key['description'] ?? Object(referred).description ?? '');
  }

  test('is a strict JSON Schema of draft 2020-12', () => {
    const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
    expect(() => ajv.compile(schema)).not.toThrow();
  });

  test('describes every key in a sentence, for editors show nothing else', () => {
    const keys = [...keysOf(schema, '')];
    expect(keys.length).toBeGreaterThan(40);
    const silent = keys.filter(([, key]) => !/^\S+( \S+)+[.?]$/s.test(shown(key)));
    expect(silent.map(([path]) => path)).toEqual([]);
  });

  test('refers to nothing that is not there, and holds nothing that is not referred to', () => {
    const text = JSON.stringify(schema);
    const referred = [...text.matchAll(/"\$ref":"#\/\$defs\/(\w+)"/g)].map(([, name]) => name ?? '');
    expect([...new Set(referred)].sort()).toEqual(Object.keys(definitions).sort());
  });
});

test('the types offered for a field are those that it may have', () => {
  expect(watches.$defs.field.examples).toEqual(watches.$defs.fieldType.enum);
});
