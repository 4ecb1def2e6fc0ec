/**
 * Parameters and vars of actions that nothing reads. Outputs are never judged: they stand in the status of the run (or in
 * its Secret) for people to read, and for those who ran it.
 */
import { hasErrors, type Place, placeKey } from '../base/diagnostic.ts';
import { isObject } from '../kube/object.ts';
import type { Action, Step } from './action-model.ts';
import type { LoadDocument, LoadNode } from './load-node.ts';
import type { Problems } from './load-problems.ts';
import type { Use } from './load-scope.ts';

export interface ActionsNoun {
  readonly document: LoadDocument;
  /** The noun `actions`. */
  readonly node: LoadNode | undefined;
  readonly actions: readonly Action[];
}

/** Silent beside errors: what was refused may be what reads them. */
export function warnUnusedInActions(uses: readonly Use[], noun: ActionsNoun, problems: Problems): void {
  if (hasErrors(problems.all)) return;
  for (const { name, place } of unreadParams(uses, noun)) {
    const hint = `remove it, or read it as run.params.${name}`;
    problems.warn('UnusedParam', place, { message: `nothing reads the parameter ${name}`, hint });
  }
  for (const { name, place } of unreadVars(uses, noun.actions)) {
    const hint = `remove it, or read it as vars.${name}`;
    problems.warn('UnusedVar', place, { message: `nothing reads the var ${name}`, hint });
  }
}

interface Named {
  readonly name: string;
  readonly place: Place;
}

function unreadParams(uses: readonly Use[], { document, node, actions }: ActionsNoun): readonly Named[] {
  return actions.flatMap((action) => {
    const own = uses.filter(({ position }) => position.run?.action === action.name);
    return declaredParams(document, node, action).filter(({ name }) => !reads(own, 'run', ['params', name]));
  });
}

/** But those whose one value is a confirmation. */
function declaredParams(
  document: LoadDocument,
  node: LoadNode | undefined,
  { name, params }: Action,
): readonly Named[] {
  const at = (parent: LoadNode | undefined, key: string): LoadNode | undefined =>
    parent === undefined ? undefined : document.get(parent, key);
  const declared = at(at(at(node, name), 'params'), 'properties');
  const schemas = isObject(params?.properties) ? params.properties : {};
  return (declared === undefined ? [] : document.entries(declared))
    .filter((entry) => !hasOneValue(schemas[entry.name]))
    .map((entry) => ({ name: entry.name, place: entry.keyPlace }));
}

function hasOneValue(schema: unknown): boolean {
  if (!isObject(schema)) return false;
  return 'const' in schema || (Array.isArray(schema.enum) && schema.enum.length < 2);
}

/**
 * A var is seen where it stands, in the actions that are run from there, and by all that is no action while the run lasts:
 * manifests above all.
 */
function unreadVars(uses: readonly Use[], actions: readonly Action[]): readonly Named[] {
  const judged = actions.flatMap((action) => {
    const steps = [...action.steps, ...action.rollback];
    const ofAction = readersIn(uses, actionsBehind(steps, actions).add(action.name));
    return [
      ...action.vars.map((each) => ({ ...each, readers: ofAction })),
      ...steps.flatMap((step) => {
        const own = uses.filter(
          ({ position: { run } }) => run?.action === action.name && run.step === step.name,
        );
        const readers = [...readersIn(uses, actionsBehind([step], actions)), ...own];
        return step.vars.map((each) => ({ ...each, readers }));
      }),
    ];
  });
  // Steps may share their vars by an alias: it is enough that one of them wants each.
  const read = new Set(
    judged
      .filter(({ name, readers }) => reads(readers, 'vars', [name]))
      .map(({ expression }) => placeKey(expression.place)),
  );
  const unread = judged
    .map(({ name, expression }) => ({ name, place: expression.place }))
    .filter(({ place }) => !read.has(placeKey(place)));
  return [...new Map(unread.map((each) => [placeKey(each.place), each])).values()];
}

/** Names of the actions that the steps run, directly or through others. */
function actionsBehind(steps: readonly Step[], actions: readonly Action[]): Set<string> {
  const runs = (several: readonly Step[]): readonly string[] =>
    several.flatMap((step) => (step.kind === 'run' ? [step.action] : []));
  const found = new Set(runs(steps));
  // A set that grows while it is walked is walked to its end.
  for (const name of found) {
    const action = actions.find((each) => each.name === name);
    for (const further of runs([...(action?.steps ?? []), ...(action?.rollback ?? [])])) found.add(further);
  }
  return found;
}

function readersIn(uses: readonly Use[], actions: ReadonlySet<string>): readonly Use[] {
  return uses.filter(({ position: { run } }) => run === undefined || actions.has(run.action));
}

/** Who reads the whole reads each part. */
function reads(uses: readonly Use[], root: 'run' | 'vars', path: readonly string[]): boolean {
  return uses.some(({ references }) =>
    references.some(
      (reference) =>
        reference.root === root &&
        path.every((name, index) => reference.path[index] === undefined || reference.path[index] === name),
    ),
  );
}
