/** The noun `actions`: procedures that are done once, with triggers, steps and a way back. */
import { durationAt } from './action-duration.ts';
import { type ActionLinks, checkCycles, checkParamsSchema, checkRuns, linksOf } from './action-graph.ts';
import type { Action, Step } from './action-model.ts';
import { actionPosition, inheritedVars } from './action-names.ts';
import { type ActionOutline, type ActionOutlines, callersOf, outlineActions } from './action-outline.ts';
import { loadStep, type StepInput, type WatchFacts } from './load-action-step.ts';
import { isSilent, loadTrigger } from './load-action-trigger.ts';
import { type LoadNode, numberOf } from './load-node.ts';
import type { WatchScope } from './load-scope.ts';
import { loadVars } from './load-vars.ts';

const HISTORY = 5;

/** In file order, which is priority. */
export function loadActions(
  scope: WatchScope,
  node: LoadNode | undefined,
  facts: WatchFacts,
): readonly Action[] {
  const outlines = outlineActions(scope, node);
  const links = new Map(
    [...outlines.values()].map((outline) => [
      outline.name,
      linksOf(scope, outline, { outlines, manifests: facts.manifests }),
    ]),
  );
  checkRuns(scope, outlines);
  checkCycles(scope, outlines, links);
  const input = { scope, facts, outlines, links };
  return [...outlines.values()].map((outline) => loadAction(outline, input));
}

interface ActionInput extends Omit<StepInput, 'action' | 'inherited'> {
  readonly outlines: ActionOutlines;
  readonly links: ReadonlyMap<string, ActionLinks>;
}

function loadAction(outline: ActionOutline, { scope, facts, outlines, links }: ActionInput): Action {
  const { document } = scope;
  const key = (name: string) => document.get(outline.node, name);
  const on = loadTrigger(scope, key('on'));
  if (isSilent(on) && callersOf(outline.name, outlines).size === 0) reportSilent(scope, outline);
  checkParamsSchema(scope, outline);
  const inherited = inheritedVars(outline, outlines);
  const outer = new Set([...facts.vars.map(({ name }) => name), ...inherited]);
  const vars = loadVars(scope, key('vars'), { position: actionPosition(outline, inherited), outer });
  const input: StepInput = { scope, facts, action: outline, outlines, inherited };
  const steps = (rollback: boolean): readonly Step[] =>
    outline.steps.filter((step) => step.rollback === rollback).flatMap((step) => loadStep(step, input) ?? []);
  const limit = limitOf(scope, key('limit'));
  return {
    name: outline.name,
    place: outline.node.keyPlace,
    on,
    vars,
    steps: steps(false),
    rollback: steps(true),
    after: links.get(outline.name)?.after ?? [],
    interrupts: links.get(outline.name)?.interrupts ?? [],
    history: numberOf(key('history')) ?? HISTORY,
    ...(outline.params === undefined ? {} : { params: outline.params }),
    ...(limit === undefined ? {} : { limit }),
  };
}

function limitOf(scope: WatchScope, node: LoadNode | undefined): Action['limit'] {
  if (node === undefined) return undefined;
  const times = numberOf(scope.document.get(node, 'times'));
  const perSeconds = durationAt(scope, scope.document.get(node, 'per'), 1);
  return times === undefined || perSeconds === undefined ? undefined : { times, perSeconds };
}

function reportSilent({ problems }: WatchScope, { name, node }: ActionOutline): void {
  const message = `nothing starts the action ${name}`;
  const hint = 'add on: {request: true}, or run it from another action';
  problems.warn('ActionNeverStarts', node.keyPlace, { message, hint });
}
