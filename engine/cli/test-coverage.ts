/** What golden cases have not seen of a playbook, as a list with places. */
import type { CoverageItem } from '../reconcile/case/coverage.ts';

export interface DescribedCoverage {
  readonly text: string;
  /** Rounded down: 100 means all. */
  readonly percent: number;
}

export function describeCoverage(
  name: string,
  items: readonly CoverageItem[],
  inFolder: (text: string) => string,
): DescribedCoverage {
  const seen = items.filter(({ missing }) => missing.length === 0).length;
  const percent = items.length === 0 ? 100 : Math.floor((100 * seen) / items.length);
  const lines = items
    .filter(({ missing }) => missing.length > 0)
    .map(({ name: what, place, missing }) => {
      const { file, line, column } = place;
      return `  ${inFolder(`${file}:${line}:${column}`)}: ${what} never ${missing.join(', never ')}\n`;
    });
  return {
    text: `${name}: ${seen} of ${items.length} parts seen (${percent} %)\n${lines.join('')}`,
    percent,
  };
}
