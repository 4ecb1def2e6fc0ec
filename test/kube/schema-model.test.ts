import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../engine/kube/object.ts';
import type { SchemaNode } from '../../engine/kube/schema.ts';
import { schemaFromCrd, schemaFromOpenApi } from '../../engine/kube/schema-model.ts';
import { crd } from './builders.ts';

function at(node: SchemaNode | undefined, ...path: readonly string[]): SchemaNode | undefined {
  return path.reduce<SchemaNode | undefined>(
    (n, name) => (name === '[]' ? n?.items : name === '{}' ? n?.values : n?.property(name)),
    node,
  );
}

describe('the schema of a CRD', () => {
  const root = schemaFromCrd(
    crd({
      spec: {
        type: 'object',
        required: ['size'],
        properties: {
          size: { type: 'integer', default: 1, enum: [1, 3] },
          port: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
          raw: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          known: { type: 'object' },
          labels: { type: 'object', additionalProperties: { type: 'string' } },
          anything: { type: 'object', additionalProperties: true },
          none: { type: 'string', nullable: true },
          users: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name', 'host'],
            items: {
              type: 'object',
              properties: { name: { type: 'string' }, host: { type: 'string', default: '%' } },
            },
          },
          pod: {
            type: 'object',
            'x-kubernetes-embedded-resource': true,
            'x-kubernetes-preserve-unknown-fields': true,
          },
        },
      },
    }),
    'v1',
  );

  it('is not there for a version that the CRD does not declare', () => {
    expect(schemaFromCrd(crd({}), 'v2')).toBeUndefined();
    expect(schemaFromCrd({ ...crd({}), spec: {} }, 'v1')).toBeUndefined();
  });

  it('says types, defaults, enums, what is required and nullable', () => {
    expect(at(root, 'spec')?.required).toEqual(['size']);
    expect(at(root, 'spec', 'size')).toMatchObject({
      type: 'integer',
      default: 1,
      enum: [1, 3],
      nullable: false,
    });
    expect(at(root, 'spec', 'none')?.nullable).toBe(true);
    expect(root?.propertyNames()).toContain('spec');
    expect(at(root, 'spec', 'sise')).toBeUndefined();
    expect(at(root, 'spec', 'constructor')).toBeUndefined();
  });

  it('knows int-or-string as neither one type nor open', () => {
    expect(at(root, 'spec', 'port')).toMatchObject({ intOrString: true, open: false });
    expect(at(root, 'spec', 'port')?.type).toBeUndefined();
  });

  it('is open where unknown fields are preserved, and closed in an object without properties', () => {
    expect(at(root, 'spec', 'raw')?.open).toBe(true);
    expect(at(root, 'spec', 'anything', '{}')?.open).toBe(true);
    expect(at(root, 'spec', 'known')?.open).toBe(false);
  });

  it('describes the values of maps', () => {
    expect(at(root, 'spec', 'labels', '{}')?.type).toBe('string');
    expect(at(root, 'spec')?.values).toBeUndefined();
  });

  it('gives the keys of associative lists with their defaults', () => {
    expect(at(root, 'spec', 'users')).toMatchObject({ type: 'array', listType: 'map' });
    expect(at(root, 'spec', 'users')?.listKeys).toEqual([{ name: 'name' }, { name: 'host', default: '%' }]);
  });

  it('answers metadata as ObjectMeta, at the root and in embedded objects', () => {
    expect(at(root, 'metadata', 'labels', '{}')?.type).toBe('string');
    expect(at(root, 'metadata', 'finalizers')?.listType).toBe('set');
    expect(at(root, 'metadata', 'ownerReferences')?.listKeys).toEqual([{ name: 'uid' }]);
    expect(at(root, 'metadata', 'ownerReferences', '[]')?.mapType).toBe('atomic');
    expect(at(root, 'apiVersion')?.type).toBe('string');
    expect(at(root, 'spec', 'pod', 'metadata', 'name')?.type).toBe('string');
  });

  it('gives the same node each time', () => {
    expect(at(root, 'spec', 'users', '[]')).toBe(at(root, 'spec', 'users', '[]'));
  });
});

const DOCUMENT: JsonObject = {
  components: {
    schemas: {
      'io.example.Web': {
        type: 'object',
        properties: {
          apiVersion: { type: 'string' },
          metadata: { allOf: [{ $ref: '#/components/schemas/io.example.Meta' }], default: {} },
          memory: { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity' },
          port: { allOf: [{ $ref: '#/components/schemas/io.example.IntOrString' }], default: 80 },
          extra: { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.runtime.RawExtension' },
          free: { type: 'object' },
          json: { description: 'anything' },
          child: { $ref: '#/components/schemas/io.example.Tree' },
          atomic: {
            allOf: [{ $ref: '#/components/schemas/io.example.Meta' }],
            'x-kubernetes-map-type': 'atomic',
          },
          merged: {
            type: 'array',
            'x-kubernetes-patch-strategy': 'merge',
            'x-kubernetes-patch-merge-key': 'name',
            items: { $ref: '#/components/schemas/io.example.Meta' },
          },
          plain: { type: 'array', 'x-kubernetes-patch-strategy': 'merge', items: { type: 'string' } },
          dangling: { $ref: '#/components/schemas/io.example.Gone' },
        },
        'x-kubernetes-group-version-kind': [{ group: 'example.com', version: 'v1', kind: 'Web' }],
      },
      'io.example.Meta': { type: 'object', properties: { name: { type: 'string', default: '' } } },
      'io.example.IntOrString': { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
      'io.k8s.apimachinery.pkg.api.resource.Quantity': { oneOf: [{ type: 'string' }, { type: 'number' }] },
      'io.k8s.apimachinery.pkg.runtime.RawExtension': { type: 'object' },
      'io.example.Tree': {
        type: 'object',
        properties: { left: { $ref: '#/components/schemas/io.example.Tree' }, value: { type: 'number' } },
      },
      'io.k8s.DeleteOptions': {
        'x-kubernetes-group-version-kind': [
          { group: '', version: 'v1', kind: 'DeleteOptions' },
          { group: 'example.com', version: 'v1', kind: 'DeleteOptions' },
        ],
      },
    },
  },
};

describe('the schema of a built-in kind', () => {
  const root = schemaFromOpenApi(DOCUMENT, { group: 'example.com', version: 'v1', kind: 'Web' });

  it('is found by group, version and kind', () => {
    expect(root?.type).toBe('object');
    expect(schemaFromOpenApi(DOCUMENT, { group: 'example.com', version: 'v2', kind: 'Web' })).toBeUndefined();
    expect(schemaFromOpenApi({}, { group: '', version: 'v1', kind: 'Pod' })).toBeUndefined();
  });

  it('is none for options, which belong to all groups', () => {
    expect(
      schemaFromOpenApi(DOCUMENT, { group: 'example.com', version: 'v1', kind: 'DeleteOptions' }),
    ).toBeUndefined();
  });

  it('follows references, and lets what stands beside allOf win', () => {
    expect(at(root, 'metadata', 'name')?.type).toBe('string');
    expect(at(root, 'metadata')?.default).toEqual({});
    expect(at(root, 'port')).toMatchObject({ intOrString: true, default: 80 });
    expect(at(root, 'atomic')?.mapType).toBe('atomic');
    expect(at(root, 'metadata')?.mapType).toBe('granular');
  });

  it('knows quantities as int-or-string', () => {
    expect(at(root, 'memory')).toMatchObject({ intOrString: true, open: false });
  });

  it('is open for raw extensions (atomic ones), free objects, typeless fields and dangling references', () => {
    expect(at(root, 'extra')).toMatchObject({ open: true, mapType: 'atomic' });
    expect(at(root, 'free')).toMatchObject({ open: true, mapType: 'granular' });
    expect(at(root, 'json')?.open).toBe(true);
    expect(at(root, 'dangling')?.open).toBe(true);
  });

  it('reads the older patch strategy where no list type is given', () => {
    expect(at(root, 'merged')).toMatchObject({ listType: 'map', listKeys: [{ name: 'name', default: '' }] });
    expect(at(root, 'plain')).toMatchObject({ listType: 'set', listKeys: [] });
  });

  it('goes as deep as a recursive schema is asked', () => {
    expect(at(root, 'child', 'left', 'left', 'left', 'value')?.type).toBe('number');
  });
});
