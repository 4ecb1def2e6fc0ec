/** Parameters and vars of actions that nothing reads. */
import { describe, expect, test } from 'vitest';
import { withActions } from './actions-builder.ts';
import { CONFIG, type Files, load } from './load-builder.ts';

function unread(actions: string, files: Files = {}, more = ''): readonly string[] {
  const result = load(withActions(actions, files, more));
  const all = result.kind === 'refused' ? result.problems : result.warnings;
  return all
    .filter(({ code, line }) => code === 'UnusedParam' || (code === 'UnusedVar' && line > 13))
    .map(({ line, column, code, message, hint }) => `${line}:${column} ${code}: ${message} (${hint})`);
}

const PARAMS = 'params: {type: object, properties: {n: {type: string}, label: {type: string}}}';

function asked(step: string): readonly string[] {
  return unread(`    a: {on: {request: true}, ${PARAMS}, steps: [${step}]}\n`);
}

describe('a parameter that nothing reads', () => {
  test('is told where it is declared', () => {
    expect(asked('{set: {primary: run.params.n}}')).toEqual([
      '14:85 UnusedParam: nothing reads the parameter label (remove it, or read it as run.params.label)',
    ]);
  });

  test('is told although another action has one of that name, and reads it', () => {
    const actions = `    a: {on: {request: true}, ${PARAMS}, steps: [{set: {primary: run.params.n & run.params.label}}]}
    b: {on: {request: true}, ${PARAMS}, steps: [{run: a, params: {n: "{{run.params.n}}"}}]}\n`;
    expect(unread(actions)).toEqual([expect.stringContaining('15:85 UnusedParam')]);
  });

  test.each([
    '{set: {primary: run.params.n & run.params.label}}',
    '{run: b, params: {n: "{{run.params.n}}", label: "{{optional run.params.label}}"}}',
    '{vars: {all: run.params}, set: {primary: $string(vars.all)}}',
    '{set: {primary: $string(run)}}',
    '{set: {primary: $lookup(run.params, "n")}}',
    '{exec: {pod: "{{run.params.n}}", command: [x, "{{default run.params.label 1}}"]}}',
    '{wait: run.params.n = "x", message: "{{run.params.label}}", timeout: 1s}',
  ])('is not claimed of %s', (step) => {
    const b = `    b: {on: {request: true}, ${PARAMS}, steps: [{set: {primary: run.params.n & run.params.label}}]}\n`;
    expect(unread(`    a: {on: {request: true}, ${PARAMS}, steps: [${step}]}\n${b}`)).toEqual([]);
  });

  test('may be a confirmation', () => {
    const yes =
      'params: {type: object, required: [yes], properties: {yes: {const: true}, sure: {enum: [really]}}}';
    expect(
      unread(`    a: {on: {request: true}, ${yes}, steps: [{set: {primary: metadata.name}}]}\n`),
    ).toEqual([]);
  });

  test('is left alone beside errors, which may be what reads it', () => {
    expect(asked('{set: {primary: run.params.labl}}')).toEqual([]);
    expect(asked('{set: {primary: run.params.label &}}')).toEqual([]);
  });
});

describe('a var of an action that nothing reads', () => {
  test('is told of actions, steps and rollbacks', () => {
    const actions = `    a:
      on: {request: true}
      vars: {one: spec.size, two: '1'}
      steps: [{vars: {three: '3'}, set: {primary: $string(vars.two)}}]
      rollback: [{vars: {four: '4'}, set: {primary: metadata.name}}]
`;
    expect(unread(actions)).toEqual([
      '16:19 UnusedVar: nothing reads the var one (remove it, or read it as vars.one)',
      expect.stringContaining('nothing reads the var three'),
      expect.stringContaining('nothing reads the var four'),
    ]);
  });

  test('is told although another action or step reads one of that name', () => {
    const actions = `    a: {on: {request: true}, vars: {x: '"1"'}, steps: [{wait: $ready(children.database)}]}
    b: {on: {request: true}, vars: {x: '"1"'}, steps: [{set: {primary: vars.x}}]}
    c: {on: {request: true}, steps: [{vars: {y: '"1"'}, wait: $ready(children.database)}, {vars: {y: '"2"'}, set: {primary: vars.y}}]}
`;
    expect(unread(actions)).toEqual([
      expect.stringContaining('14:41 UnusedVar: nothing reads the var x'),
      expect.stringContaining('16:50 UnusedVar: nothing reads the var y'),
    ]);
  });

  test('is not claimed of what manifests read meanwhile, or all vars are read', () => {
    const manifest = { 'database.yaml.hbs': CONFIG.replace('{{spec.size}}', '{{vars.replicas}}') };
    const stop = `    a: {on: {request: true}, steps: [{vars: {replicas: '0'}, wait: $ready(children.database)}]}\n`;
    expect(unread(stop, manifest)).toEqual([]);
    expect(
      unread(`    a: {on: {request: true}, vars: {x: '1'}, steps: [{set: {primary: $string(vars)}}]}\n`),
    ).toEqual([]);
  });

  test('is not claimed of what another var, or an action that is run from there, reads', () => {
    const actions = `    a: {on: {request: true}, vars: {x: '"1"', z: vars.x}, steps: [{vars: {y: vars.z}, run: b}]}
    b: {steps: [{run: c}]}
    c: {steps: [{set: {primary: vars.y}}]}
`;
    expect(unread(actions)).toEqual([]);
  });

  test('is not claimed of vars that steps share by an alias, and one of them reads', () => {
    const actions = `    a:
      on: {request: true}
      steps:
      - {vars: &both {x: '"1"', y: '"2"'}, set: {primary: vars.x}}
      - {vars: *both, set: {primary: vars.y}}
`;
    expect(unread(actions)).toEqual([]);
  });

  test('is not claimed of outputs: they are kept for people', () => {
    expect(
      unread(
        '    a: {on: {request: true}, steps: [{outputs: {size: spec.size}, wait: $ready(children.database)}]}\n',
      ),
    ).toEqual([]);
  });
});
