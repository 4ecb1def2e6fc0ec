/**
 * What each key's last pass depended on beyond its own resource and children: names it looked up, namespaces it asked
 * for, objects it observes. An event on any of them wakes the key. Collected while a pass runs, so nothing has to be
 * declared: a name that turned out to be taken is watched because it was looked up.
 */
import {
  type GroupVersionKind,
  groupKind,
  type KubeObject,
  type ObjectRef,
  refKey,
  refOf,
} from '../kube/object.ts';

export interface ObservedSelection {
  readonly gvk: Pick<GroupVersionKind, 'group' | 'kind'>;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** Filled during one pass. */
export interface Dependencies {
  readonly tokens: Set<string>;
  readonly selections: ObservedSelection[];
}

export function newDependencies(): Dependencies {
  return { tokens: new Set(), selections: [] };
}

export function refToken(ref: Omit<ObjectRef, 'version'>): string {
  return `ref ${refKey(ref)}`;
}

export function namespaceToken(name: string): string {
  return `namespace ${name}`;
}

export function matchesLabels(object: KubeObject, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(labels).every(([key, value]) => object.metadata.labels?.[key] === value);
}

export class DependencyIndex {
  private readonly keysByToken = new Map<string, Set<string>>();
  private readonly tokensByKey = new Map<string, ReadonlySet<string>>();
  private readonly selectionsByKind = new Map<string, Map<string, readonly ObservedSelection[]>>();
  private readonly kindsByKey = new Map<string, readonly string[]>();

  /** Replaces what the key depends on. */
  set(key: string, dependencies: Dependencies): void {
    this.forget(key);
    this.tokensByKey.set(key, dependencies.tokens);
    for (const token of dependencies.tokens) addTo(this.keysByToken, token, key);
    const byKind = Map.groupBy(dependencies.selections, (s) => groupKind(s.gvk));
    this.kindsByKey.set(key, [...byKind.keys()]);
    for (const [kind, selections] of byKind) {
      const keys = this.selectionsByKind.get(kind) ?? new Map<string, readonly ObservedSelection[]>();
      keys.set(key, selections);
      this.selectionsByKind.set(kind, keys);
    }
  }

  forget(key: string): void {
    for (const token of this.tokensByKey.get(key) ?? []) {
      const keys = this.keysByToken.get(token);
      keys?.delete(key);
      if (keys?.size === 0) this.keysByToken.delete(token);
    }
    for (const kind of this.kindsByKey.get(key) ?? []) this.selectionsByKind.get(kind)?.delete(key);
    this.tokensByKey.delete(key);
    this.kindsByKey.delete(key);
  }

  keysOf(token: string): Iterable<string> {
    return this.keysByToken.get(token) ?? [];
  }

  /** Keys that looked this object up, or observe it as it is or was. */
  keysOn(object: KubeObject, previous: KubeObject | undefined): readonly string[] {
    const ref = refOf(object);
    const keys = [...this.keysOf(refToken(ref))];
    for (const [key, selections] of this.selectionsByKind.get(groupKind(ref)) ?? []) {
      if (selections.some((s) => selects(s, object) || (previous !== undefined && selects(s, previous))))
        keys.push(key);
    }
    return keys;
  }
}

function selects(selection: ObservedSelection, object: KubeObject): boolean {
  if (selection.namespace !== undefined && selection.namespace !== object.metadata.namespace) return false;
  return matchesLabels(object, selection.labels);
}

function addTo(map: Map<string, Set<string>>, token: string, key: string): void {
  const keys = map.get(token);
  if (keys === undefined) map.set(token, new Set([key]));
  else keys.add(key);
}
