/** Errors of the engine itself: each has a permanent code and says what to do. */

export interface EngineErrorOptions {
  readonly hint?: string;
  readonly cause?: unknown;
}

export class EngineError extends Error {
  /** Permanent, in PascalCase; each has a paragraph in docs/errors.md. */
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: EngineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EngineError';
    this.code = code;
    this.hint = options.hint;
  }
}

/** The text of anything thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
