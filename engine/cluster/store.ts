/**
 * What is known of one kind (within a selection): objects by namespace and name, with indexes by owner.
 *
 * Promises: events come out in the order in which changes went in; a stale change (its resourceVersion is not newer
 * than what is held) does nothing; an object of the same name with another uid comes out as deleted, then added; a
 * replaced content comes out as its difference, so that nothing which happened in between is lost.
 * Objects are handed out as they are held: nobody changes them.
 */
import { FIELD_MANAGER, OWNER_ANNOTATION, OWNER_UID_LABEL } from '../kube/labels.ts';
import type { KubeObject, ObjectMeta } from '../kube/object.ts';
import type { StoreEvent } from './api.ts';
import { compareResourceVersions } from './resource-version.ts';

export type ObjectChange = Exclude<StoreEvent, { kind: 'synced' }>;

/** Objects that a name points to, kept only while there are any. */
class Index {
  readonly #entries = new Map<string, Set<KubeObject>>();

  add(key: string, object: KubeObject): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) this.#entries.set(key, new Set([object]));
    else entry.add(object);
  }

  remove(key: string, object: KubeObject): void {
    const entry = this.#entries.get(key);
    entry?.delete(object);
    if (entry?.size === 0) this.#entries.delete(key);
  }

  get(key: string): readonly KubeObject[] {
    return [...(this.#entries.get(key) ?? [])];
  }
}

export class ObjectStore {
  readonly #namespaces = new Map<string, Map<string, KubeObject>>();
  readonly #byOwnerUid = new Index();
  readonly #byOwnerAnnotation = new Index();
  readonly #emit: (event: ObjectChange) => void;
  #resourceVersion = '0';

  constructor(emit: (event: ObjectChange) => void) {
    this.#emit = emit;
  }

  get(namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#namespaces.get(namespace ?? '')?.get(name);
  }

  list(namespace?: string): readonly KubeObject[] {
    if (namespace !== undefined) return [...(this.#namespaces.get(namespace)?.values() ?? [])];
    return [...this.#namespaces.values()].flatMap((objects) => [...objects.values()]);
  }

  ownedBy(uid: string): readonly KubeObject[] {
    return this.#byOwnerUid.get(uid);
  }

  annotatedWith(owner: string): readonly KubeObject[] {
    return this.#byOwnerAnnotation.get(owner);
  }

  /** The resourceVersion up to which the content is complete. */
  get resourceVersion(): string {
    return this.#resourceVersion;
  }

  hasSeen(resourceVersion: string): boolean {
    const order = compareResourceVersions(this.#resourceVersion, resourceVersion);
    return order === undefined ? this.#resourceVersion === resourceVersion : order >= 0;
  }

  /** A bookmark: nothing of this selection changed up to here. */
  advance(resourceVersion: string): void {
    if (!this.hasSeen(resourceVersion)) this.#resourceVersion = resourceVersion;
  }

  /** The object as a watch event shows it. */
  put(object: KubeObject): void {
    if (this.#isStale(object)) return;
    const changes: ObjectChange[] = [];
    this.#put(lean(object), false, changes);
    this.#advanceTo(object);
    this.#announce(changes);
  }

  /** The object as its deletion shows it. */
  remove(object: KubeObject): void {
    if (this.#isStale(object)) return;
    const changes: ObjectChange[] = [];
    const held = this.get(object.metadata.namespace, object.metadata.name);
    if (held !== undefined && held.metadata.uid === object.metadata.uid)
      this.#drop(held, lean(object), false, changes);
    this.#advanceTo(object);
    this.#announce(changes);
  }

  /** The whole content as of `resourceVersion`, from a consistent list: it counts even if it is older (a restored etcd). */
  replace(objects: Iterable<KubeObject>, resourceVersion: string): void {
    const listed = new Map<string, KubeObject>();
    for (const object of objects) listed.set(keyOf(object), object);
    const changes: ObjectChange[] = [];
    for (const held of this.list()) {
      if (listed.get(keyOf(held))?.metadata.uid !== held.metadata.uid) this.#drop(held, held, true, changes);
    }
    for (const object of listed.values()) this.#put(lean(object), true, changes);
    this.#resourceVersion = resourceVersion;
    this.#announce(changes);
  }

  #put(object: KubeObject, initial: boolean, changes: ObjectChange[]): void {
    const { namespace, name, uid, resourceVersion } = object.metadata;
    const held = this.get(namespace, name);
    const previous = held?.metadata.uid === uid ? held : undefined;
    if (previous !== undefined && previous.metadata.resourceVersion === resourceVersion) return;
    if (previous !== undefined) this.#unindex(previous);
    else if (held !== undefined) this.#drop(held, held, initial, changes);
    this.#index(object);
    changes.push({ kind: previous === undefined ? 'added' : 'modified', object, previous, initial });
  }

  #drop(held: KubeObject, last: KubeObject, initial: boolean, changes: ObjectChange[]): void {
    this.#unindex(held);
    changes.push({ kind: 'deleted', object: last, previous: held, initial });
  }

  /** After the whole change: a listener sees the store as it is then. */
  #announce(changes: readonly ObjectChange[]): void {
    for (const change of changes) this.#emit(change);
  }

  /** Watch events come in order, so one that is not newer than the whole content has been taken in before. */
  #isStale(object: KubeObject): boolean {
    const { resourceVersion = '' } = object.metadata;
    const order = compareResourceVersions(this.#resourceVersion, resourceVersion);
    return order !== undefined && order >= 0;
  }

  #advanceTo({ metadata }: KubeObject): void {
    if (metadata.resourceVersion !== undefined) this.#resourceVersion = metadata.resourceVersion;
  }

  #index(object: KubeObject): void {
    const { namespace = '', name } = object.metadata;
    const objects = this.#namespaces.get(namespace) ?? new Map<string, KubeObject>();
    this.#namespaces.set(namespace, objects.set(name, object));
    for (const uid of ownerUids(object.metadata)) this.#byOwnerUid.add(uid, object);
    const owner = object.metadata.annotations?.[OWNER_ANNOTATION];
    if (owner !== undefined) this.#byOwnerAnnotation.add(owner, object);
  }

  #unindex(object: KubeObject): void {
    const { namespace = '', name } = object.metadata;
    const objects = this.#namespaces.get(namespace);
    objects?.delete(name);
    if (objects?.size === 0) this.#namespaces.delete(namespace);
    for (const uid of ownerUids(object.metadata)) this.#byOwnerUid.remove(uid, object);
    const owner = object.metadata.annotations?.[OWNER_ANNOTATION];
    if (owner !== undefined) this.#byOwnerAnnotation.remove(owner, object);
  }
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

/** Uids that the label or the ownerReferences name, each once. */
function ownerUids(metadata: ObjectMeta): ReadonlySet<string> {
  const uids = new Set(metadata.ownerReferences?.map((owner) => owner.uid));
  const label = metadata.labels?.[OWNER_UID_LABEL];
  return label === undefined ? uids : uids.add(label);
}

/**
 * Without managedFields where nobody reads them: they matter on objects that carry our label or that we gave fields
 * to (drift), and make up half of the memory of all others.
 */
function lean(object: KubeObject): KubeObject {
  const { managedFields, ...metadata } = object.metadata;
  if (managedFields === undefined || metadata.labels?.[OWNER_UID_LABEL] !== undefined) return object;
  if (managedFields.some((entry) => entry.manager.startsWith(FIELD_MANAGER))) return object;
  return { ...object, metadata };
}
