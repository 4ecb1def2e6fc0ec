/**
 * What can go wrong with a request: always an ApiError. It keeps what the API server said as data (status, reason,
 * causes), so that nobody matches messages, and it says whether the server may have carried the request out.
 */
import { EngineError, type EngineErrorOptions } from '../base/errors.ts';
import { isObject } from '../kube/object.ts';

export type ApiErrorCode =
  /** No answer: refused, reset, unknown host, TLS. */
  | 'ClusterUnreachable'
  /** No answer in time. */
  | 'ClusterTimeout'
  /** The API server answered with a failure; see `status` and `reason`. */
  | 'ClusterRefused'
  /** The answer is not what the API promises (no JSON, no object). */
  | 'ClusterAnswerInvalid'
  /** Discovery knows no such kind. */
  | 'KindNotServed'
  /** The caller's signal ended the request. */
  | 'RequestAborted';

/** metav1.StatusCause */
export interface StatusCause {
  /** metav1.CauseType: FieldValueInvalid, FieldManagerConflict, NamespaceTerminating, … */
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** metav1.StatusDetails, as far as it is used: which object the answer is about. */
export interface StatusDetails {
  readonly kind?: string;
  readonly name?: string;
  readonly causes: readonly StatusCause[];
}

/** `unknown`: a write that the server may have carried out. Reads are always `known`. */
export type RequestOutcome = 'known' | 'unknown';

export interface ApiErrorFields {
  /** HTTP status; 0 where no answer came. */
  readonly status?: number;
  /** metav1.StatusReason: NotFound, AlreadyExists, Conflict, Invalid, Forbidden, Expired, …; '' where none was given. */
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly retryAfterMs?: number | undefined;
  readonly outcome?: RequestOutcome;
}

const NO_DETAILS: StatusDetails = { causes: [] };

export class ApiError extends EngineError {
  override readonly code: ApiErrorCode;
  readonly status: number;
  readonly reason: string;
  readonly details: StatusDetails;
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  readonly outcome: RequestOutcome;

  constructor(code: ApiErrorCode, message: string, fields: ApiErrorFields & EngineErrorOptions = {}) {
    super(code, message, fields);
    this.name = 'ApiError';
    this.code = code;
    this.status = fields.status ?? 0;
    this.reason = fields.reason ?? '';
    this.details = fields.details ?? NO_DETAILS;
    this.retryAfterMs = fields.retryAfterMs;
    this.outcome = fields.outcome ?? 'known';
  }

  get causes(): readonly StatusCause[] {
    return this.details.causes;
  }
}

/** metav1.Status, of a failure. */
export interface FailureStatus {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details: StatusDetails;
  /** Seconds, from details.retryAfterSeconds. */
  readonly retryAfterSeconds: number | undefined;
}

/** Reads a metav1.Status; undefined where the value is none. */
export function parseStatus(value: unknown): FailureStatus | undefined {
  if (!isObject(value) || value.kind !== 'Status') return undefined;
  const details = isObject(value.details) ? value.details : {};
  const causes = Array.isArray(details.causes) ? details.causes : [];
  const retryAfter = details.retryAfterSeconds;
  return {
    code: typeof value.code === 'number' ? value.code : 0,
    reason: text(value.reason),
    message: text(value.message),
    details: {
      ...(typeof details.kind === 'string' ? { kind: details.kind } : {}),
      ...(typeof details.name === 'string' ? { name: details.name } : {}),
      causes: causes.filter(isObject).map(parseCause),
    },
    retryAfterSeconds: typeof retryAfter === 'number' && retryAfter > 0 ? retryAfter : undefined,
  };
}

function parseCause(cause: Record<string, unknown>): StatusCause {
  return { reason: text(cause.reason), message: text(cause.message), field: text(cause.field) };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The object, or what it stands in, is not there. */
export function isNotFound(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 404;
}

export function isKindNotServed(error: unknown): error is ApiError {
  return error instanceof ApiError && error.code === 'KindNotServed';
}

/** A POST met an object of that name. */
export function isAlreadyExists(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 409 && error.reason === 'AlreadyExists';
}

/** A resourceVersion, uid or field ownership that no longer holds (see fieldConflicts). */
export function isConflict(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 409 && error.reason !== 'AlreadyExists';
}

export function isInvalid(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 422;
}

export function isForbidden(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 403;
}

/**
 * The authorizer's own no to this user. Quotas, admission and Pod Security answer 403 as well, with nothing but the
 * text to tell them apart (`User "NAME" cannot VERB`, the API server's format); this is the one place that reads it.
 */
export function isDenialOf(error: unknown, user: string): error is ApiError {
  return isForbidden(error) && error.message.includes(`User ${JSON.stringify(user)} cannot `);
}

/** The resourceVersion or continue token is no longer in etcd's history. */
export function isGone(error: unknown): error is ApiError {
  return (
    error instanceof ApiError &&
    (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone')
  );
}

/** The namespace is being deleted, so nothing can be created in it. */
export function isNamespaceTerminating(error: unknown): error is ApiError {
  return error instanceof ApiError && error.causes.some((cause) => cause.reason === 'NamespaceTerminating');
}

/** The namespace of the object does not exist. */
export function isNamespaceMissing(error: unknown): error is ApiError {
  return isNotFound(error) && error.details.kind === 'namespaces';
}

/** The server has not seen that resourceVersion yet, or never will (etcd was restored). */
export function isResourceVersionTooLarge(error: unknown): error is ApiError {
  return (
    error instanceof ApiError && error.causes.some((cause) => cause.reason === 'ResourceVersionTooLarge')
  );
}

/** True where the same request may succeed later without anybody changing anything. */
export function isTransient(error: unknown): error is ApiError {
  if (!(error instanceof ApiError)) return false;
  if (error.code === 'ClusterUnreachable' || error.code === 'ClusterTimeout') return true;
  return error.status === 429 || error.status >= 500 || error.status === 401 || error.status === 408;
}

/**
 * A change that the kind allows only at creation. The API has no reason of its own for it: a StatefulSet answers
 * FieldValueForbidden on `spec`, others FieldValueInvalid with apimachinery's constant FieldImmutableErrorMsg. This
 * is the one place that reads that constant.
 */
export function isImmutable(error: unknown): error is ApiError {
  if (!isInvalid(error)) return false;
  return error.causes.some(
    (cause) =>
      cause.message.includes('field is immutable') ||
      (cause.reason === 'FieldValueForbidden' && cause.field === 'spec'),
  );
}

/** A field that server-side apply refused because another manager owns it. */
export interface FieldConflict {
  /** `.spec.replicas` */
  readonly field: string;
  readonly manager: string;
}

/**
 * Who owns the fields that an apply without force asked for. The API names the manager in the cause's message alone
 * (`conflict with "kubectl-edit" using apps/v1`, structured-merge-diff's format), so that is read here, once.
 */
export function fieldConflicts(error: unknown): readonly FieldConflict[] {
  if (!isConflict(error)) return [];
  return error.causes
    .filter((cause) => cause.reason === 'FieldManagerConflict')
    .map((cause) => ({
      field: cause.field,
      manager: /^conflict with "((?:[^"\\]|\\.)*)"/.exec(cause.message)?.[1] ?? '',
    }));
}
