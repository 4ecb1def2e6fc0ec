/** `requires.kubernetes`: comparisons of versions, all of which must hold: `>=1.28`, `>=1.28 <1.40`. */

/** True where the version fits; undefined where the range is none. Versions may read `v1.35.4+k3s1`. */
export function versionFits(version: string, range: string): boolean | undefined {
  const comparisons = range.split(/[\s,]+/).filter((part) => part !== '');
  const results = comparisons.map((part) => compare(version, part));
  return results.includes(undefined) || results.length === 0 ? undefined : results.every((r) => r === true);
}

function compare(version: string, comparison: string): boolean | undefined {
  const match = /^(>=|<=|>|<|=)?\s*v?(\d+(?:\.\d+){0,2})$/.exec(comparison);
  const [, operator = '>=', wanted = ''] = match ?? [];
  if (match === null) return undefined;
  const order = orderOf(parts(version), parts(wanted));
  switch (operator) {
    case '>':
      return order > 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
    default:
      return order >= 0;
  }
}

function parts(version: string): readonly number[] {
  return (/\d+(?:\.\d+){0,2}/.exec(version)?.[0] ?? '0').split('.').map(Number);
}

/** Compared as far as the wanted version goes: 1.28.4 equals 1.28. */
function orderOf(actual: readonly number[], wanted: readonly number[]): number {
  for (const [index, part] of wanted.entries()) {
    const difference = (actual[index] ?? 0) - part;
    if (difference !== 0) return difference;
  }
  return 0;
}
