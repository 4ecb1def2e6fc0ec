/** Files' modes, which everybody writes in octal: marked in a tree, and written out in its text. */
import type { Json } from '../../kube/object.ts';
import { isJsonObject } from '../../kube/value.ts';

/** The tree with a word that YAML leaves as it is for each mode. */
export function withModes(tree: Json): Json {
  if (Array.isArray(tree)) return tree.map(withModes);
  if (!isJsonObject(tree)) return tree;
  const entries = Object.entries(tree).map(([key, value]): [string, Json] => [
    key,
    /^(defaultM|m)ode$/.test(key) && typeof value === 'number'
      ? `\uE002${value.toString(8)}\uE003`
      : withModes(value ?? null),
  ]);
  return Object.fromEntries(entries);
}

export function modesIn(text: string): string {
  return text.replace(/\uE002([^\uE003]*)\uE003/g, '0o$1');
}
