import { describe, expect, test } from 'vitest';
import {
  actionOf,
  codes,
  DATABASE,
  job,
  said,
  sources,
  stepOf,
  withActions,
  withSteps,
} from './actions-builder.ts';
import { theProblem } from './load-builder.ts';

const REQUEST = 'on: {request: true}';

describe('a step', () => {
  test.each([
    ['{name: x}', 'the step says nothing to do'],
    ['{wait: true, commit: true}', 'the step says wait and commit'],
  ])('%s is refused', (step, message) => {
    expect(theProblem(withSteps(`[${step}]`), 'BadStep')).toMatchObject({ message });
  });

  test('of an unknown sort gets the nearest one as a hint', () => {
    expect(said(withSteps('[{exce: {pod: a, command: [b]}}]'))).toEqual([
      'UnknownKey: "exce" is not a key here (did you mean exec?)',
    ]);
  });

  test('has a name of its own, the same as long as the steps before it stay', () => {
    const files = withSteps(
      '[{wait: true}, {name: pause, wait: true}, {wait: true}, {commit: true}]',
      {},
      'rollback: [{wait: true}], ',
    );
    const action = actionOf(files);
    expect(action.steps.map(({ name }) => name)).toEqual(['wait', 'pause', 'wait-2', 'commit']);
    expect(action.rollback.map(({ name }) => name)).toEqual(['wait-3']);
  });

  test('may not share its name, neither with a step of the rollback', () => {
    expect(codes(withSteps('[{name: x, wait: true}, {name: x, wait: true}]'))).toEqual(['DuplicateStep']);
    expect(codes(withSteps('[{wait: true}]', {}, 'rollback: [{name: wait, wait: true}], '))).toEqual([
      'DuplicateStep',
    ]);
  });

  test.each([
    ['[{wait: true, params: {}}]', 'params are given to the action that run names'],
    ['[{commit: true, timeout: 1s}]', 'timeout has no meaning with commit, which takes no time'],
  ])('%s has a key without effect', (steps, message) => {
    expect(theProblem(withSteps(steps), 'BadCombination')).toMatchObject({ message });
  });

  test('has nothing to commit in a rollback', () => {
    expect(codes(withSteps('[{wait: true}]', {}, 'rollback: [{commit: true}], '))).toEqual([
      'BadCombination',
    ]);
  });

  test('is known again by its digest: its own text and that of its template', () => {
    const digest = (more: string, text: string) =>
      stepOf(
        actionOf(withSteps(`[{job: x.yaml.hbs, timeout: ${more}}]`, { 'x.yaml.hbs': text })),
        'job',
        'job',
      ).digest;
    expect(digest('1s', job())).toBe(digest('1s', job()));
    expect(new Set([digest('1s', job()), digest('2s', job()), digest('1s', job('other'))]).size).toBe(3);
  });
});

describe('durations', () => {
  test.each([
    ['10s', 10],
    ['30m', 1800],
    ['1h', 3600],
    ['7d', 604_800],
    ['1h30m', 5400],
  ])('%s are %d seconds', (text, seconds) => {
    expect(
      stepOf(actionOf(withSteps(`[{wait: true, timeout: ${text}}]`)), 'wait', 'wait').timeoutSeconds,
    ).toBe(seconds);
  });

  test.each(['10', 'soon', '10 s', '1m1h', '-1s', '0s', '99999d', '1.5h'])('%s is refused', (text) => {
    expect(codes(withSteps(`[{wait: true, timeout: ${text}}]`))).toEqual(['BadDuration']);
  });

  test('without a unit get one in the hint', () => {
    expect(theProblem(withSteps('[{wait: true, timeout: 10}]'), 'BadDuration').hint).toBe(
      'say the unit, such as 10s',
    );
  });
});

describe('triggers', () => {
  const on = (text: string) => codes(withActions(`    a: {on: ${text}, steps: [{wait: true}]}\n`));

  test.each(['61 * * * *', '* * * *', '0 0 31 2 *', '@often', '2030-01-01T00:00:00Z', '* * * * * *'])(
    'the schedule "%s" is refused',
    (line) => {
      expect(on(`{schedule: "${line}"}`)).toEqual(['BadSchedule']);
    },
  );

  test('a schedule of the resource is judged when it is there', () => {
    expect(on('{schedule: "{{spec.backup.schedule}}", timeZone: "{{spec.backup.timeZone}}"}')).toEqual([]);
  });

  test('a time zone must be one', () => {
    expect(on('{schedule: "@daily", timeZone: Mars/Base}')).toEqual(['BadTimeZone']);
  });

  test.each(['{request: true, for: 1s}', '{request: true, timeZone: UTC}', '{request: true, jitter: 1m}'])(
    '%s has a key without effect',
    (text) => {
      expect(on(text)).toEqual(['BadCombination']);
    },
  );

  test('an action that nothing starts is worth a warning, unless another runs it', () => {
    expect(codes(withActions('    a: {steps: [{wait: true}]}\n'))).toEqual(['ActionNeverStarts']);
    expect(
      codes(withActions(`    a: {steps: [{wait: true}]}\n    b: {${REQUEST}, steps: [{run: a}]}\n`)),
    ).toEqual([]);
  });

  test('there is no run yet', () => {
    expect(on('{when: run.params.x = 1}')).toEqual(['RootNotHere']);
  });
});

describe('actions that name others', () => {
  const two = (a: string, b = '') =>
    withActions(
      `    a: {${REQUEST}, steps: [{wait: true}]${a}}\n    b: {${REQUEST}, steps: [{wait: true}]${b}}\n`,
    );

  test('must name some that are there', () => {
    expect(said(two(', interrupts: [bb]'))).toEqual([
      'UnknownAction: there is no action bb (did you mean b?)',
    ]);
    expect(said(two(', after: [databas]'))).toEqual([
      'UnknownAction: there is no action databas (did you mean database?)',
    ]);
    expect(codes(withSteps('[{run: nothing}]'))).toEqual(['UnknownAction']);
  });

  test('may come after manifests and actions', () => {
    expect(actionOf(two(', after: [database, b]')).after).toEqual(['database', 'b']);
  });

  test('never wait for themselves', () => {
    expect(said(two(', after: a'))[0]).toMatch('ActionCycle: a would wait for itself');
    expect(said(two(', after: b', ', after: a'))[0]).toMatch(
      'ActionCycle: these actions wait for each other: a → b → a',
    );
  });

  test('never run or interrupt themselves', () => {
    expect(codes(withSteps('[{run: a}]'))).toEqual(['ActionCycle']);
    expect(codes(two(', interrupts: a'))).toEqual(['ActionCycle']);
    const rollback = `    a: {${REQUEST}, steps: [{run: b}]}\n    b: {steps: [{wait: true}], rollback: [{run: a}]}\n`;
    expect(codes(withActions(rollback))).toEqual(['ActionCycle']);
  });
});

describe('parameters', () => {
  const called = (params: string, given: string) =>
    withActions(
      `    a: {${REQUEST}, steps: [{run: b, params: ${given}}]}\n    b: {params: ${params}, steps: [{wait: true}]}\n`,
    );

  test.each([
    '{type: strin}',
    '{properties: {x: {type: strin}}}',
    '{reqired: [a]}',
    '{$ref: "http://x.example/y"}',
    '{type: array}',
    '{properties: {x: {pattern: "(?=a)"}}}',
  ])('the schema %s is refused', (schema) => {
    expect(codes(withSteps('[{wait: true}]', {}, `params: ${schema}, `))).toEqual(['BadParams']);
  });

  test('that are read must be declared', () => {
    const params = 'params: {type: object, properties: {label: {type: string}}}, ';
    expect(said(withSteps('[{wait: run.params.lable = "x"}]', {}, params))).toEqual([
      'UnknownParam: the action has no parameter lable (did you mean run.params.label?)',
    ]);
    expect(codes(withSteps('[{wait: run.params.label = "x"}]', {}, params))).toEqual([]);
    expect(codes(withSteps('[{wait: run.params.label = "x"}]'))).toEqual(['UnknownParam']);
  });

  test('of a schema that leaves them open may have any name', () => {
    const params = 'params: {type: object, additionalProperties: {type: string}}, ';
    expect(codes(withSteps('[{wait: run.params.any = "x"}]', {}, params))).toEqual([]);
  });

  test('that another action wants must be given, and no others', () => {
    const schema = '{type: object, required: [pod], properties: {pod: {type: string}}}';
    expect(codes(called(schema, '{pod: db-0}'))).toEqual([]);
    expect(codes(called(schema, '{}'))).toEqual(['MissingParam']);
    expect(codes(called(schema, '{pod: db-0, pood: db-1}'))).toEqual(['UnknownParam']);
  });

  test('that are literal have the right type', () => {
    const schema = '{type: object, properties: {n: {type: integer}}}';
    expect(said(called(schema, '{n: three}'))).toEqual([
      'WrongParam: params.n must be integer (see the params of b)',
    ]);
    expect(codes(called(schema, '{n: 3}'))).toEqual([]);
    expect(codes(called(schema, '{n: "{{spec.size}}"}'))).toEqual([]);
  });

  test('keep their structure and their types, and lose what is absent', () => {
    const files = called(
      '{type: object}',
      '{n: 3, list: ["{{spec.size}}", "{{optional spec.image}}"], deep: {text: "v{{spec.size}}"}}',
    );
    const { params } = stepOf(actionOf(files), 'run', 'run');
    expect(params?.render({ spec: { size: 2 } })).toEqual({
      kind: 'value',
      value: { n: 3, list: [2], deep: { text: 'v2' } },
    });
    expect(params?.render({ spec: {} })).toMatchObject({ kind: 'missing', missing: [{}, {}] });
  });
});

describe('outputs', () => {
  const first =
    '{name: ask, exec: {pod: a, command: [b]}, outputs: {id: result.json.id, key: {value: result.stdout, secret: true}}}';

  test('are read by later steps, and by a rollback', () => {
    const files = withSteps(
      `[${first}, {wait: run.outputs.ask.id = 1}]`,
      {},
      'rollback: [{wait: run.outputs.ask.id = 1}], ',
    );
    expect(codes(files)).toEqual([]);
    expect(sources(stepOf(actionOf(files), 'ask', 'exec').outputs)).toEqual({
      id: 'result.json.id',
      key: 'result.stdout',
    });
    expect(stepOf(actionOf(files), 'ask', 'exec').secretOutputs).toEqual(['key']);
  });

  test.each([
    ['run.outputs.ask.ib', 'the step ask has no output ib'],
    ['run.outputs.akk.id', 'the action has no step akk'],
    ['run.outputs.wait.id', 'the step wait has not ended here'],
    ['run.outputs.last.id', 'the step last has not ended here'],
  ])('%s is refused', (path, message) => {
    const files = withSteps(`[${first}, {wait: ${path} = 1}, {name: last, wait: true, outputs: {id: "1"}}]`);
    expect(theProblem(files, 'UnknownOutput')).toMatchObject({ message });
  });

  test('of an action that was run are read by the steps that have some', () => {
    const files = (path: string) =>
      withActions(
        `    a: {${REQUEST}, steps: [{run: b}, {wait: ${path} = 1}]}\n    b: {steps: [${first}]}\n`,
      );
    expect(codes(files('run.outputs.run.ask.id'))).toEqual([]);
    expect(codes(files('run.outputs.run.aks.id'))).toEqual(['UnknownOutput']);
  });

  test('read only what the sort of step has as its result', () => {
    expect(said(withSteps('[{exec: {pod: a, command: [b]}, outputs: {x: result.body}}]'))[0]).toMatch(
      'UnknownPath: the result of this step has no body',
    );
    expect(codes(withSteps('[{wait: true, outputs: {x: result.exit}}]'))).toEqual(['RootNotHere']);
    expect(codes(withSteps('[{wait: result.exit = 0}]'))).toEqual(['RootNotHere']);
  });

  test('and all else of a run is known by name', () => {
    expect(codes(withSteps('[{wait: run.naem = "x"}]'))).toEqual(['UnknownPath']);
    expect(codes(withSteps('[{wait: run.failed.step = "x"}]'))).toEqual(['RootNotHere']);
    expect(codes(withSteps('[{wait: true}]', {}, 'rollback: [{wait: run.failed.stp = "x"}], '))).toEqual([
      'UnknownPath',
    ]);
  });
});

describe('vars of actions', () => {
  test('are seen by steps, and by the actions that they run', () => {
    const files = withActions(
      `    a: {${REQUEST}, vars: {x: spec.size}, steps: [{run: b, vars: {y: vars.x + 1}}]}\n    b: {steps: [{wait: vars.x = vars.y}]}\n`,
    );
    expect(codes(files)).toEqual([]);
  });

  test('are not seen by anyone else', () => {
    const files = withActions(
      `    a: {${REQUEST}, vars: {x: spec.size}, steps: [{wait: true}]}\n    b: {${REQUEST}, steps: [{wait: vars.x = 1}]}\n`,
    );
    expect(codes(files)).toEqual(['UnknownVar']);
  });

  test('may shadow a var and read the one behind it', () => {
    const files = withSteps(
      '[{wait: true, vars: {replicas: vars.replicas - 1}}]',
      {},
      'vars: {replicas: vars.replicas - 1}, ',
    );
    expect(codes(files)).toEqual([]);
  });

  test('need each other in no circle', () => {
    expect(codes(withSteps('[{wait: true}]', {}, 'vars: {x: vars.y, y: vars.x}, '))).toEqual(['VarsCycle']);
  });
});

describe('set', () => {
  test('writes held fields alone', () => {
    expect(codes(withSteps('[{set: {endpoint: run.name}}]'))).toEqual(['StatusFieldNotHeld']);
    expect(said(withSteps('[{set: {verson: run.name}}]'))).toEqual([
      'UnknownStatusField: the watch holds no status.verson (did you mean version?)',
    ]);
  });

  test('fits the schema', () => {
    expect(codes(withSteps('[{set: {version: spec.size}}]'))).toEqual(['StatusFieldType']);
  });

  test('takes the live spec in the first step at most', () => {
    expect(codes(withSteps('[{set: {version: spec.version}}]'))).toEqual([]);
    expect(codes(withSteps('[{wait: true}, {set: {version: spec.version}}]'))).toEqual(['SetFromLiveSpec']);
    expect(codes(withSteps('[{wait: true}, {set: {version: object.spec.version}}]'))).toEqual([
      'SetFromLiveSpec',
    ]);
    expect(codes(withSteps('[{wait: true}]', {}, 'rollback: [{set: {version: spec.version}}], '))).toEqual([
      'SetFromLiveSpec',
    ]);
  });

  test('takes no var of the watch that reads the spec, but one of the action', () => {
    expect(codes(withSteps('[{wait: true}, {set: {version: vars.wanted}}]'))).toEqual(['SetFromLiveSpec']);
    expect(
      codes(withSteps('[{wait: true}, {set: {version: vars.wanted}}]', {}, 'vars: {wanted: spec.version}, ')),
    ).toEqual([]);
  });
});

describe('job templates', () => {
  const withJob = (text: string) => codes(withSteps('[{job: x.yaml.hbs}]', { 'x.yaml.hbs': text }));

  test('are one Job, which stays until its end is seen', () => {
    expect(withJob(job())).toEqual([]);
    expect(withJob(job('x', '  ttlSecondsAfterFinished: 60\n'))).toEqual(['BadJobTemplate']);
    expect(
      withJob(job('x', '{{#if spec.backup.schedule}}\n  ttlSecondsAfterFinished: 60\n{{/if}}\n')),
    ).toEqual(['BadJobTemplate']);
    expect(withJob(`${job()}---\n${job()}`)).toEqual(['BadJobTemplate']);
    expect(withJob(DATABASE)).toEqual(['BadJobTemplate']);
    expect(withJob(job().replace('Never', 'Always'))).toEqual(['BadJobTemplate']);
  });

  test('may read the run, which manifests may not', () => {
    expect(withJob(job('{{run.name}}'))).toEqual([]);
    expect(withJob(job('{{run.nmae}}'))).toEqual(['UnknownPath']);
    expect(
      codes(
        withSteps('[{wait: true}]', { 'database.yaml.hbs': DATABASE.replace('vars.replicas', 'run.value') }),
      ),
    ).toEqual(['RootNotHere']);
  });

  test('must be there', () => {
    expect(codes(withSteps('[{job: y.yaml.hbs}]'))).toEqual(['FileMissing']);
  });
});

describe('delete', () => {
  const target = (text: string) => codes(withSteps(`[{delete: ${text}}]`));

  test('says which objects go', () => {
    expect(target('{apiVersion: v1, kind: Pod, selector: {matchLabels: {app: x}}, random: 1}')).toEqual([]);
    expect(target('{apiVersion: v1, kind: Pod}')).toEqual(['BadDeleteTarget']);
    expect(target('{apiVersion: v1, kind: Pod, name: a, selector: {matchLabels: {app: x}}}')).toEqual([
      'BadDeleteTarget',
    ]);
    expect(target('{apiVersion: v1, kind: Pod, name: a, random: 1}')).toEqual(['BadDeleteTarget']);
    expect(target('{apiVersion: v1, kind: Pod, selector: {matchLabels: {}}}')).toEqual(['BadValue']);
    expect(target('{kind: Pod, name: a}')).toEqual(['BadKind']);
  });

  test('is not aimed at what the manifests keep', () => {
    expect(target('{apiVersion: apps/v1, kind: StatefulSet, name: "{{ metadata.name }}"}')).toEqual([
      'DeleteOfChild',
    ]);
    expect(target('{apiVersion: apps/v1, kind: StatefulSet, name: "{{metadata.name}}-old"}')).toEqual([]);
    expect(target('{apiVersion: v1, kind: Pod, name: "{{metadata.name}}"}')).toEqual([]);
  });
});

describe('calls', () => {
  const exec = (command: string) => codes(withSteps(`[{exec: {pod: a, command: ${command}}}]`));

  test('give no value to a shell as a part of its program', () => {
    expect(exec('[sh, -c, "echo {{spec.image}}"]')).toEqual(['TemplateInShell']);
    expect(exec('[env, A=1, /bin/bash, -e, -lc, "echo {{spec.image}}"]')).toEqual(['TemplateInShell']);
    expect(exec(`[sh, -c, 'echo "$0"', "{{spec.image}}"]`)).toEqual([]);
    expect(exec('[echo, "{{spec.image}}"]')).toEqual([]);
  });

  test("keep a Secret's value out of command lines", () => {
    expect(exec('[login, "{{observe.login.data.password}}"]')).toEqual(['SecretInCommand']);
    expect(exec('[login, "{{observe.login.metadata.name}}"]')).toEqual([]);
    expect(
      codes(withSteps('[{exec: {pod: a, command: [login], stdin: "{{observe.login.data.password}}"}}]')),
    ).toEqual([]);
  });

  test("keep a Secret's value out of a status", () => {
    expect(codes(withSteps('[{wait: true}]', {}, 'vars: {p: observe.login.data.password}, '))).toEqual([
      'SecretInStatus',
    ]);
    expect(codes(withSteps('[{set: {version: observe.login.data.password}}]'))).toEqual(['SecretInStatus']);
    expect(codes(withSteps('[{wait: true, outputs: {p: observe.login.data.password}}]'))).toEqual([
      'SecretInStatus',
    ]);
    expect(
      codes(withSteps('[{wait: true, outputs: {p: {value: observe.login.data.password, secret: true}}}]')),
    ).toEqual([]);
    const leak =
      '[{name: x, wait: true, outputs: {p: {value: observe.login.data.password, secret: true}}}, {wait: true, message: "{{run.outputs.x.p}}"}]';
    expect(codes(withSteps(leak))).toEqual(['SecretInStatus']);
  });

  test('of HTTP go to an address of HTTP', () => {
    expect(codes(withSteps('[{http: {url: "db:80"}}]'))).toEqual(['BadUrl']);
    const call = stepOf(
      actionOf(
        withSteps(
          '[{http: {method: POST, url: "http://{{metadata.name}}/x", headers: {A: "{{spec.size}}"}, body: {n: "{{spec.size}}"}, expectStatus: 204}}]',
        ),
      ),
      'http',
      'http',
    );
    expect(call).toMatchObject({ method: 'POST', expectStatus: [204] });
    expect(call.body?.render({ spec: { size: 3 } })).toEqual({ kind: 'value', value: { n: 3 } });
  });
});

describe('probes', () => {
  const probe = (text: string) =>
    codes(withActions(`    a: {${REQUEST}, steps: [{wait: true}]}\n`, {}, `    x: ${text}\n`));

  test('ask by exec or by http', () => {
    expect(probe('{exec: {pod: a, command: [b]}, every: 1m}')).toEqual([]);
    expect(probe('{every: 1m}')).toEqual(['BadProbe']);
    expect(probe('{exec: {pod: a, command: [b]}, http: {url: "http://a"}}')).toEqual(['BadProbe']);
    expect(probe('{exec: {pod: a, command: [b]}, key: item}')).toContain('BadCombination');
    expect(probe('{exec: {pod: a, command: [b]}, every: often}')).toEqual(['BadDuration']);
  });

  test.each([
    ['probes.inof.ok', 'UnknownProbe'],
    ['probes.alive.okay', 'UnknownPath'],
    ['probes.alive.key', 'UnknownPath'],
    ['probes.alive.value.up', 'UnknownPath'],
    ['run.name', 'RootNotHere'],
  ])('%s in health is %s', (path, code) => {
    expect(
      codes(
        withActions(`    a: {${REQUEST}, steps: [{wait: true}]}\n`, {}, `  health: {Ready: ${path} = 1}\n`),
      ),
    ).toEqual([code]);
  });

  test.each([
    'probes.alive.ok',
    '$count(probes.info[ok]) > 0',
    'probes.info.value.offset[0] = 1',
    'probes.info[key = "db-0"].at != ""',
  ])('%s can be read', (source) => {
    const files = withActions(
      `    a: {${REQUEST}, steps: [{wait: true}]}\n`,
      {},
      `  health: {Ready: '${source}'}\n`,
    );
    expect(codes(files).filter((code) => code !== 'MayBeMissing')).toEqual([]);
  });
});

describe('claims', () => {
  const scaled = (replicas: string, policy = 'Delete') =>
    codes(
      withActions(`    a: {${REQUEST}, steps: [{wait: true}]}\n`, {
        'database.yaml.hbs': `${DATABASE.replace('{{vars.replicas}}', replicas)}  persistentVolumeClaimRetentionPolicy: {whenScaled: ${policy}}\n`,
      }),
    );

  test('that scaling to 0 would delete are worth a warning', () => {
    expect(scaled('{{vars.replicas}}')).toContain('ScalingDeletesClaims');
    expect(scaled('0')).toContain('ScalingDeletesClaims');
    expect(scaled('3')).not.toContain('ScalingDeletesClaims');
    expect(scaled('{{vars.replicas}}', 'Retain')).not.toContain('ScalingDeletesClaims');
  });
});
