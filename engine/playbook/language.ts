/** Expressions and templates as compiled values: what they read, and what evaluating them can yield. */
import type { Diagnostic, Place } from '../base/diagnostic.ts';
import type { GroupVersionKind, Json, JsonObject } from '../kube/object.ts';
import type { Range } from '../kube/range.ts';

/** The names that a template or an expression may begin with. */
export const CONTEXT_ROOTS = [
  'object',
  'metadata',
  'spec',
  'status',
  'children',
  'observe',
  'probes',
  'vars',
  'rendered',
  'item',
  'index',
  'self',
  'run',
  'result',
  'old',
  'operation',
] as const;
export type ContextRoot = (typeof CONTEXT_ROOTS)[number];

/**
 * The values a template or an expression reads. A root that is absent is missing, not an error. No value is ever changed
 * in place: what was once worked out of it is remembered.
 * `children.<id>` is the live object, or for a manifest with forEach a list with one entry a key (null where absent).
 */
export type Context = { readonly [root in ContextRoot]?: unknown };

/** A path that a template or an expression reads: `children.database.status.readyReplicas`. */
export interface Reference {
  readonly root: ContextRoot;
  /** The static segments after the root; it ends where an index, filter or computed key begins. */
  readonly path: readonly string[];
  /** True where its absence is provided for: inside $exists(), `default`, `optional`, or as an `if` condition of a template. */
  readonly guarded: boolean;
  readonly place: Place;
}

/**
 * A name below the items of a list or behind a variable, for static checks alone: what is read, and what is missing, is
 * told by references.
 */
export interface ElementReference extends Pick<Reference, 'root' | 'path' | 'place'> {
  /** The names before it in `path` are judged where they are written themselves. */
  readonly from: number;
}

/** The outcome of evaluating an expression. */
export type Evaluation =
  | { readonly kind: 'value'; readonly value: Json }
  /** `path`: the missing path where it can be told (`children.db.status.phase`). */
  | { readonly kind: 'missing'; readonly path?: string }
  | { readonly kind: 'error'; readonly problem: Diagnostic };

/** What a value can be, as far as that is known before there is any resource. */
export interface Possible {
  /** It may be missing. */
  readonly missing: boolean;
  /** All values that it can have; undefined: not known. */
  readonly values?: readonly Json[];
  /** Where the values are not known: their type, if that is. */
  readonly type?: 'string' | 'number' | 'boolean';
  /** Of a number: between what it lies, if that is known. */
  readonly range?: Range;
  /** Of a text (`type` says so) its characters, of a list (without `type`) its items: how many there are, if that is known. */
  readonly length?: Range;
}

/** What is known of the value at a path; undefined: nothing. */
export type KnownPaths = (path: Pick<Reference, 'root' | 'path'>) => Possible | undefined;

/** A compiled JSONata expression. */
export interface Expression {
  readonly source: string;
  readonly place: Place;
  readonly references: readonly Reference[];
  /** Paths that must be there for it to be true, as texts. */
  readonly presupposes: readonly string[];
  /** What evaluating it can yield, never less than what it does yield: for static checks. */
  possible(known: KnownPaths): Possible;
  /** Warnings: comparisons in it that never hold, although it may. */
  impossible(known: KnownPaths): readonly Diagnostic[];
  /** Never rejects: a failure is an `error` evaluation with its place. Costs microtasks only, no I/O, no timers. */
  evaluate(context: Context): Promise<Evaluation>;
}

export type Rendering =
  | { readonly kind: 'objects'; readonly documents: readonly RenderedDocument[] }
  /** Every missing value, with its place; `pending` where waiting can help (see language.md, absence). */
  | { readonly kind: 'missing'; readonly missing: readonly MissingValue[] }
  | { readonly kind: 'error'; readonly problems: readonly Diagnostic[] };

export interface MissingValue {
  readonly reference: Reference;
  readonly problem: Diagnostic;
}

export interface RenderedDocument {
  /** 0-based position of the document among the file's non-empty documents. */
  readonly document: number;
  readonly tree: JsonObject;
}

export interface RenderOptions {
  /**
   * Unpredictable text from outside, the same through one pass and another for each child: all that `randomString`
   * is made of. Without one, a template that asks for randomness is an error.
   */
  readonly seed?: string;
}

/** A compiled *.yaml.hbs template, or a plain *.yaml manifest (a template without expressions). */
export interface Template {
  readonly file: string;
  readonly references: readonly Reference[];
  /** Literal apiVersion and kind of each document, in order. */
  readonly documents: readonly TemplateDocument[];
  /** Its `if`, `unless`, `each` and `with`, in the order of the text. */
  readonly blocks: readonly TemplateBlock[];
  /** Pure and synchronous: the same context and options give the same rendering. */
  render(context: Context, options?: RenderOptions): Rendering;
  /** How a rendering comes about, for explanations and coverage. Slower. */
  trace(context: Context, options?: RenderOptions): Trace;
}

export interface TemplateBlock {
  readonly place: Place;
  readonly kind: 'if' | 'unless' | 'each' | 'with';
}

export interface Trace {
  /** Which block went which way: `then` is its body. */
  readonly taken: readonly { readonly block: TemplateBlock; readonly side: 'then' | 'else' }[];
  /** For each document that came out, by JSON pointer: where a scalar, or what was inserted whole, is written. */
  readonly places: readonly ReadonlyMap<string, TracedValue>[];
}

export interface TracedValue {
  readonly place: Place;
  /** The expressions in it, as written: `{{spec.size}}`. */
  readonly source?: string;
}

export interface TemplateDocument extends GroupVersionKind {
  readonly place: Place;
  /**
   * As written, for static checks: the text of each scalar (`{{spec.size}}`, `3`) by its path from the root, joined by
   * dots; several where the template's blocks give it several shapes. Nothing below a list, or behind a key with `{{ }}`.
   */
  readonly sources: ReadonlyMap<string, readonly string[]>;
}

/** A literal of watches.yaml that may hold `{{ }}`. */
export interface TemplateString {
  readonly source: string;
  readonly place: Place;
  readonly references: readonly Reference[];
  /** A plain single expression keeps its type; a missing value through `optional` gives undefined. */
  render(
    context: Context,
  ): { readonly kind: 'value'; readonly value: Json | undefined } | Exclude<Rendering, { kind: 'objects' }>;
}

export interface NamedExpression {
  readonly name: string;
  readonly expression: Expression;
}
