import { describe, expect, test } from 'vitest';
import { applyJsonPatch } from '../../engine/kube/json-patch.ts';

const TREE = { metadata: { uid: 'a', labels: { 'x/y': '1' }, list: [1, 2] } };

describe('a JSON patch', () => {
  test('adds, removes and tests in maps and lists, with escaped names', () => {
    const patched = applyJsonPatch(TREE, [
      { op: 'test', path: '/metadata/uid', value: 'a' },
      { op: 'remove', path: '/metadata/labels/x~1y' },
      { op: 'add', path: '/metadata/labels/z~0', value: '2' },
      { op: 'add', path: '/metadata/list/-', value: 3 },
      { op: 'add', path: '/metadata/list/0', value: 0 },
      { op: 'remove', path: '/metadata/list/1' },
    ]);
    const metadata = { uid: 'a', labels: { 'z~': '2' }, list: [0, 2, 3] };
    expect(patched).toEqual({ kind: 'patched', tree: { metadata } });
    expect(TREE.metadata.list).toEqual([1, 2]);
  });

  test.each([
    { op: 'test', path: '/metadata/uid', value: 'b' },
    { op: 'test', path: '/metadata/gone', value: 'b' },
    { op: 'remove', path: '/metadata/labels/gone' },
    { op: 'add', path: '/spec/replicas', value: 1 },
    { op: 'add', path: '/metadata/list/9', value: 1 },
    { op: 'add', path: '', value: 1 },
  ])('changes nothing where it does not hold: $op $path', (operation) => {
    const patch = [{ op: 'add', path: '/metadata/first', value: 1 }, operation];
    expect(applyJsonPatch(TREE, patch)).toMatchObject({ kind: 'refused' });
  });
});
