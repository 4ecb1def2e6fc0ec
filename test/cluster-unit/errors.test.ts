import { describe, expect, it } from 'vitest';
import {
  fieldConflicts,
  isAlreadyExists,
  isConflict,
  isGone,
  isImmutable,
  isNamespaceMissing,
  isNamespaceTerminating,
  isResourceVersionTooLarge,
  isTransient,
} from '../../engine/cluster/errors.ts';
import { classifyFailure } from '../../engine/cluster/reflector-failure.ts';
import { answerError, requestError } from '../../engine/cluster/transport-errors.ts';

const patch = { method: 'PATCH', path: '/apis/apps/v1/namespaces/shop/deployments/web?force=false' };
const get = { ...patch, method: 'GET' };

function answered(code: number, reason: string, details: object = {}, request = patch) {
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code,
    reason,
    message: 'as said',
    details,
  };
  return answerError(request, { statusCode: code, headers: {} }, JSON.stringify(status));
}

describe('an answer that is a failure', () => {
  it('names the request, the status, the reason and the message', () => {
    expect(answered(409, 'AlreadyExists').message).toBe(
      'PATCH /apis/apps/v1/namespaces/shop/deployments/web: 409 AlreadyExists: as said',
    );
  });

  it('tells AlreadyExists from a conflict', () => {
    expect(isAlreadyExists(answered(409, 'AlreadyExists'))).toBe(true);
    expect(isConflict(answered(409, 'AlreadyExists'))).toBe(false);
    expect(isConflict(answered(409, 'Conflict'))).toBe(true);
  });

  it('names the managers of a server-side apply conflict', () => {
    const causes = [
      {
        reason: 'FieldManagerConflict',
        message: 'conflict with "kubectl-edit" using apps/v1',
        field: '.spec.replicas',
      },
      {
        reason: 'FieldManagerConflict',
        message: 'conflict with "a \\"b\\"" with subresource "scale" using autoscaling/v1',
        field: '.x',
      },
    ];
    expect(fieldConflicts(answered(409, 'Conflict', { causes }))).toEqual([
      { field: '.spec.replicas', manager: 'kubectl-edit' },
      { field: '.x', manager: 'a \\"b\\"' },
    ]);
  });

  it('knows a change that is allowed only at creation', () => {
    const job = [
      {
        reason: 'FieldValueInvalid',
        message: 'Invalid value: {}: field is immutable',
        field: 'spec.template',
      },
    ];
    const set = [
      { reason: 'FieldValueForbidden', message: 'Forbidden: updates to statefulset spec …', field: 'spec' },
    ];
    const plain = [{ reason: 'FieldValueRequired', message: 'Required value', field: 'spec.selector' }];
    expect([job, set, plain].map((causes) => isImmutable(answered(422, 'Invalid', { causes })))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('knows a namespace that is missing from one that is going', () => {
    expect(isNamespaceMissing(answered(404, 'NotFound', { name: 'shop', kind: 'namespaces' }))).toBe(true);
    expect(
      isNamespaceTerminating(answered(403, 'Forbidden', { causes: [{ reason: 'NamespaceTerminating' }] })),
    ).toBe(true);
  });

  it.each([
    [500, 'unknown'],
    [502, 'unknown'],
    [504, 'unknown'],
    [409, 'known'],
    [422, 'known'],
    [429, 'known'],
  ])('after %i the outcome of a write is %s', (status, outcome) => {
    expect(answered(status, '').outcome).toBe(outcome);
    expect(answered(status, '', {}, get).outcome).toBe('known');
  });

  it('reads Retry-After from the header, else from the Status', () => {
    expect(answerError(get, { statusCode: 429, headers: { 'retry-after': '3' } }, '').retryAfterMs).toBe(
      3_000,
    );
    expect(answered(429, 'TooManyRequests', { retryAfterSeconds: 2 }).retryAfterMs).toBe(2_000);
    expect(
      answerError(get, { statusCode: 503, headers: { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' } }, '')
        .retryAfterMs,
    ).toBeUndefined();
  });

  it('keeps text that is no Status', () => {
    expect(answerError(get, { statusCode: 404, headers: {} }, '404 page not found\n').message).toContain(
      '404: 404 page not found',
    );
  });
});

describe('no answer', () => {
  function thrown(code: string, more: object = {}) {
    return Object.assign(new Error(`it was ${code}`), { code, ...more });
  }

  it.each(['ECONNREFUSED', 'ENOTFOUND', 'UND_ERR_CONNECT_TIMEOUT', 'DEPTH_ZERO_SELF_SIGNED_CERT'])(
    'for want of a connection (%s) nothing was sent',
    (code) => {
      expect(requestError(patch, thrown(code)).outcome).toBe('known');
    },
  );

  it.each(['ECONNRESET', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT'])(
    'after %s a write may have been carried out',
    (code) => {
      expect(requestError(patch, thrown(code)).outcome).toBe('unknown');
      expect(requestError(get, thrown(code)).outcome).toBe('known');
    },
  );

  it('may come right by itself', () => {
    expect(isTransient(requestError(patch, thrown('ECONNREFUSED')))).toBe(true);
    expect(isTransient(requestError(patch, thrown('UND_ERR_HEADERS_TIMEOUT')))).toBe(true);
    expect(isTransient(answered(422, 'Invalid'))).toBe(false);
  });
});

describe('what a failure means to the reflector', () => {
  it.each([
    [answered(410, 'Expired', {}, get), 'gone'],
    [answered(504, 'Timeout', { causes: [{ reason: 'ResourceVersionTooLarge' }] }, get), 'tooLarge'],
    [answered(404, 'NotFound', {}, get), 'notServed'],
    [answered(403, 'Forbidden', {}, get), 'denied'],
    [answered(401, 'Unauthorized', {}, get), 'denied'],
    [answered(500, 'InternalError', {}, get), 'other'],
    [new Error('anything'), 'other'],
  ])('%s', (error, kind) => {
    expect(classifyFailure(error, false).kind).toBe(kind);
  });

  it('a bad request means no streaming lists, only where one was asked for', () => {
    expect(classifyFailure(answered(422, 'Invalid', {}, get), true).kind).toBe('noStreamingList');
    expect(classifyFailure(answered(422, 'Invalid', {}, get), false).kind).toBe('other');
  });

  it('tells expiry by reason as well: a watch carries it as an event', () => {
    expect(isGone(answered(410, 'Gone'))).toBe(true);
    expect(isResourceVersionTooLarge(answered(504, 'Timeout'))).toBe(false);
  });
});
