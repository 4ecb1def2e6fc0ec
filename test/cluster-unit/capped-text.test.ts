import { describe, expect, test } from 'vitest';
import { CappedText, TEXT_LIMIT } from '../../engine/cluster/capped-text.ts';

describe('text of bounded size', () => {
  test('is kept whole up to 64 KiB, characters across chunks included', () => {
    const text = new CappedText();
    const bytes = Buffer.from('wörld');
    text.push(bytes.subarray(0, 2));
    text.push(bytes.subarray(2));
    expect(text.text()).toBe('wörld');
    expect(text.truncated).toBe(false);
    const full = new CappedText('end');
    full.push(Buffer.alloc(TEXT_LIMIT, 'x'));
    expect(full.truncated).toBe(false);
    expect(full.text()).toHaveLength(TEXT_LIMIT);
  });

  test('keeps its start, without a character that the limit cuts in two', () => {
    const text = new CappedText('start');
    text.push(Buffer.from(`${'x'.repeat(TEXT_LIMIT - 1)}ö and more`));
    expect(text.truncated).toBe(true);
    expect(text.text()).toBe('x'.repeat(TEXT_LIMIT - 1));
  });

  test('keeps its end, whatever came before', () => {
    const text = new CappedText('end');
    for (let i = 0; i < 5; i++) text.push(Buffer.from('ö'.repeat(TEXT_LIMIT / 2)));
    text.push(Buffer.from('end'));
    expect(text.truncated).toBe(true);
    expect(text.text()).toMatch(/^ö+end$/);
    expect(Buffer.byteLength(text.text())).toBeLessThanOrEqual(TEXT_LIMIT);
  });
});
