/** Collects everything that is wrong with a playbook, so that its author sees all of it at once. */
import type { Diagnostic, Place, Severity } from '../base/diagnostic.ts';

/** What a problem says beside its code and its place. */
export interface ProblemText {
  readonly message: string;
  readonly hint?: string | undefined;
}

export class Problems {
  readonly #found: Diagnostic[] = [];

  error(code: string, place: Place, text: ProblemText): void {
    this.#found.push(diagnostic(code, 'error', place, text));
  }

  warn(code: string, place: Place, text: ProblemText): void {
    this.#found.push(diagnostic(code, 'warning', place, text));
  }

  addAll(diagnostics: readonly Diagnostic[]): void {
    this.#found.push(...diagnostics);
  }

  get all(): readonly Diagnostic[] {
    return this.#found;
  }
}

function diagnostic(code: string, severity: Severity, place: Place, text: ProblemText): Diagnostic {
  const { file, line, column } = place;
  const hint = text.hint === undefined ? {} : { hint: text.hint };
  return { code, severity, file, line, column, message: text.message, ...hint };
}
