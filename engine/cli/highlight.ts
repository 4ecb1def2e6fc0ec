/** YAML with colours, for a terminal. */

const CYAN = '\u001b[36m';
const DIM = '\u001b[2m';
const END = '\u001b[0m';

/** Keys and comments stand out; what the text says is not changed. */
export function highlightYaml(text: string): string {
  return text
    .split('\n')
    .map((line) => {
      const [, before = '', comment = ''] = /^(.*?)((?:^|\s)#.*)?$/.exec(line) ?? [];
      const key = /^(\s*(?:- )*)("[^"]*"|[^\s"'#][^:]*)(:(?:\s.*)?)$/.exec(before);
      const colored = key === null ? before : `${key[1]}${CYAN}${key[2]}${END}${key[3]}`;
      return comment === '' ? colored : `${colored}${DIM}${comment}${END}`;
    })
    .join('\n');
}
