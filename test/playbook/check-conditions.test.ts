/** Rules of the wrong type, rules that can never hold, and children that wait for each other: told only where certain. */
import { describe, expect, test } from 'vitest';
import {
  builtIn,
  CONFIG,
  CRD,
  DEPLOYMENT,
  type Files,
  load,
  memcachedWith,
  SERVICE,
} from './load-builder.ts';

function said(nouns: string): readonly string[] {
  const files: Files = {
    'config.yaml.hbs': CONFIG,
    'deployment.yaml.hbs': DEPLOYMENT,
    'service.yaml.hbs': SERVICE,
  };
  const result = load(memcachedWith(nouns, files), builtIn);
  const all = result.kind === 'refused' ? result.problems : result.warnings;
  return all
    .filter(({ code }) => ['NotBoolean', 'ConditionNeverTrue', 'ManifestCycle'].includes(code))
    .map(({ line, column, code, message }) => `${line}:${column} ${code}: ${message}`);
}

const CHILDREN = '  manifests: [deployment.yaml.hbs, service.yaml.hbs, config.yaml.hbs]\n';

describe('a rule', () => {
  test.each([
    ['children.deployment.status.readyReplicas', 'a number'],
    ['vars.text', 'a string'],
    ['spec.size + 1', 'a number'],
    ['metadata.name & "x"', 'a string'],
    ['$count(spec.names)', 'a number'],
    ['"true"', 'a string'],
  ])('that yields %s is refused', (rule, found) => {
    const nouns = `${CHILDREN}  vars: {text: 'spec.image & ":1"'}\n  health: {Ready: '${rule}'}\n`;
    expect(said(nouns)).toEqual([`6:20 NotBoolean: true or false is wanted here, and ${rule} is ${found}`]);
  });

  test.each([
    'children.deployment.status.readyReplicas = spec.size',
    'spec.options.on',
    '$ready(children.deployment)',
    'spec.size > 1 and $exists(spec.image)',
    'vars.flag',
    'false',
    'status.ready',
    'children.service.spec.ports[0].port = 3',
  ])('such as %s passes', (rule) => {
    expect(said(`${CHILDREN}  vars: {flag: spec.size > 3}\n  health: {Ready: '${rule}'}\n`)).toEqual([]);
  });

  test('of a manifest is judged as well', () => {
    expect(said('  manifests: [{file: config.yaml.hbs, when: spec.image}]\n')).toEqual([
      '4:45 NotBoolean: true or false is wanted here, and spec.image is a string',
    ]);
    expect(said('  manifests: [{file: config.yaml.hbs, waitFor: spec.size}]\n')).toHaveLength(1);
  });

  test('of health that compares what is never equal is warned of', () => {
    expect(said(`${CHILDREN}  health: {Ready: 'children.deployment.status.readyReplicas = "3"'}\n`)).toEqual([
      '5:20 ConditionNeverTrue: the condition Ready is never True',
    ]);
  });
});

describe('an item of a list of the resource', () => {
  const CRD_WITH_USERS = CRD.replace(
    'names: {type: array, items: {type: string}}',
    'users: {type: array, items: {type: object, properties: {name: {type: string}, tags: {type: array, items: {type: string}}}}}',
  );
  const problems = (forEach: string, key: string, value: string): readonly string[] => {
    const template = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{{metadata.name}}-{{index}}"}\ndata: {a: "{{${value}}}"}\n`;
    const nouns = `  manifests: [{file: config.yaml.hbs, forEach: ${forEach}, key: ${key}}]\n`;
    const result = load(memcachedWith(nouns, { 'crd.yaml': CRD_WITH_USERS, 'config.yaml.hbs': template }));
    return result.kind === 'loaded'
      ? []
      : result.problems.map(
          ({ file, line, column, code, hint }) => `${file}:${line}:${column} ${code} ${hint}`,
        );
  };

  test('has the fields that its schema has', () => {
    expect(problems('spec.users', 'item.name', 'item.name')).toEqual([]);
    expect(problems('spec.users', 'item.nam', 'item.nme')).toEqual([
      'config.yaml.hbs:4:14 UnknownPath did you mean item.name?',
      'watches.yaml:4:65 UnknownPath did you mean item.name?',
    ]);
    expect(problems('spec.users', 'item.name', 'item.name.first')).toHaveLength(1);
  });

  test('of anything else is not judged', () => {
    expect(problems('"$append(spec.users, spec.users)"', '$string(index)', 'item.nme')).toEqual([]);
    expect(problems('spec.options', '$string(index)', 'item.anything')).toEqual([]);
  });
});

describe('children that wait', () => {
  const waiting = (deployment: string, service: string): string =>
    `  manifests:\n  - {file: deployment.yaml.hbs${deployment}}\n  - {file: service.yaml.hbs${service}}\n`;

  test.each([
    [', waitFor: $ready(children.deployment)', ''],
    [', waitFor: $ready(children.service)', ', waitFor: children.deployment.status.readyReplicas = 1'],
    [', after: service', ', waitFor: spec.size = 1 and $ready(children.deployment)'],
  ])('for each other are refused: %s and %s', (deployment, service) => {
    expect(said(waiting(deployment, service))).toEqual([expect.stringContaining('ManifestCycle')]);
  });

  test.each([
    [', waitFor: $ready(children.service)', ''],
    [', waitFor: $not($exists(children.service))', ', waitFor: $ready(children.deployment)'],
    [', waitFor: $ready(children.service) or spec.size = 1', ', waitFor: $ready(children.deployment)'],
    [', forEach: "[0..2]", waitFor: "$index = 0 or $ready(children.deployment[$index - 1])"', ''],
    [', policy: Patch, waitFor: $ready(children.deployment)', ''],
  ])('for something that comes all the same pass: %s and %s', (deployment, service) => {
    expect(said(waiting(deployment, service))).toEqual([]);
  });
});
