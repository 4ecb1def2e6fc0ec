import { describe, expect, it } from 'vitest';
import { type ObjectChange, ObjectStore } from '../../engine/cluster/store.ts';
import { OWNER_ANNOTATION, OWNER_UID_LABEL } from '../../engine/kube/labels.ts';
import type { KubeObject, ObjectMeta } from '../../engine/kube/object.ts';

function configMap(name: string, resourceVersion: string, more: Partial<ObjectMeta> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion, ...more },
  };
}

function storeWith(...objects: KubeObject[]): { store: ObjectStore; said: string[] } {
  const said: string[] = [];
  const store = new ObjectStore((change) => said.push(say(change)));
  store.replace(objects, '100');
  said.length = 0;
  return { store, said };
}

function say({ kind, object, previous, initial }: ObjectChange): string {
  const versions = `${previous?.metadata.resourceVersion ?? '-'}→${object.metadata.resourceVersion}`;
  return `${kind} ${object.metadata.name} ${versions}${initial ? ' initial' : ''}`;
}

describe('the store', () => {
  it('tells of what was added, changed and deleted, in order', () => {
    const { store, said } = storeWith();
    store.put(configMap('a', '101'));
    store.put(configMap('a', '102'));
    store.remove(configMap('a', '103'));
    expect(said).toEqual(['added a -→101', 'modified a 101→102', 'deleted a 102→103']);
    expect(store.list()).toEqual([]);
  });

  it('drops an event that it has seen before', () => {
    const { store, said } = storeWith(configMap('a', '90'));
    store.put(configMap('a', '80'));
    store.put(configMap('b', '95'));
    store.remove(configMap('a', '99'));
    expect(said).toEqual([]);
    expect(store.get('shop', 'a')?.metadata.resourceVersion).toBe('90');
    expect(store.get('shop', 'b')).toBeUndefined();
  });

  it('takes the same name with another uid for a deletion and a new object', () => {
    const { store, said } = storeWith(configMap('a', '90'));
    store.put(configMap('a', '120', { uid: 'other' }));
    expect(said).toEqual(['deleted a 90→90', 'added a -→120']);
  });

  it('ignores the deletion of an earlier object of that name', () => {
    const { store, said } = storeWith(configMap('a', '90'));
    store.remove(configMap('a', '120', { uid: 'an earlier one' }));
    expect(said).toEqual([]);
    expect(store.get('shop', 'a')).toBeDefined();
  });

  it('turns a new list into its difference: nothing that happened in between is lost', () => {
    const { store, said } = storeWith(
      configMap('gone', '1'),
      configMap('same', '2'),
      configMap('changed', '3'),
      configMap('reborn', '4'),
    );
    store.replace(
      [
        configMap('same', '2'),
        configMap('changed', '150'),
        configMap('reborn', '151', { uid: 'new' }),
        configMap('fresh', '152'),
      ],
      '200',
    );
    expect(said).toEqual([
      'deleted gone 1→1 initial',
      'deleted reborn 4→4 initial',
      'modified changed 3→150 initial',
      'added reborn -→151 initial',
      'added fresh -→152 initial',
    ]);
  });

  it('believes a list that is older than what it holds: etcd was restored', () => {
    const { store } = storeWith(configMap('a', '90'));
    store.replace([configMap('a', '20')], '50');
    expect(store.get('shop', 'a')?.metadata.resourceVersion).toBe('20');
    expect(store.resourceVersion).toBe('50');
  });

  it('has seen what events, bookmarks and lists brought, by number', () => {
    const { store } = storeWith();
    expect(store.hasSeen('99')).toBe(true);
    expect(store.hasSeen('1000')).toBe(false);
    store.put(configMap('a', '1000'));
    expect(store.hasSeen('1000')).toBe(true);
    store.advance('1005');
    store.advance('1001');
    expect(store.hasSeen('1005')).toBe(true);
    store.remove(configMap('a', '1006'));
    expect(store.hasSeen('1006')).toBe(true);
  });

  it('shows a listener the store as it is after the change', () => {
    const seen: unknown[] = [];
    const store: ObjectStore = new ObjectStore(({ object }) =>
      seen.push([store.get('shop', object.metadata.name), store.hasSeen('101')]),
    );
    const object = configMap('a', '101');
    store.put(object);
    expect(seen).toEqual([[object, true]]);
  });

  it('finds objects by the uid of an owner, through the label or an ownerReference, and by the owner annotation', () => {
    const { store } = storeWith();
    const owner = { apiVersion: 'v1', kind: 'Shop', name: 'orders', uid: 'u1' };
    store.put(configMap('both', '101', { labels: { [OWNER_UID_LABEL]: 'u1' }, ownerReferences: [owner] }));
    store.put(configMap('referred', '102', { ownerReferences: [owner] }));
    store.put(configMap('orphan', '103', { annotations: { [OWNER_ANNOTATION]: 'Shop.x/shop/orders' } }));
    expect(store.ownedBy('u1').map((o) => o.metadata.name)).toEqual(['both', 'referred']);
    expect(store.annotatedWith('Shop.x/shop/orders').map((o) => o.metadata.name)).toEqual(['orphan']);
    store.put(configMap('both', '104'));
    store.remove(configMap('referred', '105', { ownerReferences: [owner] }));
    store.remove(configMap('orphan', '106'));
    expect(store.ownedBy('u1')).toEqual([]);
    expect(store.annotatedWith('Shop.x/shop/orders')).toEqual([]);
  });

  it('keeps managedFields only where they are read: on our children and where we own fields', () => {
    const { store } = storeWith();
    const entry = { manager: 'kubectl', operation: 'Apply', apiVersion: 'v1' } as const;
    store.put(configMap('foreign', '101', { managedFields: [entry] }));
    store.put(configMap('child', '102', { managedFields: [entry], labels: { [OWNER_UID_LABEL]: 'u1' } }));
    store.put(
      configMap('patched', '103', { managedFields: [entry, { ...entry, manager: 'libretto-patch-u1' }] }),
    );
    const kept = store.list().filter((o) => o.metadata.managedFields !== undefined);
    expect(kept.map((o) => o.metadata.name)).toEqual(['child', 'patched']);
  });

  it('lists one namespace, or all, cluster-scoped objects included', () => {
    const { store } = storeWith(configMap('a', '1'), configMap('b', '2', { namespace: 'other' }));
    store.put({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'shop', uid: 'n', resourceVersion: '101' },
    });
    expect(store.list('shop').map((o) => o.metadata.name)).toEqual(['a']);
    expect(store.list()).toHaveLength(3);
    expect(store.get(undefined, 'shop')?.kind).toBe('Namespace');
  });
});
