import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson, stringifyJson } from '../../engine/cluster/json.ts';

describe('JSON of the API', () => {
  it('keeps an integer beyond 2^53 exact, and writes it back as it was', () => {
    const text =
      '{"spec":{"small":1,"big":9007199254740993,"negative":-9223372036854775808,"list":[18446744073709551615]}}';
    expect(parseJson(text)).toEqual({
      spec: {
        small: 1,
        big: 9007199254740993n,
        negative: -9223372036854775808n,
        list: [18446744073709551615n],
      },
    });
    expect(stringifyJson(parseJson(text))).toBe(text);
  });

  it('leaves safe integers, fractions and exponents numbers', () => {
    expect(parseJson('[9007199254740991,0.1234567890123456789,1e300, -4]')).toEqual([
      9007199254740991, 0.12345678901234568, 1e300, -4,
    ]);
  });

  it('does not touch digits in strings', () => {
    expect(parseJson('{"a":"12345678901234567890","b":": 12345678901234567890"}')).toEqual({
      a: '12345678901234567890',
      b: ': 12345678901234567890',
    });
  });

  it('finds a long integer in indented JSON as well', () => {
    expect(parseJson('{\n  "a": 12345678901234567890\n}')).toEqual({ a: 12345678901234567890n });
  });

  it('refuses what is no JSON', () => {
    expect(() => parseJson('404 page not found')).toThrow(SyntaxError);
  });

  it('writes and reads what the standard functions do, but for long integers', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        expect(rounded(parseJson(stringifyJson(json)))).toEqual(JSON.parse(JSON.stringify(json)));
      }),
    );
  });

  it('returns any 64-bit integer as it was', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n }), (integer) => {
        expect(parseJson(stringifyJson({ integer }))).toEqual({ integer });
      }),
    );
  });
});

/** With long integers as the standard functions round them. */
function rounded(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? Number(item) : item)));
}
