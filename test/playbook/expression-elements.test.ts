/** What is said of names below items is what evaluating reads: the recorded reads of a full context are the judge. */
import { describe, expect, it } from 'vitest';
import type { Context } from '../../engine/playbook/language.ts';
import { compile } from './expression-help.ts';

const item = (name: string) => ({
  name,
  size: 2,
  mode: `mode of ${name}`,
  parts: [
    { port: 1, kind: 'a' },
    { port: 2, kind: 'b' },
  ],
});

const DATA = {
  size: 3,
  items: [item('a'), item('b')],
  other: [{ name: 'a', kind: 'k' }],
  byKey: { one: { name: 'x' } },
};

/** The value, which notes each name that is read of it; the items of a list stand at the list's path. */
function recording(value: unknown, path: string, reads: Set<string>): unknown {
  if (Array.isArray(value)) return value.map((each) => recording(each, path, reads));
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get(target, name) {
      const below = `${path}.${String(name)}`;
      if (typeof name === 'string' && Object.hasOwn(target, name)) reads.add(below);
      return recording(Reflect.get(target, name), below, reads);
    },
  });
}

/** The paths below items that an expression is said to read, and those that it does read. */
async function paths(
  source: string,
): Promise<{ readonly said: readonly string[]; readonly read: Set<string> }> {
  const result = compile(source);
  if (result.kind === 'refused') throw new Error(JSON.stringify(result.problems));
  const read = new Set<string>();
  const context: Context = { spec: recording(DATA, 'spec', read) };
  const evaluation = await result.expression.evaluate(context);
  if (evaluation.kind === 'error') throw new Error(evaluation.problem.message);
  const said = result.elements.map(({ root, path }) => [root, ...path].join('.').replace('.*', '.one'));
  return { said, read };
}

describe('the names that an expression reads below items', () => {
  it.each([
    ['spec.items[0].mode', ['spec.items.mode']],
    ['spec.items[mode = "x" or size = 2].name', ['spec.items.mode', 'spec.items.size', 'spec.items.name']],
    ['spec.items.(parts; mode)', ['spec.items.parts', 'spec.items.mode']],
    ['spec.items@$i.size', ['spec.size']],
    [
      'spec.items@$i[size = 3].other@$o[$o.name = $i.name].($i.mode & $o.kind & size)',
      ['spec.size', 'spec.other', 'spec.other.name', 'spec.items.name', 'spec.items.mode', 'spec.other.kind'],
    ],
    ['spec.items.parts@$p[$p.kind = "b"].mode', ['spec.items.parts.kind', 'spec.items.mode']],
    ['spec.items#$n[$n = 0].mode', ['spec.items.mode']],
    ['spec.items@$i{$i.name: size}', ['spec.items.name', 'spec.size']],
    ['spec.items{name: mode}', ['spec.items.name', 'spec.items.mode']],
    ['spec.items^(>size, name)[0].mode', ['spec.items.name', 'spec.items.size', 'spec.items.mode']],
    ['spec.items^(name)#$n.{"n": $n, "m": mode}', ['spec.items.name', 'spec.items.mode']],
    [
      'spec.items ~> $filter(function($i){ $i.size > 1 }) ~> $map(function($i){ $i.mode })',
      ['spec.items.size', 'spec.items.mode'],
    ],
    ['spec.items.$map($, function($i){ $i.mode })', ['spec.items.mode']],
    ['$map(spec.items.parts, function($p, $n, $all){ $p.port + $all[0].port })', ['spec.items.parts.port']],
    ['$sort(spec.items, function($a, $b){ $a.mode > $b.mode }).name', ['spec.items.mode', 'spec.items.name']],
    [
      '$sort(spec.items, function($a, $b){ $a.size > $b.size })[0].parts[1].kind',
      ['spec.items.size', 'spec.items.parts', 'spec.items.parts.kind'],
    ],
    ['$reduce(spec.items, function($all, $i){ $all & $i.mode }, "")', ['spec.items.mode']],
    ['$single(spec.items, function($i){ $i.name = "a" }).mode', ['spec.items.name', 'spec.items.mode']],
    [
      '$each(spec.byKey, function($v, $k, $o){ $v.name & $o.one.name })',
      ['spec.byKey.one.name', 'spec.byKey.one', 'spec.byKey.one.name'],
    ],
    [
      '$sift(spec.byKey, function($v){ $v.name = "x" }).one.name',
      ['spec.byKey.one.name', 'spec.byKey.one', 'spec.byKey.one.name'],
    ],
    ['spec.byKey.*.name', ['spec.byKey.one.name']],
    ['$lookup(spec.byKey, "one").name', ['spec.byKey.one.name']],
    ['$byName(spec.items, "a").mode', ['spec.items.mode']],
    ['$reverse($distinct($clone(spec.items))).mode', ['spec.items.mode']],
    ['[[spec.items], $append(spec.items, [])].mode', ['spec.items.mode']],
    ['(spec.items ?? [])[size = 2].mode', ['spec.items.size', 'spec.items.mode']],
    ['($x := spec.items; $f := function($n){ $x[$n].mode }; $f(0))', ['spec.items.mode']],
  ])('%s', async (source, expected) => {
    const { said, read } = await paths(source);
    expect(new Set(said)).toEqual(new Set(expected));
    expect(said.filter((path) => !read.has(path))).toEqual([]);
  });
});
