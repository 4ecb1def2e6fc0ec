/** YAML with colours, for a terminal: keys, numbers and booleans, quoted texts and comments. What it says is not changed. */

const CODES = { key: 36, constant: 33, text: 32, comment: 2 } as const;
const END = '\u001b[0m';

/** As `yaml-text.ts` prints it: no text in quotes goes over several lines. */
export function highlightYaml(text: string): string {
  /** Lines that are indented more than this are a block of text; undefined: outside of one. */
  let block: number | undefined;
  return text
    .split('\n')
    .map((line) => {
      const indent = line.search(/\S/);
      if (block !== undefined && (indent < 0 || indent > block)) return line;
      const parts = partsOf(line);
      block = BLOCK.test(parts.value) ? parts.column : undefined;
      return colored(parts);
    })
    .join('\n');
}

/** `|-`, `>+`, `|2`: what follows is text. */
const BLOCK = /^[|>][-+0-9]*$/;

interface Parts {
  /** White space and the dashes of list items. */
  readonly lead: string;
  readonly key: string;
  /** `: `, where there is a key. */
  readonly colon: string;
  readonly value: string;
  readonly comment: string;
  /** Where the block of this line's value ends: at the key, or at the last dash. */
  readonly column: number;
}

const QUOTED = String.raw`"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'`;
const LINE = new RegExp(
  String.raw`^(?<lead>\s*(?:- +)*(?:-$)?)(?:(?<key>${QUOTED}|[^\s"'#][^#]*?)(?<colon>:(?:\s+|$)))?(?<value>${QUOTED}|.*?)(?<comment>(?:^|\s+|(?<=\s))#.*)?$`,
);

function partsOf(line: string): Parts {
  const { lead = '', key = '', colon = '', value = line, comment = '' } = LINE.exec(line)?.groups ?? {};
  return { lead, key, colon, value, comment, column: key === '' ? lead.lastIndexOf('-') : lead.length };
}

function colored({ lead, key, colon, value, comment }: Parts): string {
  return `${lead}${paint('key', key)}${colon}${paintValue(value)}${paint('comment', comment)}`;
}

function paintValue(value: string): string {
  if (/^["']/.test(value)) return paint('text', value);
  return /^(?:true|false|null|~|[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)$/i.test(value)
    ? paint('constant', value)
    : value;
}

function paint(what: keyof typeof CODES, text: string): string {
  return text === '' ? '' : `\u001b[${CODES[what]}m${text}${END}`;
}
