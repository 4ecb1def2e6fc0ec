/** What golden cases have not seen of a playbook, as a list with places. */
import type { CoverageItem } from '../reconcile/case/coverage.ts';

export interface DescribedCoverage {
  readonly text: string;
  /** Rounded down: 100 means all. */
  readonly percent: number;
  readonly parts: number;
  readonly seen: number;
  /** What no case has seen of them. */
  readonly missing: readonly {
    readonly name: string;
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly never: readonly string[];
  }[];
}

export function describeCoverage(
  name: string,
  items: readonly CoverageItem[],
  inFolder: (text: string) => string,
): DescribedCoverage {
  const seen = items.filter(({ missing }) => missing.length === 0).length;
  const percent = items.length === 0 ? 100 : Math.floor((100 * seen) / items.length);
  const missing = items
    .filter((item) => item.missing.length > 0)
    .map(({ name: what, place, missing: never }) => ({
      name: what,
      ...place,
      file: inFolder(place.file),
      never,
    }));
  const lines = missing.map(
    ({ name: what, file, line, column, never }) =>
      `  ${file}:${line}:${column}: ${what} never ${never.join(', never ')}\n`,
  );
  const text = `${name}: ${seen} of ${items.length} parts seen (${percent} %)\n${lines.join('')}`;
  return { text, percent, parts: items.length, seen, missing };
}
