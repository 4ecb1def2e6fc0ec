/** Durations in playbooks: 10s, 30m, 1h, 7d and their sums. */
import { type LoadNode, sourceOf } from './load-node.ts';
import type { Problems } from './load-problems.ts';

const LONGEST = 10 * 365 * 86_400;

/** Seconds; undefined for what is no duration. */
export function parseDuration(text: string): number | undefined {
  const found = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/.exec(text.trim());
  if (found === null || text.trim() === '') return undefined;
  const [days, hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0));
  return (days ?? 0) * 86_400 + (hours ?? 0) * 3_600 + (minutes ?? 0) * 60 + (seconds ?? 0);
}

/** The seconds that a node says; undefined where there is none or it is wrong (and reported). */
export function durationAt(
  { problems }: { readonly problems: Problems },
  node: LoadNode | undefined,
  least: 0 | 1,
): number | undefined {
  const text = sourceOf(node);
  if (node === undefined || text === undefined) return undefined;
  const seconds = parseDuration(text);
  if (seconds !== undefined && seconds >= least && seconds <= LONGEST) return seconds;
  const hint = /^\d+$/.test(text)
    ? `say the unit, such as ${text}s`
    : 'write it like 10s, 30m, 1h, 7d or 1h30m';
  const range = seconds === undefined ? 'is no duration' : 'is not between 1s and ten years';
  problems.error('BadDuration', node.place, { message: `${JSON.stringify(text)} ${range}`, hint });
  return undefined;
}
