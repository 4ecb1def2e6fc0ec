/**
 * The cluster as another user sees it (Kubernetes' impersonation): the same connections, credentials and discovery,
 * and every request with the header Impersonate-User. Caches are its own, so that nothing is read from a store that
 * another user's rights have filled.
 */
import type { ActingAs } from './api.ts';
import { ApiError, isDenialOf } from './errors.ts';
import type { Transport } from './transport.ts';

const HEADER = 'impersonate-user';

/** Closing it closes nothing: the connections belong to the transport beneath. */
export function actingTransport(transport: Transport, acting: ActingAs): Transport {
  const as = <R extends { readonly headers?: Readonly<Record<string, string>> }>(request: R): R => ({
    ...request,
    headers: { ...request.headers, [HEADER]: acting.user },
  });
  const told = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      throw withWayOut(error, acting);
    }
  };
  return {
    json: (request) => told(transport.json(as(request))),
    text: (request) => told(transport.text(as(request))),
    lines: (request, sink) => told(transport.lines(as(request), sink)),
    exchange: (request) => told(transport.exchange(as(request))),
    socket: (request) => told(transport.socket(as(request))),
    close: () => Promise.resolve(),
  };
}

function withWayOut(error: unknown, { user, wayOut }: ActingAs): unknown {
  if (wayOut === undefined || !isDenialOf(error, user)) return error;
  const { code, message, status, reason, details, retryAfterMs, outcome, hint } = error;
  return new ApiError(code, `${message}; ${wayOut}`, {
    status,
    reason,
    details,
    retryAfterMs,
    outcome,
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
