/** One step of an action, compiled. */
import { sha256 } from '../base/hash.ts';
import { canonicalJson } from '../kube/canonical.ts';
import { durationAt } from './action-duration.ts';
import { RESULT_FIELDS, type Step, type StepKind } from './action-model.ts';
import { type Around, stepPosition } from './action-names.ts';
import type { StepOutline } from './action-outline.ts';
import { checkDelete, checkFrozen, checkJob, checkSetField } from './action-rules.ts';
import { treeAt } from './action-tree.ts';
import type { NamedExpression, Template } from './language.ts';
import { deleteTargetAt, execAt, httpAt } from './load-action-calls.ts';
import type { TemplateFiles } from './load-files.ts';
import { isMapNode, type LoadNode, numberOf, textOf } from './load-node.ts';
import { expressionAt, type Position, templateStringAt, type WatchScope } from './load-scope.ts';
import type { PlacedStatusField } from './load-status.ts';
import { loadVars } from './load-vars.ts';
import type { Manifest, StatusField } from './model.ts';
import { jsonOf } from './yaml-node.ts';

/** What the other nouns of the watch say. */
export interface WatchFacts {
  readonly templates: TemplateFiles;
  readonly vars: readonly NamedExpression[];
  readonly status: readonly StatusField[];
  readonly manifests: readonly Manifest[];
  /** Grows: fields that steps set, to be judged against the schema. */
  readonly settings: PlacedStatusField[];
}

export interface StepInput extends Around {
  readonly scope: WatchScope;
  readonly facts: WatchFacts;
}

type StepBase = Omit<Extract<Step, { kind: 'commit' }>, 'kind'>;
type StepWork = Step extends infer Each ? (Each extends Step ? Omit<Each, keyof StepBase> : never) : never;

/** Undefined where something that it needs was refused (and reported). */
export function loadStep(outline: StepOutline, input: StepInput): Step | undefined {
  const outside = stepPosition(outline, input);
  const inside = { ...outside, perItem: outline.list };
  checkKeys(outline, input.scope);
  const base = loadBase(outline, input, { outside, inside });
  const work = outline.kind && loadWork(outline.kind, outline, { ...input, position: inside });
  return work && { ...base, ...work };
}

function loadBase(
  outline: StepOutline,
  input: StepInput,
  { outside, inside }: { readonly outside: Position; readonly inside: Position },
): StepBase {
  const { scope } = input;
  const key = (name: string) => scope.document.get(outline.node, name);
  const when = expressionAt(scope, key('when'), inside);
  const unless = expressionAt(scope, key('unless'), inside);
  const forEach = expressionAt(scope, key('forEach'), outside);
  const timeoutSeconds = durationAt(scope, key('timeout'), 1);
  const message = templateStringAt(scope, key('message'), inside);
  return {
    name: outline.name,
    place: outline.node.place,
    retries: numberOf(key('retries')) ?? 0,
    vars: loadVars(scope, key('vars'), { position: inside, outer: outerVars(input) }),
    outputs: loadOutputs(outline, scope, inside),
    secretOutputs: outline.secretOutputs,
    digest: digestOf(outline, input),
    ...(when === undefined ? {} : { when }),
    ...(unless === undefined ? {} : { unless }),
    ...(forEach === undefined ? {} : { forEach }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(message === undefined ? {} : { message }),
  };
}

function outerVars({ action, inherited, facts }: StepInput): ReadonlySet<string> {
  const names = [...facts.vars, ...action.vars].map(({ name }) => name);
  return new Set([...names, ...inherited]);
}

function loadOutputs(
  { outputs, kind }: StepOutline,
  scope: WatchScope,
  inside: Position,
): readonly NamedExpression[] {
  const position = { ...inside, result: kind === undefined ? [] : RESULT_FIELDS[kind] };
  return outputs.flatMap((output) => {
    const node = isMapNode(output) ? scope.document.get(output, 'value') : output;
    const expression = expressionAt(scope, node, position);
    return expression === undefined ? [] : [{ name: output.name, expression }];
  });
}

/** A changed template is a changed step. */
function digestOf({ node, kind }: StepOutline, { scope, facts }: StepInput): string {
  const file = kind === 'job' || kind === 'apply' ? textOf(scope.document.get(node, kind)) : undefined;
  const template = file === undefined ? null : (facts.templates.textOf(file) ?? null);
  return sha256(canonicalJson({ step: jsonOf(node.yaml), template }));
}

interface WorkInput extends StepInput {
  readonly position: Position;
}

function loadWork(kind: StepKind, outline: StepOutline, input: WorkInput): StepWork | undefined {
  const { scope, position } = input;
  const node = scope.document.get(outline.node, kind);
  if (node === undefined) return undefined;
  switch (kind) {
    case 'job':
    case 'apply': {
      const template = loadTemplate(node, input);
      if (template !== undefined && kind === 'job') checkJob(scope, template);
      return template && { kind, template };
    }
    case 'exec': {
      const call = execAt(scope, node, position);
      return call && { kind, ...call };
    }
    case 'http': {
      const call = httpAt(scope, node, position);
      return call && { kind, ...call };
    }
    case 'wait': {
      const until = expressionAt(scope, node, position);
      return until && { kind, until };
    }
    case 'set':
      return { kind, fields: loadFields(node, outline, input) };
    case 'delete': {
      const target = deleteTargetAt(scope, node, position);
      if (target !== undefined) checkDelete(scope, outline, target, input.facts.manifests);
      return target && { kind, target };
    }
    case 'run': {
      const params = treeAt(scope, scope.document.get(outline.node, 'params'), position);
      return { kind, action: textOf(node) ?? '', ...(params === undefined ? {} : { params }) };
    }
    case 'commit':
      return { kind };
  }
}

function loadTemplate(node: LoadNode, { scope, facts, position }: WorkInput): Template | undefined {
  const file = textOf(node);
  if (file === undefined) return undefined;
  const template = facts.templates.compile(file, node.place, { schemaOf: scope.schemaOf });
  if (template !== undefined) {
    const manifest = { template, partial: false };
    const { references } = template;
    const elements = facts.templates.elementsOf(template);
    scope.uses.push({ references, elements, reader: 'template', position, manifest });
  }
  return template;
}

function loadFields(
  node: LoadNode,
  outline: StepOutline,
  { scope, facts, action, position }: WorkInput,
): readonly NamedExpression[] {
  const fields = scope.document.entries(node).flatMap((entry): readonly NamedExpression[] => {
    checkSetField(scope, entry, facts.status);
    const expression = expressionAt(scope, entry, position);
    if (expression === undefined) return [];
    facts.settings.push({ field: { kind: 'held', name: entry.name, initial: expression }, node: entry });
    return [{ name: entry.name, expression }];
  });
  checkFrozen(scope, fields, {
    first: action.steps[0] === outline && !outline.rollback,
    frozen: new Set([...action.vars, ...outline.vars].map(({ name }) => name)),
    watchVars: facts.vars,
  });
  return fields;
}

/** Keys that a sort of step leaves without effect. */
function checkKeys({ node, kind, rollback }: StepOutline, { document, problems }: WatchScope): void {
  const refuse = (key: string, message: string): void => {
    const found = document.get(node, key);
    if (found !== undefined) problems.error('BadCombination', found.keyPlace, { message, hint: 'remove it' });
  };
  if (kind !== undefined && kind !== 'run') refuse('params', 'params are given to the action that run names');
  if (kind !== 'commit') return;
  if (rollback) refuse('commit', 'a rollback has nothing to commit');
  for (const key of ['forEach', 'timeout', 'retries', 'vars', 'outputs'])
    refuse(key, `${key} has no meaning with commit, which takes no time`);
}
