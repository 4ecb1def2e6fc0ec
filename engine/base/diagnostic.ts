/** A problem that a person must solve, as data: what, where, and the way out. */

export type Severity = 'error' | 'warning';

/** Where something stands in a playbook's files; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Diagnostic extends Place {
  /** Permanent, in PascalCase; each has a paragraph in docs/errors.md. */
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
}

/** `file:line:column: error CODE: message (hint: …)`: the one way in which a problem is written. */
export function formatDiagnostic(d: Diagnostic): string {
  const hint = d.hint === undefined ? '' : ` (hint: ${d.hint})`;
  return `${d.file}:${d.line}:${d.column}: ${d.severity} ${d.code}: ${d.message}${hint}`;
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((d) => d.severity === 'error');
}

/** Ordered by file, line, column, code, without repetitions. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const unique = new Map(diagnostics.map((d) => [formatDiagnostic(d), d]));
  return [...unique.values()].sort((a, b) => comparePlaces(a, b) || compareText(a.code, b.code));
}

/** Tells the places of one file apart. */
export function placeKey({ line, column }: Pick<Place, 'line' | 'column'>): string {
  return `${line}:${column}`;
}

/** In the order of files, lines and columns. */
export function comparePlaces(a: Place, b: Place): number {
  return compareText(a.file, b.file) || a.line - b.line || a.column - b.column;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
