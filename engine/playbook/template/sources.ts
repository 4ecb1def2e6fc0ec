/** What stands at which path of a document as written, for checks that need no values. */
import type { Json } from '../../kube/object.ts';
import { isJsonObject } from '../../kube/value.ts';
import type { SkeletonNode } from './skeleton.ts';
import type { Emission } from './syntax.ts';

/** The text of each scalar by its path, joined by dots. Lists are not entered. */
export function sourcesOf(root: SkeletonNode, emission: Emission): ReadonlyMap<string, string> {
  const outputs = emission.filter((part) => part.kind === 'output').map(({ source }) => source);
  const found = new Map<string, string>();
  collect(root, [], { outputs, found });
  return found;
}

interface Collecting {
  readonly outputs: readonly string[];
  readonly found: Map<string, string>;
}

function collect(node: SkeletonNode, path: readonly string[], into: Collecting): void {
  const { outputs, found } = into;
  switch (node.kind) {
    case 'literal':
      collectLiteral(node.value, path, into);
      break;
    case 'slot':
      found.set(path.join('.'), outputs[node.slot] ?? '');
      break;
    case 'text':
      found.set(
        path.join('.'),
        node.parts.map((part) => (typeof part === 'number' ? (outputs[part] ?? '') : part)).join(''),
      );
      break;
    case 'map':
      for (const { key, value } of node.entries) {
        if (typeof key === 'string') collect(value, [...path, key], into);
      }
      break;
    case 'list':
      break;
  }
}

function collectLiteral(value: Json, path: readonly string[], into: Collecting): void {
  if (isJsonObject(value)) {
    for (const [key, member] of Object.entries(value)) collectLiteral(member, [...path, key], into);
  } else if (typeof value !== 'object' && value !== null) into.found.set(path.join('.'), String(value));
}
