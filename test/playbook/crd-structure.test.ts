import { describe, expect, it, test } from 'vitest';
import { CONFIG, CRD, load, memcachedWith } from './load-builder.ts';

function said(crd: string): readonly string[] {
  const result = load(
    memcachedWith('  manifests: [config.yaml.hbs]\n', { 'crd.yaml': crd, 'config.yaml.hbs': CONFIG }),
  );
  const all = result.kind === 'refused' ? result.problems : result.warnings;
  return all.map(
    ({ file, line, column, severity, code, message }) =>
      `${file}:${line}:${column} ${severity} ${code}: ${message}`,
  );
}

const field = (schema: string): string => CRD.replace('image: {type: string}', `image: ${schema}`);
/** The line of `image` in the definition. */
const LINE = 1 + CRD.slice(0, CRD.indexOf('image:')).split('\n').length - 1;

describe('the schema of a definition', () => {
  test.each([
    ['{type: text}', 'text is no type'],
    ['{description: the image}', 'the field has no type'],
    ['{type: array}', 'the list does not say what its items are'],
    ['{type: string, patern: a}', 'patern is no keyword of a schema'],
    ['{type: string, pattern: "["}', 'missing closing ]'],
    ['{type: string, enum: [a, 1]}', '1 is no string'],
    ['{type: string, enum: [a, b], default: c}', 'the default c is not one of a, b'],
    ['{type: string, default: 1}', 'the default is no string: 1'],
    ['{type: string, maxLength: 2, default: abc}', 'the default abc is beyond maxLength 2'],
    ['{type: string, pattern: "^a", default: b}', 'the default b does not match ^a'],
    ['{type: integer, minimum: 3, maximum: 2}', 'minimum 3 is greater than maximum 2'],
    [
      '{type: object, required: [nme], properties: {name: {type: string}}}',
      'nme is required and no property',
    ],
    [
      '{type: object, properties: {a: {type: integer}}, default: {a: x}}',
      'the default has a that is no integer: x',
    ],
    [
      '{type: object, properties: {a: {type: integer}}, default: {b: 1}}',
      'the default has b, which is no property',
    ],
    [
      '{type: object, properties: {a: {type: integer}}, additionalProperties: {type: string}}',
      'either properties or',
    ],
    [
      '{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [id], items: {type: object, properties: {id: {type: string}}}}',
      'the key id is neither required nor defaulted',
    ],
  ])('%s is refused at its place', (schema, message) => {
    const found = said(field(schema));
    expect(found).toEqual([expect.stringContaining(message)]);
    expect(found[0]).toMatch(new RegExp(`^crd.yaml:${LINE}:\\d+ error BadCrd`));
  });

  test.each([
    '{x-kubernetes-preserve-unknown-fields: true}',
    '{x-kubernetes-int-or-string: true, default: 25%}',
    '{type: object, additionalProperties: {type: integer}, default: {a: 1}}',
    '{type: string, nullable: true, default: null}',
    '{type: string, anyOf: [{pattern: "^a"}, {maxLength: 3}]}',
    '{type: number, minimum: 0, default: 0.5, format: double}',
    '{type: object, required: [a], properties: {a: {type: string}}, x-kubernetes-validations: [{rule: "self.a != \'\'"}]}',
  ])('%s passes', (schema) => {
    expect(said(field(schema)).filter((each) => each.includes('BadCrd'))).toEqual([]);
  });

  it('stores exactly one version', () => {
    expect(said(CRD.replace('storage: true', 'storage: false'))).toEqual([
      expect.stringContaining('error BadCrd: exactly one version has storage: true, and here none has it'),
    ]);
  });

  it('has the paths of columns and of the scale subresource', () => {
    const scale = '{status: {}, scale: {specReplicasPath: .spec.sise, statusReplicasPath: .status.ready}}';
    const columns = `    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.siz}
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
`;
    const crd = CRD.replace('    subresources: {status: {}}\n', `    subresources: ${scale}\n${columns}`);
    expect(said(crd)).toEqual([
      'crd.yaml:13:58 warning UnknownPath: .spec.sise is not in the schema',
      'crd.yaml:15:45 warning UnknownPath: .spec.siz is not in the schema',
    ]);
  });
});
