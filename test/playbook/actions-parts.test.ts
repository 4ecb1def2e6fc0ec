import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../engine/kube/object.ts';
import { compileParams, whyNoParams } from '../../engine/playbook/json-schema.ts';
import { collectReads } from '../../engine/playbook/reads.ts';
import { actionOf, DATABASE, job, withActions, withSteps } from './actions-builder.ts';
import { firstWatch, loaded } from './load-builder.ts';

describe('parameters of a run', () => {
  const check = (schema: JsonObject, params: JsonObject): readonly string[] => {
    expect(whyNoParams(schema)).toBeUndefined();
    const compiled = compileParams(schema);
    if (compiled.kind === 'refused') throw new Error(compiled.message);
    return compiled.check(params);
  };
  const schema = {
    type: 'object',
    required: ['snapshot'],
    additionalProperties: false,
    properties: {
      snapshot: { type: 'string', pattern: '^[a-z]+$' },
      id: { type: 'integer' },
      mode: { enum: ['fast', 'safe'] },
    },
  };

  test('are told all that is wrong with them', () => {
    expect(check(schema, { snapshot: 'monday' })).toEqual([]);
    expect(check(schema, {})).toEqual(["params must have required property 'snapshot'"]);
    expect(check(schema, { snapshot: 'Monday', mode: 'slow', labl: 'x' })).toEqual([
      'params must NOT have additional properties: labl',
      'params.snapshot must match pattern "^[a-z]+$"',
      'params.mode must be equal to one of the allowed values: fast, safe',
    ]);
  });

  test('may be integers beyond 2^53', () => {
    expect(check(schema, { snapshot: 'a', id: 18_446_744_073_709_551_615n })).toEqual([]);
  });

  test('are matched in linear time', () => {
    const bomb = { properties: { x: { type: 'string', pattern: '^(a+)+$' } } };
    const began = performance.now();
    expect(check(bomb, { x: `${'a'.repeat(40)}!` })).toHaveLength(1);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});

describe('what a playbook reads', () => {
  const read = (steps: string) =>
    collectReads(loaded(withSteps(steps, { 'x.yaml.hbs': job('{{observe.login.data.password}}') }))).flatMap(
      ({ gvk, read: how }) => (gvk.kind === 'Secret' ? [how] : []),
    );

  test('includes the Secrets that a step reads, and no values of others', () => {
    expect(read('[{wait: true}]')).toEqual(['metadata']);
    expect(read('[{job: x.yaml.hbs}]')).toEqual(['full']);
    expect(read('[{exec: {pod: a, command: [b], stdin: "{{observe.login.data.password}}"}}]')).toEqual([
      'full',
    ]);
  });

  test('includes the Jobs of steps and the kinds that steps delete', () => {
    const kinds = (steps: string) =>
      collectReads(loaded(withSteps(steps, { 'x.yaml.hbs': job() }))).map(({ gvk }) => gvk.kind);
    expect(kinds('[{job: x.yaml.hbs}]')).toContain('Job');
    expect(kinds('[{delete: {apiVersion: v1, kind: ConfigMap, name: a}}]')).toContain('ConfigMap');
  });
});

describe('scalars of a template as written', () => {
  const sources = (text: string) =>
    firstWatch(
      withActions('    a: {on: {request: true}, steps: [{wait: true}]}\n', { 'database.yaml.hbs': text }),
    ).manifests[0]?.template.documents[0]?.sources;

  test('are known by their paths', () => {
    const found = sources(DATABASE.replace('{{metadata.name}}', '{{metadata.name}}-db'));
    expect(Object.fromEntries(found ?? [])).toEqual({
      apiVersion: ['apps/v1'],
      kind: ['StatefulSet'],
      'metadata.name': ['{{metadata.name}}-db'],
      'spec.replicas': ['{{vars.replicas}}'],
    });
  });

  test('are several where blocks give several shapes', () => {
    const found = sources(
      DATABASE.replace('{{vars.replicas}}', '{{#if spec.image}}1{{else}}{{spec.size}}{{/if}}'),
    );
    expect(found?.get('spec.replicas')).toEqual(['1', '{{spec.size}}']);
  });
});

test('what is compiled cannot be changed', () => {
  const action = actionOf(withSteps('[{wait: true}]'));
  expect(Object.isFrozen(action)).toBe(true);
  expect(Object.isFrozen(action.steps[0])).toBe(true);
});
