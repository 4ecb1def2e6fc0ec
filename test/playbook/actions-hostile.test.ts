import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EXAMPLE, withActions } from './actions-builder.ts';
import { load } from './load-builder.ts';

/** Words that mean something somewhere, and shapes that nobody expects. */
const SPLINTERS = [
  'null',
  '[]',
  '{}',
  '3',
  '-1',
  'true',
  '""',
  '"{{"',
  '"{{run.outputs}}"',
  'run',
  'a',
  '[a, [b]]',
  '{a: {b: c}}',
  '__proto__',
  'constructor',
  '{secret: true}',
  '99999999999999999999',
];

/** The example with some of its words replaced. */
const mutants = fc
  .array(fc.tuple(fc.nat(400), fc.constantFrom(...SPLINTERS)), { minLength: 1, maxLength: 4 })
  .map((changes) => {
    const words = (EXAMPLE['watches.yaml'] ?? '').split(/(?<=[\s[{,:])(?=[^\s[{,:])/);
    for (const [at, splinter] of changes) words[40 + (at % (words.length - 40))] = `${splinter} `;
    return { ...EXAMPLE, 'watches.yaml': words.join('') };
  });

describe('hostile actions', () => {
  test('are loaded or refused with places in files, whatever they hold', () => {
    fc.assert(
      fc.property(mutants, (files) => {
        const result = load(files);
        const all = result.kind === 'refused' ? result.problems : result.warnings;
        if (result.kind === 'refused') expect(all).not.toEqual([]);
        for (const { code, line, column, message } of all) {
          expect(code).toMatch(/^[A-Z]\w+$/);
          expect(message).not.toMatch(/undefined|\[object/);
          expect([line, column].every((n) => Number.isInteger(n) && n >= 1)).toBe(true);
        }
      }),
      { numRuns: 60, interruptAfterTimeLimit: 15_000 },
    );
  }, 30_000);

  test.each([
    '    __proto__: {steps: [{wait: true}]}\n',
    '    a: {on: {request: true}, steps: [{name: __proto__, wait: true}]}\n',
    '    a: {on: {request: true}, steps: [{set: {__proto__: "1"}}]}\n',
    '    a: {on: {request: true}, steps: [{wait: true, outputs: {__proto__: "1"}}]}\n',
    '    a: {on: {request: true}, vars: {__proto__: "1"}, steps: [{wait: true}]}\n',
    '    a: {on: {request: true}, params: {__proto__: {type: object}}, steps: [{wait: true}]}\n',
    '    a: {on: {request: true}, params: {properties: {__proto__: {type: string}}, required: [__proto__]}, steps: [{run: a}]}\n',
  ])('never reach a prototype: %j', (text) => {
    expect(load(withActions(text)).kind).toBe('refused');
  });

  test('may run each other in long chains without harm', () => {
    const chain = Array.from({ length: 300 }, (_, n) =>
      n === 299
        ? `    a${n}: {steps: [{wait: true}]}\n`
        : `    a${n}: {steps: [{run: a${n + 1}}, {run: a${n + 1}}]}\n`,
    ).join('');
    const began = performance.now();
    expect(load(withActions(`    z: {on: {request: true}, steps: [{run: a0}]}\n${chain}`)).kind).toBe(
      'loaded',
    );
    expect(performance.now() - began).toBeLessThan(10_000);
  }, 30_000);

  test('may have vars that read each other twice and twice again', () => {
    const vars = Array.from({ length: 60 }, (_, n) =>
      n === 0 ? 'v0: "1"' : `v${n}: vars.v${n - 1} + vars.v${n - 1}`,
    );
    const steps = '[{exec: {pod: a, command: ["{{vars.v59}}"]}}, {set: {version: $string(vars.v59)}}]';
    const text = `    a: {on: {request: true}, vars: {${vars.join(', ')}}, steps: ${steps}}\n`;
    expect(load(withActions(text)).kind).toBe('loaded');
  });
});
