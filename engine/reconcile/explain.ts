/**
 * Why a resource is as it is, and what comes next: from the stored state and the plan that an engine would make of it.
 * Pure; the same for people and as JSON.
 */
import { conditionsOf } from '../kube/conditions.ts';
import { formatPath } from '../kube/fieldpath.ts';
import { pathsIn } from '../kube/fieldset.ts';
import { computeStatus } from '../kube/kstatus.ts';
import { FIELD_MANAGER, MANIFEST_ANNOTATION } from '../kube/labels.ts';
import type { Json, KubeObject, ManagedFieldsEntry } from '../kube/object.ts';
import { asJson, getPath } from '../kube/value.ts';
import type { HealthRule, Reference, Watch } from '../playbook/model.ts';
import { isActive, isEnded } from './actions/run.ts';
import { readRuns } from './actions/runs.ts';
import type { Plan, Snapshot } from './model.ts';
import { type Preview, previewOf } from './preview.ts';
import { VERSION_FIELD } from './status.ts';

export interface ExplainedCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly since: string;
}

export interface ExplainedRule {
  /** The condition's type. */
  readonly type: string;
  readonly file: string;
  readonly line: number;
  readonly source: string;
  /** What the rule reads now; null: missing. */
  readonly values: Readonly<Record<string, Json>>;
}

export interface ExplainedChild {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly status: string;
  readonly message: string;
  /** Where it stands for pods: what is wrong with them, `Pod NAME: …`. */
  readonly pods?: readonly string[];
}

export interface ExplainedRun {
  readonly name: string;
  readonly action: string;
  readonly phase: string;
  readonly step?: string;
  readonly attempt?: number;
  readonly message: string;
  /** Of one that failed and is not tried again by itself: the `spec.retry` that asks for it. */
  readonly retry?: number;
}

export interface LastChange {
  readonly manager: string;
  readonly operation: string;
  readonly time: string;
  readonly fields: readonly string[];
}

export interface Explanation {
  readonly resource: string;
  /** Since when it is being deleted, and what its deletion waits for. */
  readonly deletion?: { readonly since: string; readonly finalizers: readonly string[] };
  /** `of`: the version that the resource's status is of, where its schema keeps it. */
  readonly playbook: { readonly name: string; readonly version: string; readonly of?: string };
  readonly ready: ExplainedCondition | undefined;
  /** Those that a person should know of. */
  readonly conditions: readonly ExplainedCondition[];
  /** Rules of conditions that do not hold. */
  readonly rules: readonly ExplainedRule[];
  /** Children that are not as described. */
  readonly children: readonly ExplainedChild[];
  /** Runs that go on, and the newest of each action that failed. */
  readonly runs: readonly ExplainedRun[];
  /** What an engine would do now. */
  readonly next: Preview;
  readonly lastChanges: readonly LastChange[];
}

export function explain(watch: Watch, snapshot: Snapshot, plan: Plan): Explanation {
  const { resource, playbook } = snapshot;
  const conditions = conditionsOf(resource).map(
    ({ type, status, reason, message, lastTransitionTime }): ExplainedCondition => ({
      type,
      status,
      reason,
      message: message ?? '',
      since: lastTransitionTime ?? '',
    }),
  );
  const ready = conditions.find(({ type }) => type === 'Ready');
  const rules = new Map(watch.health.map((rule) => [rule.type, rule]));
  const wrong = conditions.filter(({ type, status }) => status !== usual(type, rules.has(type)));
  const failing = wrong.filter((condition) => isRuleFailing(condition, rules.get(condition.type)));
  const of = getPath(resource.status, [VERSION_FIELD]);
  const { deletionTimestamp: since, finalizers = [] } = resource.metadata;
  return {
    playbook: { name: playbook.name, version: playbook.version, ...(typeof of === 'string' ? { of } : {}) },
    resource: `${resource.kind} ${resource.metadata.namespace === undefined ? '' : `${resource.metadata.namespace}/`}${resource.metadata.name}`,
    ...(since === undefined ? {} : { deletion: { since, finalizers } }),
    ready,
    conditions: wrong.filter(({ type }) => type !== 'Ready'),
    rules: failing.flatMap(({ type }) => explainRule(watch, snapshot, type) ?? []),
    children: childrenOf(snapshot),
    runs: runsOf(snapshot),
    next: previewOf(watch, snapshot, plan),
    lastChanges: lastChanges(resource),
  };
}

/** Conditions of a playbook's rules, and Ready, are good when True; those of the engine when False or absent. */
function usual(type: string, ofRule: boolean): string {
  return ofRule || type === 'Ready' ? 'True' : 'False';
}

/** Ready is False as well where its rule holds, and something else must be done first: that has another reason. */
function isRuleFailing({ type, status, reason }: ExplainedCondition, rule: HealthRule | undefined): boolean {
  return type !== 'Ready' || status === 'Unknown' || reason === (rule?.reason ?? 'NotReady');
}

function explainRule(watch: Watch, snapshot: Snapshot, type: string): ExplainedRule | undefined {
  const rule = watch.health.find((each) => each.type === type);
  if (rule === undefined) return undefined;
  const { source, place, references } = rule.when;
  const values = references.flatMap((reference): [string, Json][] => {
    const value = readingOf(reference, watch, snapshot);
    return value === undefined ? [] : [[[reference.root, ...reference.path].join('.'), value]];
  });
  return { type, file: place.file, line: place.line, source, values: Object.fromEntries(values) };
}

/** Undefined where it takes more than a look: vars, probes, what is observed. */
function readingOf({ root, path }: Reference, watch: Watch, snapshot: Snapshot): Json | undefined {
  const { resource, candidates } = snapshot;
  if (root === 'spec' || root === 'status' || root === 'metadata') {
    const found = getPath(resource, [root, ...path]);
    return found === undefined ? null : asJson(found);
  }
  const [first, ...rest] = path;
  const manifest = watch.manifests.find(({ id }) => id === first);
  if (root !== 'children' || manifest === undefined || manifest.forEach !== undefined) return undefined;
  const child = candidates.find(({ metadata }) => metadata.annotations?.[MANIFEST_ANNOTATION] === first);
  if (child === undefined) return null;
  const { status, message } = computeStatus(child);
  if (rest.length === 0) return `${status}: ${message}`;
  if (child.kind === 'Secret' && rest[0] === 'data') return '(secret)';
  const found = getPath(child, rest);
  return found === undefined ? null : asJson(found);
}

function childrenOf({ candidates }: Snapshot): readonly ExplainedChild[] {
  return candidates.flatMap((object): readonly ExplainedChild[] => {
    const { status, message } = computeStatus(object);
    if (status === 'Current') return [];
    const id = object.metadata.annotations?.[MANIFEST_ANNOTATION] ?? '';
    return [{ id, kind: object.kind, name: object.metadata.name, status, message }];
  });
}

function runsOf(snapshot: Snapshot): readonly ExplainedRun[] {
  const { roots } = readRuns(snapshot);
  const going = roots.filter((run) => isActive(run) || !isEnded(run));
  const newest = Map.groupBy(roots.filter(isEnded), ({ action }) => action);
  const failed = [...newest.values()].flatMap((runs) => {
    const last = runs.toSorted((a, b) => (a.status.finishedAt ?? 0) - (b.status.finishedAt ?? 0)).at(-1);
    return last?.status.phase === 'Failed' ? [last] : [];
  });
  return [...new Set([...going, ...failed])].map(({ name, action, status }): ExplainedRun => {
    const record = status.steps.at(-1);
    const message = status.message === '' ? (record?.message ?? '') : status.message;
    const step = record === undefined ? {} : { step: record.name, attempt: record.attempt };
    const again =
      status.phase === 'Failed' && status.retryAt === undefined ? { retry: status.retry + 1 } : {};
    return { name, action, phase: status.phase, ...step, message, ...again };
  });
}

const MOST_CHANGES = 5;
const MOST_FIELDS = 6;

/** Who wrote the spec last, by what the API server notes of each manager; the engine's own marks are no change. */
function lastChanges({ metadata }: KubeObject): readonly LastChange[] {
  const time = (entry: ManagedFieldsEntry): string => entry.time ?? '';
  return (metadata.managedFields ?? [])
    .filter(({ subresource }) => (subresource ?? '') === '')
    .toSorted((a, b) => time(b).localeCompare(time(a)))
    .slice(0, MOST_CHANGES)
    .map((entry) => ({
      manager: entry.manager ?? '',
      operation: entry.operation ?? '',
      time: time(entry),
      fields: pathsIn(entry.fieldsV1 ?? {})
        .map(formatPath)
        .filter((path) => path.startsWith('spec.'))
        .slice(0, MOST_FIELDS),
    }))
    .filter(({ manager, fields }) => fields.length > 0 || manager !== FIELD_MANAGER);
}
