/**
 * What the parsers of one watch's nouns share: the document, the problems found, and every reference that a template
 * or an expression makes. References are judged last, when all names are known (check-references.ts).
 */
import type { GroupVersionKind } from '../kube/object.ts';
import type { SchemaNode } from '../kube/schema.ts';
import { compileExpression } from './expression.ts';
import {
  CONTEXT_ROOTS,
  type ElementReference,
  type Expression,
  type Reference,
  type Template,
  type TemplateString,
} from './language.ts';
import { type LoadDocument, type LoadNode, sourceOf, textOf } from './load-node.ts';
import type { Problems } from './load-problems.ts';
import type { RunNames } from './run-names.ts';
import { compileTemplateString } from './template.ts';

/** One place that reads values: what it may read there, and what it does read. */
export interface Use {
  readonly references: readonly Reference[];
  /** Names below items that it reads, for static checks. */
  readonly elements: readonly ElementReference[];
  /** JSONata takes a name behind a list of each item, a template wants a position. */
  readonly reader: 'expression' | 'template';
  readonly position: Position;
  readonly expression?: Expression;
  readonly manifest?: ManifestUse;
}

/** Where a whole file reads. */
export interface ManifestUse {
  readonly template: Template;
  /** Its objects say only a part of what there is (Patch). */
  readonly partial: boolean;
  /** Its entry says in which namespace they are. */
  readonly elsewhere?: boolean;
  /** Of children, whose templates name them: where they live is left to the resource. Absent where a step names its object. */
  readonly child?: { readonly ownNamespace: boolean };
}

/** Where an expression or a template stands, as far as it decides what can be read. */
export interface Position {
  /** Has `item` and `index`: it stands in a manifest with forEach. */
  readonly perItem: boolean;
  /** What forEach goes through, where it is a list of the resource itself, as a path from its root. */
  readonly items?: readonly string[] | undefined;
  /** Has `self`: the kinds that it may be. */
  readonly self?: readonly GroupVersionKind[];
  /** Comes before vars (`before vars`) or before the manifests are rendered. */
  readonly stage: 'initial' | 'vars' | 'any';
  /** Vars of the run and the step around, beside the watch's. */
  readonly vars?: ReadonlySet<string>;
  /** Has `run`: it stands in an action. */
  readonly run?: RunNames;
  /** Has `result`, with these fields: it stands in a step's outputs. */
  readonly result?: readonly string[];
}

/** `spec.users` of `forEach: spec.users`; undefined for all that is more than a path. */
export function itemsOf(forEach: string | undefined): readonly string[] | undefined {
  const text = forEach?.trim() ?? '';
  return /^(spec|status)(\.[A-Za-z_]\w*)+$/.test(text) ? text.split('.') : undefined;
}

export const ANYWHERE: Position = { perItem: false, stage: 'any' };

export interface WatchScope {
  readonly document: LoadDocument;
  readonly problems: Problems;
  /** Grows while the nouns are read. */
  readonly uses: Use[];
  /** The schema of what a reference reads of the resource, for lints; undefined: not known. */
  readonly schemaOf: (path: Pick<Reference, 'root' | 'path'>) => SchemaNode | undefined;
}

/** The compiled expression; undefined where there is none or it was refused (and reported). */
export function expressionAt(
  scope: WatchScope,
  node: LoadNode | undefined,
  position: Position,
): Expression | undefined {
  const source = sourceOf(node);
  if (node === undefined || source === undefined) return undefined;
  // A root at the wrong position is reported with its reason by check-references.ts.
  const result = compileExpression({
    source,
    place: node.place,
    roots: CONTEXT_ROOTS,
    facts: { isList: (path) => isList(scope.schemaOf(path)) },
  });
  if (result.kind === 'refused') {
    scope.problems.addAll(result.problems);
    return undefined;
  }
  scope.problems.addAll(result.warnings);
  const { expression, elements } = result;
  const { references } = expression;
  scope.uses.push({ references, elements, reader: 'expression', position, expression });
  return expression;
}

/** The compiled literal that may hold {{ }}; undefined where there is none or it was refused (and reported). */
export function templateStringAt(
  scope: WatchScope,
  node: LoadNode | undefined,
  position: Position,
): TemplateString | undefined {
  const source = textOf(node);
  if (node === undefined || source === undefined) return undefined;
  const result = compileTemplateString({
    source,
    place: node.place,
    context: { schemaOf: scope.schemaOf },
  });
  if (result.kind === 'refused') {
    scope.problems.addAll(result.problems);
    return undefined;
  }
  scope.problems.addAll(result.warnings);
  const { template, elements } = result;
  scope.uses.push({ references: template.references, elements, reader: 'template', position });
  return template;
}

function isList(schema: SchemaNode | undefined): boolean | undefined {
  return schema?.type === undefined ? undefined : schema.type === 'array';
}
