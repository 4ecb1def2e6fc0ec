/**
 * What is remembered of a resource from pass to pass, and how the outcome of a write changes it. Pure: the controller
 * hands in what the API server answered. Losing all of it costs at most one repeated request for each child.
 */
import { canonicalJson } from '../kube/canonical.ts';
import type { JsonObject } from '../kube/object.ts';
import { refKey } from '../kube/object.ts';
import type { Change, ChangeFailure, ChangeResult, ContestedField, Loss, Memory, Refusal } from './model.ts';

/** A field lost this often within the window to one manager is contested. */
export const CONTESTED_LOSSES = 3;
export const CONTESTED_WINDOW_MS = 10 * 60_000;

export function initialMemory(): Memory {
  return {
    covered: {},
    proven: {},
    contested: {},
    refusals: {},
    announced: {},
    statusAt: 0,
    statusProven: '',
  };
}

/** What became of one change. */
export type ChangeOutcome =
  | { readonly kind: 'succeeded'; readonly result: ChangeResult }
  | { readonly kind: 'failed'; readonly failure: ChangeFailure };

/** The memory after a change was carried out or refused. `now` in epoch ms. Transient failures are not told to it. */
export function afterChange(memory: Memory, change: Change, outcome: ChangeOutcome, now: number): Memory {
  return outcome.kind === 'failed'
    ? afterFailure(memory, change, outcome.failure, now)
    : afterSuccess(memory, change, outcome.result, now);
}

function afterSuccess(memory: Memory, change: Change, result: ChangeResult, now: number): Memory {
  if (result === 'skipped') return memory;
  const key = refKey(change.ref);
  const { [key]: _refusal, ...refusals } = memory.refusals;
  const accepted = { ...memory, refusals };
  if (change.kind !== 'apply') return accepted;
  if (result === 'unchanged') return { ...accepted, proven: { ...memory.proven, [key]: change.proof } };
  if (change.takes.length === 0) return accepted;
  const contested = recordLosses(memory.contested[key] ?? [], change.takes, now);
  return { ...accepted, contested: { ...memory.contested, [key]: contested } };
}

/** The known losses with these added; losses out of the window no longer count. */
export function recordLosses(
  known: readonly ContestedField[],
  losses: readonly Loss[],
  now: number,
): ContestedField[] {
  const kept = known.filter((field) => !losses.some((loss) => isSameField(field, loss)));
  const lost = losses.map((loss): ContestedField => {
    const before = known.find((field) => isSameField(field, loss) && field.basis === loss.basis);
    const recent = (before?.lostAt ?? []).filter((at) => now - at < CONTESTED_WINDOW_MS);
    return { ...loss, lostAt: [...recent, now] };
  });
  return [...kept, ...lost];
}

/** True once the field is left to the other manager: until the desired state changes, whatever time passes. */
export function isContested(field: ContestedField): boolean {
  return field.lostAt.length >= CONTESTED_LOSSES;
}

export function isSameField(field: ContestedField, loss: Loss): boolean {
  return field.path === loss.path && field.manager === loss.manager;
}

function afterFailure(memory: Memory, change: Change, failure: ChangeFailure, now: number): Memory {
  const hash = change.kind === 'create' || change.kind === 'apply' ? change.hash : '';
  const refusal: Refusal = {
    kind: refusalKind(failure),
    hash,
    basis: change.basis,
    message: failure.message,
    at: now,
  };
  return { ...memory, refusals: { ...memory.refusals, [refKey(change.ref)]: refusal } };
}

function refusalKind(failure: ChangeFailure): Refusal['kind'] {
  switch (failure.kind) {
    case 'alreadyExists':
      return 'foreign';
    case 'invalid':
      return failure.immutable ? 'immutable' : 'invalid';
    case 'conflict':
    case 'forbidden':
      return failure.kind;
  }
}

/**
 * The memory after a status write: when the API server still stores something else (a field that its schema lacks is
 * dropped without a word), the same write is not repeated for ever.
 */
export function afterStatus(memory: Memory, wanted: JsonObject, stored: JsonObject): Memory {
  return { ...memory, statusProven: statusPair(wanted, stored) };
}

export function statusPair(wanted: JsonObject, stored: JsonObject): string {
  return `${canonicalJson(wanted)} ${canonicalJson(stored)}`;
}
