import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, sameJson } from '../../engine/kube/canonical.ts';
import { normalise, wrapArrays } from '../../engine/kube/normalise.ts';
import type { JsonObject } from '../../engine/kube/object.ts';
import { schemaFromCrd } from '../../engine/kube/schema-model.ts';
import { asJson, deletePath, getPath, isJsonObject, setPath } from '../../engine/kube/value.ts';
import { crd } from './builders.ts';

describe('the normal form of a manifest', () => {
  it('has no nulls at any depth', () => {
    const tree = { spec: { a: null, b: { c: null }, d: [{ e: null, f: 1 }, null] } };
    expect(normalise(tree)).toEqual({ spec: { b: {}, d: [{ f: 1 }] } });
  });

  it('has neither status nor metadata that the server sets', () => {
    const metadata = {
      name: 'a',
      labels: { x: 'y' },
      uid: 'u',
      resourceVersion: '1',
      managedFields: [],
      generation: 1,
    };
    const tree = { apiVersion: 'v1', kind: 'Pod', metadata, spec: {}, status: { phase: 'Running' } };
    expect(normalise(tree)).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a', labels: { x: 'y' } },
      spec: {},
    });
  });

  it('has no empty labels and annotations, which the API server drops', () => {
    const tree = { metadata: { name: 'a', labels: {}, annotations: { a: null } }, spec: { labels: {} } };
    expect(normalise(tree)).toEqual({ metadata: { name: 'a' }, spec: { labels: {} } });
  });

  it("has a Secret's stringData in data, in base64, where it wins", () => {
    const tree = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'a' },
      data: { old: 'eA==', both: 'eA==' },
      stringData: { both: 'höher', empty: '' },
    };
    expect(normalise(tree)).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'a' },
      data: { old: 'eA==', both: 'aMO2aGVy', empty: '' },
    });
  });

  it('leaves stringData of other kinds alone', () => {
    const tree = {
      apiVersion: 'example.com/v1',
      kind: 'Secret',
      metadata: { name: 'a' },
      stringData: { a: 'b' },
    };
    expect(normalise(tree)).toEqual(tree);
  });

  it('has no ignored paths, nor the parents that they leave empty', () => {
    const tree = { spec: { replicas: 1, strategy: { type: 'X' }, paused: true } };
    const ignored = [
      ['spec', 'replicas'],
      ['spec', 'strategy', 'type'],
      ['spec', 'none', 'below'],
    ];
    expect(normalise(tree, ignored)).toEqual({ spec: { paused: true } });
  });

  it('is its own normal form, and is never a change of the manifest itself', () => {
    const tree = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }), { noNullPrototype: true });
    fc.assert(
      fc.property(tree, (value) => {
        const before = JSON.stringify(value);
        const once = normalise(toObject(value));
        expect(normalise(once)).toEqual(once);
        expect(JSON.stringify(value)).toBe(before);
      }),
    );
  });

  it('keeps a key that is called __proto__ as a key', () => {
    const tree = toObject(JSON.parse('{"spec":{"__proto__":{"a":1,"b":null}}}'));
    expect(JSON.stringify(normalise(tree))).toBe('{"spec":{"__proto__":{"a":1}}}');
  });
});

describe('canonical JSON', () => {
  it('does not depend on the order of keys, nor on the kind of integer', () => {
    expect(canonicalJson({ b: 1n, a: [true, null, 'x'] })).toBe('{"a":[true,null,"x"],"b":1}');
    expect(sameJson({ a: 1, b: 2 }, { b: 2n, a: 1n })).toBe(true);
    expect(sameJson({ a: 1 }, { a: '1' })).toBe(false);
    expect(sameJson(undefined, null)).toBe(false);
  });

  it('writes integers beyond 2^53 whole', () => {
    expect(canonicalJson(9007199254740993n)).toBe('9007199254740993');
  });

  it('is the same for what has the same text, and for nothing else', () => {
    const leaf = fc.constantFrom(0, -0, 1, 1n, 2, '', '1', 'a"b', true, false, null, undefined, [], {});
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 2 }, leaf, fc.array(tie('tree'), { maxLength: 2 }), tie('map')),
      map: fc.dictionary(fc.constantFrom('a', 'b', 'toString'), tie('tree'), { maxKeys: 2 }),
    }));
    fc.assert(
      fc.property(fc.record({ v: tree }), fc.record({ v: tree }), (a, b) => {
        const [left, right] = [asJson(a), asJson(b)];
        expect(sameJson(left, right)).toBe(canonicalJson(left) === canonicalJson(right));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the text of the same data', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(asJson(value)))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('paths of property names', () => {
  it('read through maps and lists, own properties only', () => {
    expect(getPath({ a: [{ b: 1 }] }, ['a', '0', 'b'])).toBe(1);
    expect(getPath({ a: [1] }, ['a', 'length'])).toBeUndefined();
    expect(getPath({}, ['constructor'])).toBeUndefined();
    expect(getPath(null, ['a'])).toBeUndefined();
  });

  it('delete and set without changing the tree they are given', () => {
    const tree = { spec: { replicas: 1 } };
    expect(deletePath(tree, ['spec', 'other'])).toBe(tree);
    expect(deletePath(tree, ['spec', 'replicas'])).toEqual({});
    expect(setPath(tree, ['spec', 'template', 'a'], 2)).toEqual({
      spec: { replicas: 1, template: { a: 2 } },
    });
    expect(tree).toEqual({ spec: { replicas: 1 } });
  });
});

describe('wrapping of single values', () => {
  const schema = schemaFromCrd(
    crd({
      spec: {
        type: 'object',
        properties: {
          hosts: { type: 'array', items: { type: 'string' } },
          rules: {
            type: 'array',
            items: { type: 'object', properties: { paths: { type: 'array', items: { type: 'string' } } } },
          },
          byName: { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } },
          size: { type: 'integer' },
        },
      },
    }),
    'v1',
  );

  it('happens where the schema has a list, at any depth', () => {
    const tree = { spec: { hosts: 'a', rules: { paths: '/' }, byName: { x: 'y', z: ['w'] }, size: 1 } };
    expect(wrapArrays(tree, schema)).toEqual({
      spec: { hosts: ['a'], rules: [{ paths: ['/'] }], byName: { x: ['y'], z: ['w'] }, size: 1 },
    });
  });

  it('leaves lists, nulls and what no schema describes as they are', () => {
    const tree = { spec: { hosts: ['a'], rules: null, unknown: 'x' } };
    expect(wrapArrays(tree, schema)).toBe(tree);
    expect(wrapArrays(tree, undefined)).toBe(tree);
  });

  it('reaches into items of lists', () => {
    expect(wrapArrays({ spec: { rules: [{ paths: '/' }] } }, schema)).toEqual({
      spec: { rules: [{ paths: ['/'] }] },
    });
  });
});

function toObject(value: unknown): JsonObject {
  const json = asJson(value);
  return isJsonObject(json) ? json : {};
}
