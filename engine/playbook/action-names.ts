/** Which vars, parameters and outputs are known at each place of an action. */
import type { JsonObject } from '../kube/object.ts';
import { isJsonObject } from '../kube/value.ts';
import { type ActionOutline, type ActionOutlines, callersOf, type StepOutline } from './action-outline.ts';
import type { Position } from './load-scope.ts';
import type { OutputNames } from './run-names.ts';

/** Where the vars of an action stand: parameters are known, nothing was done yet. */
export function actionPosition(action: ActionOutline, inherited: ReadonlySet<string>): Position {
  return {
    perItem: false,
    stage: 'any',
    vars: new Set([...namesOf(action.vars), ...inherited]),
    run: {
      action: action.name,
      params: paramNames(action.params),
      outputs: new Map(),
      steps: action.steps.map(({ name }) => name),
      failed: false,
    },
  };
}

/** What surrounds a step. */
export interface Around {
  readonly action: ActionOutline;
  readonly outlines: ActionOutlines;
  /** Of the actions that run this one. */
  readonly inherited: ReadonlySet<string>;
}

/** Where a step stands, outside its forEach. */
export function stepPosition(step: StepOutline, { action, outlines, inherited }: Around): Position {
  const base = actionPosition(action, inherited);
  const earlier = action.steps.slice(0, action.steps.indexOf(step));
  return {
    ...base,
    vars: new Set([...(base.vars ?? []), ...namesOf(step.vars)]),
    run: {
      action: action.name,
      step: step.name,
      params: paramNames(action.params),
      outputs: new Map(earlier.map((each) => [each.name, outputsOf(each, outlines)])),
      steps: action.steps.map(({ name }) => name),
      failed: step.rollback,
    },
  };
}

/** A run inherits the vars of the run that it is a part of; whoever runs it may give it some. */
export function inheritedVars({ name }: ActionOutline, outlines: ActionOutlines): ReadonlySet<string> {
  const callers = [...callersOf(name, outlines)].flatMap((caller) => outlines.get(caller) ?? []);
  return new Set(
    callers.flatMap(({ vars, steps }) => [
      ...namesOf(vars),
      ...steps.flatMap((step) => (step.runs === undefined ? [] : namesOf(step.vars))),
    ]),
  );
}

/** Of a `run` step without outputs of its own: the other action's steps that have some. */
function outputsOf(step: StepOutline, outlines: ActionOutlines): OutputNames {
  const secret = new Set(step.secretOutputs);
  const called = step.outputs.length > 0 ? undefined : outlines.get(step.runs ?? '');
  const inner = called?.steps.filter(({ outputs, runs }) => outputs.length > 0 || runs !== undefined) ?? [];
  const names = called === undefined ? namesOf(step.outputs) : inner.map(({ name }) => name);
  return { list: step.list, names, secret };
}

function namesOf(nodes: readonly { readonly name: string }[]): readonly string[] {
  return nodes.map(({ name }) => name);
}

/** Keywords behind which more parameters may be allowed than `properties` names. */
const OPEN = ['patternProperties', 'allOf', 'anyOf', 'oneOf', '$ref', 'if', 'dependentSchemas'];

/** The parameters that there can be; undefined: the schema leaves that open. None without a schema. */
export function paramNames(schema: JsonObject | undefined): ReadonlySet<string> | undefined {
  if (schema === undefined) return new Set();
  const { properties, additionalProperties } = schema;
  const closed = additionalProperties === undefined || additionalProperties === false;
  if (!closed || OPEN.some((keyword) => keyword in schema)) return undefined;
  return isJsonObject(properties) ? new Set(Object.keys(properties)) : undefined;
}
