import fc from 'fast-check';
import { expect, it } from 'vitest';
import { lineSplitter } from '../../engine/cluster/lines.ts';

it('gives the same lines however the bytes are cut', () => {
  const line = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replaceAll('\n', ' ') || ' ');
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat({ max: 40 })), (lines, cuts) => {
      let rest = new TextEncoder().encode(lines.map((text) => `${text}\n`).join(''));
      const splitter = lineSplitter();
      const seen: string[] = [];
      for (const size of cuts) {
        seen.push(...splitter.push(rest.slice(0, size)));
        rest = rest.slice(size);
      }
      seen.push(...splitter.push(rest));
      expect(seen).toEqual(lines);
      expect(splitter.rest()).toBe('');
    }),
  );
});

it('keeps what stands after the last newline', () => {
  const splitter = lineSplitter();
  expect(splitter.push(new TextEncoder().encode('a\n\nb'))).toEqual(['a']);
  expect(splitter.rest()).toBe('b');
});
