/** Does the world hold what a step of a golden case expects? Every difference is a sentence with its place. */
import { conditionsOf } from '../../kube/conditions.ts';
import type { Json, JsonObject, KubeObject } from '../../kube/object.ts';
import { asJson, isJsonObject } from '../../kube/value.ts';
import type { Plan } from '../model.ts';
import { viewOf } from './actions.ts';
import { type Compared, type Difference, differences } from './compare.ts';
import type { Expectation, ExpectedCondition, ExpectedRun } from './model.ts';
import type { CaseWorld } from './world.ts';

/** What happened in a step. */
export interface Happened {
  readonly plans: readonly Plan[];
  /** In order, in words. */
  readonly writes: readonly string[];
}

export function compareStep(
  world: CaseWorld,
  expect: Expectation,
  happened: Happened,
): readonly Difference[] {
  return [
    ...compareChildren(world, expect),
    ...compareObjects(world, expect),
    ...compareWrites(happened, expect),
    ...compareConditions(world, expect),
    ...differences(
      { at: ['status'], name: 'status' },
      asJson(world.resource.status ?? {}),
      expect.status ?? {},
    ),
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
function compareNamed(parts: Parts | undefined, { what, path, find }: Named): readonly Difference[] {
  return Object.entries(parts ?? {}).flatMap(([name, expected]) => {
    const found = find(name);
    const at = [path, name];
    if (expected === null)
      return found === undefined ? [] : [{ at, message: `${what} ${name} is there, and should not be` }];
    if (found === undefined) return [{ at, message: `${what} ${name} is missing` }];
    return differences({ at, name: `${path}.${name}` }, asJson(found), expected);
  });
}

function compareChildren(world: CaseWorld, { children }: Expectation): readonly Difference[] {
  return compareNamed(children, { what: 'child', path: 'children', find: (id) => world.child(id) });
}

/** Any object, by `Kind name`. */
function compareObjects(world: CaseWorld, { objects }: Expectation): readonly Difference[] {
  const find = (name: string): KubeObject | undefined =>
    world.objects.all.find(({ kind, metadata }) => `${kind} ${metadata.name}` === name);
  return compareNamed(objects, { what: 'object', path: 'objects', find });
}

function compareJobs(world: CaseWorld, { jobs }: Expectation): readonly Difference[] {
  const find = (name: string): KubeObject | undefined =>
    world.actions.jobs.findLast(([step]) => step === name)?.[1];
  return compareNamed(jobs, { what: 'Job of step', path: 'jobs', find });
}

function compareCalls(world: CaseWorld, { calls }: Expectation): readonly Difference[] {
  return compareNamed(calls, {
    what: 'call of step',
    path: 'calls',
    find: (name) => world.actions.calls[name],
  });
}

function compareWrites({ writes: done }: Happened, { writes }: Expectation): readonly Difference[] {
  return writes === undefined ? [] : differences({ at: ['writes'], name: 'writes' }, [...done], [...writes]);
}

function compareConditions(world: CaseWorld, { conditions }: Expectation): readonly Difference[] {
  const actual = conditionsOf(world.resource);
  return Object.entries(conditions ?? {}).flatMap(([type, expected]) => {
    const found = actual.find((condition) => condition.type === type);
    const at = ['conditions', type];
    const said = `${found?.status}, ${found?.reason}: ${found?.message}`;
    if (expected === null)
      return found === undefined
        ? []
        : [{ at, message: `condition ${type} is ${said}, and should not be there` }];
    if (found === undefined) return [{ at, message: `condition ${type} is missing` }];
    const wanted: ExpectedCondition = typeof expected === 'string' ? { status: expected } : expected;
    const holds =
      (wanted.status ?? found.status) === found.status &&
      (wanted.reason ?? found.reason) === found.reason &&
      (found.message ?? '').includes(wanted.message ?? '');
    const message = `condition ${type} is ${said}; expected ${Object.values(wanted).join(', ')}`;
    return holds ? [] : [{ at, message }];
  });
}

/** By action: its newest run, or all of them, oldest first. */
function compareRuns(world: CaseWorld, { runs }: Expectation): readonly Difference[] {
  return Object.entries(runs ?? {}).flatMap(([action, expected]) => {
    const found = world.actions.runs.filter((run) => run.action === action).map(viewOf);
    const at = ['runs', action];
    const name = at.join('.');
    if (expected === null)
      return found.length === 0
        ? []
        : [{ at, message: `${action} has ${found.length} runs, and should have none` }];
    if (!isRunList(expected)) return compareRun({ at, name }, found.at(-1), expected);
    if (found.length !== expected.length) {
      const phases = found.map(({ phase }) => String(phase)).join(', ');
      const message = `${action} has ${found.length} runs (${phases}), and should have ${expected.length}`;
      return [{ at, message }];
    }
    return expected.flatMap((one, index) =>
      compareRun({ at: [...at, index], name: `${name}[${index}]` }, found[index], one),
    );
  });
}

function isRunList(expected: ExpectedRun | readonly ExpectedRun[]): expected is readonly ExpectedRun[] {
  return Array.isArray(expected);
}

function compareRun(
  of: Compared,
  found: JsonObject | undefined,
  expected: ExpectedRun,
): readonly Difference[] {
  const { at, name } = of;
  if (found === undefined) return [{ at, message: `${name} is missing: the action has not run` }];
  const wanted = typeof expected === 'string' ? { phase: expected } : expected;
  const problems = differences(of, withWords(found, wanted), wanted);
  const [first] = problems;
  if (first === undefined || 'message' in wanted) return problems;
  const said = typeof found.message === 'string' && found.message !== '' ? `: ${found.message}` : '';
  const words = problems.map(({ message }) => message).join('; ');
  return [{ at: first.at, message: `${words} (it is at ${String(found.step ?? 'its start')}${said})` }];
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

function compareOutcome(plan: Plan | undefined, { outcome }: Expectation): readonly Difference[] {
  const actual = plan?.outcome;
  if (outcome === undefined || actual === undefined || actual.kind === outcome) return [];
  const why = actual.kind === 'done' ? '' : ` (${actual.reason}: ${actual.message})`;
  const message = `the outcome is ${actual.kind}${why}, and should be ${outcome}`;
  return [{ at: ['outcome'], message }];
}

function compareEvents(plans: readonly Plan[], { events }: Expectation): readonly Difference[] {
  const texts = plans
    .flatMap((plan) => [
      ...(plan.actions?.runs.flatMap((write) => write.events) ?? []),
      ...plan.events,
      ...plan.changes.flatMap((each) => each.event ?? []),
    ])
    .map(({ reason, message }) => `${reason} ${message}`);
  return (events ?? []).flatMap((wanted, index) => {
    const message = `no Event says "${wanted}"; said: ${texts.join(' | ')}`;
    return texts.some((text) => text.includes(wanted)) ? [] : [{ at: ['events', index], message }];
  });
}

function compareGone(world: CaseWorld, { gone }: Expectation): readonly Difference[] {
  if (gone === undefined || gone === world.gone) return [];
  const message = gone
    ? 'the resource is there, and should be gone'
    : 'the resource is gone, and should be there';
  return [{ at: ['gone'], message }];
}
