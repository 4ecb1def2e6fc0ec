/** Actions that name each other: by `run`, `after` and `interrupts`. Each name must be there, and no circle. */

import { canonicalJson } from '../kube/canonical.ts';
import { paramNames } from './action-names.ts';
import type { ActionOutline, ActionOutlines } from './action-outline.ts';
import { describeCycle, orderByDependency } from './dependency-order.ts';
import { compileParams, whyNoParams } from './json-schema.ts';
import { wordNodes } from './load-action-calls.ts';
import { type LoadNode, textOf } from './load-node.ts';
import type { Problems } from './load-problems.ts';
import type { WatchScope } from './load-scope.ts';
import type { Manifest } from './model.ts';
import { didYouMean } from './suggest.ts';
import { jsonOf } from './yaml-node.ts';

export interface ActionLinks {
  /** Ids of manifests (each document of a file) and names of actions. */
  readonly after: readonly string[];
  readonly interrupts: readonly string[];
}

/** What an action says of others, with unknown names reported. */
export function linksOf(
  scope: WatchScope,
  { node }: ActionOutline,
  { outlines, manifests }: { readonly outlines: ActionOutlines; readonly manifests: readonly Manifest[] },
): ActionLinks {
  const { document } = scope;
  const actions = [...outlines.keys()];
  const interrupts = wordNodes(scope, document.get(node, 'interrupts')).flatMap((each) => {
    const name = textOf(each);
    if (name === undefined) return [];
    if (!outlines.has(name)) reportUnknown(scope, each, name, actions);
    return [name];
  });
  const after = wordNodes(scope, document.get(node, 'after')).flatMap((each) => {
    const name = textOf(each);
    if (name === undefined) return [];
    const ids = manifests.map(({ id }) => id).filter((id) => id === name || id.startsWith(`${name}.`));
    if (ids.length > 0 && outlines.has(name)) reportAmbiguous(scope, each, name);
    if (ids.length > 0) return ids;
    if (!outlines.has(name)) reportUnknown(scope, each, name, [...manifests.map(({ id }) => id), ...actions]);
    return [name];
  });
  return { after: [...new Set(after)], interrupts: [...new Set(interrupts)] };
}

function reportUnknown(
  { problems }: WatchScope,
  node: LoadNode,
  name: string,
  known: readonly string[],
): void {
  problems.error('UnknownAction', node.place, {
    message: `there is no action ${name}`,
    hint: didYouMean(name, known),
  });
}

function reportAmbiguous({ problems }: WatchScope, node: LoadNode, name: string): void {
  const message = `${name} is a manifest and an action`;
  problems.error('DuplicateId', node.place, { message, hint: 'give one of them another name' });
}

/** `run` steps: their action is there, and gets the parameters that it wants. */
export function checkRuns(scope: WatchScope, outlines: ActionOutlines): void {
  const { document } = scope;
  for (const { steps } of outlines.values()) {
    for (const { node, runs } of steps) {
      const place = document.get(node, 'run') ?? node;
      if (runs === undefined) continue;
      const called = outlines.get(runs);
      if (called === undefined) reportUnknown(scope, place, runs, [...outlines.keys()]);
      else checkParams(scope, node, called);
    }
  }
}

function checkParams({ document, problems }: WatchScope, step: LoadNode, called: ActionOutline): void {
  const params = document.get(step, 'params');
  const given = params === undefined ? [] : document.entries(params);
  const known = paramNames(called.params);
  for (const { name, keyPlace } of given) {
    if (known === undefined || known.has(name)) continue;
    const hint = didYouMean(name, [...known]) ?? 'remove it, or add it to the params of that action';
    const message = `the action ${called.name} has no parameter ${name}`;
    problems.error('UnknownParam', keyPlace, { message, hint });
  }
  const required = called.params?.required;
  const wanted: readonly unknown[] = Array.isArray(required) ? required : [];
  const missing = wanted.filter((name) => !given.some((each) => each.name === name));
  if (missing.length === 0) {
    checkLiteral(problems, params, called);
    return;
  }
  const message = `the action ${called.name} wants ${missing.join(', ')}`;
  problems.error('MissingParam', (params ?? step).place, { message, hint: 'give it under params' });
}

/** Parameters without any `{{ }}` are judged now; others when the run gets them. */
function checkLiteral(problems: Problems, params: LoadNode | undefined, called: ActionOutline): void {
  const value = params === undefined ? {} : jsonOf(params.yaml);
  if (params === undefined || called.params === undefined || canonicalJson(value).includes('{{')) return;
  const compiled = compileParams(called.params);
  const [first, ...others] = compiled.kind === 'compiled' ? compiled.check(value) : [];
  // A name that is not allowed was reported with the nearest one.
  if (first === undefined || first.includes('additional properties')) return;
  const message = [first, ...others].join('; ');
  problems.error('WrongParam', params.place, { message, hint: `see the params of ${called.name}` });
}

/** The schema of the parameters must be one, and speak of an object. */
export function checkParamsSchema({ document, problems }: WatchScope, { node, params }: ActionOutline): void {
  const place = document.get(node, 'params')?.place ?? node.place;
  if (params === undefined) return;
  const { type } = params;
  if (type !== undefined && type !== 'object') {
    const message = 'parameters are an object, and this schema wants something else';
    problems.error('BadParams', place, { message, hint: 'write type: object with properties' });
    return;
  }
  const why = whyNoParams(params);
  if (why === undefined) return;
  const message = `params is no JSON Schema: ${why}`;
  problems.error('BadParams', place, { message, hint: 'write {type: object, properties: {…}}' });
}

/** What waits for itself never starts, and what runs itself never ends. */
export function checkCycles(
  scope: WatchScope,
  outlines: ActionOutlines,
  links: ReadonlyMap<string, ActionLinks>,
): void {
  const graphs: readonly (readonly [string, (name: string) => readonly string[]])[] = [
    ['run', (name) => outlines.get(name)?.steps.flatMap(({ runs }) => runs ?? []) ?? []],
    ['wait for', (name) => links.get(name)?.after ?? []],
    ['interrupt', (name) => links.get(name)?.interrupts ?? []],
  ];
  for (const [verb, next] of graphs) {
    const items = [...outlines.keys()].map((id) => ({ id, before: next(id), precedence: 0 }));
    const { cycle } = orderByDependency(items);
    const first = outlines.get(cycle?.[0] ?? '');
    if (cycle === undefined || first === undefined) continue;
    const message =
      cycle.length === 1
        ? `${first.name} would ${verb} itself`
        : `these actions ${verb} each other: ${describeCycle(cycle)}`;
    scope.problems.error('ActionCycle', first.node.keyPlace, { message, hint: 'take one of them out' });
  }
}
