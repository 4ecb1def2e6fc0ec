/** The text that a template was read from: places in it, and the problems found there. */
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import type { AstPosition } from './ast.ts';

export interface ProblemText {
  readonly message: string;
  readonly hint?: string | undefined;
}

/** A text that may stand within a file: `start` is where its first character stands. */
export class Source {
  readonly text: string;
  readonly start: Place;
  readonly #lineStarts: readonly number[];

  constructor(text: string, start: Place) {
    this.text = text;
    this.start = start;
    this.#lineStarts = [0, ...[...text.matchAll(/\r\n?|\n/g)].map((match) => match.index + match[0].length)];
  }

  placeAt(offset: number): Place {
    const line = this.#lineOf(offset);
    const column = offset - (this.#lineStarts[line] ?? 0);
    const { file, line: firstLine, column: firstColumn } = this.start;
    return { file, line: firstLine + line, column: line === 0 ? firstColumn + column : column + 1 };
  }

  /** By bisection: a large template asks for thousands of places. */
  #lineOf(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  offsetOf(position: AstPosition): number {
    return Math.min(
      this.text.length,
      (this.#lineStarts[position.line - 1] ?? this.text.length) + position.column,
    );
  }

  /** The text between two positions, in one line and cut to a readable length. */
  excerpt(from: AstPosition, to: AstPosition): string {
    const text = this.text.slice(this.offsetOf(from), this.offsetOf(to)).replace(/\s+/g, ' ');
    return text.length > 80 ? `${text.slice(0, 77)}...` : text;
  }
}

export function errorAt(code: string, place: Place, text: ProblemText): Diagnostic {
  return problemAt(code, 'error', place, text);
}

export function warningAt(code: string, place: Place, text: ProblemText): Diagnostic {
  return problemAt(code, 'warning', place, text);
}

function problemAt(code: string, severity: 'error' | 'warning', place: Place, text: ProblemText): Diagnostic {
  const { file, line, column } = place;
  const hint = text.hint === undefined ? {} : { hint: text.hint };
  return { code, severity, file, line, column, message: text.message, ...hint };
}
