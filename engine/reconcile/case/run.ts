/** Runs a golden case: each step changes the world, lets the planner work until nothing is left, and compares. */
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import { groupKind, gvkOf, type KubeObject } from '../../kube/object.ts';
import type { SchemaLookup } from '../../kube/schema.ts';
import { text } from '../../kube/value.ts';
import type { Playbook, Watch } from '../../playbook/model.ts';
import type { Change, Plan, RunWrite } from '../model.ts';
import { planReconcile } from '../plan.ts';
import type { Recall } from '../recall.ts';
import { applyChange, unknownNames } from './change.ts';
import type { Difference } from './compare.ts';
import type { Coverage } from './coverage.ts';
import { compareStep, type Happened } from './expect.ts';
import type { Case, CaseResult, CaseStep, StepResult } from './model.ts';
import { objectOf } from './objects.ts';
import { type Edit, editsOf } from './update.ts';
import { CaseWorld } from './world.ts';

/** A case that is not at rest after so many passes never will be. */
const MOST_PASSES = 300;

export interface CaseOptions {
  readonly playbook: Playbook;
  readonly schema: SchemaLookup;
  /** Shared by the cases of one playbook, it spares them much of what they have in common. */
  readonly recall?: Recall;
  /** Notes what the case sees at work; its playbook is then the one that runs. */
  readonly coverage?: Coverage;
  /** Called for each step with what its expectation would have to say; all steps are then run. */
  readonly update?: (step: number, edits: readonly Edit[]) => void;
  /** Milliseconds, for how long steps take. */
  readonly monotonic?: () => number;
}

export async function runCase(given: Case, options: CaseOptions): Promise<CaseResult> {
  const { schema, recall, coverage, update, monotonic = () => 0 } = options;
  const { name, file } = given;
  const playbook = coverage?.playbook ?? options.playbook;
  const watch = watchOf(given.resource, playbook);
  if (watch === undefined) {
    const message = `the playbook watches no ${groupKind(gvkOf(given.resource))}`;
    return { kind: 'failed', name, file, problems: [failure(given, given.steps[0], message)], steps: [] };
  }
  const world = worldOf(given, { playbook, schema, ...(recall === undefined ? {} : { recall }) });
  const problems = unknownNames(watch, given).map((message) => failure(given, undefined, message));
  const steps: StepResult[] = [];
  for (const [index, step] of given.steps.entries()) {
    const { name: stepName, place } = step;
    // What comes after a step that went wrong would only say so again.
    if (problems.length > 0 && update === undefined) {
      steps.push({ name: stepName, place, result: 'skipped', problems: [], milliseconds: 0 });
      continue;
    }
    const begun = monotonic();
    const { found: wrong, edits } = await runStep(world, watch, step, coverage);
    const milliseconds = monotonic() - begun;
    update?.(index, edits);
    const found = wrong.map(({ at, message }) =>
      failure(given, { name: stepName, place: placeIn(step, at) }, message),
    );
    problems.push(...found);
    const result = found.length > 0 ? 'failed' : 'passed';
    steps.push({ name: stepName, place, result, problems: found, milliseconds });
  }
  return { kind: problems.length > 0 ? 'failed' : 'passed', name, file, problems, steps };
}

export function worldOf(
  given: Case,
  { playbook, ...rest }: Pick<CaseOptions, 'playbook' | 'schema' | 'recall'>,
): CaseWorld {
  return new CaseWorld(given, { ...rest, playbook, ...kindsOf(playbook) });
}

interface StepOutcome {
  readonly found: readonly Difference[];
  readonly edits: readonly Edit[];
}

async function runStep(
  world: CaseWorld,
  watch: Watch,
  step: CaseStep,
  coverage: Coverage | undefined,
): Promise<StepOutcome> {
  const wrong = applyChange(world, watch, step.change);
  const { restless, ...happened } = await settle(world, watch, coverage);
  const unused = world.actions.unusedAnswers.map(
    (name) => `answers has ${name}, but no Job or call of this step asked for it`,
  );
  const about = [...wrong, ...unused, ...(restless ?? [])];
  const compared = restless === undefined ? compareStep(world, step.expect, happened) : [];
  const found = [...about.map((message) => ({ at: [], message })), ...compared];
  const edits = found.length === 0 || restless !== undefined ? [] : editsOf(world, step.expect, happened);
  return { found, edits };
}

/** Until a pass neither writes nor is answered. */
export async function settle(
  world: CaseWorld,
  watch: Watch,
  coverage?: Coverage,
): Promise<Happened & { readonly restless?: readonly string[] }> {
  const plans: Plan[] = [];
  const writes: string[] = [];
  while (!world.gone && plans.length < MOST_PASSES) {
    const plan = await planReconcile(watch, world.snapshot());
    const before = writesOf(world, plan);
    const busy = world.carryOut(plan);
    coverage?.sawRuns(watch, world.actions.runs);
    plans.push(plan);
    writes.push(...before);
    if (!busy) return { plans, writes };
  }
  if (world.gone) return { plans, writes };
  const restless = [`it never comes to rest: ${writes.slice(-2).join(', ')}`];
  return { plans, writes, restless };
}

/** What a plan writes beside statuses and marks, in words that hold no hash. */
function writesOf(world: CaseWorld, { changes, actions }: Plan): readonly string[] {
  return [
    ...(actions?.runs.flatMap((write) => runWriteText(world, write)) ?? []),
    ...changes.map((change) => changeText(world, change)),
  ];
}

function runWriteText(world: CaseWorld, write: RunWrite): readonly string[] {
  const action = (spec: unknown): string => text(Object(spec).action) ?? '';
  if (write.kind === 'create') return [`create ActionRun ${action(write.body.spec)}`];
  if (write.kind !== 'delete') return [];
  return [`delete ActionRun ${action(world.objects.get(write.ref)?.spec)}`];
}

function changeText(world: CaseWorld, change: Change): string {
  const object: KubeObject | undefined = 'body' in change ? objectOf(change.body) : world.lookup(change.ref);
  // What `apply` steps make has a name of its own.
  const isWork = change.ref.kind === 'Job' || change.ref.kind === 'Secret';
  const step = object === undefined || !isWork ? undefined : world.actions.stepOf(object);
  return `${change.kind} ${change.ref.kind} ${step ?? change.ref.name}`;
}

export function watchOf(resource: KubeObject, playbook: Playbook): Watch | undefined {
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

/** What is not about a part of the expectation is about the step. */
function placeIn({ place, placeOf }: CaseStep, at: Difference['at']): Place {
  return at.length === 0 || placeOf === undefined ? place : placeOf(at);
}

function failure(
  given: Case,
  step: Pick<CaseStep, 'name' | 'place'> | undefined,
  message: string,
): Diagnostic {
  const place = step?.place ?? { file: given.file, line: 1, column: 1 };
  const where = step === undefined ? given.name : `${given.name}, ${step.name}`;
  return { code: 'CaseFailed', severity: 'error', ...place, message: `${where}: ${message}` };
}
