/**
 * Regular expressions in linear time: the only importer of re2js. JavaScript's own engine backtracks (`/(a+)+$/` takes
 * 33 s on forty letters); RE2's does not, and refuses at load what would need it (look-around, back references).
 */
import { RE2JS } from 're2js';
import { errorMessage } from '../base/errors.ts';
import type { Meter } from './expression-meter.ts';

export interface Match {
  readonly match: string;
  readonly start: number;
  readonly end: number;
  readonly groups: readonly (string | undefined)[];
  next(): Match | undefined;
}

/** jsonata's matcher protocol: the first match at or behind `from`, and through it the later ones. */
export type Matcher = (text: unknown, from?: number) => Match | undefined;

export type CompiledRegex =
  | { readonly kind: 'compiled'; matcher(meter: Meter): Matcher }
  | { readonly kind: 'refused'; readonly message: string };

/** Instructions of a program beyond this make even linear time long. */
const LARGEST_PROGRAM = 2_000;

export function compileRegex(regex: RegExp): CompiledRegex {
  try {
    const program = RE2JS.compile(RE2JS.translateRegExp(regex.source), flagsOf(regex));
    const size = program.programSize();
    if (size > LARGEST_PROGRAM) return { kind: 'refused', message: 'the regular expression is too large' };
    return { kind: 'compiled', matcher: (meter) => matcherOf(program, size, meter) };
  } catch (error) {
    return { kind: 'refused', message: errorMessage(error) };
  }
}

function flagsOf(regex: RegExp): number {
  return (regex.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) | (regex.multiline ? RE2JS.MULTILINE : 0);
}

function matcherOf(program: RE2JS, size: number, meter: Meter): Matcher {
  const find: Matcher = (text, from = 0) => {
    if (typeof text !== 'string') return undefined;
    meter.pay(4 + text.length / 64 + ((text.length - from) * size) / 32);
    const matcher = program.matcher(text);
    if (!matcher.find(from)) return undefined;
    const end = matcher.end();
    return {
      match: text.slice(matcher.start(), end),
      start: matcher.start(),
      end,
      groups: Array.from({ length: matcher.groupCount() }, (_, at) => matcher.group(at + 1) ?? undefined),
      next: () => laterMatch(find, text, end),
    };
  };
  return find;
}

function laterMatch(find: Matcher, text: string, from: number): Match | undefined {
  const match = from >= text.length ? undefined : find(text, from);
  if (match?.match === '') throw new Error('the regular expression matches the empty text');
  return match;
}

/** JavaScript's `RegExp.test` in linear time; throws on a pattern that cannot be had so. */
export function patternTest(pattern: string): (text: string) => boolean {
  const program = RE2JS.compile(RE2JS.translateRegExp(pattern));
  if (program.programSize() > LARGEST_PROGRAM) throw new Error('the regular expression is too large');
  return (text) => program.matcher(text).find();
}
