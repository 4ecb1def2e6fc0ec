import { describe, expect, it } from 'vitest';
import {
  DependencyIndex,
  namespaceToken,
  newDependencies,
  refToken,
} from '../../engine/controller/dependencies.ts';
import { keyOf, splitKey, Waker } from '../../engine/controller/wake.ts';
import type { KubeObject, ObjectMeta } from '../../engine/kube/object.ts';

const BOX = { group: 'example.com', kind: 'Box' };

function object(kind: string, metadata: Partial<ObjectMeta>): KubeObject {
  const name = metadata.name ?? 'one';
  return {
    apiVersion: kind === 'Box' ? 'example.com/v1' : 'v1',
    kind,
    metadata: { namespace: 'shop', ...metadata, name },
  };
}

function build() {
  const dependencies = new DependencyIndex();
  const waker = new Waker(BOX, dependencies);
  waker.resource({ kind: 'added', object: object('Box', { name: 'one', uid: 'u1' }), previous: undefined });
  const wakes = (now: KubeObject, previous?: KubeObject): string[] => [
    ...waker.concernedBy({ kind: 'modified', object: now, previous }),
  ];
  return { dependencies, waker, wakes };
}

describe('an event on another object wakes', () => {
  it('the owner that its label, its ownerReference or its annotation names', () => {
    const { wakes } = build();
    expect(wakes(object('ConfigMap', { labels: { 'libretto.dev/owner-uid': 'u1' } }))).toEqual(['shop/one']);
    expect(
      wakes(
        object('ConfigMap', { ownerReferences: [{ apiVersion: 'v1', kind: 'Box', name: 'one', uid: 'u1' }] }),
      ),
    ).toEqual(['shop/one']);
    expect(
      wakes(object('ConfigMap', { annotations: { 'libretto.dev/owner': 'Box.example.com/shop/one' } })),
    ).toEqual(['shop/one']);
    expect(wakes(object('ConfigMap', { annotations: { 'patch.libretto.dev/u1': 'x' } }))).toEqual([
      'shop/one',
    ]);
  });

  it('the owner that it had before, when its marks were removed', () => {
    const { wakes } = build();
    expect(
      wakes(object('ConfigMap', {}), object('ConfigMap', { labels: { 'libretto.dev/owner-uid': 'u1' } })),
    ).toEqual(['shop/one']);
  });

  it('nobody, when it belongs to another kind or to nobody', () => {
    const { wakes } = build();
    expect(
      wakes(object('ConfigMap', { annotations: { 'libretto.dev/owner': 'Bag.example.com/shop/one' } })),
    ).toEqual([]);
    expect(wakes(object('ConfigMap', { labels: { 'libretto.dev/owner-uid': 'other' } }))).toEqual([]);
  });

  it('those that looked its name up, as long as they do', () => {
    const { dependencies, wakes } = build();
    const waiting = newDependencies();
    waiting.tokens.add(refToken({ group: '', kind: 'ConfigMap', namespace: 'shop', name: 'taken' }));
    dependencies.set('shop/two', waiting);
    expect(wakes(object('ConfigMap', { name: 'taken' }))).toEqual(['shop/two']);
    dependencies.set('shop/two', newDependencies());
    expect(wakes(object('ConfigMap', { name: 'taken' }))).toEqual([]);
  });

  it('those whose selector it matches, or has matched before', () => {
    const { dependencies, wakes } = build();
    const observing = newDependencies();
    observing.selections.push({ gvk: { group: '', kind: 'Pod' }, namespace: 'shop', labels: { app: 'web' } });
    dependencies.set('shop/two', observing);
    const web = object('Pod', { labels: { app: 'web' } });
    const other = object('Pod', { labels: { app: 'db' } });
    expect(wakes(web)).toEqual(['shop/two']);
    expect(wakes(other, web)).toEqual(['shop/two']);
    expect(wakes(other)).toEqual([]);
    expect(wakes(object('Pod', { namespace: 'blog', labels: { app: 'web' } }))).toEqual([]);
    dependencies.forget('shop/two');
    expect(wakes(web)).toEqual([]);
  });
});

describe('an event on a Namespace', () => {
  it('wakes those that asked for it when it comes, goes or changes its labels, and not otherwise', () => {
    const { dependencies, waker } = build();
    const asked = newDependencies();
    asked.tokens.add(namespaceToken('blog'));
    dependencies.set('shop/one', asked);
    const blog = (metadata: Partial<ObjectMeta>): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { ...metadata, name: 'blog' },
    });
    const wakes = (now: KubeObject, previous: KubeObject | undefined): string[] => [
      ...waker.concernedByNamespace({
        kind: previous === undefined ? 'added' : 'modified',
        object: now,
        previous,
      }),
    ];
    expect(wakes(blog({}), undefined)).toEqual(['shop/one']);
    expect(wakes(blog({ deletionTimestamp: 'now' }), blog({}))).toEqual(['shop/one']);
    expect(wakes(blog({ labels: { a: 'b' } }), blog({}))).toEqual(['shop/one']);
    expect(wakes(blog({ resourceVersion: '2' }), blog({ resourceVersion: '1' }))).toEqual([]);
  });
});

describe('a key', () => {
  it('names a resource, in a namespace or not', () => {
    expect(splitKey(keyOf(object('Box', { name: 'one' })))).toEqual({ namespace: 'shop', name: 'one' });
    expect(splitKey('/one')).toEqual({ namespace: undefined, name: 'one' });
  });
});
