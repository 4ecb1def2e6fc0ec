import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../../engine/base/diagnostic.ts';
import { DEPLOYMENT, problemsOf } from './load-builder.ts';

const WATCH = `- group: example.com
  version: v1
  kind: Box
  schema:
    spec:
      size: integer
      items: {items: {fields: {name: string, size: integer, parts: {items: {fields: {port: integer}}}, labels: {values: string}}}}
      other: {items: {fields: {name: string, kind: string}}}
      byKey: {values: {fields: {name: string}}}
      fixed: {fields: {first: {fields: {name: string}}}}
      words: [string]
      free: object
    status: {endpoint: string}
  manifests:
  - deployment.yaml.hbs
  - config.yaml.hbs
  - {file: each.yaml, id: each, forEach: spec.items, key: item.name}
  observe:
    pods: {apiVersion: v1, kind: Pod, selector: {matchLabels: {app: a}}}
  probes:
    web: {http: {url: "http://a/"}, forEach: spec.words, key: item}
`;

const EACH = 'apiVersion: v1\nkind: Service\nmetadata: {name: a}\n';

/** What is wrong with a Box that has these vars, and a template with these lines behind its metadata. */
function problemsWith(vars: string, template: string): readonly Diagnostic[] {
  const config = `apiVersion: other.example.com/v1\nkind: Thing\nmetadata: {name: a}\n${template}\n`;
  return problemsOf({
    'watches.yaml': WATCH + vars,
    'deployment.yaml.hbs': DEPLOYMENT,
    'each.yaml': EACH,
    'config.yaml.hbs': config,
  }).filter(({ severity }) => severity === 'error');
}

function told({ code, message, hint }: Diagnostic): string {
  return `${code === 'UnknownPath' ? '' : `${code} `}${message}${hint === undefined ? '' : ` (${hint})`}`;
}

/** `column: message (hint)` of what is wrong with an expression; columns count from 1. */
function said(expression: string): readonly string[] {
  return problemsWith(`  vars:\n    x: |-\n      ${expression}\n`, '').map(
    (problem) => `${problem.column - 6}: ${told(problem)}`,
  );
}

/** `line:column: message (hint)` of what is wrong with a template; its first line is 4. */
function saidOfTemplate(text: string): readonly string[] {
  return problemsWith('', text).map((problem) => `${problem.line}:${problem.column}: ${told(problem)}`);
}

const NMAE = "spec.items[].nmae is not in Box's schema (did you mean name?)";

describe('names below items in an expression', () => {
  it.each([
    ['spec.items[0].nmae', `15: ${NMAE}`],
    ["spec.items[nmae = 'a'].size", `12: ${NMAE}`],
    ["spec.items[$.nmae = 'a'].size", `14: ${NMAE}`],
    ["$spec.items[name = 'a'].nmae", `25: ${NMAE}`],
    ["$$.spec.items[name = 'a'].nmae", `27: ${NMAE}`],
    ['spec.items.(nmae & "x")', `13: ${NMAE}`],
    ['spec.items.{"a": nmae}', `18: ${NMAE}`],
    ['spec.items.[nmae]', `13: ${NMAE}`],
    ['spec.items@$i.($i.nmae)', `19: ${NMAE}`],
    ['spec.items#$n.nmae', `15: ${NMAE}`],
    ['spec.items^(nmae)', `13: ${NMAE}`],
    ['spec.items^(name).nmae', `19: ${NMAE}`],
    ['spec.items{nmae: size}', `12: ${NMAE}`],
    ['spec.items{name: nmae}', `18: ${NMAE}`],
    ['spec.items@$i{$i.name: $i.nmae}', `27: ${NMAE}`],
    ['spec.items.name.($count($) > 1 ? $$.spec.items[0].nmae)', `51: ${NMAE}`],
  ])('%s', (expression, problem) => {
    expect(said(expression)).toEqual([problem]);
  });

  it.each([
    ['$map(spec.items, function($i){ $i.nmae })', `35: ${NMAE}`],
    ['$map(spec.items, function($i, $n, $all){ $all.nmae })', `47: ${NMAE}`],
    ['spec.items ~> $map(function($i){ $i.nmae })', `37: ${NMAE}`],
    ["$filter(spec.items, function($i){ $i.nmae = 'a' })", `38: ${NMAE}`],
    ['$filter(spec.items, function($i){ $i.size > 1 }).nmae', `50: ${NMAE}`],
    ['spec.items ~> $filter(function($i){ $i.size > 1 }) ~> $map(function($i){ $i.nmae })', `77: ${NMAE}`],
    ['$single(spec.items, function($i){ $i.size > 1 }).nmae', `50: ${NMAE}`],
    ['$sort(spec.items, function($a, $b){ $a.name > $b.nmae })', `50: ${NMAE}`],
    ['$reduce(spec.items, function($all, $i){ $all + $i.nmae }, 0)', `51: ${NMAE}`],
    ['$byName(spec.items, "a").nmae', `26: ${NMAE}`],
    ['$reverse($distinct(spec.items)).nmae', `33: ${NMAE}`],
    ['$append(spec.items, []).nmae', `25: ${NMAE}`],
    [
      '$map(spec.items, function($i){ $map($i.parts, function($p){ $p.prot }) })',
      "64: spec.items[].parts[].prot is not in Box's schema (did you mean port?)",
    ],
    [
      '$each(spec.byKey, function($v, $k){ $v.nmae })',
      "40: spec.byKey[].nmae is not in Box's schema (did you mean name?)",
    ],
    [
      '$sift(spec.byKey, function($v){ $v.nmae = "a" })',
      "36: spec.byKey[].nmae is not in Box's schema (did you mean name?)",
    ],
    ['$lookup(spec.byKey, "a").nmae', "26: spec.byKey.a.nmae is not in Box's schema (did you mean name?)"],
    ['spec.byKey.*.nmae', "14: spec.byKey[].nmae is not in Box's schema (did you mean name?)"],
  ])('%s', (expression, problem) => {
    expect(said(expression)).toEqual([problem]);
  });

  it.each([
    [
      '($db := children.deployment; $db.status.readyReplcas)',
      "41: children.deployment.status.readyReplcas is not in Deployment's schema (did you mean readyReplicas?)",
    ],
    ['($first := spec.items[0]; $first.nmae)', `34: ${NMAE}`],
    ['($a := spec.items[0] ?? {}; $a.nmae)', `32: ${NMAE}`],
    ['(spec.items ?? [])[nmae = "a"]', `20: ${NMAE}`],
    ['(spec.size > 1 ? spec.items).nmae', `30: ${NMAE}`],
    ['[spec.items].nmae', `14: ${NMAE}`],
    ['($f := function($x){ spec.items[0].nmae }; $f(1))', `36: ${NMAE}`],
    ['($s := spec; $s.sise)', "17: spec.sise is not in Box's schema (did you mean spec.size?)"],
    ['($v := vars; $v.y)', '17: UnknownVar there is no var y (did you mean vars.x?)'],
    [
      '($i := spec.items[0]; $map(spec.other, function($o){ $o.kind & $i.kind }))',
      "67: spec.items[].kind is not in Box's schema (there are name, size, parts, labels)",
    ],
  ])('behind a variable or a choice: %s', (expression, problem) => {
    expect(said(expression)).toEqual([problem]);
  });

  it.each([
    [
      "observe.pods[status.phaes = 'Running']",
      "21: observe.pods[].status.phaes is not in Pod's schema (did you mean phase?)",
    ],
    [
      'observe.pods[0].status.phaes',
      "24: observe.pods[].status.phaes is not in Pod's schema (did you mean phase?)",
    ],
    [
      '$count(children.each[stauts.x = 1])',
      "22: children.each[].stauts is not in Service's schema (did you mean status?)",
    ],
    ['probes.web[key = "a"].okay', '23: a probe has no okay (there are ok, value, error, at, key)'],
    [
      'spec.words[name = "a"]',
      "12: spec.words[].name is not in Box's schema; nothing stands below spec.words[]",
    ],
    [
      'spec.items[0].labels.a.b',
      "24: spec.items[].labels.a.b is not in Box's schema; nothing stands below spec.items[].labels.a",
    ],
  ])('of other roots: %s', (expression, problem) => {
    expect(said(expression)).toEqual([problem]);
  });

  it('tells a name once, and nothing of what stands behind it', () => {
    expect(said('spec.items[0].nmae.first.second')).toEqual([`15: ${NMAE}`]);
    expect(said('spec.itmes[0].nmae')).toEqual([
      "1: spec.itmes is not in Box's schema (did you mean spec.items?)",
    ]);
    expect(said('spec.items[0].nmae ?? spec.items[1].nmae')).toEqual([`15: ${NMAE}`, `37: ${NMAE}`]);
  });

  it.each([
    'spec.items[0].name',
    'spec.items[name = "a" and $$.spec.size > 1].parts[port = 1].port',
    'spec.items[$.size = $max($$.spec.items.size)].name',
    'spec.items@$i.{"n": $i.name, "s": size}',
    'spec.items@$i[$i.name = "a"].size',
    'spec.items@$i.other@$o.($i.name & $o.kind)',
    'spec.items.{"a": name}.a',
    '(spec.items{name: size}).anything',
    'spec.items.labels.whatever',
    'spec.fixed.*.nmae',
    'spec.free[anything = 1].goes',
    '$each(spec.fixed, function($v){ $v.nmae })',
    '$lookup(spec.fixed, "first").name',
    '$each(children, function($c){ $c.nmae })',
    '$each(vars, function($c){ $c.nmae })',
    'observe.pods.*.nmae',
    'children.each.*.nmae',
    'probes.web.*.nmae',
    '$map(spec.items, function($i){ {"nmae": $i.name} }).nmae',
    '$merge(spec.items).nmae',
    '$map([1..3], function($i){ $i.nmae })',
    '$map(spec.words, function($word, $i){ {"n": $word, "i": $i} }).nmae',
    '($x := [spec.items, spec.other]; $x.kind)',
    '($x := spec.size > 1 ? spec.items : spec.other; $x.kind)',
    '($x := spec.items; $x := spec.other; $x.kind)',
    '($x := spec.items; $f := function(){ $x.kind }; $x := spec.other; $f())',
    '($x := spec.items; ($x := spec.other; 1); $x.kind)',
    '($x := spec.items; $map(spec.other, function($x){ $x.kind }))',
    '($f := function($x){ $x.kind }; $f(spec.items))',
    '($f := function($n){ spec.items[$n] }; $f.nmae)',
    '($f := function($n){ spec.items[$n] }; $f(0).nmae)',
    '$map(spec.items, function($item){ $item.name & $string($item.size) })',
    'spec.items@$item{$item.name: $item.size}',
    '$reduce(spec.items, function($all, $i){ $merge([$all, {$i.name: $all.nmae}]) }, {})',
    '$map(spec.items, $string)',
    'spec.items ~> |$|{"nmae": name}| ~> $map(function($i){ $i.nmae })',
    'spec.items.name.$uppercase($)',
    'probes.web[ok].value',
    'metadata.ownerReferences[controller = true].name',
  ])('says nothing of %s', (expression) => {
    expect(said(expression)).toEqual([]);
  });
});

describe('names below items in a template', () => {
  it.each([
    ['{{#each spec.items}}{{nmae}}{{/each}}', `27: ${NMAE}`],
    ['{{#each spec.items}}{{this.nmae}}{{/each}}', `27: ${NMAE}`],
    ['{{#each spec.items}}{{./nmae}}{{/each}}', `27: ${NMAE}`],
    ['{{#each spec.items as |i|}}{{i.nmae}}{{/each}}', `34: ${NMAE}`],
    ['{{#each spec.items as |i n|}}{{n}}{{i.nmae}}{{/each}}', `41: ${NMAE}`],
    ['{{#each spec.items}}{{#if nmae}}a{{/if}}{{/each}}', `31: ${NMAE}`],
    ['{{#each spec.items}}{{default nmae "a"}}{{/each}}', `35: ${NMAE}`],
    ['{{#each spec.items}}{{#each parts}}{{../nmae}}{{/each}}{{/each}}', `42: ${NMAE}`],
    ['{{#each spec.other}}{{#each @root.spec.items}}{{nmae}}{{/each}}{{/each}}', `53: ${NMAE}`],
    ['{{#each (optional spec.items)}}{{nmae}}{{/each}}', `38: ${NMAE}`],
    ['{{#with spec}}{{#each items}}{{nmae}}{{/each}}{{/with}}', `36: ${NMAE}`],
    ['{{spec.items.[0].nmae}}', "7: spec.items[0].nmae is not in Box's schema (did you mean name?)"],
    [
      '{{#with spec.items.[0]}}{{nmae}}{{/with}}',
      "31: spec.items[0].nmae is not in Box's schema (did you mean name?)",
    ],
    [
      '{{#with spec.items.[0] as |i|}}{{i.nmae}}{{/with}}',
      "38: spec.items[0].nmae is not in Box's schema (did you mean name?)",
    ],
    [
      '{{#each spec.items}}{{#each parts}}{{prot}}{{/each}}{{/each}}',
      "42: spec.items[].parts[].prot is not in Box's schema (did you mean port?)",
    ],
    [
      '{{#each spec.items}}{{parts.port}}{{/each}}',
      '27: spec.items[].parts is a list; port stands in its items (go through it with {{#each parts}}, or take one item: parts.[0])',
    ],
    [
      '{{#each spec.byKey}}{{nmae}}{{/each}}',
      "27: spec.byKey[].nmae is not in Box's schema (did you mean name?)",
    ],
    [
      '{{#each spec.words}}{{this.name}}{{/each}}',
      "27: spec.words[].name is not in Box's schema; nothing stands below spec.words[]",
    ],
    [
      '{{#each observe.pods}}{{status.phaes}}{{/each}}',
      "29: observe.pods[].status.phaes is not in Pod's schema (did you mean phase?)",
    ],
    [
      '{{#each children.each}}{{stauts}}{{/each}}',
      "30: children.each[].stauts is not in Service's schema (did you mean status?)",
    ],
    [
      '{{#each probes.web}}{{okay}}{{/each}}',
      '27: a probe has no okay (there are ok, value, error, at, key)',
    ],
  ])('%s', (text, problem) => {
    expect(saidOfTemplate(`a: "${text}"`)).toEqual([`4:${problem}`]);
  });

  it('tells a name once, and nothing of what stands behind it', () => {
    const text = 'a: "{{#each spec.items}}{{#each prats}}{{prot.x}}{{/each}}{{/each}}"';
    expect(saidOfTemplate(text)).toEqual([
      "4:33: spec.items[].prats is not in Box's schema (did you mean parts?)",
    ]);
    const list = 'a: "{{#each spec.itmes}}{{nmae}}{{/each}}"';
    expect(saidOfTemplate(list)).toEqual([
      "4:13: spec.itmes is not in Box's schema (did you mean spec.items?)",
    ]);
  });

  it.each([
    '{{#each spec.items}}{{name}}{{this.size}}{{@index}}{{parts.length}}{{parts.[0].port}}{{/each}}',
    '{{#each spec.items}}{{labels.whatever}}{{@root.spec.size}}{{../spec.size}}{{/each}}',
    '{{#each spec.items}}{{#each labels as |value key|}}{{key}}{{value}}{{/each}}{{/each}}',
    '{{#each spec.words}}{{this}}{{/each}}',
    '{{#each spec.words as |word n|}}{{word}}{{n}}{{/each}}',
    '{{#each spec.fixed}}{{nmae}}{{/each}}',
    '{{#each spec.free}}{{nmae}}{{/each}}',
    '{{#each (range 3)}}{{this}}{{/each}}',
    '{{#each observe.pods}}{{metadata.name}}{{metadata.labels.app}}{{/each}}',
    '{{#each children.each}}{{spec.clusterIP}}{{/each}}',
    '{{#each probes.web}}{{key}}{{ok}}{{/each}}',
    '{{#with spec.items.[0]}}{{name}}{{/with}}',
  ])('says nothing of %s', (text) => {
    expect(saidOfTemplate(`a: "${text}"`)).toEqual([]);
  });
});

describe('names below the item of a forEach', () => {
  function saidOfItem(when: string, template: string): readonly string[] {
    const entry = `  - {file: item.yaml.hbs, forEach: spec.items, key: item.name, when: '${when}'}\n`;
    return problemsOf({
      'watches.yaml': WATCH.replace('  - config.yaml.hbs\n', entry),
      'deployment.yaml.hbs': DEPLOYMENT,
      'each.yaml': EACH,
      'item.yaml.hbs': `apiVersion: other.example.com/v1\nkind: Thing\nmetadata: {name: a}\na: "${template}"\n`,
    })
      .filter(({ severity }) => severity === 'error')
      .map(
        ({ file, line, ...problem }) =>
          `${file}:${line}:${problem.column}: ${told({ file, line, ...problem })}`,
      );
  }

  it('tells those that its list does not have', () => {
    expect(saidOfItem('$exists(item.parts[prot = 1])', '{{#each item.parts}}{{prot}}{{/each}}')).toEqual([
      'item.yaml.hbs:4:27: item.parts[].prot is not in the schema of spec.items (did you mean port?)',
      'watches.yaml:16:90: item.parts.prot is not in the schema of spec.items (did you mean port?)',
    ]);
    expect(saidOfItem('$exists(item.parts[port = 1])', '{{#each item.parts}}{{port}}{{/each}}')).toEqual([]);
  });
});
