import { describe, expect, it } from 'vitest';
import type { Cache } from '../../engine/cluster/api.ts';
import { Expectations } from '../../engine/controller/expectations.ts';
import type { KubeObject } from '../../engine/kube/object.ts';

/** A cache whose content a test sets: no API server, just the questions that expectations ask. */
function cache(): Cache & { seen: number; object: KubeObject | undefined; broken: string | undefined } {
  return {
    seen: 0,
    object: undefined,
    broken: undefined,
    denied: false,
    selection: { gvk: { group: '', version: 'v1', kind: 'ConfigMap' } },
    get synced() {
      return this.broken === undefined;
    },
    get failure() {
      return this.broken;
    },
    get() {
      return this.object;
    },
    list: () => [],
    ownedBy: () => [],
    annotatedWith: () => [],
    hasSeen(version) {
      return this.seen >= Number(version);
    },
    subscribe: () => () => {},
    whenSynced: () => Promise.resolve(),
    release() {},
  };
}

function configMap(uid: string, deletionTimestamp?: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'x', uid, ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) },
  };
}

describe('a key that wrote', () => {
  it('waits until every cache has seen its writes, and is freed by the last of them', () => {
    const [a, b] = [cache(), cache()];
    const expectations = new Expectations();
    expectations.expect('k', [
      { kind: 'seen', cache: a, resourceVersion: '5' },
      { kind: 'seen', cache: b, resourceVersion: '7' },
    ]);
    expect(expectations.waits('k')).toBe(true);
    a.seen = 6;
    expect(expectations.freedBy(a)).toEqual([]);
    b.seen = 7;
    expect(expectations.freedBy(b)).toEqual(['k']);
    expect(expectations.waits('k')).toBe(false);
  });

  it('waits for nothing that is seen already', () => {
    const a = cache();
    a.seen = 9;
    const expectations = new Expectations();
    expectations.expect('k', [{ kind: 'seen', cache: a, resourceVersion: '5' }]);
    expect(expectations.waits('k')).toBe(false);
  });

  it('waits for a deleted object until its uid is gone or terminating', () => {
    const a = cache();
    a.object = configMap('u1');
    const expectations = new Expectations();
    const gone = { kind: 'gone', cache: a, namespace: undefined, name: 'x', uid: 'u1' } as const;
    expectations.expect('k', [gone]);
    expect(expectations.waits('k')).toBe(true);
    a.object = configMap('u1', 'now');
    expect(expectations.freedBy(a)).toEqual(['k']);
    a.object = configMap('u1');
    expectations.expect('k', [gone]);
    a.object = configMap('u2');
    expect(expectations.waits('k')).toBe(false);
  });

  it('does not wait for a cache that can show nothing any more', () => {
    const a = cache();
    const expectations = new Expectations();
    expectations.expect('k', [{ kind: 'seen', cache: a, resourceVersion: '5' }]);
    a.broken = 'the cluster does not serve this kind';
    expect(expectations.waits('k')).toBe(false);
  });
});
