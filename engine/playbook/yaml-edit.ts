/** Values put into a YAML text in the place of others; every other character stays as it was written. */
import { isAlias, isCollection, isNode, type Node, parseAllDocuments, stringify } from 'yaml';
import type { Json } from '../kube/object.ts';

export interface YamlEdit {
  /** Among the documents that hold something. */
  readonly document: number;
  readonly path: readonly (string | number)[];
  readonly value: Json;
}

interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** `refused`: edits whose place is not there, or is an alias of another place. */
export function editYaml(
  text: string,
  edits: readonly YamlEdit[],
): { readonly text: string; readonly refused: readonly YamlEdit[] } {
  const documents = parseAllDocuments(text);
  const filled = 'empty' in documents ? [] : documents.filter(({ contents }) => contents !== null);
  const refused: YamlEdit[] = [];
  const splices = edits.flatMap((edit): readonly Splice[] => {
    const splice = spliceOf(nodeAt(filled[edit.document]?.contents, edit.path), text, edit.value);
    if (splice === undefined) refused.push(edit);
    return splice === undefined ? [] : [splice];
  });
  const sorted = splices.toSorted((a, b) => b.start - a.start);
  const edited = sorted.reduce(
    (left, { start, end, text: put }) => `${left.slice(0, start)}${put}${left.slice(end)}`,
    text,
  );
  return { text: edited, refused };
}

/** Never through an alias: what stands there belongs to others too. */
function nodeAt(root: unknown, path: YamlEdit['path']): Node | undefined {
  let node = root;
  for (const segment of path) {
    if (!isCollection(node)) return undefined;
    node = node.get(segment, true);
  }
  return isNode(node) && !isAlias(node) ? node : undefined;
}

function spliceOf(node: Node | undefined, text: string, value: Json): Splice | undefined {
  const range = node?.range ?? undefined;
  // What has an anchor is said again elsewhere.
  if (range === undefined || Object(node).anchor !== undefined) return undefined;
  const [start, valueEnd] = range;
  const end = start + text.slice(start, valueEnd).trimEnd().length;
  const options = { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 } as const;
  const written = stringify(value, options).trim();
  return { start, end, text: end === start ? ` ${written}` : written };
}
