/**
 * What a probe's answer says, and what `probes.NAME` becomes of it. Pure. `value` and `at` are the last good ones, so a
 * probe that fails now keeps what it said last, with its age, and `ok` is false.
 */
import type { ExecAnswer, HttpAnswer } from '../cluster/api.ts';
import { parseJson } from '../cluster/json.ts';
import { canonicalJson } from '../kube/canonical.ts';
import { textBeyondInt64 } from '../kube/integers.ts';
import type { Json, JsonObject } from '../kube/object.ts';

export interface ProbeResult {
  readonly key?: string;
  readonly ok: boolean;
  /** Undefined: there was none yet. */
  readonly value?: Json;
  readonly error?: string;
  /** RFC 3339 with milliseconds: when `value` was read. */
  readonly at?: string;
}

export type Reading =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly error: string };

const LONGEST_ERROR = 500;

export function readAnswer(
  answer: ExecAnswer | HttpAnswer,
  how: { readonly parse: 'json' | 'text'; readonly expectStatus?: readonly number[] },
): Reading {
  switch (answer.kind) {
    case 'failed':
      return wrong(`${answer.reason}: ${answer.message}`);
    case 'exec': {
      const said = lastLine(answer.stderr) || lastLine(answer.stdout);
      if (answer.exitCode !== 0) return wrong(`exit code ${answer.exitCode}${said && `: ${said}`}`);
      return readText(answer.stdout, answer.truncated, how.parse);
    }
    case 'http': {
      const accepted = how.expectStatus?.includes(answer.status) ?? Math.floor(answer.status / 100) === 2;
      if (!accepted) return wrong(`status ${answer.status}`);
      return readText(answer.body, answer.truncated, how.parse);
    }
  }
}

function readText(text: string, truncated: boolean, parse: 'json' | 'text'): Reading {
  if (truncated) return wrong('the answer is longer than 64 KiB');
  if (parse === 'text') return { ok: true, value: text.trimEnd() };
  try {
    return { ok: true, value: textBeyondInt64(parseJson(text)) };
  } catch {
    return wrong('the answer is no JSON (parse: text takes it as it is)');
  }
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? '';
}

function wrong(error: string): Reading {
  return { ok: false, error: error.length <= LONGEST_ERROR ? error : `${error.slice(0, LONGEST_ERROR)}…` };
}

export interface Round {
  readonly key: string | undefined;
  readonly reading: Reading;
  /** Epoch ms. */
  readonly now: number;
}

/** The result after one call, from the one before it under the same key. */
export function nextResult(before: ProbeResult | undefined, { key, reading, now }: Round): ProbeResult {
  const named = key === undefined ? {} : { key };
  if (reading.ok) return { ...named, ok: true, value: reading.value, at: new Date(now).toISOString() };
  const last = before?.value === undefined ? {} : { value: before.value };
  const at = before?.at === undefined ? {} : { at: before.at };
  return { ...named, ok: false, ...last, ...at, error: steadyError(before?.error, reading.error) };
}

/** The same failure with other numbers in it (times, ids of processes) is no news: the first text stays. */
function steadyError(before: string | undefined, error: string): string {
  return before !== undefined && withoutNumbers(before) === withoutNumbers(error) ? before : error;
}

function withoutNumbers(text: string): string {
  return text.replaceAll(/\b[0-9a-f]{8,}\b|\d+/gi, '#');
}

/** True where somebody who reads the probe would see a difference; the time of reading is none. */
export function differs(a: readonly ProbeResult[] | undefined, b: readonly ProbeResult[]): boolean {
  return a === undefined || a.length !== b.length || a.some((one, i) => visible(one) !== visible(b[i]));
}

function visible(result: ProbeResult | undefined): string {
  if (result === undefined) return '';
  const { at: _at, ...rest } = result;
  return canonicalJson(objectOf(rest));
}

/** As expressions see it. */
export function objectOf({ key, ok, value, error, at }: ProbeResult): JsonObject {
  return {
    ...(key === undefined ? {} : { key }),
    ok,
    ...(value === undefined ? {} : { value }),
    ...(error === undefined ? {} : { error }),
    ...(at === undefined ? {} : { at }),
  };
}
