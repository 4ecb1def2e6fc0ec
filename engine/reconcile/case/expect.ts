/** Does the world hold what a step of a golden case expects? Every difference is a sentence. */
import { conditionsOf } from '../../kube/conditions.ts';
import type { Json, JsonObject, KubeObject } from '../../kube/object.ts';
import { asJson, isJsonObject } from '../../kube/value.ts';
import type { Plan } from '../model.ts';
import { viewOf } from './actions.ts';
import { differences } from './compare.ts';
import type { Expectation, ExpectedCondition, ExpectedRun } from './model.ts';
import type { CaseWorld } from './world.ts';

/** What happened in a step. */
export interface Happened {
  readonly plans: readonly Plan[];
  /** In order, in words. */
  readonly writes: readonly string[];
}

export function compareStep(world: CaseWorld, expect: Expectation, happened: Happened): readonly string[] {
  return [
    ...compareChildren(world, expect),
    ...compareObjects(world, expect),
    ...compareWrites(happened, expect),
    ...compareConditions(world, expect),
    ...differences('status', asJson(world.resource.status ?? {}), expect.status ?? {}),
    ...compareRuns(world, expect),
    ...compareCalls(world, expect),
    ...compareJobs(world, expect),
    ...compareOutcome(happened.plans.at(-1), expect),
    ...compareEvents(happened.plans, expect),
    ...compareGone(world, expect),
  ];
}

type Parts = Readonly<Record<string, JsonObject | null>>;

interface Named {
  readonly what: string;
  readonly path: string;
  find(name: string): unknown;
}

/** Parts of things by name; null: must not be there. */
function compareNamed(parts: Parts | undefined, { what, path, find }: Named): readonly string[] {
  return Object.entries(parts ?? {}).flatMap(([name, expected]) => {
    const found = find(name);
    if (expected === null) return found === undefined ? [] : [`${what} ${name} is there, and should not be`];
    if (found === undefined) return [`${what} ${name} is missing`];
    return differences(`${path}.${name}`, asJson(found), expected);
  });
}

function compareChildren(world: CaseWorld, { children }: Expectation): readonly string[] {
  return compareNamed(children, { what: 'child', path: 'children', find: (id) => world.child(id) });
}

/** Any object, by `Kind name`. */
function compareObjects(world: CaseWorld, { objects }: Expectation): readonly string[] {
  const find = (name: string): KubeObject | undefined =>
    world.objects.all.find(({ kind, metadata }) => `${kind} ${metadata.name}` === name);
  return compareNamed(objects, { what: 'object', path: 'objects', find });
}

function compareJobs(world: CaseWorld, { jobs }: Expectation): readonly string[] {
  const find = (name: string): KubeObject | undefined =>
    world.actions.jobs.findLast(([step]) => step === name)?.[1];
  return compareNamed(jobs, { what: 'Job of step', path: 'jobs', find });
}

function compareCalls(world: CaseWorld, { calls }: Expectation): readonly string[] {
  return compareNamed(calls, {
    what: 'call of step',
    path: 'calls',
    find: (name) => world.actions.calls[name],
  });
}

function compareWrites({ writes: done }: Happened, { writes }: Expectation): readonly string[] {
  return writes === undefined ? [] : differences('writes', [...done], [...writes]);
}

function compareConditions(world: CaseWorld, { conditions }: Expectation): readonly string[] {
  const actual = conditionsOf(world.resource);
  return Object.entries(conditions ?? {}).flatMap(([type, expected]) => {
    const found = actual.find((condition) => condition.type === type);
    const said = `${found?.status}, ${found?.reason}: ${found?.message}`;
    if (expected === null)
      return found === undefined ? [] : [`condition ${type} is ${said}, and should not be there`];
    if (found === undefined) return [`condition ${type} is missing`];
    const wanted: ExpectedCondition = typeof expected === 'string' ? { status: expected } : expected;
    const holds =
      (wanted.status ?? found.status) === found.status &&
      (wanted.reason ?? found.reason) === found.reason &&
      (found.message ?? '').includes(wanted.message ?? '');
    return holds ? [] : [`condition ${type} is ${said}; expected ${Object.values(wanted).join(', ')}`];
  });
}

/** By action: its newest run, or all of them, oldest first. */
function compareRuns(world: CaseWorld, { runs }: Expectation): readonly string[] {
  return Object.entries(runs ?? {}).flatMap(([action, expected]) => {
    const found = world.actions.runs.filter((run) => run.action === action).map(viewOf);
    if (expected === null)
      return found.length === 0 ? [] : [`${action} has ${found.length} runs, and should have none`];
    if (!isRunList(expected)) return compareRun(`runs.${action}`, found.at(-1), expected);
    if (found.length !== expected.length) {
      const phases = found.map(({ phase }) => String(phase)).join(', ');
      return [`${action} has ${found.length} runs (${phases}), and should have ${expected.length}`];
    }
    return expected.flatMap((one, index) => compareRun(`runs.${action}[${index}]`, found[index], one));
  });
}

function isRunList(expected: ExpectedRun | readonly ExpectedRun[]): expected is readonly ExpectedRun[] {
  return Array.isArray(expected);
}

function compareRun(path: string, found: JsonObject | undefined, expected: ExpectedRun): readonly string[] {
  if (found === undefined) return [`${path} is missing: the action has not run`];
  const wanted = typeof expected === 'string' ? { phase: expected } : expected;
  const problems = differences(path, withWords(found, wanted), wanted);
  if (problems.length === 0 || 'message' in wanted) return problems;
  const said = typeof found.message === 'string' && found.message !== '' ? `: ${found.message}` : '';
  return [`${problems.join('; ')} (it is at ${String(found.step ?? 'its start')}${said})`];
}

/** A message that contains the expected words counts as these. */
function withWords(found: Json, wanted: Json): Json {
  if (!isJsonObject(found) || !isJsonObject(wanted)) return found;
  const entries = Object.entries(found).map(([name, value]) => {
    const words = wanted[name];
    if (words === undefined) return [name, value] as const;
    const holds =
      name === 'message' && typeof value === 'string' && typeof words === 'string' && value.includes(words);
    return [name, holds ? words : withWords(value, words)] as const;
  });
  return Object.fromEntries(entries);
}

function compareOutcome(plan: Plan | undefined, { outcome }: Expectation): readonly string[] {
  const actual = plan?.outcome;
  if (outcome === undefined || actual === undefined || actual.kind === outcome) return [];
  const why = actual.kind === 'done' ? '' : ` (${actual.reason}: ${actual.message})`;
  return [`the outcome is ${actual.kind}${why}, and should be ${outcome}`];
}

function compareEvents(plans: readonly Plan[], { events }: Expectation): readonly string[] {
  const texts = plans
    .flatMap((plan) => [
      ...(plan.actions?.runs.flatMap((write) => write.events) ?? []),
      ...plan.events,
      ...plan.changes.flatMap((each) => each.event ?? []),
    ])
    .map(({ reason, message }) => `${reason} ${message}`);
  return (events ?? []).flatMap((wanted) =>
    texts.some((text) => text.includes(wanted))
      ? []
      : [`no Event says "${wanted}"; said: ${texts.join(' | ')}`],
  );
}

function compareGone(world: CaseWorld, { gone }: Expectation): readonly string[] {
  if (gone === undefined || gone === world.gone) return [];
  return [gone ? 'the resource is there, and should be gone' : 'the resource is gone, and should be there'];
}
