/** "Did you mean …?": the nearest known name to a misspelt one, or nothing where none is near. */

/** Comparing takes time by the product of both lengths; nobody misspells longer names. */
const LONGEST = 100;

/** The candidate with the fewest typing errors, at most a third of the word's length (and at least one). */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > LONGEST) return undefined;
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of candidates) {
    if (Math.abs(name.length - word.length) > limit) continue;
    const distance = name.toLowerCase() === word.toLowerCase() ? 0 : typingErrors(word, name);
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
}

/** `did you mean X?`, or the list of what there is while it is short, or nothing. */
export function didYouMean(word: string, candidates: readonly string[], prefix = ''): string | undefined {
  const name = nearest(word, candidates);
  if (name !== undefined) return `did you mean ${prefix}${name}?`;
  if (candidates.length === 0 || candidates.length > 12) return undefined;
  return `there ${candidates.length === 1 ? 'is' : 'are'} ${candidates.map((each) => prefix + each).join(', ')}`;
}

/** Optimal string alignment distance: insert, delete, replace, swap two neighbours. */
function typingErrors(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
