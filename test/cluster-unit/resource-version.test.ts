import { expect, it } from 'vitest';
import { compareResourceVersions } from '../../engine/cluster/resource-version.ts';

it.each([
  ['9', '10', -1],
  ['10', '9', 1],
  ['10', '10', 0],
  ['18446744073709551615', '18446744073709551616', -1],
  ['99999999999999999999', '100000000000000000000', -1],
])('compares %s and %s as numbers of any size', (a, b, sign) => {
  expect(Math.sign(compareResourceVersions(a, b) ?? Number.NaN)).toBe(sign);
});

it.each([
  ['', '1'],
  ['abc', '1'],
  ['1', '01'],
])('does not compare %j and %j', (a, b) => {
  expect(compareResourceVersions(a, b)).toBeUndefined();
});
