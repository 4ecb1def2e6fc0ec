/**
 * The status to write, if it differs from the stored one. Three disjoint sorts of field: held, projections, and the
 * engine's own. While a resource is on its way, progress is written at most once in an interval; everything else at once.
 */
import { sameJson } from '../kube/canonical.ts';
import {
  type Condition,
  type ConditionNow,
  conditionOf,
  conditionsOf,
  conditionToJson,
  stampConditions,
} from '../kube/conditions.ts';
import { parseElement } from '../kube/fieldpath.ts';
import { wrapArrays } from '../kube/normalise.ts';
import type { Json, JsonObject, KubeObject } from '../kube/object.ts';
import type { SchemaNode } from '../kube/schema.ts';
import { asJson, getPath, isJsonObject, isList } from '../kube/value.ts';
import { type Blocker, isSilent } from './blocker.ts';
import { evaluate } from './evaluate.ts';
import { heldFields } from './held-fields.ts';
import { statusPair } from './memory.ts';
import type { EventNote, Memory } from './model.ts';
import type { Scope } from './scope.ts';

/** Progress alone (counts, messages) is written no more often than this: what is Ready sooner takes two status writes. */
export const PROGRESS_INTERVAL_MS = 10_000;

export interface StatusPlan {
  readonly status: JsonObject | undefined;
  readonly events: readonly EventNote[];
  /** When progress that was held back is due, epoch ms. */
  readonly wakeAt?: number;
  readonly announced: Memory['announced'];
}

export interface StatusInput {
  /** Projections. */
  readonly fields: JsonObject;
  readonly conditions: readonly ConditionNow[];
  readonly blockers: readonly Blocker[];
  /** Held fields that a `set` step gives. */
  readonly set?: JsonObject;
  /** Worth telling whenever it is found out, though the resource was on its way before as well. */
  readonly atOnce?: boolean;
}

export function planStatus(
  scope: Scope,
  { fields, conditions, blockers, set = {}, atOnce = false }: StatusInput,
): StatusPlan {
  const { announced, statusAt } = scope.snapshot.memory;
  const idle = { status: undefined, events: [], announced };
  if (isSilent(blockers)) return idle;
  if (!scope.watch.ownsStatus) return announce(scope, blockers);
  const status = completeStatus(scope, { ...heldFields(scope), ...set, ...fields }, conditions);
  if (!isToBeWritten(scope, status)) return idle;
  const { resource, now } = scope.snapshot;
  const due = statusAt + PROGRESS_INTERVAL_MS;
  const mayWait = !atOnce && Object.keys(set).length === 0;
  if (mayWait && isProgress(resource, status) && now < due) return { ...idle, wakeAt: due };
  return { ...idle, status, events: eventsOf(resource, conditions) };
}

export interface Projections {
  readonly values: JsonObject;
  /** Projections that cannot be evaluated. */
  readonly blockers: readonly Blocker[];
}

/** A projection that is missing is left out; one that fails keeps its stored value. */
export async function projectStatus(scope: Scope): Promise<Projections> {
  const values: Record<string, Json> = {};
  const blockers: Blocker[] = [];
  for (const field of scope.watch.status) {
    if (field.kind !== 'projection') continue;
    const judgement = await evaluate(scope, field.value);
    if (judgement.kind === 'value' && judgement.value !== null) values[field.name] = judgement.value;
    if (judgement.kind !== 'blocked') continue;
    blockers.push(judgement.blocker);
    const stored = getPath(scope.snapshot.resource.status, [field.name]);
    if (stored !== undefined) values[field.name] = asJson(stored);
  }
  return { values, blockers };
}

/** Field of the status with the version of the playbook that it is of, where the kind's schema has it. */
export const VERSION_FIELD = 'playbookVersion';

/** Fields, observedGeneration, the playbook's version and conditions, with lists where the schema has lists. */
export function completeStatus(
  scope: Scope,
  fields: JsonObject,
  conditions: readonly ConditionNow[],
): JsonObject {
  const { resource, now } = scope.snapshot;
  const generation = resource.metadata.generation;
  const stamped = stampConditions(conditionsOf(resource), conditions, now);
  const schema = scope.snapshot.kind(scope.watch.gvk)?.schema;
  const status = {
    ...fields,
    ...versionField(scope, schema),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: stamped.map(conditionToJson),
  };
  const wrapped = wrapArrays({ status }, schema).status;
  return isJsonObject(wrapped) ? wrapped : status;
}

/** Only where the schema says so itself: what is merely let through would be a write more for kinds of any playbook. */
function versionField({ watch, snapshot }: Scope, schema: SchemaNode | undefined): JsonObject {
  const declared = schema?.property('status')?.property(VERSION_FIELD);
  if (declared?.type !== 'string' || watch.status.some(({ name }) => name === VERSION_FIELD)) return {};
  return { [VERSION_FIELD]: snapshot.playbook.version };
}

/** It differs, and writing it has not been tried in vain. */
function isToBeWritten({ snapshot }: Scope, status: JsonObject): boolean {
  const stored = asJson(snapshot.resource.status ?? {});
  const storedStatus = isJsonObject(stored) ? stored : {};
  if (!differs(snapshot.resource, storedStatus, status, snapshot.fieldManager)) return false;
  const { statusProven } = snapshot.memory;
  return statusProven === '' || statusProven !== statusPair(status, storedStatus);
}

function differs(resource: KubeObject, stored: JsonObject, status: JsonObject, manager: string): boolean {
  const { conditions, ...fields } = status;
  return (
    Object.entries(fields).some(([name, value]) => !sameJson(stored[name], value)) ||
    conditionsDiffer(stored.conditions, conditions) ||
    isOutlived(resource, stored, status, manager)
  );
}

/** Ours, and there only while they are true. */
export const PASSING_CONDITIONS = ['Conflict', 'Acting', 'ActionFailed', 'ProbeFailed'];

/** Conditions of others may stand between ours. */
function conditionsDiffer(stored: Json | undefined, wanted: Json | undefined): boolean {
  const before = conditionsByType(stored);
  const now = conditionsByType(wanted);
  if (PASSING_CONDITIONS.some((type) => before.has(type) && !now.has(type))) return true;
  return [...now].some(([type, condition]) => !sameJson(before.get(type), condition));
}

function conditionsByType(conditions: Json | undefined): ReadonlyMap<unknown, JsonObject> {
  if (!isList(conditions)) return new Map();
  return new Map(
    conditions.flatMap((entry) => {
      const condition = asJson(entry);
      return isJsonObject(condition) ? [[condition.type, condition] as const] : [];
    }),
  );
}

/** What an earlier version of the playbook wrote is ours still, and goes with the next apply. */
function isOutlived(resource: KubeObject, stored: JsonObject, status: JsonObject, manager: string): boolean {
  const fields = ownedStatus(resource, manager);
  const types = conditionsByType(status.conditions);
  const before = conditionsByType(stored.conditions);
  const owned = isJsonObject(fields['f:conditions']) ? Object.keys(fields['f:conditions']) : [];
  const ownedTypes = owned.map(parseElement).flatMap((e) => (e?.kind === 'key' ? [e.keys.type] : []));
  return (
    Object.keys(fields).some(
      (key) => Object.hasOwn(stored, key.slice(2)) && !Object.hasOwn(status, key.slice(2)),
    ) || ownedTypes.some((type) => before.has(type) && !types.has(type))
  );
}

function ownedStatus({ metadata }: KubeObject, manager: string): JsonObject {
  const entry = metadata.managedFields?.find(
    (candidate) =>
      candidate.manager === manager && candidate.subresource === 'status' && candidate.operation === 'Apply',
  );
  const fields = entry?.fieldsV1?.['f:status'];
  return isJsonObject(fields) ? fields : {};
}

/** Neither ready before nor now, nothing stalled or newly observed: only on its way. */
function isProgress(resource: KubeObject, status: JsonObject): boolean {
  const next = { status };
  const same = (type: string, part: (condition: Condition | undefined) => unknown): boolean =>
    part(conditionOf(resource, type)) === part(conditionOf(next, type));
  return (
    conditionOf(resource, 'Ready') !== undefined &&
    conditionOf(resource, 'Ready')?.status !== 'True' &&
    conditionOf(next, 'Ready')?.status !== 'True' &&
    same(
      'Stalled',
      (condition) => `${condition?.status} ${condition?.status === 'True' ? condition.reason : ''}`,
    ) &&
    PASSING_CONDITIONS.every((type) => same(type, (condition) => condition?.status)) &&
    sameJson(asJson(getPath(resource.status, ['observedGeneration'])), status.observedGeneration)
  );
}

/**
 * Stalled with its reason, a conflict: on the change, never on each pass. None for Ready: an Event is a write too, and
 * the condition with its time says all that it could.
 */
function eventsOf(resource: KubeObject, conditions: readonly ConditionNow[]): readonly EventNote[] {
  return conditions.flatMap((condition): EventNote[] => {
    const { type, status, reason, message } = condition;
    if (status !== 'True' || (type !== 'Stalled' && type !== 'Conflict')) return [];
    const before = conditionOf(resource, type);
    const said = before?.status === 'True' && before.reason === reason && before.message === message;
    return said ? [] : [{ type: 'Warning', reason, message }];
  });
}

/** Where the status is another's, an Event is all that can be said; the memory tells whether it was. */
function announce(scope: Scope, blockers: readonly Blocker[]): StatusPlan {
  const { Stalled: said = '', ...announced } = scope.snapshot.memory.announced;
  const found = blockers.filter(({ kind }) => kind === 'terminal');
  const [first] = found;
  if (first === undefined) return { status: undefined, events: [], announced };
  const message = found.map((blocker) => blocker.message).join('; ');
  const events: EventNote[] = message === said ? [] : [{ type: 'Warning', reason: first.reason, message }];
  return { status: undefined, events, announced: { ...announced, Stalled: message } };
}
