/** metav1 conditions: reading them of any object, and building them so that they change only when they mean a change. */
import type { JsonObject } from './object.ts';
import { getPath, isList, text, wholeNumber } from './value.ts';

export type ConditionStatus = 'True' | 'False' | 'Unknown';

export interface Condition {
  readonly type: string;
  readonly status: ConditionStatus;
  /** PascalCase; '' where an object of someone else gives none. */
  readonly reason: string;
  readonly message: string;
  /** RFC 3339, in seconds. */
  readonly lastTransitionTime?: string;
  readonly observedGeneration?: number;
}

/** The conditions in an object's status; entries that are none are left out. */
export function conditionsOf(object: unknown): readonly Condition[] {
  const list = getPath(object, ['status', 'conditions']);
  return isList(list) ? list.flatMap(readCondition) : [];
}

export function conditionOf(object: unknown, type: string): Condition | undefined {
  return conditionsOf(object).find((condition) => condition.type === type);
}

function readCondition(value: unknown): readonly Condition[] {
  const type = text(getPath(value, ['type']));
  const status = getPath(value, ['status']);
  if (type === undefined || (status !== 'True' && status !== 'False' && status !== 'Unknown')) return [];
  const changed = text(getPath(value, ['lastTransitionTime']));
  const generation = wholeNumber(getPath(value, ['observedGeneration']));
  return [
    {
      type,
      status,
      reason: text(getPath(value, ['reason'])) ?? '',
      message: text(getPath(value, ['message'])) ?? '',
      ...(changed === undefined ? {} : { lastTransitionTime: changed }),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    },
  ];
}

/** What a condition says now; its time follows from what was said before. */
export type ConditionNow = Omit<Condition, 'lastTransitionTime'>;

/**
 * The conditions to write: `next` in its order, each with the lastTransitionTime of the one before it as long as the
 * status is the same (a new reason or message is no transition), else with `now` (epoch milliseconds).
 */
export function stampConditions(
  previous: readonly Condition[],
  next: readonly ConditionNow[],
  now: number,
): readonly (Condition & { readonly lastTransitionTime: string })[] {
  return next.map((condition) => {
    const before = previous.find((c) => c.type === condition.type);
    const kept = before?.status === condition.status ? before.lastTransitionTime : undefined;
    return { ...condition, lastTransitionTime: kept ?? timestamp(now) };
  });
}

/** RFC 3339 in whole seconds, as metav1.Time is written. */
export function timestamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z`;
}

/** The longest message that the API server takes (metav1.Condition). */
const LONGEST_MESSAGE = 32_768;

/** A condition as a status holds it; an empty reason is not allowed there and becomes `Unknown`. */
export function conditionToJson(condition: Condition): JsonObject {
  const { type, status, reason, message, lastTransitionTime, observedGeneration } = condition;
  return {
    type,
    status,
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    ...(lastTransitionTime === undefined ? {} : { lastTransitionTime }),
    reason: reasonName(reason),
    message: message.slice(0, LONGEST_MESSAGE),
  };
}

/** A reason that the API server takes: `^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`, at most 1024 characters. */
export function reasonName(reason: string): string {
  const name = reason
    .replace(/[^A-Za-z0-9_,:]+/g, '')
    .replace(/^[^A-Za-z]+/, '')
    .slice(0, 1024)
    .replace(/[,:]+$/, '');
  return name === '' ? 'Unknown' : name;
}
