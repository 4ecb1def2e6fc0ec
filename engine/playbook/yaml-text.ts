/** Plain data as YAML that a person can read and edit: texts of several lines as blocks, no line folded. */
import { Document, isCollection, isScalar, stringify, visit } from 'yaml';
import type { Json } from '../kube/object.ts';

/** One document after the other, separated by `---`. */
export function formatYaml(documents: readonly Json[]): string {
  return documents.map((document) => stringify(document, { lineWidth: 0, version: '1.1' })).join('---\n');
}

/** One document, with a comment behind each scalar, or above what lies below a key, for which there is one. */
export function formatYamlWith(
  value: Json,
  commentOf: (pointer: string, kind: 'scalar' | 'collection') => string | undefined,
): string {
  const document = new Document(value, { version: '1.1', aliasDuplicateObjects: false });
  visit(document, {
    Value(index, node, ancestors) {
      if (index === 'key') return;
      const comment = commentOf(pointerTo(index, ancestors), isScalar(node) ? 'scalar' : 'collection');
      if (comment === undefined) return;
      if (isScalar(node)) node.comment = ` ${comment}`;
      else if (isCollection(node)) node.commentBefore = ` ${comment}`;
    },
  });
  return document.toString({ lineWidth: 0 });
}

/** From the keys of the pairs and the places in lists around a node. */
function pointerTo(index: unknown, ancestors: readonly unknown[]): string {
  const around = [...ancestors, undefined];
  const segments = ancestors.flatMap((ancestor, depth) => {
    const key = keyOf(ancestor);
    if (key !== undefined) return [key];
    const items = itemsOf(ancestor);
    const next = around[depth + 1];
    const position = next === undefined ? index : items?.indexOf(next);
    return items === undefined || isMapItems(items) ? [] : [String(position)];
  });
  return segments.map((segment) => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function keyOf(node: unknown): string | undefined {
  const { key } = Object(node);
  return isScalar(key) ? String(key.value) : undefined;
}

function itemsOf(node: unknown): readonly unknown[] | undefined {
  return isCollection(node) ? node.items : undefined;
}

function isMapItems(items: readonly unknown[]): boolean {
  return items.length > 0 && keyOf(items[0]) !== undefined;
}
