import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldPath, formatPath, parseElement, serializeElement } from '../../engine/kube/fieldpath.ts';
import { holdsPath, ownEntry, ownersOf, pathsIn, uncovered, valueAt } from '../../engine/kube/fieldset.ts';
import type { JsonObject, ManagedFieldsEntry } from '../../engine/kube/object.ts';
import { schemaFromCrd } from '../../engine/kube/schema-model.ts';
import { crd, object } from './builders.ts';

const SERVICE_SCHEMA = schemaFromCrd(
  crd({
    spec: {
      type: 'object',
      properties: {
        type: { type: 'string' },
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['port', 'protocol'],
          items: {
            type: 'object',
            properties: {
              name: { type: 'string' },
              port: { type: 'integer' },
              protocol: { type: 'string', default: 'TCP' },
            },
          },
        },
        addresses: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
        args: { type: 'array', items: { type: 'string' } },
        selector: {
          type: 'object',
          'x-kubernetes-map-type': 'atomic',
          additionalProperties: { type: 'string' },
        },
        limits: { type: 'object', additionalProperties: { type: 'string' } },
      },
    },
  }),
  'v1',
);

function printed(tree: JsonObject, fields: JsonObject, schema = SERVICE_SCHEMA): readonly string[] {
  return uncovered(tree, fields, schema).map(formatPath);
}

describe('cover of a manifest by an entry of managedFields', () => {
  it('is complete when each scalar is held', () => {
    expect(printed({ spec: { type: 'ClusterIP' } }, { 'f:spec': { 'f:type': {} } })).toEqual([]);
  });

  it('names a scalar that another manager took', () => {
    expect(printed({ spec: { type: 'ClusterIP' } }, { 'f:spec': {} })).toEqual(['spec.type']);
  });

  it('names every field when the entry is empty', () => {
    const tree = { spec: { type: 'ClusterIP', limits: { cpu: '1' } } };
    expect(printed(tree, {})).toEqual(['spec.type', 'spec.limits.cpu']);
  });

  it('fills the default of a key that the manifest leaves out', () => {
    const fields = {
      'f:spec': { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } } },
    };
    expect(printed({ spec: { ports: [{ port: 80 }] } }, fields)).toEqual([]);
  });

  it('tells items of an associative list apart by all their keys', () => {
    const fields = {
      'f:spec': { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } } },
    };
    const tree = { spec: { ports: [{ port: 80, protocol: 'UDP' }] } };
    expect(printed(tree, fields)).toEqual(['spec.ports[port=80,protocol=UDP]']);
  });

  it('names a missing item once, and a missing field of a present item by its path', () => {
    const fields = {
      'f:spec': { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } } },
    };
    const tree = {
      spec: {
        ports: [
          { port: 80, name: 'http' },
          { port: 81, name: 'admin' },
        ],
      },
    };
    expect(printed(tree, fields)).toEqual([
      'spec.ports[port=80,protocol=TCP].name',
      'spec.ports[port=81,protocol=TCP]',
    ]);
  });

  it('takes items with the same key as one leaf', () => {
    const fields = { 'f:spec': { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': {} } } };
    const tree = {
      spec: {
        ports: [
          { port: 80, name: 'a' },
          { port: 80, name: 'b' },
        ],
      },
    };
    expect(printed(tree, fields)).toEqual([]);
  });

  it('finds items of a set by value', () => {
    const fields = { 'f:spec': { 'f:addresses': { '.': {}, 'v:"10.0.0.1"': {} } } };
    const tree = { spec: { addresses: ['10.0.0.1', '10.0.0.2'] } };
    expect(printed(tree, fields)).toEqual(['spec.addresses[=10.0.0.2]']);
  });

  it('takes atomic lists and maps as leaves', () => {
    const tree = { spec: { args: ['-m', '64'], selector: { app: 'web' } } };
    expect(printed(tree, { 'f:spec': { 'f:args': {}, 'f:selector': {} } })).toEqual([]);
    expect(printed(tree, { 'f:spec': {} })).toEqual(['spec.args', 'spec.selector']);
  });

  it('expects no record of empty associative lists, but one of empty atomic lists and of empty maps', () => {
    const tree = { spec: { ports: [], addresses: [], args: [], limits: {} } };
    expect(printed(tree, { 'f:spec': {} })).toEqual(['spec.args', 'spec.limits']);
    expect(printed(tree, { 'f:spec': { 'f:args': {}, 'f:limits': {} } })).toEqual([]);
  });

  it('takes an empty map as held by one who holds fields below it', () => {
    expect(printed({ spec: { limits: {} } }, { 'f:spec': { 'f:limits': { 'f:cpu': {} } } })).toEqual([]);
  });

  it('takes lists below an open field as atomic, empty ones too', () => {
    const tree = { spec: { raw: { a: [1], b: [], c: { d: {} } } } };
    const schema = schemaFromCrd(
      crd({
        spec: { type: 'object', properties: { raw: { 'x-kubernetes-preserve-unknown-fields': true } } },
      }),
      'v1',
    );
    const held = { 'f:a': {}, 'f:b': {}, 'f:c': { 'f:d': {} } };
    expect(printed(tree, { 'f:spec': { 'f:raw': held } }, schema)).toEqual([]);
    expect(printed(tree, {}, schema)).toEqual(['spec.raw.a', 'spec.raw.b', 'spec.raw.c.d']);
  });

  it('ignores nulls', () => {
    expect(printed({ spec: { type: null, args: null } }, {})).toEqual([]);
  });

  it('expects no record of apiVersion, kind and what identifies the object', () => {
    const tree = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a', namespace: 'b', uid: 'c' } };
    expect(printed(tree, {})).toEqual([]);
  });

  it('names labels and annotations as a person writes them', () => {
    const tree = { metadata: { name: 'a', labels: { app: 'x', 'app.kubernetes.io/name': 'y' } } };
    expect(printed(tree, { 'f:metadata': { 'f:labels': { '.': {} } } })).toEqual([
      'metadata.labels.app',
      'metadata.labels["app.kubernetes.io/name"]',
    ]);
  });

  it('finds keys that Go has escaped', () => {
    const fields = { 'f:spec': { 'f:addresses': { 'v:"a\\u0026b"': {}, 'v:"c\\u0008"': {} } } };
    expect(printed({ spec: { addresses: ['a&b', 'c\b'] } }, fields)).toEqual([]);
  });
});

describe('items that are atomic maps', () => {
  const schema = schemaFromCrd(
    crd({
      refs: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: {
          type: 'object',
          'x-kubernetes-map-type': 'atomic',
          properties: { name: { type: 'string' } },
        },
      },
    }),
    'v1',
  );

  it('are leaves below their key', () => {
    const fields = { 'f:refs': { 'k:{"name":"a"}': {} } };
    expect(printed({ refs: [{ name: 'a' }] }, fields, schema)).toEqual([]);
    expect(printed({ refs: [{ name: 'b' }] }, fields, schema)).toEqual(['refs[name=b]']);
  });
});

describe('cover without a schema', () => {
  it('takes a map that is recorded as a leaf as atomic', () => {
    expect(cover({ selector: { app: 'x' } }, { 'f:selector': {} })).toEqual([]);
  });

  const cover = (tree: JsonObject, fields: JsonObject): readonly string[] =>
    uncovered(tree, fields, undefined).map(formatPath);

  it('takes a list as associative where the entry shows keys, with defaults that the manifest left out', () => {
    const fields = { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } } };
    expect(cover({ ports: [{ port: 80 }] }, fields)).toEqual([]);
    expect(cover({ ports: [{ port: 80 }, { port: 81 }] }, fields)).toEqual(['ports[port=81]']);
  });

  it('takes a list as a set where the entry shows values', () => {
    expect(cover({ a: ['x', 'y'] }, { 'f:a': { 'v:"x"': {} } })).toEqual(['a[=y]']);
  });

  it('takes any other list as atomic, and says nothing of an empty one', () => {
    expect(cover({ a: [1], b: [2], c: [] }, { 'f:a': {} })).toEqual(['b']);
  });
});

describe('the Update entry of a create', () => {
  const live = object('apps/v1', 'Deployment', {
    spec: { limits: { cpu: '1' }, value: 0, ports: [{ port: 80, protocol: 'TCP' }] },
  });

  it('covers zero values that the live object leaves out', () => {
    const tree = { spec: { hostNetwork: false, count: 0, args: [], limits: { cpu: '1' } } };
    const fields = { 'f:spec': { 'f:limits': { 'f:cpu': {} } } };
    expect(uncovered(tree, fields, undefined, { live })).toEqual([]);
    expect(uncovered(tree, fields, undefined).map(formatPath)).toEqual(['spec.hostNetwork', 'spec.count']);
  });

  it('covers zero values that were there from the beginning', () => {
    expect(uncovered({ spec: { value: 0 } }, { 'f:spec': {} }, undefined, { live })).toEqual([]);
  });

  it('does not cover a zero value that stands otherwise in the live object', () => {
    const tree = { spec: { limits: { cpu: '' } } };
    expect(uncovered(tree, {}, undefined, { live }).map(formatPath)).toEqual(['spec.limits.cpu']);
  });

  it('does not cover a zero value that another manager holds, even where the live object is cut down', () => {
    const managedFields = [entry('kubectl-edit', 'Update', { 'f:spec': { 'f:hostNetwork': {} } })];
    const taken = { ...live, metadata: { ...live.metadata, managedFields } };
    const tree = { spec: { hostNetwork: false } };
    expect(uncovered(tree, {}, undefined, { live: taken }).map(formatPath)).toEqual(['spec.hostNetwork']);
  });

  it('covers no zero value of a custom resource, which is stored as it was sent', () => {
    const thing = { ...live, apiVersion: 'example.com/v1', kind: 'Thing' };
    const tree = { spec: { hostNetwork: false } };
    expect(uncovered(tree, {}, undefined, { live: thing }).map(formatPath)).toEqual(['spec.hostNetwork']);
  });

  it('covers no zero value after the spec was changed, since one may have been removed', () => {
    const changed = { ...live, metadata: { ...live.metadata, generation: 2 } };
    const tree = { spec: { hostNetwork: false } };
    expect(uncovered(tree, {}, undefined, { live: changed }).map(formatPath)).toEqual(['spec.hostNetwork']);
  });

  it('looks into items of lists by their keys', () => {
    const tree = { spec: { ports: [{ port: 80, name: '' }] } };
    const fields = { 'f:spec': { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { 'f:port': {} } } } };
    expect(uncovered(tree, fields, SERVICE_SCHEMA, { live })).toEqual([]);
  });
});

describe('who owns a field', () => {
  const entries: readonly ManagedFieldsEntry[] = [
    entry('libretto', 'Apply', { 'f:spec': { 'f:selector': {} } }, '2026-01-01T00:00:00Z'),
    entry('kubectl-edit', 'Update', { 'f:spec': { 'f:replicas': {} } }, '2026-01-02T00:00:00Z'),
    entry('hpa', 'Update', { 'f:spec': { 'f:replicas': {} } }, '2026-01-03T00:00:00Z', 'scale'),
  ];

  it('is told with the latest first', () => {
    expect(ownersOf(fieldPath('spec', 'replicas'), entries)).toEqual([
      { manager: 'hpa', operation: 'Update', subresource: 'scale', time: '2026-01-03T00:00:00Z' },
      { manager: 'kubectl-edit', operation: 'Update', time: '2026-01-02T00:00:00Z' },
    ]);
  });

  it('leaves out the one who asks', () => {
    expect(ownersOf(fieldPath('spec', 'replicas'), entries, 'hpa').map((o) => o.manager)).toEqual([
      'kubectl-edit',
    ]);
  });

  it('is the owner of an atomic parent too, and of fields below', () => {
    expect(ownersOf(fieldPath('spec', 'selector', 'app'), entries).map((o) => o.manager)).toEqual([
      'libretto',
    ]);
    expect(holdsPath({ 'f:spec': { 'f:a': { 'f:b': {} } } }, fieldPath('spec', 'a'))).toBe(true);
  });

  it('is nobody for a field that was removed', () => {
    expect(ownersOf(fieldPath('spec', 'type'), entries)).toEqual([]);
    expect(ownersOf(fieldPath('spec', 'type'), undefined)).toEqual([]);
  });
});

describe('our own entry', () => {
  it('is the Apply one, whatever its place', () => {
    const fields = [
      entry('libretto', 'Update', {}, '2'),
      entry('x', 'Apply', {}),
      entry('libretto', 'Apply', {}, '1'),
    ];
    expect(ownEntry(fields, 'libretto')?.index).toBe(2);
  });

  it('is else the latest Update, and never one of a subresource', () => {
    const fields = [
      entry('libretto', 'Update', {}, '2026-01-01T00:00:00Z'),
      entry('libretto', 'Update', {}, '2026-01-02T00:00:00Z'),
      entry('libretto', 'Apply', {}, '2026-01-03T00:00:00Z', 'status'),
    ];
    expect(ownEntry(fields, 'libretto')?.index).toBe(1);
    expect(ownEntry(fields, 'kubectl')).toBeUndefined();
    expect(ownEntry(undefined, 'libretto')).toBeUndefined();
  });
});

describe('paths', () => {
  it('are listed with those who hold a map or an item themselves', () => {
    const fields = {
      'f:spec': { 'f:ports': { '.': {}, 'k:{"port":80}': { '.': {}, 'f:port': {} } } },
      junk: {},
    };
    expect(pathsIn(fields).map(formatPath)).toEqual([
      'spec.ports',
      'spec.ports[port=80]',
      'spec.ports[port=80].port',
    ]);
  });

  it('lead to values', () => {
    const object = { spec: { containers: [{ name: 'app', image: 'a' }], set: ['x'] } };
    const [image] = pathsIn({ 'f:spec': { 'f:containers': { 'k:{"name":"app"}': { 'f:image': {} } } } });
    const [item] = pathsIn({ 'f:spec': { 'f:set': { 'v:"x"': {} } } });
    expect(valueAt(object, image ?? [])).toBe('a');
    expect(valueAt(object, item ?? [])).toBe('x');
    expect(valueAt(object, fieldPath('spec', 'nothing', 'below'))).toBeUndefined();
    expect(valueAt(object, [...fieldPath('spec', 'set'), { kind: 'index', index: 0 }])).toBe('x');
  });

  it('are read back as they were written', () => {
    const scalar = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.boolean());
    const element = fc.oneof(
      fc.record({ kind: fc.constant('field' as const), name: fc.string() }),
      fc.record({
        kind: fc.constant('key' as const),
        keys: fc.dictionary(fc.stringMatching(/^[a-z]+$/), scalar, { minKeys: 1, noNullPrototype: true }),
      }),
      fc.record({ kind: fc.constant('value' as const), value: scalar }),
      fc.record({ kind: fc.constant('index' as const), index: fc.nat() }),
    );
    fc.assert(
      fc.property(element, (e) => {
        expect(parseElement(serializeElement(e))).toEqual(e);
      }),
    );
  });

  it('that are none are refused', () => {
    for (const text of ['.', 'f', 'k:{', 'k:1', 'v:', 'i:x', 'x:y']) {
      expect(parseElement(text)).toBeUndefined();
    }
  });
});

function entry(
  manager: string,
  operation: 'Apply' | 'Update',
  fieldsV1: JsonObject,
  time?: string,
  subresource?: string,
): ManagedFieldsEntry {
  return {
    manager,
    operation,
    apiVersion: 'v1',
    fieldsV1,
    ...(time === undefined ? {} : { time }),
    ...(subresource === undefined ? {} : { subresource }),
  };
}
