import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextTicks, scheduleProblem, timeZoneProblem } from '../../engine/playbook/cron.ts';

const BERLIN = 'Europe/Berlin';

/** The ticks around a time, as ISO texts without seconds. */
function around(schedule: string, zone: string, now: string): readonly (string | undefined)[] {
  const result = nextTicks(schedule, zone, Date.parse(now));
  if (result.kind === 'refused') throw new Error(result.message);
  const { latest, next } = result.ticks;
  return [latest, next].map((time) =>
    time === undefined ? undefined : new Date(time).toISOString().slice(0, 16),
  );
}

describe('ticks', () => {
  test('are the latest at or before a time, and the next after it', () => {
    expect(around('0 * * * *', 'UTC', '2026-05-01T10:30:00Z')).toEqual([
      '2026-05-01T10:00',
      '2026-05-01T11:00',
    ]);
    expect(around('0 * * * *', 'UTC', '2026-05-01T10:00:00Z')).toEqual([
      '2026-05-01T10:00',
      '2026-05-01T11:00',
    ]);
    expect(around('0 * * * *', 'UTC', '2026-05-01T10:00:59.999Z')).toEqual([
      '2026-05-01T10:00',
      '2026-05-01T11:00',
    ]);
    expect(around('0 * * * *', 'UTC', '2026-05-01T09:59:59.999Z')).toEqual([
      '2026-05-01T09:00',
      '2026-05-01T10:00',
    ]);
  });

  test('are local: in summer another one than in winter', () => {
    expect(around('30 2 * * *', BERLIN, '2026-07-01T12:00:00Z')[0]).toBe('2026-07-01T00:30');
    expect(around('30 2 * * *', BERLIN, '2026-12-01T12:00:00Z')[0]).toBe('2026-12-01T01:30');
  });

  test('that summer time leaves out come at the next valid minute', () => {
    expect(around('30 2 * * *', BERLIN, '2026-03-29T00:59:00Z')).toEqual([
      '2026-03-28T01:30',
      '2026-03-29T01:00',
    ]);
    expect(around('30 2 * * *', BERLIN, '2026-03-29T01:00:00Z')).toEqual([
      '2026-03-29T01:00',
      '2026-03-30T00:30',
    ]);
  });

  test('that winter time repeats come once', () => {
    expect(around('30 2 * * *', BERLIN, '2026-10-25T01:45:00Z')).toEqual([
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ]);
  });

  test('may be years away', () => {
    expect(around('0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z')).toEqual([
      '2024-02-29T00:00',
      '2028-02-29T00:00',
    ]);
  });

  test('follow each other without gaps, whatever the time', () => {
    const lines = fc.constantFrom('*/7 * * * *', '15 3 * * *', '30 2 * * 0', '0 0 1 * *', '@hourly');
    const zones = fc.constantFrom('UTC', BERLIN, 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata');
    const times = fc.integer({ min: Date.UTC(2025, 0, 1), max: Date.UTC(2028, 0, 1) });
    fc.assert(
      fc.property(lines, zones, times, (line, zone, now) => {
        const found = nextTicks(line, zone, now);
        if (found.kind === 'refused') throw new Error(found.message);
        const { latest = Number.NaN, next = Number.NaN } = found.ticks;
        expect(latest).toBeLessThanOrEqual(now);
        expect(next).toBeGreaterThan(now);
        // Seen from the next tick it is the latest; seen from just before it nothing has changed.
        expect(nextTicks(line, zone, next)).toMatchObject({ ticks: { latest: next } });
        expect(nextTicks(line, zone, next - 1)).toEqual(found);
      }),
      { numRuns: 150 },
    );
  });
});

describe('a cron line', () => {
  test.each([
    '0 2 * * *',
    '*/5 * * * *',
    '0 0 * * MON-FRI',
    '0 0 L * *',
    '@daily',
    '0 0 29 2 *',
    ' 0  2 * * * ',
  ])('"%s" is one', (line) => {
    expect(scheduleProblem(line)).toBeUndefined();
  });

  test.each([
    '',
    'daily',
    '60 * * * *',
    '* 24 * * *',
    '0 0 31 2 *',
    '0 0 0 * *',
    '* * * * * *',
    '@reboot',
    '*/0 * * * *',
  ])('"%s" is none, and says why', (line) => {
    expect(scheduleProblem(line)).toMatch(/./);
  });

  test('that comes out wrong of a template is told from one without ticks', () => {
    expect(nextTicks('nonsense', 'UTC', 0).kind).toBe('refused');
    expect(nextTicks('0 0 * * *', 'Nowhere', 0).kind).toBe('refused');
    expect(nextTicks('0 0 31 2 *', 'UTC', 0)).toEqual({ kind: 'ticks', ticks: {} });
  });
});

test.each(['UTC', BERLIN, 'Etc/GMT+3'])('%s is a time zone', (zone) => {
  expect(timeZoneProblem(zone)).toBeUndefined();
});

test.each(['', 'Mars', '+01:00', 'Local'])('"%s" is no time zone', (zone) => {
  expect(timeZoneProblem(zone)).toMatch('is no time zone');
});
