/** The border between JSON and objects: what the API server sent becomes a precise type, or nothing. */
import { apiVersionOf, type GroupVersionKind, isObject, type KubeObject } from '../kube/object.ts';

/** An object with apiVersion, kind and a name, as every object on the wire has. */
export function isKubeObject(value: unknown): value is KubeObject {
  if (!isObject(value) || typeof value.apiVersion !== 'string' || typeof value.kind !== 'string')
    return false;
  const metadata = value.metadata;
  return isObject(metadata) && typeof metadata.name === 'string' && metadata.name !== '';
}

export interface ListPage {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  /** Continue token of the next page. */
  readonly next: string | undefined;
}

/** A list of one kind; its items carry no apiVersion and kind of their own in built-in lists. */
export function parsePage(value: unknown, gvk: GroupVersionKind): ListPage | undefined {
  if (!isObject(value) || !isObject(value.metadata)) return undefined;
  const { resourceVersion, continue: next } = value.metadata;
  const items = value.items ?? [];
  if (typeof resourceVersion !== 'string' || !Array.isArray(items)) return undefined;
  const objects = items.filter(isObject).map((item) => withKind(item, gvk));
  if (!objects.every(isKubeObject)) return undefined;
  return {
    items: objects,
    resourceVersion,
    next: typeof next === 'string' && next !== '' ? next : undefined,
  };
}

/** The object under the kind that it was asked for: PartialObjectMetadata and list items do not say it. */
export function withKind(object: Record<string, unknown>, gvk: GroupVersionKind): Record<string, unknown> {
  const apiVersion = apiVersionOf(gvk);
  if (object.apiVersion === apiVersion && object.kind === gvk.kind) return object;
  return { ...object, apiVersion, kind: gvk.kind };
}

export type WatchLine =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean }
  | { readonly type: 'ERROR'; readonly status: unknown };

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** One line of a watch; undefined where it is none. */
export function parseWatchLine(value: unknown, gvk: GroupVersionKind): WatchLine | undefined {
  if (!isObject(value)) return undefined;
  const { type, object } = value;
  if (!isObject(object)) return undefined;
  if (type === 'ERROR') return { type, status: object };
  if (type === 'BOOKMARK') return parseBookmark(object);
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') return undefined;
  const named = withKind(object, gvk);
  return isKubeObject(named) ? { type, object: named } : undefined;
}

function parseBookmark(object: Record<string, unknown>): WatchLine | undefined {
  const metadata = isObject(object.metadata) ? object.metadata : {};
  const { resourceVersion, annotations } = metadata;
  if (typeof resourceVersion !== 'string') return undefined;
  const initialEventsEnd = isObject(annotations) && annotations[INITIAL_EVENTS_END] === 'true';
  return { type: 'BOOKMARK', resourceVersion, initialEventsEnd };
}
