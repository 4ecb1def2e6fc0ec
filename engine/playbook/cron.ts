/**
 * Cron lines as Kubernetes' CronJob has them: five fields, or @hourly and its like. The only module that imports croner.
 * Pure: the time comes from the caller. A tick that summer time leaves out comes at the next valid minute; one that
 * winter time repeats comes once.
 */
import { Cron } from 'croner';
import { errorMessage } from '../base/errors.ts';

export interface Ticks {
  /** The latest tick at or before the given time, epoch ms. */
  readonly latest?: number;
  /** The earliest tick after it. */
  readonly next?: number;
}

export type TicksResult =
  | { readonly kind: 'ticks'; readonly ticks: Ticks }
  | { readonly kind: 'refused'; readonly message: string };

const NICKNAMES = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];
const MINUTE = 60_000;
/** A time to judge lines from: all comes back within 28 years of it, or never. */
const ANY_TIME = Date.UTC(2024, 0, 1);

/** What is wrong with a cron line, undefined: nothing. */
export function scheduleProblem(schedule: string): string | undefined {
  const compiled = compile(schedule, 'UTC');
  if (typeof compiled === 'string') return compiled;
  return compiled.nextRun(new Date(ANY_TIME)) === null
    ? 'there is no such day, so that it never comes'
    : undefined;
}

/** What is wrong with a time zone, undefined: nothing. */
export function timeZoneProblem(zone: string): string | undefined {
  const message = `${JSON.stringify(zone)} is no time zone`;
  if (!/^[A-Za-z]/.test(zone)) return message;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return undefined;
  } catch {
    return message;
  }
}

/** The ticks around a time: the latest at or before it, and the first after it. */
export function nextTicks(schedule: string, zone: string, fromEpochMs: number): TicksResult {
  const message = timeZoneProblem(zone);
  if (message !== undefined) return { kind: 'refused', message };
  const cron = compile(schedule, zone);
  if (typeof cron === 'string') return { kind: 'refused', message: cron };
  // Ticks stand on full minutes, so that these two times have the same ticks before and behind them as the given one.
  const minute = Math.floor(fromEpochMs / MINUTE) * MINUTE;
  const [latest] = cron.previousRuns(1, new Date(minute + MINUTE));
  const next = cron.nextRun(new Date(minute));
  return {
    kind: 'ticks',
    ticks: {
      ...(latest === undefined ? {} : { latest: latest.getTime() }),
      ...(next === null ? {} : { next: next.getTime() }),
    },
  };
}

/** A text: why it can't be one. */
function compile(schedule: string, timezone: string): Cron | string {
  const line = schedule.trim();
  if (line.startsWith('@')) {
    if (!NICKNAMES.includes(line)) return `${line} is not one of ${NICKNAMES.join(', ')}`;
  } else if (line.split(/\s+/).length !== 5) {
    const { length } = line.split(/\s+/);
    return `${line} has ${length} ${length === 1 ? 'field' : 'fields'}, and a cron line has five`;
  }
  try {
    return new Cron(line, { paused: true, timezone, mode: '5-part' });
  } catch (error) {
    return errorMessage(error).replace(/^CronPattern: /, '');
  }
}
