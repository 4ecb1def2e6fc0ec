import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { highlightYaml } from '../../engine/cli/highlight.ts';
import { formatYamlWith } from '../../engine/playbook/yaml-text.ts';

/** `<k key>`, `<c constant>`, `<t text>`, `<# comment>` instead of colours. */
function shown(text: string): string {
  const names = new Map([
    ['36', 'k'],
    ['33', 'c'],
    ['32', 't'],
    ['2', '#'],
  ]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
  return highlightYaml(text).replace(/\u001b\[(\d+)m(.*?)\u001b\[0m/g, (_, code, inner) => {
    return `<${names.get(code)} ${inner}>`;
  });
}

describe('YAML with colours', () => {
  it.each([
    ['kind: Service', '<k kind>: Service'],
    ['  - name: http # x.hbs:1 {{a}}', '  - <k name>: http<#  # x.hbs:1 {{a}}>'],
    ['replicas: 2', '<k replicas>: <c 2>'],
    ['on: true', '<k on>: <c true>'],
    ['a: 10m', '<k a>: 10m'],
    ['url: http://a.b:80/#top', '<k url>: http://a.b:80/#top'],
    ['a: "b # c: d" # e', '<k a>: <t "b # c: d"><#  # e>'],
    ["a: 'it''s'", "<k a>: <t 'it''s'>"],
    ['"a # b": "1"', '<k "a # b">: <t "1">'],
    ['- memcached', '- memcached'],
    ['- -m', '- -m'],
    ['- "64"', '- <t "64">'],
    ['data:', '<k data>:'],
    ['# file.hbs', '<# # file.hbs>'],
    ['  # file.hbs:1', '  <# # file.hbs:1>'],
    ['---', '---'],
    ['', ''],
  ])('%s', (line, expected) => {
    expect(shown(line)).toBe(expected);
  });

  it('leaves blocks of text alone, up to their end', () => {
    const text =
      'data:\n  conf: |\n    key: "open" # all day\n\n    - 1\n  other: 1\nlist:\n  - |-\n    a: 1\n  - 2\n';
    expect(shown(text)).toBe(
      '<k data>:\n  <k conf>: |\n    key: "open" # all day\n\n    - 1\n  <k other>: <c 1>\n<k list>:\n  - |-\n    a: 1\n  - <c 2>\n',
    );
  });

  it('says what the text says, whatever is in it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = formatYamlWith(JSON.parse(JSON.stringify(value)), (pointer) => `at ${pointer}`);
        expect(stripVTControlCharacters(highlightYaml(text))).toBe(stripVTControlCharacters(text));
      }),
    );
  });
});
