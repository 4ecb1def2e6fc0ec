/**
 * The order of versions, as people mean it: "9.6" is before "16.2", "1.2.0-rc.1" before "1.2.0". Like Semantic
 * Versioning 2.0 (section 11), but lenient: any number of parts ("16" = "16.0"), a leading "v", build data ignored.
 */

/** -1, 0 or 1; undefined where one of both is no version. */
export function compareVersions(a: string, b: string): -1 | 0 | 1 | undefined {
  const left = parse(a);
  const right = parse(b);
  if (left === undefined || right === undefined) return undefined;
  return compareParts(left.parts, right.parts) || comparePreReleases(left.preRelease, right.preRelease);
}

interface Version {
  readonly parts: readonly bigint[];
  readonly preRelease: readonly string[];
}

const VERSION = /^v?(\d{1,20}(?:\.\d{1,20}){0,9})(?:-([0-9A-Za-z.-]{1,200}))?(?:\+[0-9A-Za-z.-]{1,200})?$/;

/** Does it look like a version with at least two numbers? */
export function looksLikeVersion(text: string): boolean {
  return /^v?\d+\.\d/.test(text) && parse(text) !== undefined;
}

function parse(text: string): Version | undefined {
  const match = VERSION.exec(text.trim());
  if (match === null) return undefined;
  const [, numbers = '', preRelease] = match;
  return { parts: numbers.split('.').map(BigInt), preRelease: preRelease?.split('.') ?? [] };
}

function compareParts(a: readonly bigint[], b: readonly bigint[]): -1 | 0 | 1 {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const order = compare(a[at] ?? 0n, b[at] ?? 0n);
    if (order !== 0) return order;
  }
  return 0;
}

/** None is after any; numbers before words; a longer one after its own beginning. */
function comparePreReleases(a: readonly string[], b: readonly string[]): -1 | 0 | 1 {
  if (a.length === 0 || b.length === 0)
    return compare(b.length, a.length) === 0 ? 0 : a.length === 0 ? 1 : -1;
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const order = compareIdentifiers(a[at] ?? '', b[at] ?? '');
    if (order !== 0) return order;
  }
  return compare(a.length, b.length);
}

function compareIdentifiers(a: string, b: string): -1 | 0 | 1 {
  const numeric = [a, b].map((text) => /^\d+$/.test(text));
  if (numeric[0] && numeric[1]) return compare(BigInt(a), BigInt(b));
  if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1;
  return compare(a, b);
}

function compare<T extends string | number | bigint>(a: T, b: T): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0;
}
