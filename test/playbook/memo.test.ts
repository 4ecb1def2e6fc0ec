/** What an expression was asked before it need not work out again, and never answers for other values. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isObject } from '../../engine/kube/object.ts';
import type { Context, Evaluation } from '../../engine/playbook/language.ts';
import { compiled, evaluate } from './expression-help.ts';

/** An expression that makes a new object each time it is evaluated: the same one was remembered. */
async function isRemembered(source: string, first: Context, second: Context): Promise<boolean> {
  const expression = compiled(source);
  const [one, two] = [await expression.evaluate(first), await expression.evaluate(second)];
  if (one.kind !== 'value' || two.kind !== 'value') return expect.fail(JSON.stringify([one, two]));
  expect(isObject(one.value)).toBe(true);
  return one.value === two.value;
}

describe('an evaluation is remembered', () => {
  it('for the same values, whatever else is in the context', async () => {
    const spec = { size: 3 };
    expect(await isRemembered('{"a": spec.size}', { spec }, { spec, status: { phase: 'x' } })).toBe(true);
    expect(await isRemembered('{"a": spec.size}', { spec }, { spec: { size: 3, other: true } })).toBe(true);
  });

  it('for values that were read anew, and are the same', async () => {
    const pods = (): readonly object[] => [{ metadata: { name: 'a', labels: { role: 'primary' } } }];
    const source = '{"names": observe.pods.metadata.name}';
    expect(await isRemembered(source, { observe: { pods: pods() } }, { observe: { pods: pods() } })).toBe(
      true,
    );
  });

  it('for each of some items in turn', async () => {
    const expression = compiled('{"name": item.name}');
    const round = (): Promise<readonly Evaluation[]> =>
      Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => expression.evaluate({ item: { name } })));
    const [first, second] = [await round(), await round()];
    for (const [index, evaluation] of first.entries()) expect(second[index]).toBe(evaluation);
  });

  it('when it reads nothing at all', async () => {
    expect(await isRemembered('{"a": 1}', { spec: 1 }, { spec: 2 })).toBe(true);
  });
});

describe('an evaluation is made anew', () => {
  it.each([
    ['{"a": spec.size}', { spec: { size: 3 } }, { spec: { size: 4 } }],
    ['{"a": spec.size}', { spec: { size: 3 } }, { spec: { size: 3n } }],
    ['{"a": $keys(vars)}', { vars: { a: 1, b: 1 } }, { vars: { b: 1, a: 1 } }],
    ['{"a": spec.list.x}', { spec: { list: [{ x: 1 }] } }, { spec: { list: [{ x: 2 }] } }],
    ['{"a": spec."a.b", "b": spec.a}', { spec: { 'a.b': 1, a: 1 } }, { spec: { 'a.b': 2, a: 1 } }],
    ['{"a": vars.*}', { vars: { a: 1 } }, { vars: { a: 2 } }],
  ] as const)('where a value of %s differs', async (source, first, second) => {
    expect(await isRemembered(source, first, second)).toBe(false);
  });

  it.each(['{"a": $string()}', '{"a": $lookup("spec")}', '{"a": $keys()}', '{"a": ($f := $string; $f())}'])(
    'by %s, which may read the whole context',
    async (source) => {
      const spec = { size: 1 };
      expect(await isRemembered(source, { spec }, { spec })).toBe(false);
    },
  );

  it('where a list is long, for its items would be held', async () => {
    const context = { observe: { pods: Array.from({ length: 1001 }, (_, name) => ({ name })) } };
    expect(await isRemembered('{"a": $count(observe.pods)}', context, context)).toBe(false);
  });
});

it('a missing value is remembered with its path, and forgotten when it comes', async () => {
  const expression = compiled('status.phase');
  const missing = { kind: 'missing', path: 'status.phase' };
  expect(await expression.evaluate({ status: {} })).toEqual(missing);
  expect(await expression.evaluate({ status: {} })).toEqual(missing);
  expect(await expression.evaluate({ status: { phase: 'Up' } })).toEqual({ kind: 'value', value: 'Up' });
  expect(await expression.evaluate({})).toEqual(missing);
});

it('whatever was asked before, an expression answers as one that was never asked', async () => {
  const sources = [
    'spec.a',
    'spec.a = spec.b',
    'spec.a.b ?? "none"',
    'spec[a = 1].b',
    '$count(spec.b)',
    '$keys(spec)',
    '$string(spec.a)',
    '$string($keys($$.spec.b))',
    '$exists(status.a) ? status.a : spec',
    'spec.a{$string($): $count($)}',
    '$lookup(spec, "a")',
    '$map(spec.a, function($x) { $string($x) & $string($$.spec.b) })',
    'spec.*',
  ];
  const leaf = fc.constantFrom<unknown>(1, 1n, 2, '1', '', true, false, null, []);
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 3 }, leaf, fc.array(tie('tree'), { maxLength: 3 }), tie('map')),
    map: fc.dictionary(fc.constantFrom('a', 'b'), tie('tree'), { maxKeys: 2 }),
  }));
  const context = fc.record({ spec: tree, status: tree }, { requiredKeys: [] });
  const contexts = fc.array(context, { minLength: 2, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...sources), contexts, async (source, asked) => {
      const expression = compiled(source);
      for (const one of [...asked, ...asked])
        expect(await expression.evaluate(one)).toEqual(await evaluate(source, one));
    }),
    { numRuns: 300 },
  );
});
