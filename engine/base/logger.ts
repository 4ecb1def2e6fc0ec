/** Structured log. Values of Secrets are never handed to it. */
import { pino } from 'pino';

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each line. */
  with(fields: LogFields): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogSink {
  write(line: string): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Where JSON lines go; default: standard error. */
  readonly sink?: LogSink;
}

export function createLogger(options: LoggerOptions): Logger {
  const settings = { level: options.level, base: null, messageKey: 'message' };
  return wrap(pino(settings, options.sink ?? pino.destination({ dest: 2, sync: true })));
}

function wrap(target: pino.Logger): Logger {
  return {
    debug: (message, fields = {}) => target.debug(fields, message),
    info: (message, fields = {}) => target.info(fields, message),
    warn: (message, fields = {}) => target.warn(fields, message),
    error: (message, fields = {}) => target.error(fields, message),
    with: (fields) => wrap(target.child(fields)),
  };
}

export function silentLogger(): Logger {
  return createLogger({ level: 'silent' });
}
