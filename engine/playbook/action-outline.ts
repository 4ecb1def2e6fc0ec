/**
 * What the noun `actions` declares, before anything is compiled: names of actions and steps, whom they run, which vars,
 * parameters and outputs there are. Every expression is then judged with all of it known, wherever it stands.
 */
import { isObject, type JsonObject } from '../kube/object.ts';
import type { StepKind } from './action-model.ts';
import { flagOf, isMapNode, type LoadDocument, type LoadNode, type NamedNode, textOf } from './load-node.ts';
import type { WatchScope } from './load-scope.ts';
import { jsonOf } from './yaml-node.ts';

export interface StepOutline {
  readonly node: LoadNode;
  readonly name: string;
  /** Undefined where none or several are given (and reported). */
  readonly kind: StepKind | undefined;
  readonly rollback: boolean;
  readonly list: boolean;
  readonly vars: readonly NamedNode[];
  readonly outputs: readonly NamedNode[];
  readonly secretOutputs: readonly string[];
  /** The action that a `run` step names. */
  readonly runs: string | undefined;
}

export interface ActionOutline {
  readonly name: string;
  readonly node: NamedNode;
  readonly params: JsonObject | undefined;
  readonly vars: readonly NamedNode[];
  /** Those of the rollback come last. */
  readonly steps: readonly StepOutline[];
}

export type ActionOutlines = ReadonlyMap<string, ActionOutline>;

const STEP_KINDS = ['job', 'exec', 'http', 'wait', 'set', 'delete', 'run', 'apply', 'commit'] as const;

/** Keys beside the sort of a step. */
const STEP_KEYS = [
  'name',
  'when',
  'unless',
  'forEach',
  'timeout',
  'retries',
  'vars',
  'outputs',
  'message',
  'params',
];

export function outlineActions(scope: WatchScope, node: LoadNode | undefined): ActionOutlines {
  const entries = node === undefined ? [] : scope.document.entries(node);
  return new Map(entries.map((entry) => [entry.name, outlineAction(scope, entry)]));
}

function outlineAction(scope: WatchScope, node: NamedNode): ActionOutline {
  const { document } = scope;
  const params = document.get(node, 'params');
  const given = ['steps', 'rollback'].flatMap((key) =>
    document.items(document.get(node, key)).map((step) => ({ step, rollback: key === 'rollback' })),
  );
  const taken = new Set<string>();
  const counts = new Map<string, number>();
  const steps = given.map(({ step, rollback }) => {
    const kind = kindOf(scope, step);
    const count = (counts.get(kind ?? '') ?? 0) + 1;
    const nameNode = document.get(step, 'name');
    if (nameNode === undefined) counts.set(kind ?? '', count);
    const name = textOf(nameNode) ?? (count === 1 ? (kind ?? 'step') : `${kind ?? 'step'}-${count}`);
    if (taken.has(name)) reportDuplicate(scope, nameNode ?? step, name);
    taken.add(name);
    return outlineStep(document, step, { name, kind, rollback });
  });
  const json = params === undefined ? undefined : jsonOf(params.yaml);
  return {
    name: node.name,
    node,
    params: isJsonMap(json) ? json : undefined,
    vars: entriesAt(document, node, 'vars'),
    steps,
  };
}

function isJsonMap(value: unknown): value is JsonObject {
  return isObject(value);
}

function outlineStep(
  document: LoadDocument,
  node: LoadNode,
  given: Pick<StepOutline, 'name' | 'kind' | 'rollback'>,
): StepOutline {
  const outputs = entriesAt(document, node, 'outputs');
  const secret = outputs.filter(
    (output) => isMapNode(output) && flagOf(document.get(output, 'secret')) === true,
  );
  return {
    ...given,
    node,
    list: document.get(node, 'forEach') !== undefined,
    vars: entriesAt(document, node, 'vars'),
    outputs,
    secretOutputs: secret.map(({ name }) => name),
    runs: given.kind === 'run' ? textOf(document.get(node, 'run')) : undefined,
  };
}

function entriesAt(document: LoadDocument, node: LoadNode, key: string): readonly NamedNode[] {
  const found = document.get(node, key);
  return found === undefined ? [] : document.entries(found);
}

function kindOf({ document, problems }: WatchScope, node: LoadNode): StepKind | undefined {
  const found = STEP_KINDS.filter((kind) => document.get(node, kind) !== undefined);
  const [only, second] = found;
  if (only !== undefined && second === undefined) return only;
  // A misspelt sort is reported as an unknown key, with the nearest one.
  const misspelt = document.entries(node).some(({ name }) => !STEP_KEYS.includes(name));
  if (!isMapNode(node) || (only === undefined && misspelt)) return undefined;
  const sorts = `${STEP_KINDS.slice(0, -1).join(', ')} and ${STEP_KINDS.at(-1)}`;
  const message = only === undefined ? 'the step says nothing to do' : `the step says ${found.join(' and ')}`;
  problems.error('BadStep', node.place, { message, hint: `a step is exactly one of ${sorts}` });
  return undefined;
}

function reportDuplicate({ problems }: WatchScope, node: LoadNode, name: string): void {
  const message = `two steps of the action have the name ${name}`;
  problems.error('DuplicateStep', node.place, { message, hint: 'give one of them another name' });
}

/** Actions that run the named one, directly or through others. */
export function callersOf(name: string, outlines: ActionOutlines): ReadonlySet<string> {
  const direct = new Map<string, Set<string>>();
  for (const { name: caller, steps } of outlines.values()) {
    for (const { runs } of steps) {
      if (runs !== undefined) direct.set(runs, (direct.get(runs) ?? new Set()).add(caller));
    }
  }
  const callers = new Set(direct.get(name));
  // A set that grows while it is walked is walked to its end.
  for (const caller of callers) for (const further of direct.get(caller) ?? []) callers.add(further);
  return callers;
}
