/**
 * Finds what can never happen, whatever a resource says: children that are never created, steps that are never done,
 * triggers that never fire, waits that never end. Told only where it is certain: by literals, by the words and types that
 * the kind's schema allows, by what a wait reads that nobody changes meanwhile.
 */
import { placeKey } from '../base/diagnostic.ts';
import { describeRange } from '../kube/range.ts';
import type { SchemaNode } from '../kube/schema.ts';
import type { Action, Step } from './action-model.ts';
import type { Names } from './check-references.ts';
import { describeCycle, orderByDependency } from './dependency-order.ts';
import { isAlwaysTrue, isNeverTrue } from './expression-possible.ts';
import { inSchema } from './known-paths.ts';
import type { Expression, KnownPaths, Reference } from './language.ts';
import type { Problems } from './load-problems.ts';
import type { Manifest, Watch } from './model.ts';

type Judged = Pick<Watch, 'manifests' | 'status' | 'actions' | 'health'>;

interface Reach {
  readonly watch: Judged;
  /** Of the watched kind. */
  readonly schema: SchemaNode | undefined;
  readonly known: KnownPaths;
  readonly problems: Problems;
}

export function checkReach(
  watch: Judged,
  {
    names,
    known,
    problems,
  }: { readonly names: Names; readonly known: KnownPaths; readonly problems: Problems },
): void {
  const schema = names.catalogue.schemaOf(names.resource);
  const reach = { watch, schema, known, problems };
  const places = new Set<string>();
  for (const { id, when, waitFor } of watch.manifests) {
    for (const [key, rule] of Object.entries({ when, waitFor })) {
      // The objects of one file share its entry's rules.
      const at = rule === undefined ? '' : placeKey(rule.place);
      if (rule === undefined || places.has(at) || !isNeverTrue(rule.possible(reach.known))) continue;
      places.add(at);
      const message = `${key} of ${id} is never true, so that it is never created`;
      problems.warn('ManifestUnreachable', rule.place, { message, hint: hintOf(rule, reach) });
    }
  }
  checkWaitingInCircles(watch.manifests, problems);
  for (const action of watch.actions) checkAction(action, reach);
  for (const { type, when } of watch.health) {
    if (when.source.trim() === 'false' || !isNeverTrue(when.possible(known))) continue;
    const message = `the condition ${type} is never True`;
    problems.warn('ConditionNeverTrue', when.place, { message, hint: hintOf(when, reach) });
  }
}

/** `waitFor` that holds only once a child is there, which itself waits for this one: neither is ever created. */
function checkWaitingInCircles(manifests: Judged['manifests'], problems: Problems): void {
  const single = manifests.filter(({ forEach, policy }) => forEach === undefined && policy !== 'Patch');
  const waitedFor = ({ waitFor }: Manifest): readonly string[] =>
    single.flatMap(({ id }) =>
      waitFor?.presupposes.some((path) => `${path}.`.startsWith(`children.${id}.`)) === true ? [id] : [],
    );
  const ordered = (edges: (manifest: Manifest) => readonly string[]) =>
    orderByDependency(
      manifests.map((each) => ({
        id: each.id,
        before: [...each.after, ...each.needs, ...edges(each)],
        precedence: 0,
      })),
    ).cycle;
  const cycle = ordered(waitedFor);
  // Without any waitFor: told where the manifests are put in order.
  if (cycle === undefined || ordered(() => []) !== undefined) return;
  const closing = manifests.find(
    (each) => cycle.includes(each.id) && waitedFor(each).some((id) => cycle.includes(id)),
  );
  if (closing?.waitFor === undefined) return;
  const message = `${closing.id} waits for what is there only once it is created: ${describeCycle(cycle)}`;
  const hint = 'let one of them not wait for the others';
  problems.error('ManifestCycle', closing.waitFor.place, { message, hint });
}

function checkAction(action: Action, reach: Reach): void {
  const { known, problems } = reach;
  const { when } = action.on;
  if (when !== undefined && isNeverTrue(when.possible(known))) {
    const message = `when of the action ${action.name} is never true, so that it starts no run`;
    problems.warn('ActionNeverStarts', when.place, { message, hint: hintOf(when, reach) });
  }
  for (const step of [...action.steps, ...action.rollback]) checkStep(step, action, reach);
}

function checkStep(step: Step, action: Action, reach: Reach): void {
  const { known, problems } = reach;
  const { when, unless, name } = step;
  const blocked = (rule: Expression, what: string): void => {
    const message = `${what}, so that the step ${name} is never done`;
    problems.warn('StepUnreachable', rule.place, { message, hint: hintOf(rule, reach) });
  };
  if (when !== undefined && isNeverTrue(when.possible(known))) blocked(when, 'when is never true');
  if (unless !== undefined && isAlwaysTrue(unless.possible(known))) blocked(unless, 'unless is always true');
  if (step.kind === 'wait') checkWait(step, action, reach);
}

function checkWait(
  { until, name, timeoutSeconds, vars }: Extract<Step, { kind: 'wait' }>,
  action: Action,
  reach: Reach,
): void {
  const possible = until.possible(reach.known);
  if (isNeverTrue(possible)) {
    const message = `the step ${name} waits for what is never true`;
    reach.problems.warn('WaitNeverEnds', until.place, { message, hint: hintOf(until, reach) });
    return;
  }
  const frozen = new Set([...action.vars, ...vars].map((each) => each.name));
  if (timeoutSeconds !== undefined || isAlwaysTrue(possible) || !isFixed(until, { frozen, action, reach }))
    return;
  const message = `nothing that the step ${name} waits for changes meanwhile: it is done at once, or never`;
  const hint = 'read what others change (children, observe, probes), or give the step a timeout';
  reach.problems.warn('WaitNeverEnds', until.place, { message, hint });
}

interface Waiting {
  /** Vars that were evaluated when the run or the step began. */
  readonly frozen: ReadonlySet<string>;
  readonly action: Action;
  readonly reach: Reach;
}

/** Parts of an expression that may read more than its references say. */
const READS_MORE = /\$\$(?!\.[A-Za-z_`])|\$(?![$A-Za-z_])|[*%]/;

/** True where nobody can change what the expression yields before the step ends. */
function isFixed({ source, references }: Expression, waiting: Waiting): boolean {
  return !READS_MORE.test(source) && references.every((reference) => isFixedPath(reference, waiting));
}

function isFixedPath({ root, path }: Reference, waiting: Waiting): boolean {
  const [name = ''] = path;
  const { watch } = waiting.reach;
  switch (root) {
    case 'run':
      return true;
    case 'metadata':
      return ['name', 'namespace', 'uid', 'creationTimestamp'].includes(name);
    case 'vars':
      return waiting.frozen.has(name);
    case 'status':
      // What others set may come while the run waits; what its own later steps set can't.
      return (
        watch.status.some((field) => field.kind === 'held' && field.name === name) &&
        watch.actions.every((other) => other.name === waiting.action.name || !sets(other, name))
      );
    default:
      return false;
  }
}

function sets({ steps, rollback }: Action, field: string): boolean {
  return [...steps, ...rollback].some(
    (step) => step.kind === 'set' && step.fields.some(({ name }) => name === field),
  );
}

/** The words and numbers that the schema allows for what the expression reads. */
function hintOf({ references }: Expression, { schema }: Reach): string {
  const words = references.flatMap(({ root, path }) => {
    if (root !== 'spec') return [];
    const { enum: values, range, length, type } = inSchema(schema, ['spec', ...path])?.node ?? {};
    const name = `spec.${path.join('.')}`;
    if (values !== undefined) return [`${name} is one of ${values.map(String).join(', ')}`];
    if (range !== undefined) return [`${name} is ${describeRange(range)}`];
    const what = type === 'array' ? 'list' : 'string';
    return length === undefined ? [] : [`${name} is a ${what}, its length is ${describeRange(length)}`];
  });
  return words.length === 0 ? 'correct the expression, or remove it' : [...new Set(words)].join('; ');
}
