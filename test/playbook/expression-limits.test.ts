import fc from 'fast-check';
import jsonata from 'jsonata';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { compile, compiled, evaluate, pod, resultOf } from './expression-help.ts';

const LIMIT = { kind: 'error', problem: { code: 'ExpressionLimit' } };
const pods = Array.from({ length: 5_000 }, (_, n) => pod(`web-${n}`, n % 2 === 0 ? 'Running' : 'Pending'));
const context = {
  spec: {
    blob: 'a'.repeat(1_000_000),
    half: 'a'.repeat(500_000),
    list: Array.from({ length: 9_000 }, (_, n) => (n * 7_919) % 9_000),
  },
  observe: { pods, copy: structuredClone(pods) },
};

/** A value in which the one before stands twice, again and again: small to keep, endless to walk through. */
function doubled(first: string, times: number): string {
  const bindings = Array.from({ length: times }, (_, n) => `$a${n + 1} := [[$a${n}], [$a${n}]]`);
  return [`$a0 := ${first}`, ...bindings].join('; ');
}

/** Each of these took seconds or gigabytes in jsonata alone, or would grow without bounds. */
const HOSTILE = [
  '$pad("x", 2e8)',
  '$pad("x", -2e8)',
  '$pad("x", 1e5, $pad("y", 1e5))',
  '$map([1..9999], function($x){ $pad("x", 9999) })',
  '($f := function($x){ $f($x) }; $f(1))',
  '($f := function($x){ 1 + $f($x) }; $f(1))',
  '($f := function($x){ [$f($x), $f($x)] }; $f(1))',
  '($y := function($f){ $f($f) }; $y($y))',
  '[1..1e7]',
  '[0..20000]',
  '$map([1..9999], function($i){ $map([1..9999], function($j){ $i * $j }) })',
  '$reduce([1..60], function($a, $b){ $a & $a }, "x")',
  '$reduce([1..60], function($a, $b){ $append($a, $a) }, [1])',
  '$join($map([1..9999], function($i){ $$.spec.blob }))',
  '$join([1..9999] ~> $map($string), spec.blob)',
  '$replace(spec.blob, "a", spec.blob)',
  '$replace(spec.blob, /a/, spec.blob)',
  '$split(spec.blob, "")',
  '$match(spec.blob, /a/)',
  '$contains(spec.blob, /(a|aa)+$b/)',
  '$length(spec.blob)',
  '$sort(spec.list)',
  '$sort(spec.list, function($a, $b){ $a > $b })',
  'observe.pods^($.metadata.name)',
  '$distinct(observe.pods)',
  '$spread(observe.pods)',
  'observe.pods@$a.$$.observe.pods@$b.{"a": $a}',
  'observe.pods[$ = $$.observe.copy[0]]',
  'observe.**',
  'observe.pods[[0..9999]]',
  'observe.pods ~> |metadata|{"x": 1}|',
  '$map([1..9999], function($i){ $$.observe.pods })',
  '$map([1..9999], function($i){ $$.observe.pods = $$.observe.copy })',
  '$formatNumber(1, $pad("0", 9999, "0"))',
  '$contains(spec.blob, "b" & $substring(spec.half, 0, 20000))',
  '$substringBefore($substring(spec.half, 0, 200000), "b" & $substring(spec.half, 0, 20000))',
  '$split($substring(spec.half, 0, 200000), "b" & $substring(spec.half, 0, 20000))',
  `(${doubled('[1..999]', 30)}; $a30.x)`,
  `(${doubled('[[], []]', 30)}; $a30.**)`,
  `(${doubled('[1..999]', 30)}; $a30.*)`,
  `(${doubled('[[], []]', 30)}; $a30 ? 1 : 2)`,
  `(${doubled('[[], []]', 30)}; $keys($a30))`,
  `(${doubled('{"k": 1}', 30)}; $string($a30))`,
  `(${doubled('{"k": 1}', 30)}; $a30 = $a30.$clone())`,
  `(${doubled('{"k": 1}', 30)}; $a30)`,
  '$map([1..9999], function($i){ $substring(?, 0, $i) })',
  '$reduce([1..9999], function($a, $b){ $a ~> $uppercase }, $lowercase)("X")',
  '$reduce([1..9999], function($a, $b){ [[$a]] }, [])',
];

describe('limits', () => {
  it.each(HOSTILE.map((source) => [source.slice(-70), source]))('end %s', async (_end, source) => {
    const evaluation = await evaluate(source, context);
    expect(evaluation.kind).toBe('error');
  });

  it('let catastrophic regular expressions finish in linear time', async () => {
    const text = `${'a'.repeat(2_000)}!`;
    expect(await resultOf('$contains(spec.text, /(a+)+$/)', { spec: { text } })).toBe(false);
    expect(await resultOf('$contains(spec.text, /^(([a-z])+.)+[A-Z]([a-z])+$/)', { spec: { text } })).toBe(
      false,
    );
  });

  it('let a filter over 5,000 objects through', async () => {
    expect(await resultOf('$count(observe.pods[$.status.phase = "Running"])', context)).toBe(2_500);
    expect(await resultOf('$count(observe.pods[$.metadata.name != "web-7"])', context)).toBe(4_999);
  });

  it('say so, the same way each time', async () => {
    const expression = compiled('$map([1..9999], function($i){ $map([1..9], function($j){ $j }) })');
    const first = await expression.evaluate({});
    expect(first).toMatchObject(LIMIT);
    expect(await expression.evaluate({})).toEqual(first);
  });

  it('do not depend on how fast time passes: a machine that stands still for 20 s changes nothing', async () => {
    const [began, now] = [Date.now(), vi.spyOn(Date, 'now')];
    onTestFinished(() => now.mockRestore());
    now.mockImplementationOnce(() => began).mockImplementation(() => began + 20_000);
    expect(await resultOf('$count(observe.pods[$.status.phase = "Running"])', context)).toBe(2_500);
    expect(now.mock.calls.length).toBeGreaterThan(1);
  });

  it('belong to one evaluation: many at once are no more than each alone', async () => {
    const expression = compiled('$sum($map([1..3000], function($i){ $i }))');
    const evaluations = await Promise.all(Array.from({ length: 5 }, () => expression.evaluate({})));
    expect(evaluations.every(({ kind }) => kind === 'value')).toBe(true);
  });

  it('keep the loop free: no hostile expression takes 50 ms of processor time, on a machine with nothing else to do', async () => {
    // jsonata alone needs 12 ms or more for this; a slow or busy machine gets as much more time as it needs longer.
    const reference = jsonata('$count(observe.pods[status.phase = "Running"])');
    const limit = Math.max(50, 4 * (await leastTime(() => reference.evaluate(context), 0)));
    const slow: [number, string][] = [];
    for (const source of HOSTILE) {
      const { evaluate: run } = compiled(source);
      const least = await leastTime(() => run(context), limit);
      if (least >= limit) slow.push([least, source.slice(-70)]);
    }
    expect(slow).toEqual([]);
  });
});

/** The least processor time of this thread in up to five rounds, in milliseconds; ends as soon as it is below `enough`. */
async function leastTime(action: () => Promise<unknown>, enough: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5 && least >= enough; round++) {
    const before = process.threadCpuUsage();
    await action();
    const { user, system } = process.threadCpuUsage(before);
    least = Math.min(least, (user + system) / 1_000);
  }
  return least;
}

describe('any source', () => {
  const atom = fc.constantFrom(
    ...[
      'spec.a',
      '$spec.b',
      'metadata.name',
      'observe.pods',
      'children.db.status',
      '$',
      '$$',
      '*',
      '**',
      '%',
      '1',
      '-1',
      '0',
      '1e300',
    ],
    ...[
      '"x"',
      'null',
      'true',
      '[]',
      '{}',
      '/a+/',
      '$x',
      '$sum',
      '$string',
      'status',
      'index',
      '?',
      'function',
      '`b c`',
      '[1..9]',
    ],
  );
  const source: fc.Arbitrary<string> = fc.letrec<{ expression: string }>((tie) => {
    const inner = tie('expression');
    const operator = fc.constantFrom(
      '+',
      '-',
      '*',
      '/',
      '%',
      '&',
      '=',
      '!=',
      '<',
      '>=',
      'and',
      'or',
      'in',
      '~>',
      '.',
      '??',
      '?:',
      '..',
      ':=',
      '^',
      '@',
      '#',
    );
    const call = fc.constantFrom(
      '$sum',
      '$count',
      '$map',
      '$filter',
      '$reduce',
      '$sort',
      '$exists',
      '$not',
      '$string',
      '$ready',
      '$condition',
      '$byName',
      '$pad',
      '$replace',
      '$match',
      '$zip',
      '$merge',
      '$distinct',
      '$lookup',
      '$each',
      '$sift',
      '$single',
      '$spread',
      '$clone',
      '$error',
      '$compareVersions',
      '$toMillis',
      '$formatNumber',
    );
    return {
      expression: fc.oneof(
        { maxDepth: 5, withCrossShrink: true },
        atom,
        fc.tuple(inner, operator, inner).map((parts) => parts.join(' ')),
        fc
          .tuple(call, fc.array(inner, { maxLength: 3 }))
          .map(([name, args]) => `${name}(${args.join(', ')})`),
        fc.tuple(inner, inner).map(([a, b]) => `${a}[${b}]`),
        fc.tuple(inner, inner).map(([a, b]) => `${a}.(${b})`),
        fc.tuple(inner, inner, inner).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
        fc.tuple(inner, inner).map(([a, b]) => `${a}{${b}: $}`),
        inner.map((a) => `function($x){ ${a} }`),
        fc.tuple(inner, inner).map(([a, b]) => `($x := ${a}; ${b})`),
        fc.tuple(inner, inner).map(([a, b]) => `${a} ~> |${b}|{"k": 1}, "b"|`),
        fc.tuple(inner, inner).map(([a, b]) => `${a}^(>${b})`),
        inner.map((a) => `${a}[]`),
        fc.array(inner, { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
      ),
    };
  }).expression;

  const build = (): Record<string, unknown> => ({
    spec: { a: [1, 2, { b: [] }], b: { c: 'x', d: null, e: 2n ** 70n }, 'b c': [] },
    metadata: { name: 'n', labels: {} },
    observe: { pods: [pod('a', 'Running'), null, pod('b', 'Pending')] },
    children: { db: pod('db', 'Running') },
    status: {},
    index: 1,
  });

  it('is refused with places, or evaluated to JSON or an error, and leaves the context as it was', async () => {
    const check = async (text: string): Promise<void> => {
      const result = compile(text);
      if (result.kind === 'refused') {
        expect(result.problems.length).toBeGreaterThan(0);
        for (const { line, column, message } of result.problems) {
          expect(line).toBe(7);
          expect(column).toBeGreaterThanOrEqual(11);
          expect(column).toBeLessThanOrEqual(11 + text.length);
          expect(message).not.toMatch(/undefined|is not a function|Cannot read/);
        }
        return;
      }
      const input = build();
      const evaluation = await result.expression.evaluate(input);
      expect(input).toStrictEqual(build());
      if (evaluation.kind === 'value') expect(isJson(evaluation.value)).toBe(true);
    };
    await fc.assert(fc.asyncProperty(fc.oneof(source, fc.string({ maxLength: 30 })), check), {
      numRuns: 2_000,
    });
  });
});

function isJson(value: unknown): boolean {
  if (value === null || ['string', 'boolean', 'bigint'].includes(typeof value)) return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return Object.keys(value).length === value.length && value.every(isJson);
  if (typeof value !== 'object') return false;
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isJson);
}
