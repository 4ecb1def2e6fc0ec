/** Stands for `{{source}}` until the tree is text: a word that YAML leaves as it is. */
export function expression(source: string): string {
  return `\uE000${source}\uE001`;
}

/** A text with one of them. */
export const EXPRESSION = /\uE000([^\uE001]*)\uE001/;
