import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { textBeyondInt64 } from '../../engine/kube/integers.ts';

describe('whole numbers that the API server cannot hold', () => {
  test('are texts, wherever they stand', () => {
    const value = { id: 10501334649042878790n, list: [1, { low: -(2n ** 63n) - 1n }], text: 'x', none: null };
    expect(textBeyondInt64(value)).toEqual({
      id: '10501334649042878790',
      list: [1, { low: '-9223372036854775809' }],
      text: 'x',
      none: null,
    });
  });

  test('all others stay what they are, and the value is not copied for them', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.jsonValue(), (number, json) => {
        const value = { number, json: JSON.parse(JSON.stringify(json)) };
        expect(textBeyondInt64(value)).toBe(value);
      }),
    );
  });
});
