/**
 * Which keys an event concerns. A key is `namespace/name` of a watched resource. Everything about the event counts,
 * the object as it is and as it was: a child that lost its label still wakes its owner.
 */
import { OWNER_ANNOTATION, OWNER_UID_LABEL } from '../kube/labels.ts';
import { type GroupVersionKind, groupKind, type KubeObject } from '../kube/object.ts';
import { type DependencyIndex, namespaceToken } from './dependencies.ts';
import { patchOwners } from './kind-view.ts';

export interface ObjectEvent {
  readonly kind: 'added' | 'modified' | 'deleted';
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
}

export function keyOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

export function splitKey(key: string): { namespace: string | undefined; name: string } {
  const slash = key.indexOf('/');
  const namespace = key.slice(0, slash);
  return { namespace: namespace === '' ? undefined : namespace, name: key.slice(slash + 1) };
}

/** Knows the watched resources by uid, as far as events have told. */
export class Waker {
  private readonly keyByUid = new Map<string, string>();
  private readonly ownerPrefix: string;
  private readonly dependencies: DependencyIndex;

  constructor(watched: Pick<GroupVersionKind, 'group' | 'kind'>, dependencies: DependencyIndex) {
    this.ownerPrefix = `${groupKind(watched)}/`;
    this.dependencies = dependencies;
  }

  /** Takes note of a watched resource. */
  resource(event: ObjectEvent): void {
    const { uid } = event.object.metadata;
    if (uid === undefined) return;
    if (event.kind === 'deleted') this.keyByUid.delete(uid);
    else this.keyByUid.set(uid, keyOf(event.object));
  }

  /** The keys that an event on any other object concerns. */
  concernedBy(event: ObjectEvent): ReadonlySet<string> {
    const keys = new Set(this.dependencies.keysOn(event.object, event.previous));
    for (const object of [event.object, event.previous]) {
      if (object !== undefined) for (const key of this.ownersOf(object)) keys.add(key);
    }
    return keys;
  }

  /** The keys that a Namespace's event concerns: only its coming, going and labels matter. */
  concernedByNamespace(event: ObjectEvent): Iterable<string> {
    const { object, previous } = event;
    const same =
      event.kind === 'modified' &&
      previous?.metadata.deletionTimestamp === object.metadata.deletionTimestamp &&
      JSON.stringify(previous?.metadata.labels) === JSON.stringify(object.metadata.labels);
    return same ? [] : this.dependencies.keysOf(namespaceToken(object.metadata.name));
  }

  private *ownersOf(object: KubeObject): Generator<string> {
    const { labels, annotations, ownerReferences } = object.metadata;
    const uids = [
      labels?.[OWNER_UID_LABEL],
      ...(ownerReferences ?? []).map((o) => o.uid),
      ...patchOwners(object),
    ];
    for (const uid of uids) {
      const key = uid === undefined ? undefined : this.keyByUid.get(uid);
      if (key !== undefined) yield key;
    }
    const owner = annotations?.[OWNER_ANNOTATION];
    if (owner?.startsWith(this.ownerPrefix)) yield owner.slice(this.ownerPrefix.length);
  }
}
