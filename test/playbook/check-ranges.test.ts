/** Numbers and lengths beyond the limits of the schema, and comparisons that never hold in expressions that may. */
import { describe, expect, test } from 'vitest';
import { compileExpression } from '../../engine/playbook/expression.ts';
import { isAlwaysTrue, isNeverTrue } from '../../engine/playbook/expression-possible.ts';
import type { KnownPaths } from '../../engine/playbook/language.ts';
import { CRD, load, memcachedWith } from './load-builder.ts';

const LIMITED = CRD.replace(
  'size: {type: integer}',
  `size: {type: integer, minimum: 1, maximum: 9}
              spare: {type: integer, maximum: 3}
              above: {type: number, minimum: 0, exclusiveMinimum: true}
              word: {type: string, minLength: 2, maxLength: 5}
              mode: {type: string, enum: [fast, safe]}
              port: {x-kubernetes-int-or-string: true, maximum: 9}`,
)
  .replace('names: {type: array,', 'names: {type: array, minItems: 1, maxItems: 3,')
  .replace(
    '        properties:\n          spec:\n            type: object',
    '        required: [spec]\n        properties:\n          spec:\n            required: [size, names]\n            type: object',
  )
  .replace('ready: {type: integer}', 'ready: {type: integer, maximum: 9}');

function found(rule: string, more = ''): readonly string[] {
  const files = memcachedWith(`${more}  health: {Ready: '${rule}'}\n`, { 'crd.yaml': LIMITED });
  const result = load(files);
  return (result.kind === 'refused' ? result.problems : result.warnings).map(
    ({ line, column, code, message, hint }) => `${line}:${column} ${code}: ${message} (${hint})`,
  );
}

describe('a number beyond the limits of its field', () => {
  test('is never reached, and the hint says the limits', () => {
    expect(found('spec.size > 20')).toEqual([
      '4:20 ConditionNeverTrue: the condition Ready is never True (spec.size is from 1 to 9)',
    ]);
    expect(found('$length(spec.word) > 5')[0]).toContain(
      '(spec.word is a string, its length is from 2 to 5)',
    );
  });

  test.each([
    'spec.size < 1',
    '20 <= spec.size',
    'spec.size = 20',
    'spec.size in [0, 10]',
    'spec.spare > 3',
    'spec.above <= 0',
    'object.spec.size > 9',
    'spec.size - 1 > 8',
    'spec.size * 2 < 2',
    '$not(spec.size >= 1)',
    'spec.size >= 1 ? false : true',
    '(spec.spare ?? 3) > 3',
    '$count(spec.names) > 3',
    '$count(spec.names) = 0',
    '$count(spec.options) < 0',
    '$length(spec.word) > 5',
    '$length(spec.word) = 1',
  ])('is found in %s', (rule) => {
    expect(found(rule)).toEqual([expect.stringContaining('ConditionNeverTrue')]);
  });

  test.each([
    'spec.size > 8',
    'spec.size = 9',
    'spec.size >= 1',
    'spec.spare < 0',
    '$not(spec.spare <= 3)',
    '(spec.spare ?? 4) > 3',
    'spec.above < 0.1',
    'spec.size / 10 < 1',
    'spec.size % 2 = 0',
    '-spec.size < 0',
    'spec.size + spec.spare > 11',
    'spec.port > 20',
    'status.ready > 20',
    '$count(spec.names) = 3',
    '$count(spec.names[$ != "a"]) = 0',
    '$length(spec.word) = 5',
    '$length(spec.image) > 99',
    '$number(spec.word) > 9',
  ])('is not claimed of %s', (rule) => {
    expect(found(rule)).toEqual([]);
  });

  test('is found through a var', () => {
    expect(found('vars.many > 11', '  vars: {many: spec.size + 2}\n')).toHaveLength(1);
  });

  test('leaves unless always true, where the field is always there', () => {
    const step = (unless: string): readonly string[] =>
      found(
        'true',
        `  actions: {a: {on: {request: true}, steps: [{unless: '${unless}', exec: {pod: x, command: [y]}}]}}\n`,
      );
    expect(step('spec.size >= 1')).toEqual([expect.stringContaining('StepUnreachable')]);
    expect(step('spec.spare <= 3')).toEqual([]);
  });
});

describe('a comparison that never holds, in an expression that may', () => {
  test('is told with what the field can be', () => {
    expect(found('spec.mode in ["fast", "sfe"]')).toEqual([
      '4:42 ComparisonNeverTrue: spec.mode is never "sfe" (spec.mode is one of fast, safe)',
    ]);
    expect(found('spec.size > 20 or spec.size = 0 or spec.size > 3')).toEqual([
      '4:30 ComparisonNeverTrue: this comparison with spec.size is never true (spec.size is from 1 to 9)',
      '4:50 ComparisonNeverTrue: spec.size is never 0 (spec.size is from 1 to 9)',
    ]);
    expect(found('spec.mode != "fst"')).toHaveLength(1);
    expect(found('$not(spec.mode = "fst")')).toHaveLength(1);
    expect(found('(spec.image = 3 ? 1 : 2) = 2')).toEqual([
      expect.stringContaining('spec.image is never 3 (spec.image is a string)'),
    ]);
  });

  test.each([
    'spec.mode in ["fast", "safe"]',
    'spec.mode in ["fast", spec.word]',
    'spec.mode in spec.names',
    '"sfe" in spec.names',
    '(spec.mode ?? "none") = "none"',
    '$lowercase(spec.mode) in ["fast", "sfe"]',
    'spec.names[$ = 3] = "a" or spec.size > 1',
    '$exists(spec.options.rows[mode = "sfe"])',
    'vars.off or spec.size > 1',
    'vars.off = true or spec.size > 1',
    'spec.port = 20 or spec.port > 9',
  ])('is not claimed of %s', (rule) => {
    expect(found(rule, '  vars: {off: "false"}\n').filter((each) => !each.includes('UnusedVar'))).toEqual([]);
  });

  test('is not told beside what follows from it', () => {
    expect(found('spec.mode = "fst"')).toEqual([expect.stringContaining('ConditionNeverTrue')]);
  });
});

describe('what an expression over limited values can yield', () => {
  const known: KnownPaths = ({ root, path }) => {
    if (root !== 'spec') return undefined;
    if (path[0] === 'list') return { missing: true, length: { min: 1, max: 2 } };
    const missing = path[0] === 'maybe';
    return { missing, type: 'number', range: { min: 1, max: 3 } };
  };
  const LEFT = ['spec.n', 'spec.maybe', 'spec.n - 2', 'spec.n * spec.maybe', '$count(spec.list)'];
  const SOURCES = [...LEFT, '(spec.maybe ?? 5)'].flatMap((left) =>
    ['<', '<=', '>', '>=', '=', '!='].flatMap((order) =>
      ['0', '1', '3', '4', 'spec.maybe'].flatMap((right) => [
        `${left} ${order} ${right}`,
        `$not(${left} ${order} ${right})`,
      ]),
    ),
  );

  test.each(SOURCES)('is never less than what %s does yield', async (source) => {
    const compiled = compileExpression({ source, place: { file: 'x', line: 1, column: 1 } });
    if (compiled.kind === 'refused') throw new Error(source);
    const { expression } = compiled;
    const judged = expression.possible(known);
    for (const n of [1, 2, 3]) {
      for (const maybe of [1, 2, 3, undefined]) {
        const more = maybe === undefined ? {} : { maybe, list: ['a', 'b'].slice(0, maybe) };
        const evaluation = await expression.evaluate({ spec: { n, ...more } });
        if (evaluation.kind === 'value')
          expect(judged.values ?? [evaluation.value]).toContain(evaluation.value);
        else expect(judged.missing).toBe(true);
        if (isNeverTrue(judged)) expect(evaluation).not.toMatchObject({ value: true });
        if (isAlwaysTrue(judged)) expect(evaluation).toMatchObject({ value: true });
      }
    }
  });
});
