import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import schema from '../../schemas/watches.schema.json' with { type: 'json' };

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

describe('the schema of watches.yaml', () => {
  test('is a strict JSON Schema of draft 2020-12', () => {
    expect(() => new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema)).not.toThrow();
  });

  test('describes every key, for editors show nothing else', () => {
    const silent = [...keysOf(schema, '')].filter(
      ([, key]) => key.description === undefined && key.$ref === undefined,
    );
    expect(silent.map(([path]) => path)).toEqual([]);
  });
});
