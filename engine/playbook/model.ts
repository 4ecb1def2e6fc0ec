/**
 * What a loaded playbook is: compiled, frozen, complete. Everything a reconcile needs is found here by name;
 * nothing here is parsed or checked again later.
 */
import type { Diagnostic, Place } from '../base/diagnostic.ts';
import type { GroupVersionKind, Json, JsonObject, KubeObject } from '../kube/object.ts';

/** The names that a template or an expression may begin with. */
export const CONTEXT_ROOTS = [
  'object', 'metadata', 'spec', 'status', 'children', 'observe', 'probes', 'vars', 'rendered',
  'item', 'index', 'self', 'run', 'old', 'operation',
] as const;
export type ContextRoot = (typeof CONTEXT_ROOTS)[number];

/**
 * The values a template or an expression reads. A root that is absent is missing, not an error.
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

/** The outcome of evaluating an expression. */
export type Evaluation =
  | { readonly kind: 'value'; readonly value: Json }
  /** `path`: the missing path where it can be told (`children.db.status.phase`). */
  | { readonly kind: 'missing'; readonly path?: string }
  | { readonly kind: 'error'; readonly problem: Diagnostic };

/** A compiled JSONata expression. */
export interface Expression {
  readonly source: string;
  readonly place: Place;
  readonly references: readonly Reference[];
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

/** A compiled *.yaml.hbs template, or a plain *.yaml manifest (a template without expressions). */
export interface Template {
  readonly file: string;
  readonly references: readonly Reference[];
  /** Literal apiVersion and kind of each document, in order. */
  readonly documents: readonly TemplateDocument[];
  /** Pure and synchronous. */
  render(context: Context): Rendering;
}

export interface TemplateDocument extends GroupVersionKind {
  readonly place: Place;
}

/** A literal of watches.yaml that may hold `{{ }}`. */
export interface TemplateString {
  readonly source: string;
  readonly place: Place;
  readonly references: readonly Reference[];
  /** A plain single expression keeps its type; a missing value through `optional` gives undefined. */
  render(context: Context): { readonly kind: 'value'; readonly value: Json | undefined } | Exclude<Rendering, { kind: 'objects' }>;
}

export type Policy = 'Apply' | 'CreateOnly' | 'Patch';

export interface Rolling {
  /** How many may be not ready at once. */
  readonly max: number;
  readonly order: 'Ordered' | 'Any';
}

export type NamespaceRule =
  | { readonly kind: 'Own' }
  | { readonly kind: 'List'; readonly names: readonly string[] }
  | { readonly kind: 'Labels'; readonly labels: Readonly<Record<string, string>> }
  | { readonly kind: 'Any' };

/** One document of one manifest entry: what becomes a child (or, with forEach, one child a key). */
export interface Manifest {
  /** The entry's `id` (default: the file's stem), for a file with several documents `<id>.<kind in lower case>`: unique in the watch. */
  readonly id: string;
  readonly place: Place;
  readonly gvk: GroupVersionKind;
  readonly template: Template;
  /** Which document of the template this is. */
  readonly document: number;
  readonly when?: Expression;
  readonly waitFor?: Expression;
  readonly forEach?: Expression;
  readonly key?: Expression;
  readonly rolling?: Rolling;
  /** Explicit `after`, as manifest ids: those must be ready before this one is created. */
  readonly after: readonly string[];
  /** Ids that must be rendered and exist first because the template refers to them without a guard. */
  readonly needs: readonly string[];
  /** Position in apply order: topological by after and needs, then by kind (Namespace, CRD, RBAC, config, claims, Services, workloads, …), then by file order. */
  readonly rank: number;
  readonly ready?: Expression;
  readonly namespace?: TemplateString;
  readonly namespaces: NamespaceRule;
  readonly policy: Policy;
  readonly ignoreFields: readonly IgnoredField[];
  readonly force: boolean;
  readonly onImmutable: 'Fail' | 'Recreate';
  /** Undefined: the default by kind (language.md). */
  readonly prune?: 'Delete' | 'Keep';
  readonly onDelete?: 'Delete' | 'Orphan';
}

export interface IgnoredField {
  /** Property names from the object's root; list items are not addressed. */
  readonly path: readonly string[];
  readonly when?: Expression;
}

export interface Observation {
  readonly name: string;
  readonly place: Place;
  readonly gvk: GroupVersionKind;
  /** By name: yields one object or missing. By selector (or neither): yields a list. */
  readonly target:
    | { readonly by: 'name'; readonly objectName: TemplateString }
    | { readonly by: 'selector'; readonly labels: Readonly<Record<string, TemplateString>> };
  /** Default: the resource's own namespace. */
  readonly namespace?: TemplateString;
  readonly allNamespaces: boolean;
}

export interface HealthRule {
  /** The condition's type. */
  readonly type: string;
  readonly when: Expression;
  /** Reason when the rule does not hold (PascalCase). */
  readonly reason?: string;
  /** Message when the rule does not hold. */
  readonly message?: TemplateString;
}

export type StatusField =
  | { readonly kind: 'held'; readonly name: string; readonly initial: Expression }
  | { readonly kind: 'projection'; readonly name: string; readonly value: Expression };

export interface NamedExpression {
  readonly name: string;
  readonly expression: Expression;
}

export interface Watch {
  readonly place: Place;
  readonly gvk: GroupVersionKind;
  readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly unselected: 'Leave' | 'Remove';
  /** True when this watch writes the kind's status; others decorate. */
  readonly ownsStatus: boolean;
  /** In dependency order. */
  readonly vars: readonly NamedExpression[];
  /** In apply order (by rank). */
  readonly manifests: readonly Manifest[];
  readonly observe: readonly Observation[];
  readonly health: readonly HealthRule[];
  readonly status: readonly StatusField[];
}

export interface Playbook {
  /** From metadata.name, else the source's name. */
  readonly name: string;
  /** From metadata.version, else the content's hash. */
  readonly version: string;
  readonly description?: string;
  /** sha256 over the names and contents of all files, hex. */
  readonly contentHash: string;
  readonly requires: { readonly kubernetes?: string; readonly kinds: readonly GroupVersionKind[] };
  readonly watches: readonly Watch[];
  readonly crds: readonly KubeObject[];
}

/** A playbook's files by name; flat. */
export type PlaybookFiles = ReadonlyMap<string, string>;

export type LoadResult =
  | { readonly kind: 'loaded'; readonly playbook: Playbook; readonly warnings: readonly Diagnostic[] }
  | { readonly kind: 'refused'; readonly problems: readonly Diagnostic[] };
