/** The order in which a person counts: `pod-2` before `pod-10`. */

const PARTS = /\d+|\D+/g;

/** Compares runs of digits as numbers and everything else by code unit. */
export function compareNatural(a: string, b: string): number {
  const left = a.match(PARTS) ?? [];
  const right = b.match(PARTS) ?? [];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = comparePart(left[i] ?? '', right[i] ?? '');
    if (order !== 0) return order;
  }
  return left.length - right.length || (a < b ? -1 : a > b ? 1 : 0);
}

function comparePart(a: string, b: string): number {
  const both = /^\d/.test(a) && /^\d/.test(b);
  if (both && Number(a) !== Number(b)) return Number(a) - Number(b);
  return a < b ? -1 : a > b ? 1 : 0;
}
