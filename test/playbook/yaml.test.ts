import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../engine/base/diagnostic.ts';
import type { YamlDocument, YamlLimits } from '../../engine/playbook/yaml.ts';
import { parseYaml } from '../../engine/playbook/yaml.ts';

const FILE = 'a.yaml';

function documents(text: string, limits: Partial<YamlLimits> = {}): readonly YamlDocument[] {
  const result = parseYaml({ file: FILE, text, limits });
  if (result.kind === 'refused') throw new Error(result.problems.map(formatDiagnostic).join('\n'));
  return result.documents;
}

function value(text: string): unknown {
  return documents(text)[0]?.value;
}

function problems(text: string, limits: Partial<YamlLimits> = {}): string[] {
  const result = parseYaml({ file: FILE, text, limits });
  return result.kind === 'refused' ? result.problems.map((p) => `${p.line}:${p.column} ${p.code}`) : [];
}

describe('values', () => {
  it('reads by the core schema of YAML 1.2: y, on and yes are strings', () => {
    expect(value('{a: y, b: on, c: yes, d: true, e: ~, f: 0o17, g: 0x1f, h: 1.5}')).toEqual({
      a: 'y',
      b: 'on',
      c: 'yes',
      d: true,
      e: null,
      f: 15,
      g: 31,
      h: 1.5,
    });
  });

  it('keeps integers beyond 2^53 exact', () => {
    expect(value('a: 9007199254740993\nb: 9007199254740991')).toEqual({
      a: 9007199254740993n,
      b: 9007199254740991,
    });
  });

  it('yields every document that is not empty', () => {
    expect(documents('---\na: 1\n---\n# nothing\n---\nb: 2\n').map((d) => d.value)).toEqual([
      { a: 1 },
      { b: 2 },
    ]);
    expect(documents('')).toEqual([]);
  });

  it('resolves an alias to the anchor last set before it', () => {
    expect(value('a: &x 1\nb: *x\nc: &x [2]\nd: *x')).toEqual({ a: 1, b: 1, c: [2], d: [2] });
  });

  it('knows the tags of the core schema', () => {
    expect(value('a: !!str 5\nb: !!int "7"')).toEqual({ a: '5', b: 7 });
  });
});

describe('places', () => {
  const [document] = documents('- kind: X\n  list:\n    - "text"\n    - {a: b}\n');

  it('names the first character of a value', () => {
    expect(document?.placeOf([0, 'kind'])).toEqual({ file: FILE, line: 1, column: 9 });
    expect(document?.placeOf([0, 'list', 0])).toEqual({ file: FILE, line: 3, column: 8 });
    expect(document?.placeOf([0, 'list', 1, 'a'])).toEqual({ file: FILE, line: 4, column: 11 });
  });

  it('names a key, and the nearest parent of a path that is not there', () => {
    expect(document?.placeOf([0, 'list'], 'key')).toEqual({ file: FILE, line: 2, column: 3 });
    expect(document?.placeOf([0, 'list', 7, 'b'])).toEqual({ file: FILE, line: 3, column: 5 });
  });
});

describe('refusals', () => {
  it('reports all problems of a text at once', () => {
    expect(problems('a: 1\na: 2\n1: x\nb: 0777\nc: .nan\n')).toEqual([
      '2:1 YamlDuplicateKey',
      '3:1 YamlKeyNotString',
      '4:4 YamlLeadingZero',
      '5:4 YamlNumber',
    ]);
  });

  it('hints at octal for a leading zero', () => {
    const result = parseYaml({ file: FILE, text: 'mode: 0777' });
    expect(result.kind === 'refused' && result.problems[0]?.hint).toContain('0o777');
  });

  it.each([
    ['<<: {a: 1}', 'YamlMergeKey'],
    ['__proto__: {a: 1}', 'YamlForbiddenKey'],
    ['"__proto__": 1', 'YamlForbiddenKey'],
    ['a: !secret x', 'YamlTag'],
    ['a: *nowhere', 'YamlAlias'],
    ['a: &a [*a]', 'YamlAlias'],
    ['%YAML 1.1\n---\na: on', 'YamlVersion'],
    ['a: b: c', 'YamlSyntax'],
    ['a:\n\t- b', 'YamlSyntax'],
    ['a: "open', 'YamlSyntax'],
    ['[a, b]: c', 'YamlKeyNotString'],
    ['null: c', 'YamlKeyNotString'],
  ])('%j is refused', (text, code) => {
    expect(problems(text).join()).toContain(code);
  });

  it('a quoted << is an ordinary key', () => {
    expect(value('"<<": 1')).toEqual({ '<<': 1 });
  });
});

describe('limits', () => {
  it('bounds length, depth and documents', () => {
    expect(problems('a: 12345', { length: 5 })).toEqual(['1:1 YamlTooLarge']);
    expect(problems('[[[[1]]]]', { depth: 3 })).toEqual(['1:4 YamlTooDeep']);
    expect(problems('a: 1\n---\nb: 1\n---\nc: 1', { documents: 2 })).toEqual(['1:1 YamlTooManyDocuments']);
  });

  it('survives absurd nesting', () => {
    expect(problems('['.repeat(100_000)).join()).toContain('Yaml');
  });

  it('refuses an alias bomb without expanding it', () => {
    const rows = Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`);
    expect(problems(['a0: &a0 x', ...rows].join('\n'))).toEqual([expect.stringContaining('YamlAlias')]);
  });
});

it('throws for no text whatever', () => {
  const piece = fc.constantFrom(
    'a',
    ': ',
    '- ',
    '\n',
    '  ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '&a ',
    '*a',
    '!x ',
    '|',
    '>',
    '#',
    '---\n',
    '%',
    ',',
    '\t',
    '? ',
    '0',
    '\u{1f600}',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const result = parseYaml({ file: FILE, text: pieces.join('') });
      return result.kind === 'parsed' || result.problems.every((p) => p.line > 0 && p.column > 0);
    }),
    { numRuns: 2000 },
  );
});
