/**
 * Calls on applications, put together: exec through the API server, HTTP directly. A call never rejects, so that
 * whoever started it has always something to write down.
 */
import type { Clock } from '../base/clock.ts';
import { EngineError, errorMessage } from '../base/errors.ts';
import type { ApplicationCalls, CallFailure } from './api.ts';
import { ApiError, isForbidden } from './errors.ts';
import { execInPod } from './exec.ts';
import { callHttp } from './http-call.ts';
import type { Transport } from './transport.ts';

export interface CallParts {
  readonly transport: Transport;
  readonly clock: Clock;
}

export function createCalls(parts: CallParts): ApplicationCalls {
  return {
    exec: (request) => execInPod(request, parts).catch(failureOf),
    http: (request) => callHttp(request, parts).catch(failureOf),
  };
}

function failureOf(error: unknown): CallFailure {
  return { kind: 'failed', reason: reasonOf(error), message: errorMessage(error) };
}

function reasonOf(error: unknown): string {
  if (isForbidden(error)) return 'Forbidden';
  if (error instanceof ApiError) return REASONS[error.code] ?? 'Unreachable';
  return error instanceof EngineError && error.code === 'NotLeader' ? 'Cancelled' : 'Unreachable';
}

const REASONS: Readonly<Record<string, string>> = { RequestAborted: 'Cancelled', ClusterTimeout: 'TimedOut' };
