/** From an offset in an expression's source to the file's line and column, also over several lines. */
import type { Place } from '../base/diagnostic.ts';

/** Where the character at `offset` of an expression stands. */
export type Locate = (offset: number) => Place;

/**
 * Plain arithmetic: further lines are taken to begin in the column of the first one, as the lines of a YAML block scalar
 * do. Whoever knows better (a folded scalar) hands in a mapping of its own.
 */
export function locateIn(source: string, place: Place): Locate {
  return (offset) => {
    const before = source.slice(0, Math.max(0, offset));
    const lines = before.split('\n').length - 1;
    const inLine = before.length - (before.lastIndexOf('\n') + 1);
    return { file: place.file, line: place.line + lines, column: place.column + inLine };
  };
}

const DOUBLE_OPERATORS = ['..', ':=', '!=', '>=', '<=', '**', '~>', '?:', '??'];
const WORD = /[^\s.[\]{}(),@#;:?+\-*/%|=<>^&!~'"`]/;

/**
 * jsonata tells where a token ends; a reader wants to know where it begins. For the bracket of a call that is the
 * function's name.
 */
export function tokenStart(source: string, end: number): number {
  const last = source[end - 1];
  if (last === undefined) return Math.min(Math.max(0, end), source.length);
  if (last === '"' || last === "'" || last === '`') return quoteStart(source, end - 1, last);
  if (last === '(') return wordStart(source, source.slice(0, end - 1).trimEnd().length, end - 1);
  if (DOUBLE_OPERATORS.includes(source.slice(end - 2, end))) return end - 2;
  return wordStart(source, end, end - 1);
}

function wordStart(source: string, end: number, otherwise: number): number {
  let start = end;
  while (start > 0 && WORD.test(source[start - 1] ?? ' ')) start--;
  return start === end ? otherwise : start;
}

function quoteStart(source: string, closing: number, quote: string): number {
  for (let at = closing - 1; at >= 0; at--) {
    if (source[at] !== quote) continue;
    const backslashes = /\\*$/.exec(source.slice(0, at))?.[0].length ?? 0;
    if (backslashes % 2 === 0) return at;
  }
  return closing;
}
