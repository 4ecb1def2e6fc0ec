/**
 * JSONata as rule language: the only importer of jsonata. An expression is compiled once; what could not be bounded, is
 * not pure, or reads a name that nothing has, is refused then, all problems at once. Evaluating it never rejects, never
 * hangs (expression-meter.ts), costs microtasks only, and leaves the context as it was.
 *
 * Evaluations of one expression may overlap: whatever belongs to one of them is bound in its own environment.
 */
import jsonata from 'jsonata';
import { type Diagnostic, hasErrors, type Place, sortDiagnostics } from '../base/diagnostic.ts';
import { EngineError } from '../base/errors.ts';
import { type AstNode, asAst } from './expression-ast.ts';
import { checkExpression, placed } from './expression-check.ts';
import { elementsOf } from './expression-elements.ts';
import { failure, type Origin, problemAt, syntaxProblem } from './expression-errors.ts';
import { isPlaybookFunction, playbookFunction } from './expression-functions.ts';
import { establishedBy } from './expression-guards.ts';
import { impossibleComparisons } from './expression-impossible.ts';
import { readsInput } from './expression-input.ts';
import type { Facts } from './expression-lint.ts';
import { createMeter, LONGEST_LIST, type Meter } from './expression-meter.ts';
import { isNative, type NativeFunction, type NativeName, pricedNative } from './expression-natives.ts';
import { type Locate, locateIn } from './expression-place.ts';
import { possibleValues } from './expression-possible.ts';
import { missingPath } from './expression-references.ts';
import { type FoundRegex, rewrite } from './expression-rewrite.ts';
import { sourceProblem } from './expression-source.ts';
import { allNodes, type Steps, stepsOf, UNKNOWN_STEP } from './expression-steps.ts';
import { outcome, type Trace } from './expression-truth.ts';
import { toPlainJson } from './expression-value.ts';
import {
  CONTEXT_ROOTS,
  type Context,
  type ContextRoot,
  type ElementReference,
  type Evaluation,
  type Expression,
} from './language.ts';
import { Memo } from './memo.ts';

export interface ExpressionInput {
  readonly source: string;
  /** Of the first character of the source. */
  readonly place: Place;
  /** The names known where the expression stands. Default: all but those of single positions (self, run, result, old, operation). */
  readonly roots?: readonly ContextRoot[];
  /** Where an offset of the source stands; default: plain arithmetic, right for one line and for block scalars. */
  readonly locate?: Locate;
  /** What is known of the schemas, for warnings. */
  readonly facts?: Facts;
}

export type CompiledExpression =
  | {
      readonly kind: 'compiled';
      readonly expression: Expression;
      /** Names that it reads below items, for static checks. */
      readonly elements: readonly ElementReference[];
      readonly warnings: readonly Diagnostic[];
    }
  | { readonly kind: 'refused'; readonly problems: readonly Diagnostic[] };

const OF_SINGLE_POSITIONS: readonly ContextRoot[] = ['self', 'run', 'result', 'old', 'operation'];
const DEFAULT_ROOTS = CONTEXT_ROOTS.filter((root) => !OF_SINGLE_POSITIONS.includes(root));

/**
 * The last net, should the meter have a hole. The time is wall time, which passes for whatever else a busy machine does
 * and for all evaluations that overlap: far above anything that the meter lets through, or the machine would decide
 * what is an error. Depth and length are limits of memory; the meter ends most expressions before.
 */
const LIMITS = { timeout: 60_000, stack: 1_000, sequence: LONGEST_LIST };

export function compileExpression(input: ExpressionInput): CompiledExpression {
  const { source, place } = input;
  const origin: Origin = { source, locate: input.locate ?? locateIn(source, place) };
  const unfit = sourceProblem(source);
  if (unfit !== undefined) return refused([problemAt(origin, 0, unfit)]);
  try {
    return compile(input, origin, jsonata(source, LIMITS));
  } catch (thrown) {
    return refused([syntaxProblem(origin, thrown)]);
  }
}

function refused(problems: readonly Diagnostic[]): CompiledExpression {
  return { kind: 'refused', problems: sortDiagnostics(problems) };
}

function compile(input: ExpressionInput, origin: Origin, engine: jsonata.Expression): CompiledExpression {
  const root = asAst(engine.ast());
  const { roots = DEFAULT_ROOTS, facts = {} } = input;
  const { problems: found, references } = checkExpression(root, { origin, roots, facts });
  const presupposes = [...establishedBy(root, true)];
  const elements = elementsOf(root, origin);
  const regexes = rewrite(root);
  const problems = sortDiagnostics([...found, ...regexes.flatMap((regex) => regexProblem(origin, regex))]);
  if (hasErrors(problems)) return refused(problems);
  const program: Program = {
    engine,
    origin,
    references,
    regexes,
    ...functionsIn(root),
    steps: stepsOf(root, new Set(regexes.map(({ node }) => node))),
  };
  hookExit(engine, program);
  const { source, place } = input;
  const evaluate = remembering(program, readsInput(root) ? undefined : new Memo(references));
  const possible: Expression['possible'] = (known) => possibleValues(root, known);
  const impossible: Expression['impossible'] = (known) =>
    impossibleComparisons(root, known).map((finding) => placed(origin, finding));
  const expression = { source, place, references, presupposes, possible, impossible, evaluate };
  return { kind: 'compiled', expression, elements, warnings: problems };
}

function regexProblem(origin: Origin, { node, compiled }: FoundRegex): readonly Diagnostic[] {
  if (compiled.kind === 'compiled') return [];
  const hint = 'regular expressions are those of RE2: no look-around, no back references';
  const message = `refused regular expression: ${compiled.message}`;
  return [problemAt(origin, node.position ?? 0, { code: 'RegexRefused', message, hint })];
}

interface Program {
  readonly engine: jsonata.Expression;
  readonly origin: Origin;
  readonly references: Expression['references'];
  readonly regexes: readonly FoundRegex[];
  /** jsonata's own functions that the expression names. */
  readonly functions: ReadonlyMap<NativeName, NativeFunction>;
  /** Our functions that it names. */
  readonly own: readonly string[];
  readonly steps: Steps;
}

/** What belongs to one evaluation. */
interface Run {
  readonly meter: Meter;
  readonly trace: Trace;
}

/** The variable that leads from jsonata's environment to the run; no name that a source can say. */
const RUN = ' run';

type Hook = (node: AstNode, input: unknown, environment: jsonata.Environment, result?: unknown) => void;

/**
 * jsonata calls what stands under these symbols before and after each step. They are not in its types: the one place
 * where a symbol is passed for a name.
 */
function hook(engine: jsonata.Expression, moment: 'entry' | 'exit', action: Hook): void {
  engine.assign(Symbol.for(`jsonata.__evaluate_${moment}`) as unknown as string, action);
}

/** After each step it is paid for, and noted where it decides. That what we bound under RUN is a Run is believed here. */
function hookExit(engine: jsonata.Expression, program: Program): void {
  hook(engine, 'exit', (node, _input, environment, result) => {
    const { meter, trace } = environment.lookup(RUN) as Run;
    const step = program.steps.of.get(node) ?? UNKNOWN_STEP;
    meter.pay(step.price + (typeof result === 'function' ? step.ifFunction : 0));
    meter.payValue(result);
    if (step.walked && typeof result === 'object') meter.payTree(result);
    if (step.traced) trace.set(node, result);
  });
}

function remembering(program: Program, memo: Memo<Evaluation> | undefined): Expression['evaluate'] {
  if (memo === undefined) return (context) => run(program, context);
  return async (context) => {
    const inputs = memo.inputsOf(context);
    const known = memo.recall(inputs);
    if (known !== undefined) return known;
    const evaluation = await run(program, context);
    if (evaluation.kind !== 'error') memo.note(inputs, evaluation);
    return evaluation;
  };
}

async function run(program: Program, context: Context): Promise<Evaluation> {
  const current: Run = { meter: createMeter(), trace: new Map() };
  try {
    const raw: unknown = await program.engine.evaluate(context, bindings(program, context, current));
    const { condition } = program.steps;
    const judged = typeof raw === 'boolean' && condition.kind !== 'value';
    return evaluated(program, context, judged ? outcome(condition, current.trace) : raw);
  } catch (thrown) {
    return { kind: 'error', problem: failure(program.origin, thrown) };
  }
}

function evaluated(program: Program, context: Context, raw: unknown): Evaluation {
  const plain = toPlainJson(raw);
  if (plain.kind === 'unfit') {
    const { message } = plain;
    return { kind: 'error', problem: problemAt(program.origin, 0, { code: 'ExpressionResult', message }) };
  }
  if (plain.value !== undefined) return { kind: 'value', value: plain.value };
  const path = missingPath(program.references, context);
  return path === undefined ? { kind: 'missing' } : { kind: 'missing', path };
}

function bindings(program: Program, context: Context, current: Run): Record<string, unknown> {
  const bound: Record<string, unknown> = { ...context, [RUN]: current };
  for (const name of program.own) bound[name] = playbookFunction(name, current.meter);
  for (const [name, native] of program.functions) bound[name] = pricedNative(name, native, current.meter);
  for (const { variable, compiled } of program.regexes) {
    if (compiled.kind === 'compiled') bound[variable] = compiled.matcher(current.meter);
  }
  return bound;
}

/** The functions that an expression names, and `$clone`, which a transform asks for. */
function functionsIn(root: AstNode): Pick<Program, 'functions' | 'own'> {
  const nodes = allNodes(root);
  const named = nodes.flatMap(({ type, value }) => (type === 'variable' ? [String(value)] : []));
  const implied = nodes.some(({ type }) => type === 'transform') ? ['clone'] : [];
  const names = [...new Set([...named, ...implied])];
  const native = names.filter(isNative);
  const environment = native.length === 0 ? undefined : jsonataEnvironment();
  const functions = new Map(native.map((name) => [name, environment?.lookup(name)] as const));
  return { functions, own: names.filter(isPlaybookFunction) };
}

/**
 * jsonata keeps its own functions to itself: only an environment that is evaluating gives them. An empty program hands
 * out such an environment before its first await.
 */
function jsonataEnvironment(): jsonata.Environment {
  const empty = jsonata('null');
  const captured: jsonata.Environment[] = [];
  hook(empty, 'entry', (_node, _input, environment) => {
    captured.push(environment);
  });
  void empty.evaluate(null);
  const [environment] = captured;
  if (environment === undefined)
    throw new EngineError('JsonataChanged', 'jsonata does not call its entry hook');
  return environment;
}
