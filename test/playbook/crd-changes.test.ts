/** What a new definition makes incompatible, where the files say it, and whom it breaks. */
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../engine/kube/object.ts';
import { crdChanges, shown } from '../../engine/playbook/crd-changes.ts';
import { placeInDefinition } from '../../engine/playbook/crd-places.ts';
import { CRD, type Files, loaded } from './load-builder.ts';

const BEFORE = `size: {type: integer, max: 10}
mode: {type: string, enum: [fast, safe]}
image: string
tags: [string]
users: {items: {fields: {name: string, age: integer}}, key: name}
labels: {values: string}
level: {type: quantity}
`;

/** A playbook whose watch describes its kind shortly; the spec's fields begin in line 6. */
function playbook(fields: string, version = 'v1'): Files {
  const spec = fields.replace(/^(?=.)/gm, '        ');
  const watch = `- group: app.example.com\n  version: ${version}\n  kind: Crate\n  schema:\n      spec:\n${spec}  status: {endpoint: metadata.name}\n`;
  return { 'watches.yaml': watch };
}

function theCrd(files: Files): KubeObject {
  const [crd] = loaded(files).crds;
  if (crd === undefined) throw new Error('no definition');
  return crd;
}

function found(after: Files, before: Files = playbook(BEFORE)): readonly string[] {
  const crd = theCrd(after);
  const files = new Map(Object.entries(after));
  return crdChanges(theCrd(before), crd).map((change) => {
    const { line } = placeInDefinition(files, crd, change);
    return `${line} ${change.code} ${shown(change.path)}`;
  });
}

function changed(from: string, to: string): Files {
  if (!BEFORE.includes(from)) throw new Error(from);
  return playbook(BEFORE.replace(from, to));
}

describe('a changed definition', () => {
  test('that is the same, or allows more, is told nothing of; a field with a default is filled in', () => {
    expect(found(playbook(BEFORE))).toEqual([]);
    expect(found(changed('max: 10', 'max: 20, min: -3'))).toEqual(['6 LimitTightened spec.size']);
    expect(found(changed(', max: 10', ''))).toEqual([]);
    expect(found(changed('[fast, safe]', '[fast, safe, odd]'))).toEqual([]);
    expect(
      found(changed('image: string', 'image: string\nmore: {type: string, default: a, required: true}')),
    ).toEqual(['5 FieldNowRequired spec']);
    expect(found(changed('image: string', 'image: intOrString'))).toEqual([]);
    expect(found(changed('size: {type: integer', 'size: {type: number'))).toEqual([]);
  });

  test.each([
    ['image: string\n', '', '5 FieldRemoved spec.image'],
    ['image: string', 'image: integer', '8 FieldTypeChanged spec.image'],
    ['[fast, safe]', '[fast]', '7 EnumNarrowed spec.mode'],
    ['image: string', 'image: {type: string, enum: [a]}', '8 EnumNarrowed spec.image'],
    ['max: 10', 'max: 9', '6 LimitTightened spec.size'],
    ['image: string', 'image: {type: string, pattern: "^a"}', '8 LimitTightened spec.image'],
    ['tags: [string]', 'tags: [integer]', '9 FieldTypeChanged spec.tags[]'],
    ['tags: [string]', 'tags: {items: string, max: 3}', '9 LimitTightened spec.tags'],
    ['age: integer', 'age: {type: integer, max: 99}', '10 LimitTightened spec.users[].age'],
    ['labels: {values: string}', 'labels: {values: integer}', '11 FieldTypeChanged spec.labels{}'],
    ['image: string', 'image: {type: string, immutable: true}', '8 FieldNowImmutable spec.image'],
    ['level: {type: quantity}', 'level: {type: string}', '12 FieldTypeChanged spec.level'],
  ])('tells of %j to %j', (from, to, change) => {
    expect(found(changed(from, to))).toEqual([change]);
  });

  test('tells of fields that must be there now, and of keys of lists', () => {
    expect(found(changed('image: string', 'image: {type: string, required: true}'))).toEqual([
      '8 FieldNowRequired spec.image',
      '5 FieldNowRequired spec',
    ]);
    expect(found(changed(', key: name}', '}'))).toEqual(['10 MergeChanged spec.users']);
  });

  test('tells of versions and of the scope', () => {
    expect(found(playbook(BEFORE, 'v2'))).toEqual([
      '4 VersionDropped the resource',
      '4 StorageVersionChanged the resource',
    ]);
    const scoped = {
      'watches.yaml': (playbook(BEFORE)['watches.yaml'] ?? '').replace(
        '      spec:',
        '      scope: Cluster\n      spec:',
      ),
    };
    expect(found(scoped)).toEqual(['4 ScopeChanged the resource']);
  });

  test('is told at its line of crd.yaml', () => {
    const watches =
      '- {group: cache.example.com, version: v1, kind: Memcached, status: {endpoint: metadata.name}}\n';
    const before = { 'watches.yaml': watches, 'crd.yaml': CRD };
    const after = { ...before, 'crd.yaml': CRD.replace('image: {type: string}', 'image: {type: integer}') };
    const line = CRD.split('\n').findIndex((text) => text.includes('image:')) + 1;
    expect(found(after, before)).toEqual([`${line} FieldTypeChanged spec.image`]);
  });

  test.each([
    ['image: string\n', '', { image: 'a' }, { size: 1 }],
    ['image: string', 'image: integer', { image: 'a' }, {}],
    ['[fast, safe]', '[fast]', { mode: 'safe' }, { mode: 'fast' }],
    ['max: 10', 'max: 9', { size: 10 }, { size: 9 }],
    ['tags: [string]', 'tags: [integer]', { tags: [1, 'a'] }, { tags: [] }],
    ['tags: [string]', 'tags: {items: string, min: 2}', { tags: ['a'] }, { tags: ['a', 'b'] }],
    [
      'age: integer',
      'age: {type: integer, required: true}',
      { users: [{ name: 'a' }] },
      { users: [{ name: 'a', age: 3 }] },
    ],
    ['labels: {values: string}', 'labels: {values: integer}', { labels: { a: 'b' } }, { labels: {} }],
  ])('of %j to %j breaks those alone that have such a value', (from, to, bad, good) => {
    const [change] = crdChanges(theCrd(playbook(BEFORE)), theCrd(changed(from, to)));
    const resource = (spec: object): KubeObject => ({
      apiVersion: 'app.example.com/v1',
      kind: 'Crate',
      metadata: { name: 'a' },
      spec: { ...spec },
    });
    expect([change?.breaks?.(resource(bad)), change?.breaks?.(resource(good))]).toEqual([true, false]);
  });
});
