/** What a failed list or watch means to the reflector: pure. */
import { errorMessage } from '../base/errors.ts';
import { ApiError, isGone, isResourceVersionTooLarge, parseStatus } from './errors.ts';
import type { ReflectorFailure } from './reflector-state.ts';

/** `streaming`: the request asked for sendInitialEvents, which servers without WatchList refuse as a bad request. */
export function classifyFailure(error: unknown, streaming: boolean): ReflectorFailure {
  if (isGone(error)) return { kind: 'gone' };
  if (isResourceVersionTooLarge(error)) return { kind: 'tooLarge' };
  if (!(error instanceof ApiError)) return { kind: 'other', message: errorMessage(error) };
  switch (error.status) {
    case 404:
      return { kind: 'notServed' };
    case 401:
    case 403:
      return { kind: 'denied', message: error.message };
    case 400:
    case 405:
    case 422:
      if (streaming) return { kind: 'noStreamingList' };
  }
  return { kind: 'other', message: error.message, retryAfterMs: error.retryAfterMs };
}

/** The Status that a watch carries as its last event. */
export function watchError(value: unknown): ApiError {
  const status = parseStatus(value);
  return new ApiError(
    'ClusterRefused',
    `watch: ${status?.reason ?? ''} ${status?.message ?? 'unknown error'}`.trim(),
    {
      status: status?.code ?? 0,
      reason: status?.reason ?? '',
      ...(status === undefined ? {} : { details: status.details }),
      retryAfterMs: status?.retryAfterSeconds === undefined ? undefined : status.retryAfterSeconds * 1000,
    },
  );
}
