/**
 * Order of resourceVersions. KEP-5504 (Kubernetes 1.35) makes them comparable within one resource: decimal integers
 * without leading zeros and of any size, so a longer one is greater and equal lengths compare as text.
 */

const NUMBER = /^(0|[1-9]\d*)$/;

export function isComparable(resourceVersion: string): boolean {
  return NUMBER.test(resourceVersion);
}

/** Negative, zero or positive; undefined where one of them is no number (an aggregated API of its own making). */
export function compareResourceVersions(a: string, b: string): number | undefined {
  if (!isComparable(a) || !isComparable(b)) return undefined;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
