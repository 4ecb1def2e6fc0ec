/** Runs a golden case: each step changes the world, lets the planner work until nothing is left, and compares. */
import type { Diagnostic } from '../../base/diagnostic.ts';
import { conditionsOf } from '../../kube/conditions.ts';
import { groupKind, gvkOf, type KubeObject } from '../../kube/object.ts';
import type { SchemaLookup } from '../../kube/schema.ts';
import { asJson } from '../../kube/value.ts';
import type { Playbook, Watch } from '../../playbook/model.ts';
import type { Plan } from '../model.ts';
import { planReconcile } from '../plan.ts';
import { differences } from './compare.ts';
import type { Case, CaseChange, CaseResult, CaseStep, Expectation, ExpectedCondition } from './model.ts';
import { reportedStatus } from './ready.ts';
import { CaseWorld } from './world.ts';

/** A case that is not at rest after so many passes never will be. */
const MOST_PASSES = 50;

export async function runCase(given: Case, playbook: Playbook, schema: SchemaLookup): Promise<CaseResult> {
  const { name, file } = given;
  const watch = watchOf(given.resource, playbook);
  if (watch === undefined) {
    const message = `the playbook watches no ${groupKind(gvkOf(given.resource))}`;
    return { kind: 'failed', name, file, problems: [failure(given, given.steps[0], message)] };
  }
  const world = new CaseWorld(given, { schema, playbook, ...kindsOf(playbook) });
  const problems: Diagnostic[] = [];
  for (const step of given.steps) {
    const messages = [...change(world, step.change), ...(await settleAndCompare(world, watch, step.expect))];
    problems.push(...messages.map((message) => failure(given, step, message)));
  }
  return problems.length > 0 ? { kind: 'failed', name, file, problems } : { kind: 'passed', name, file };
}

function watchOf(resource: KubeObject, playbook: Playbook): Watch | undefined {
  const kind = groupKind(gvkOf(resource));
  return playbook.watches.find((watch) => groupKind(watch.gvk) === kind);
}

function kindsOf(playbook: Playbook): { clusterScoped: Set<string>; servedByPlaybook: Set<string> } {
  const scopes = playbook.crds.flatMap((crd) => {
    const spec = Object(crd.spec);
    return spec.scope === 'Cluster' ? [`${String(spec.names?.kind)}.${String(spec.group)}`] : [];
  });
  return {
    clusterScoped: new Set(scopes),
    servedByPlaybook: new Set(playbook.watches.map(({ gvk }) => groupKind(gvk))),
  };
}

function failure(given: Case, step: CaseStep | undefined, message: string): Diagnostic {
  const place = step?.place ?? { file: given.file, line: 1, column: 1 };
  const where = step === undefined ? given.name : `${given.name}, ${step.name}`;
  return { code: 'CaseFailed', severity: 'error', ...place, message: `${where}: ${message}` };
}

/** Every child that the change names and that is not there, as a sentence. */
function change(
  world: CaseWorld,
  { resource, children, ready, observe, probes, seconds }: CaseChange,
): string[] {
  const problems: string[] = [];
  world.now += (seconds ?? 0) * 1000;
  if (resource !== undefined) world.patchResource(resource);
  if (observe !== undefined) world.observed = { ...world.observed, ...observe };
  if (probes !== undefined) world.probes = { ...world.probes, ...probes };
  for (const [id, patch] of Object.entries(children ?? {})) {
    const child = world.child(id);
    if (child === undefined) problems.push(`there is no child ${id} to change`);
    else if (patch === null) world.removeChild(child);
    else world.patchChild(child, patch);
  }
  for (const child of readyChildren(world, ready ?? [], problems)) {
    world.patchChild(child, { status: reportedStatus(child) });
  }
  return problems;
}

function readyChildren(world: CaseWorld, ready: 'all' | readonly string[], problems: string[]): KubeObject[] {
  if (ready === 'all') return [...world.objects.values()];
  return ready.flatMap((id) => {
    const child = world.child(id);
    if (child === undefined) problems.push(`there is no child ${id} to become ready`);
    return child ?? [];
  });
}

async function settleAndCompare(
  world: CaseWorld,
  watch: Watch,
  expect: Expectation,
): Promise<readonly string[]> {
  const plans: Plan[] = [];
  do {
    const plan = await planReconcile(watch, world.snapshot());
    world.carryOut(plan);
    plans.push(plan);
  } while (!isEmpty(plans.at(-1)) && plans.length < MOST_PASSES);
  if (!isEmpty(plans.at(-1))) return [`it never comes to rest: ${writesOf(plans.slice(-2)).join(', ')}`];
  return [
    ...compareChildren(world, expect),
    ...compareWrites(plans, expect),
    ...compareConditions(world, expect),
    ...differences('status', asJson(world.resource.status ?? {}), expect.status ?? {}),
    ...compareOutcome(plans.at(-1), expect),
    ...compareEvents(plans, expect),
  ];
}

function isEmpty(plan: Plan | undefined): boolean {
  return plan === undefined || (plan.changes.length === 0 && plan.status === undefined);
}

function compareChildren(world: CaseWorld, { children }: Expectation): readonly string[] {
  return Object.entries(children ?? {}).flatMap(([id, expected]) => {
    const child = world.child(id);
    if (expected === null) return child === undefined ? [] : [`child ${id} is there, and should not be`];
    if (child === undefined) return [`child ${id} is missing`];
    return differences(`children.${id}`, asJson(child), expected);
  });
}

function writesOf(plans: readonly Plan[]): readonly string[] {
  return plans.flatMap(({ changes }) => changes.map(({ kind, ref }) => `${kind} ${ref.kind} ${ref.name}`));
}

function compareWrites(plans: readonly Plan[], { writes }: Expectation): readonly string[] {
  return writes === undefined ? [] : differences('writes', [...writesOf(plans)], [...writes]);
}

function compareConditions(world: CaseWorld, { conditions }: Expectation): readonly string[] {
  const actual = conditionsOf(world.resource);
  return Object.entries(conditions ?? {}).flatMap(([type, expected]) => {
    const found = actual.find((condition) => condition.type === type);
    if (found === undefined) return [`condition ${type} is missing`];
    const wanted: ExpectedCondition = typeof expected === 'string' ? { status: expected } : expected;
    const said = `${found.status}, ${found.reason}: ${found.message}`;
    const holds =
      (wanted.status ?? found.status) === found.status &&
      (wanted.reason ?? found.reason) === found.reason &&
      (found.message ?? '').includes(wanted.message ?? '');
    return holds ? [] : [`condition ${type} is ${said}; expected ${Object.values(wanted).join(', ')}`];
  });
}

function compareOutcome(plan: Plan | undefined, { outcome }: Expectation): readonly string[] {
  const actual = plan?.outcome;
  if (outcome === undefined || actual === undefined || actual.kind === outcome) return [];
  const why = actual.kind === 'done' ? '' : ` (${actual.reason}: ${actual.message})`;
  return [`the outcome is ${actual.kind}${why}, and should be ${outcome}`];
}

function compareEvents(plans: readonly Plan[], { events }: Expectation): readonly string[] {
  const texts = plans
    .flatMap((plan) => [...plan.events, ...plan.changes.flatMap((each) => each.event ?? [])])
    .map(({ reason, message }) => `${reason} ${message}`);
  return (events ?? []).flatMap((wanted) =>
    texts.some((text) => text.includes(wanted))
      ? []
      : [`no Event says "${wanted}"; said: ${texts.join(' | ')}`],
  );
}
