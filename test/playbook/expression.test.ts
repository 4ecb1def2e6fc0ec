import { describe, expect, it } from 'vitest';
import { asBoolean, asList } from '../../engine/playbook/expression-value.ts';
import { compile, compiled, deployment, evaluate, PLACE, pod, resultOf } from './expression-help.ts';

const pods = [pod('web-0', 'Running'), pod('web-1', 'Pending'), pod('web-2', 'Running')];

describe('evaluating', () => {
  it('gives the memcached rule its answer', async () => {
    const rule = 'children.deployment.status.readyReplicas = spec.size';
    const context = { spec: { size: 3 }, children: { deployment: deployment(3, 3) } };
    expect(await resultOf(rule, context)).toBe(true);
    expect(await resultOf(rule, { ...context, spec: { size: 2 } })).toBe(false);
  });

  it('has every root as a variable, so that it can be read where names belong to the element', async () => {
    const context = { index: 2, children: { pod: pods } };
    expect(await resultOf('children.pod[$index - 1].metadata.name', context)).toBe('web-1');
    expect(await resultOf('children.pod[$$.index - 1].metadata.name', context)).toBe('web-1');
    expect(await resultOf('$spec.size', { spec: { size: 1 } })).toBe(1);
  });

  it('gives plain JSON: no marks on lists, no functions, ordinary objects', async () => {
    const value = await resultOf('{"names": observe.pods.metadata.name, "match": $match("ab", /a/)}', {
      observe: { pods },
    });
    expect(value).toStrictEqual({
      names: ['web-0', 'web-1', 'web-2'],
      match: { match: 'a', index: 0, groups: [] },
    });
    const list = await resultOf('[0..spec.replicas - 1]', { spec: { replicas: 3 } });
    expect(list).toStrictEqual([0, 1, 2]);
    expect(Object.keys(Object(list))).toEqual(['0', '1', '2']);
  });

  it('shares what comes from the context unchanged', async () => {
    const spec = { resources: { limits: { cpu: '1' } } };
    expect(await resultOf('spec.resources', { spec })).toBe(spec.resources);
  });

  it('says which function or number is no value', async () => {
    for (const source of ['$uppercase', 'function($x){$x}', '1/0']) {
      expect(await evaluate(source)).toMatchObject({ kind: 'error', problem: { code: 'ExpressionResult' } });
    }
  });

  it('never leaves a mark on the context, frozen or not', async () => {
    const freeze = (value: unknown): unknown => {
      if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
      return value;
    };
    const build = (): { spec: { none: string[]; ports: { port: number }[] } } => ({
      spec: { none: [], ports: [{ port: 1 }] },
    });
    const sources = [
      'spec.none[]',
      'spec.none{"a": $}',
      '$spec.none{"a": 1}',
      'spec.ports[].port[]',
      'spec ~> |ports|{"port": 2}|',
    ];
    for (const source of sources) {
      const context = build();
      const loose = await evaluate(source, context);
      expect(context, source).toStrictEqual(build());
      expect(Object.keys(context.spec.none), source).toEqual([]);
      const frozen = build();
      freeze(frozen);
      expect(await evaluate(source, frozen), source).toEqual(loose);
      expect(loose.kind, source).not.toBe('error');
    }
  });

  it('transforms a copy', async () => {
    const context = { spec: { ports: [{ port: 1, name: 'a' }] } };
    expect(await resultOf('spec ~> |ports|{"port": 2}, "name"|', context)).toStrictEqual({
      ports: [{ port: 2 }],
    });
  });

  it('keeps evaluations apart that overlap', async () => {
    const expression = compiled('$map([1..50], function($i){ $sum([$i, $spec.n]) })[spec.at]', {});
    const one = compiled('$map([1..50], function($i){ $sum([$i, $spec.n]) })[$spec.at]');
    expect(expression).toBeDefined();
    const runs = Array.from({ length: 40 }, (_, n) => one.evaluate({ spec: { n, at: n } }));
    const values = (await Promise.all(runs)).map((evaluation) =>
      evaluation.kind === 'value' ? evaluation.value : evaluation,
    );
    expect(values).toEqual(Array.from({ length: 40 }, (_, n) => n + 1 + n));
  });

  it('points at the right place although another evaluation calls the same function elsewhere', async () => {
    const broken = compiled('$map([1..20], function($i){ $sum(["a"]) })');
    const other = compiled('                 $map([1..20], function($i){ $sum([1]) })');
    const [failed] = await Promise.all([broken.evaluate({}), other.evaluate({})]);
    expect(failed).toMatchObject({ kind: 'error', problem: { line: 7, column: 11 + 28 } });
  });

  it('costs microtasks only', async () => {
    let turns = 0;
    const immediate = setImmediate(() => turns++);
    await evaluate('$map([1..200], function($i){ $contains($string($i), /1/) })');
    clearImmediate(immediate);
    expect(turns).toBe(0);
  });

  it('gives partial application and chaining', async () => {
    expect(await resultOf('"warm" ~> $substring(?, 0, 2) ~> $uppercase')).toBe('WA');
    expect(await resultOf('($short := $substringBefore(?, "."); $map(["a.b", "c.d"], $short))')).toEqual([
      'a',
      'c',
    ]);
    expect(await resultOf('$map(["a", "b"], $uppercase)')).toEqual(['A', 'B']);
    expect(await resultOf('$reduce([1, 2, 3], function($a, $b){ $a + $b })')).toBe(6);
    expect(await resultOf('$sort([{"n": 2}, {"n": 1}], function($a, $b){ $a.n > $b.n }).n')).toEqual([1, 2]);
  });

  it('binds the parent of an element with @ and its position with #', async () => {
    const context = { observe: { pods } };
    expect(await resultOf('observe.pods#$i[$i = 1].metadata.name', context)).toBe('web-1');
    expect(await resultOf('observe.pods@$p[$p.status.phase = "Pending"].$p.metadata.name', context)).toBe(
      'web-1',
    );
  });
});

describe('absence', () => {
  it('is missing with the longest path that is not there', async () => {
    expect(await evaluate('children.db.status.phase', { children: {} })).toEqual({
      kind: 'missing',
      path: 'children.db.status.phase',
    });
    expect(await evaluate('spec.a + children.db.status.phase', { spec: {}, children: {} })).toEqual({
      kind: 'missing',
      path: 'children.db.status.phase',
    });
  });

  it('makes a comparison neither true nor false', async () => {
    const missing = { kind: 'missing', path: 'children.db.status.phase' };
    for (const operator of ['=', '!=', '<', '>=']) {
      expect(await evaluate(`children.db.status.phase ${operator} "x"`), operator).toEqual(missing);
    }
    expect(await evaluate('$not(children.db.status.phase = "x")')).toEqual(missing);
  });

  it('is false and something as and, true or something as or', async () => {
    const context = { spec: { on: true, off: false } };
    const missing = { kind: 'missing', path: 'children.db.x' };
    expect(await resultOf('spec.off = true and children.db.x = 1', context)).toBe(false);
    expect(await evaluate('spec.on = true and children.db.x = 1', context)).toEqual(missing);
    expect(await resultOf('children.db.x = 1 or spec.on', context)).toBe(true);
    expect(await evaluate('children.db.x = 1 or spec.off', context)).toEqual(missing);
    expect(await evaluate('(children.db.x = 1)', context)).toEqual(missing);
  });

  it('stays what JSONata says where the comparison does not decide alone', async () => {
    expect(await resultOf('spec.mode = "ha" ? 3 : 1', { spec: {} })).toBe(1);
    expect(await resultOf('$count(observe.pods[$.status.node = "a"])', { observe: { pods } })).toBe(0);
    expect(await resultOf('$exists(children.db) and children.db.x = 1', { children: {} })).toBe(false);
    expect(await resultOf('children.db.x = 1 ? "a" : "b"', {})).toBe('b');
  });

  it('is filled by ?? and ?:', async () => {
    expect(await resultOf('spec.size ?? 3', { spec: {} })).toBe(3);
    expect(await resultOf('spec.name ?: "x"', { spec: { name: '' } })).toBe('x');
  });

  it('is not an empty list of the context, and not null', async () => {
    expect(await evaluate('observe.pods', { observe: { pods: [] } })).toEqual({ kind: 'value', value: [] });
    expect(await evaluate('spec.x', { spec: { x: null } })).toEqual({ kind: 'value', value: null });
  });

  it('keeps the index of children that are not there', async () => {
    const children = { pod: [pods[0], null, pods[2]] };
    expect(await resultOf('children.pod[2].metadata.name', { children })).toBe('web-2');
    expect(await evaluate('children.pod[1].status.phase = "Running"', { children })).toMatchObject({
      kind: 'missing',
    });
  });
});

describe('asBoolean', () => {
  it('takes true, false and missing, and coerces nothing', async () => {
    expect(asBoolean(await evaluate('true'), PLACE)).toBe(true);
    expect(asBoolean(await evaluate('1 = 2'), PLACE)).toBe(false);
    expect(asBoolean(await evaluate('spec.x'), PLACE)).toBe('missing');
    for (const [source, type] of [
      ['"false"', 'a string'],
      ['0', 'a number'],
      ['[true]', 'a list'],
      ['{}', 'an object'],
      ['null', 'null'],
    ] as const) {
      const truth = asBoolean(await evaluate(source), PLACE);
      expect(truth, source).toMatchObject({ kind: 'problem', problem: { code: 'NotBoolean', ...PLACE } });
      expect(JSON.stringify(truth)).toContain(type);
    }
  });

  it('hands on an error', async () => {
    expect(asBoolean(await evaluate('1 + "a"'), PLACE)).toMatchObject({
      problem: { code: 'ExpressionFailed' },
    });
  });
});

describe('asList', () => {
  it('takes one value as a list and missing as none', async () => {
    const context = { observe: { pods } };
    expect(asList(await evaluate('observe.pods[$.status.phase = "Pending"].metadata.name', context))).toEqual(
      { kind: 'list', items: ['web-1'] },
    );
    expect(asList(await evaluate('observe.pods[$.status.phase = "Gone"]', context))).toEqual({
      kind: 'list',
      items: [],
    });
    expect(asList(await evaluate('[1, 2]'))).toEqual({ kind: 'list', items: [1, 2] });
    expect(asList(await evaluate('1 + "a"'))).toMatchObject({ kind: 'problem' });
  });
});

describe('integers beyond 2^53', () => {
  const id = 13491342764165939857n;
  const context = {
    probes: {
      members: {
        value: [
          { ID: id, name: 'a' },
          { ID: 2, name: 'b' },
        ],
      },
    },
  };

  it('come out exact', async () => {
    expect(await resultOf('probes.members.value[name = "a"].ID', context)).toBe(id);
    expect(await resultOf('probes.members.value[$.ID = $$.probes.members.value[0].ID].name', context)).toBe(
      'a',
    );
  });

  it('are written out exact', async () => {
    expect(await resultOf('"id " & probes.members.value[0].ID', context)).toBe(`id ${id}`);
    expect(await resultOf('$string(probes.members.value[0])', context)).toBe(`{"ID":${id},"name":"a"}`);
  });

  it('are an error in arithmetic, and crash nothing', async () => {
    for (const source of [
      'probes.members.value[0].ID + 1',
      'probes.members.value.ID > 1',
      '$sum(probes.members.value.ID)',
    ]) {
      expect(await evaluate(source, context), source).toMatchObject({ kind: 'error' });
    }
    expect(await resultOf('$count($distinct(probes.members.value))', context)).toBe(2);
  });
});

describe('errors', () => {
  it('have the place inside the source, over several lines too', async () => {
    const source = '(\n  $a := 1;\n  $a + "text"\n)';
    expect(await evaluate(source)).toEqual({
      kind: 'error',
      problem: expect.objectContaining({
        file: 'watches.yaml',
        line: 9,
        column: 11 + 5,
        code: 'ExpressionFailed',
      }),
    });
  });

  it('use the mapping of whoever knows better', () => {
    const locate = (offset: number) => ({ file: 'x.yaml', line: 100, column: offset });
    expect(compile('1 + sepc.x', { locate })).toMatchObject({
      problems: [{ file: 'x.yaml', line: 100, column: 4 }],
    });
  });

  it('name the function called wrongly', async () => {
    const evaluation = await evaluate('spec.a ~> $sum', { spec: { a: 'x' } });
    expect(evaluation).toMatchObject({ kind: 'error', problem: { message: expect.stringContaining('sum') } });
  });

  it('carry what $error and $assert say', async () => {
    expect(await evaluate('$error("no disk")')).toMatchObject({ problem: { message: 'no disk' } });
    expect(await evaluate('$assert(1 = 2, "odd")')).toMatchObject({ problem: { message: 'odd' } });
  });
});
