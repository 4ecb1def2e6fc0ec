/** From what went wrong on the wire to an ApiError: pure. The one place that knows undici's and Node's error codes. */
import { errorMessage } from '../base/errors.ts';
import { ApiError, parseStatus, type RequestOutcome } from './errors.ts';
import { parseJson } from './json.ts';

/** What an error needs to know of its request. */
export interface FailedRequest {
  readonly method: string;
  readonly path: string;
  readonly signal?: AbortSignal;
}

export interface FailedAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

const UNREACHABLE_HINT = 'check that the API server runs and that this machine can reach its address';

/** The server answered with a failure. */
export function answerError(request: FailedRequest, answer: FailedAnswer, body: string): ApiError {
  const status = parseStatus(tryParse(body));
  const reason = status?.reason ?? '';
  const said = status?.message || body.trim().slice(0, 200) || 'no message';
  return new ApiError(
    'ClusterRefused',
    `${describe(request)}: ${answer.statusCode}${reason && ` ${reason}`}: ${said}`,
    {
      status: answer.statusCode,
      reason,
      ...(status === undefined ? {} : { details: status.details }),
      retryAfterMs: retryAfterMs(answer.headers['retry-after'], status?.retryAfterSeconds),
      // A gateway's or etcd's 5xx may hide a write that was committed; below 500 the server refused it.
      outcome: answer.statusCode >= 500 ? writeOutcome(request) : 'known',
    },
  );
}

/** No answer, or only a part of it. */
export function requestError(request: FailedRequest, cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  const code = codeOf(cause);
  const outcome = neverSent(cause, code) ? 'known' : writeOutcome(request);
  if (request.signal?.aborted) {
    return new ApiError('RequestAborted', `${describe(request)}: ended by the caller`, { outcome, cause });
  }
  if (TIMEOUTS.has(code)) {
    return new ApiError('ClusterTimeout', `${describe(request)}: no answer in time`, {
      outcome,
      cause,
      hint: UNREACHABLE_HINT,
    });
  }
  const why = errorMessage(cause) || code;
  return new ApiError('ClusterUnreachable', `${describe(request)}: ${why}`, {
    outcome,
    cause,
    hint: UNREACHABLE_HINT,
  });
}

const TIMEOUTS = new Set([
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'ETIMEDOUT',
]);

/** Failures of getting a connection: the request was not sent. */
const CONNECT_CODES =
  /^(UND_ERR_CONNECT_TIMEOUT|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_DESTROYED|UND_ERR_CLOSED|CERT_.*|ERR_TLS_.*|ERR_SSL_.*|DEPTH_ZERO_.*|SELF_SIGNED_.*|UNABLE_TO_.*)$/;

function neverSent(cause: unknown, code: string): boolean {
  const syscall = cause instanceof Error ? Reflect.get(cause, 'syscall') : undefined;
  return CONNECT_CODES.test(code) || syscall === 'connect' || syscall === 'getaddrinfo';
}

function codeOf(cause: unknown): string {
  const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
  return typeof code === 'string' ? code : '';
}

function writeOutcome(request: FailedRequest): RequestOutcome {
  return request.method === 'GET' ? 'known' : 'unknown';
}

/** `PATCH /apis/apps/v1/namespaces/shop/deployments/web`, without its query. */
function describe(request: FailedRequest): string {
  return `${request.method} ${request.path.split('?', 1)[0]}`;
}

function tryParse(body: string): unknown {
  try {
    return parseJson(body);
  } catch {
    return undefined;
  }
}

/** Retry-After is whole seconds from the API server; a date, which proxies may send, is left to the caller's backoff. */
function retryAfterMs(
  header: string | string[] | undefined,
  fromStatus: number | undefined,
): number | undefined {
  const seconds = Number([header].flat()[0]);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds * 1000;
  return fromStatus === undefined ? undefined : fromStatus * 1000;
}
