import { expect, it } from 'vitest';
import { SkeletonCache } from '../../engine/playbook/template/cache.ts';

it('the least recently used goes first', () => {
  const cache = new SkeletonCache<number>(8 * 30);
  cache.set('a'.repeat(10), 1);
  cache.set('b'.repeat(10), 2);
  cache.set('c'.repeat(10), 3);
  expect(cache.get('a'.repeat(10))).toBe(1);
  cache.set('d'.repeat(10), 4);
  expect(['a', 'b', 'c', 'd'].map((letter) => cache.get(letter.repeat(10)))).toEqual([1, undefined, 3, 4]);
  expect(cache.size).toBe(3);
});

it('what is larger than the bound stands alone', () => {
  const cache = new SkeletonCache<number>(8 * 30);
  cache.set('a', 1);
  cache.set('b'.repeat(100), 2);
  expect([cache.get('a'), cache.get('b'.repeat(100)), cache.size]).toEqual([undefined, 2, 1]);
  cache.set('c', 3);
  expect([cache.get('c'), cache.size]).toEqual([3, 1]);
});
