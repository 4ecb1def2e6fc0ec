/**
 * What a loaded playbook is: compiled, frozen, complete. Everything a reconcile needs is found here by name;
 * nothing here is parsed or checked again later.
 */
import type { Diagnostic, Place } from '../base/diagnostic.ts';
import type { GroupVersionKind, KubeObject } from '../kube/object.ts';
import type { Action, Probe } from './action-model.ts';
import type { Expression, NamedExpression, Template, TemplateString } from './language.ts';

export * from './language.ts';

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
  /**
   * The entry's `id` (default: the file's stem), for a file with several documents `<id>.<kind in lower case>`: unique
   * in the watch. The dot is a step: `app.deployment` is read as `children.app.deployment`, so that `children.app` is
   * an object with one entry a document. Entries' own ids hold no dot, and neither id nor kind is ever `__proto__`.
   */
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
  /** Explicit `after`, as manifest ids (an entry's id stands for all its documents): those must be ready before this one is created. */
  readonly after: readonly string[];
  /** Ids that must be rendered and exist first because the template refers to them without a guard. */
  readonly needs: readonly string[];
  /** Position in apply order, from 0: topological by after and needs, then by kind (`kindRank`). Manifests of one kind without an edge between them share it. */
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
  readonly probes: readonly Probe[];
  /** In file order, which is priority. */
  readonly actions: readonly Action[];
}

/** How a new version reaches the resources that are there. */
export interface RolloutPolicy {
  /** How many go first. */
  readonly canary:
    | { readonly kind: 'count'; readonly count: number }
    | { readonly kind: 'share'; readonly percent: number };
  /** How long all of them must have been Ready before the others follow. */
  readonly pauseSeconds: number;
  /** How long one of them may be on its way before the roll-out stops. */
  readonly deadlineSeconds: number;
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
  /** Undefined: a new version reaches all resources at once. */
  readonly rollout?: RolloutPolicy;
  readonly watches: readonly Watch[];
  readonly crds: readonly KubeObject[];
}

/** A playbook's files by name; flat. */
export type PlaybookFiles = ReadonlyMap<string, string>;

export type LoadResult =
  | { readonly kind: 'loaded'; readonly playbook: Playbook; readonly warnings: readonly Diagnostic[] }
  | { readonly kind: 'refused'; readonly problems: readonly Diagnostic[] };
