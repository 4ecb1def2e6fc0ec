/** What a step's expectation would have to say for what is there now: only what it says already is looked at. */
import { conditionsOf } from '../../kube/conditions.ts';
import type { Json, JsonObject } from '../../kube/object.ts';
import { asJson, isJsonObject, isList } from '../../kube/value.ts';
import { viewOf } from './actions.ts';
import type { Happened } from './expect.ts';
import type { Expectation } from './model.ts';
import type { CaseWorld } from './world.ts';

export interface Edit {
  readonly path: readonly (string | number)[];
  readonly value: Json;
}

/** Where the expectation differs, with what to say instead. Texts of Events are left as they are. */
export function editsOf(world: CaseWorld, expect: Expectation, happened: Happened): readonly Edit[] {
  const { events: _events, ...rest } = expect;
  const wanted = asJson(rest);
  return edits(actualOf(world, expect, happened), wanted, []);
}

function actualOf(world: CaseWorld, expect: Expectation, { plans, writes }: Happened): JsonObject {
  const named = (parts: object | undefined, find: (name: string) => unknown): JsonObject =>
    Object.fromEntries(
      Object.keys(parts ?? {}).flatMap((name) => {
        const found = find(name);
        return found === undefined ? [] : [[name, asJson(found)] as const];
      }),
    );
  const conditions = conditionsOf(world.resource);
  return {
    children: named(expect.children, (id) => world.child(id)),
    objects: named(expect.objects, (name) =>
      world.objects.all.find(({ kind, metadata }) => `${kind} ${metadata.name}` === name),
    ),
    jobs: named(expect.jobs, (step) => world.actions.jobs.findLast(([name]) => name === step)?.[1]),
    calls: named(expect.calls, (step) => world.actions.calls[step]),
    conditions: named(expect.conditions, (type) => {
      const found = conditions.find((condition) => condition.type === type);
      return typeof expect.conditions?.[type] === 'string' ? found?.status : found;
    }),
    runs: named(expect.runs, (action) => runsAs(world, action, asJson(expect.runs?.[action]))),
    status: asJson(world.resource.status ?? {}),
    writes: [...writes],
    outcome: plans.at(-1)?.outcome.kind ?? 'done',
    gone: world.gone,
  };
}

/** In the form in which they are expected: phases, parts, or a list of these. */
function runsAs(world: CaseWorld, action: string, wanted: Json): Json | undefined {
  const views = world.actions.runs.filter((run) => run.action === action).map(viewOf);
  if (!isList(wanted)) {
    const newest = views.at(-1);
    return typeof wanted === 'string' ? newest?.phase : newest;
  }
  if (views.length !== wanted.length) return views.map(({ phase }) => phase ?? '');
  return views.map((view, index) => (typeof wanted[index] === 'string' ? (view.phase ?? '') : view));
}

function edits(actual: Json | undefined, wanted: Json, path: Edit['path']): readonly Edit[] {
  if (wanted === null)
    return actual === undefined || actual === null
      ? []
      : [{ path, value: isJsonObject(actual) ? {} : actual }];
  if (isJsonObject(wanted) && actual !== undefined && isJsonObject(actual))
    return Object.entries(wanted).flatMap(([name, value]) => edits(actual[name], value, [...path, name]));
  if (isList(wanted) && isList(actual) && wanted.length === actual.length)
    return wanted.flatMap((value, index) => edits(asJson(actual[index]), asJson(value), [...path, index]));
  return holds(actual, wanted, path) ? [] : [{ path, value: actual ?? null }];
}

/** A message need only be contained. */
function holds(actual: Json | undefined, wanted: Json, path: Edit['path']): boolean {
  const isMessage = path.at(-1) === 'message' && (path[0] === 'runs' || path[0] === 'conditions');
  if (isMessage && typeof actual === 'string' && typeof wanted === 'string') return actual.includes(wanted);
  return actual === wanted;
}
