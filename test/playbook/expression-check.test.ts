import { describe, expect, it } from 'vitest';
import { compile, references, refusals, warnings } from './expression-help.ts';

describe('names', () => {
  it('refuse a bare word that is no context name, with the nearest one', () => {
    expect(compile('sepc.size')).toMatchObject({
      problems: [{ code: 'UnknownName', line: 7, column: 11, hint: 'did you mean spec?' }],
    });
    expect(refusals('spec.phase = Running')).toEqual(['UnknownName']);
    expect(refusals('`sepc`.size')).toEqual(['UnknownName']);
  });

  it('report all problems at once, each at its place', () => {
    const result = compile('sepc.x = 1 and\n $exsits(y) and $now() = 3');
    expect(result).toMatchObject({
      kind: 'refused',
      problems: [
        { code: 'UnknownName', line: 7, column: 11 },
        { code: 'UnknownFunction', line: 8, column: 12, hint: 'did you mean $exists?' },
        { code: 'UnknownName', line: 8, column: 20 },
        { code: 'FunctionRefused', line: 8, column: 27 },
      ],
    });
  });

  it('are only those known at the position', () => {
    expect(refusals('self.status.phase = "Running"')).toEqual(['NameNotHere']);
    expect(refusals('self.status.phase = "Running"', { roots: ['self'] })).toEqual([]);
    expect(refusals('$run.outputs')).toEqual(['NameNotHere']);
    expect(refusals('spec.x', { roots: ['self'] })).toEqual(['NameNotHere']);
  });

  it('inside brackets and behind a dot belong to the element', () => {
    for (const source of [
      'children.pod[index - 1]',
      'observe.pods[item = 1]',
      'observe.pods.{"a": vars.x}',
      'observe.pods^(index)',
      'observe.pods{children.x: 1}',
    ]) {
      expect(refusals(source), source).toEqual(['NameInElement']);
    }
    const hint = "write $$.index or $index for the context's, $.index for the element's";
    expect(compile('children.pod[index - 1]')).toMatchObject({ problems: [{ column: 11 + 13, hint }] });
    expect(refusals('children.pod[$index - 1]')).toEqual([]);
    expect(refusals('children.pod[$$.index - 1]')).toEqual([]);
    expect(refusals('children.pod[$.index = 1]')).toEqual([]);
  });

  it('that elements mostly have themselves are a warning there', () => {
    expect(warnings('observe.pods[status.phase = "Running"]')).toEqual(['AmbiguousName']);
    expect(warnings('observe.pods[$.status.phase = $status.phase]')).toEqual([]);
    expect(warnings('observe.pods.status.phase')).toEqual([]);
  });

  it('in a function still belong to the context around it', () => {
    expect(warnings('$map(observe.pods, function($p){ $p.metadata.name & spec.suffix })')).toEqual([]);
  });

  it('of the expression itself may shadow the context, not functions', () => {
    expect(references('$map(spec.list, function($item, $index){ $item & $index })')).toEqual(['spec.list']);
    expect(refusals('($count := 1; $count)')).toEqual(['NameTaken']);
    expect(refusals('(function($clone){ $clone })')).toEqual(['NameTaken']);
    expect(refusals('observe.pods@$sum')).toEqual(['NameTaken']);
  });

  it('are only known after they are bound', () => {
    expect(refusals('($a := 1; $a + 1)')).toEqual([]);
    expect(refusals('$a + 1')).toEqual(['UnknownFunction']);
    expect(refusals('(($a := 1); $a)')).toEqual(['UnknownFunction']);
  });
});

describe('what is refused', () => {
  it('is every clock, every randomness and running text', () => {
    for (const name of ['now', 'millis', 'random', 'shuffle', 'eval', 'formatInteger', 'parseInteger']) {
      expect(refusals(`$${name}(spec.x)`), name).toEqual(['FunctionRefused']);
      expect(refusals(`$map(spec.list, $${name})`), name).toEqual(['FunctionRefused']);
      expect(refusals(`spec.x ~> $${name}`), name).toEqual(['FunctionRefused']);
    }
  });

  it('is a function called without its $', () => {
    expect(compile('exists(spec.x)')).toMatchObject({
      problems: [{ code: 'UnknownFunction', hint: 'write $exists' }],
    });
  });

  it('is reading everything, or what no path says', () => {
    for (const source of ['$$', '$', '*', '**.x', '$keys($$)', '$.*', '*.spec']) {
      expect(refusals(source), source).toEqual(['ExpressionRefused']);
    }
    expect(refusals('spec.*')).toEqual([]);
    expect(refusals('observe.pods.%.x')).toEqual(['ExpressionRefused']);
  });

  it('is a signature of a function, for its check can take exponential time', () => {
    expect(refusals('function($a)<s-:s>{ $a }')).toEqual(['ExpressionRefused']);
  });

  it('is a transform that could change the context itself', () => {
    for (const source of [
      'spec ~> |$$.spec|{"x": 1}|',
      'spec ~> |$lookup($spec, "a")|{"x": 1}|',
      'spec ~> |($spec)|{}|',
    ]) {
      expect(refusals(source), source).toContain('ExpressionRefused');
    }
    expect(refusals('spec ~> |ports[name = $spec.main]|{"x": 1}|')).toEqual([]);
  });

  it('is a regular expression that linear time cannot decide', () => {
    expect(refusals('$contains(spec.x, /(?=a)b/)')).toEqual(['RegexRefused']);
    expect(refusals('$contains(spec.x, /(a)\\1/)')).toEqual(['RegexRefused']);
    expect(refusals('$contains(spec.x, /((a{500}){500})/)')).toEqual(['RegexRefused']);
    expect(refusals('$contains(spec.x, /(a+)+$/)')).toEqual([]);
    expect(refusals('$contains(spec.x, /a/ ?? /b/)')).toEqual(['RegexRefused']);
  });

  it('is what the parser itself would not survive', () => {
    const nested = (n: number): string => `${'('.repeat(n)}spec.x${' ?? 1)'.repeat(n)}`;
    expect(refusals(nested(40))).toEqual(['ExpressionTooDeep']);
    expect(refusals(nested(4))).toEqual([]);
    expect(refusals(`$contains("/", "x") ? ${nested(40)} : /(/`)).toEqual(['ExpressionTooDeep']);
    expect(refusals(`${'('.repeat(5_000)}1${')'.repeat(5_000)}`)).toHaveLength(1);
    expect(refusals(`spec.${'x'.repeat(20_000)}`)).toEqual(['ExpressionTooLong']);
    expect(refusals(Array.from({ length: 60 }, (_, n) => `spec.a${n} ?? ${n}`).join(' ?? '))).toEqual([]);
  });
});

describe('syntax errors', () => {
  it('have the place of the token, and a hint for habits of other languages', () => {
    const hintOf = (source: string): unknown => {
      const result = compile(source);
      return result.kind === 'refused' ? result.problems[0]?.hint : undefined;
    };
    expect(compile('spec.a +\n  * )')).toMatchObject({
      problems: [{ code: 'ExpressionSyntax', line: 8, column: 11 + 4 }],
    });
    expect(hintOf('spec.a == 1')).toBe('JSONata compares with =');
    expect(hintOf('spec.a && spec.b')).toBe('write `and`');
    expect(hintOf('spec.a || spec.b')).toBe('write `or`');
    expect(hintOf('!spec.a')).toBe('write $not(…)');
    expect(hintOf('{{spec.a}}')).toBe('this is an expression, no template: leave the braces out');
  });

  it('are no crash whatever stands there', () => {
    for (const source of [
      '',
      ' ',
      '(',
      '"',
      '`',
      '/',
      '/[/',
      '/(/',
      '/* ',
      'a.',
      '[',
      '{"a"',
      '?',
      '$',
      '1e999',
      '\u0000',
      '\\',
      '|',
      '#',
      '@',
    ]) {
      expect(refusals(source).length, JSON.stringify(source)).toBeGreaterThan(0);
    }
  });
});

describe('references', () => {
  it('are the static paths, ending where an index, a filter or a computed key begins', () => {
    expect(references('children.db.status.readyReplicas = spec.size')).toEqual([
      'children.db.status.readyReplicas',
      'spec.size',
    ]);
    expect(references('children.pod[0].status.phase')).toEqual(['children.pod']);
    expect(references('observe.pods.(status.phase)')).toEqual(['observe.pods']);
    expect(references('$lookup(metadata.labels, "a")')).toEqual(['metadata.labels']);
    expect(references('$$.spec.a + $.spec.b + $spec.c')).toEqual(['spec.a', 'spec.b', 'spec.c']);
    expect(references('observe.pods[$.x = $spec.y].z')).toEqual(['observe.pods', 'spec.y']);
    expect(references('$index')).toEqual(['index']);
    expect(references('metadata.labels.`app.kubernetes.io/name`')).toEqual([
      'metadata.labels.app.kubernetes.io/name',
    ]);
  });

  it('have the place where they begin', () => {
    const result = compile('1 +\n  spec.a + $$.spec.b + `spec`.c');
    if (result.kind === 'refused') expect.fail('refused');
    expect(result.expression.references.map(({ place }) => [place.line, place.column])).toEqual([
      [8, 13],
      [8, 25],
      [8, 34],
    ]);
  });

  it('are guarded inside $exists and as the left of a default', () => {
    expect(references('$exists(observe.a.b)')).toEqual(['observe.a.b?']);
    expect(references('observe.a.b ?? 1')).toEqual(['observe.a.b?']);
    expect(references('observe.a.b ?: 1')).toEqual(['observe.a.b?']);
    expect(references('(observe.a.b + 1) ?? 1')).toEqual(['observe.a.b?']);
    expect(references('observe.a ?? observe.b')).toEqual(['observe.a?', 'observe.b']);
  });

  it('are guarded where they were tested before', () => {
    expect(references('$exists(observe.a) and observe.a.b = 1')).toEqual(['observe.a?', 'observe.a.b?']);
    expect(references('$exists(observe.a) ? observe.a.b : 1')).toEqual(['observe.a?', 'observe.a.b?']);
    expect(references('$not($exists(observe.a)) or observe.a.b = 1')).toEqual(['observe.a?', 'observe.a.b?']);
    expect(references('$not($exists(observe.a)) ? 1 : observe.a.b')).toEqual(['observe.a?', 'observe.a.b?']);
    expect(references('observe.a ? observe.a : 1')).toEqual(['observe.a?', 'observe.a?']);
    expect(references('$boolean(observe.a) ? observe.a : 1')).toEqual(['observe.a?', 'observe.a?']);
  });

  it('are not guarded by what proves nothing', () => {
    expect(references('$exists(observe.a) or observe.a.b = 1')).toEqual(['observe.a?', 'observe.a.b']);
    expect(references('$exists(observe.a) and observe.ab = 1')).toEqual(['observe.a?', 'observe.ab']);
    expect(references('$exists(observe.a) ? 1 : observe.a.b')).toEqual(['observe.a?', 'observe.a.b']);
    expect(references('observe.a.b = 1 and $exists(observe.a)')).toEqual(['observe.a.b', 'observe.a?']);
    expect(references('spec.version != status.version ? spec.version')).toEqual([
      'spec.version',
      'status.version',
      'spec.version?',
    ]);
    expect(references('$count(observe.a) = 0')).toEqual(['observe.a']);
  });
});

describe('warnings', () => {
  it('for a key in brackets, which is a filter', () => {
    expect(warnings('metadata.labels["app"]')).toEqual(['FilterByText']);
    expect(warnings('observe.pods.metadata.labels["app"] = "x"')).toEqual(['FilterByText']);
    expect(warnings('metadata.labels.app')).toEqual([]);
  });

  it('for a list compared with a single value', () => {
    expect(warnings('status.conditions.status = "True"')).toEqual(['ListCompared']);
    expect(warnings('"True" = status.conditions.status')).toEqual(['ListCompared']);
    expect(warnings('status.conditions[type = "Ready"].status = "True"')).toEqual([]);
    expect(
      warnings('observe.pods.status.phase = "Running"', {
        facts: { isList: ({ path }) => path.join() === 'pods' },
      }),
    ).toEqual(['ListCompared']);
  });

  it('for & and != with a part that may be missing', () => {
    expect(warnings('children.db.status.phase != "Failed"')).toEqual(['MissingPart']);
    expect(warnings('"http://" & observe.service.spec.clusterIP')).toEqual(['MissingPart']);
    expect(warnings('"http://" & (observe.service.spec.clusterIP ?? "none")')).toEqual([]);
    expect(warnings('$exists(children.db) and children.db.status.phase != "Failed"')).toEqual([]);
    expect(warnings('spec.suffix & "x"', { facts: { mayBeMissing: ({ root }) => root === 'spec' } })).toEqual(
      ['MissingPart'],
    );
  });

  it('for $exists of a list', () => {
    expect(warnings('$exists(status.conditions)')).toEqual(['ExistsOfList']);
    expect(warnings('$exists([])')).toEqual(['ExistsOfList']);
    expect(warnings('$exists(status.conditions[type = "Ready"])')).toEqual([]);
  });

  it('for versions compared as text', () => {
    expect(warnings('spec.version < "16.2"')).toEqual(['VersionsCompared']);
    expect(warnings('spec.version < status.version')).toEqual(['VersionsCompared']);
    expect(warnings('status.serverVersion >= spec.x')).toEqual(['VersionsCompared']);
    expect(warnings('$compareVersions(spec.version, "16.2") < 0')).toEqual([]);
    expect(warnings('spec.size < 3')).toEqual([]);
    expect(warnings('spec.version = "16.2"')).toEqual([]);
  });

  it('not for what the documentation itself writes', () => {
    for (const source of [
      'children.deployment.status.readyReplicas = spec.size',
      '[0..spec.replicas - 1]',
      '$string(item)',
      '$index = 0 or children.pod[$index - 1].status.phase = "Running"',
      '$exists(spec.autoscaling)',
      'observe.namespaces.metadata.name',
      'metadata.name & "." & metadata.namespace & ".svc"',
      '$not($ready(observe.primary))',
      '$count(probes.info[ok]) > 0',
      'probes.info[ok]^(>value.offset)[0].key',
      'spec.version != status.version ? spec.version',
      '$ready(children.database)',
      '$count(observe.pods) = 0',
      'observe.pods.metadata.name',
      'spec.size > status.members ? status.members',
    ]) {
      expect(warnings(source), source).toEqual([]);
    }
  });
});
