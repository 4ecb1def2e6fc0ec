/** YAML as plain immutable nodes with offsets into the text, free of the library that parsed them. */
import type { Json } from '../kube/object.ts';

export type YamlNode = YamlScalar | YamlMap | YamlList;

export interface YamlScalar {
  readonly kind: 'scalar';
  readonly value: string | number | bigint | boolean | null;
  readonly style: 'plain' | 'quoted' | 'block';
  /** Where its text begins: behind an opening quote. */
  readonly offset: number;
}

export interface YamlMap {
  readonly kind: 'map';
  readonly entries: readonly YamlEntry[];
  readonly offset: number;
}

export interface YamlEntry {
  /** Always a string scalar. */
  readonly key: YamlScalar & { readonly value: string };
  readonly value: YamlNode;
}

export interface YamlList {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
  readonly offset: number;
}

export type YamlPath = readonly (string | number)[];

export function nullAt(offset: number): YamlScalar {
  return { kind: 'scalar', value: null, style: 'plain', offset };
}

/** Repeated parts count each time: what matters is the size of what a reader would walk. */
export function measure(node: YamlNode): { size: number; height: number } {
  const parts = childrenOf(node).map(measure);
  const size = parts.reduce((sum, part) => sum + part.size, 1);
  return { size, height: parts.reduce((most, part) => Math.max(most, part.height + 1), 0) };
}

function childrenOf(node: YamlNode): readonly YamlNode[] {
  if (node.kind === 'map') return node.entries.map((entry) => entry.value);
  return node.kind === 'list' ? node.items : [];
}

/** The node as JSON; what an alias repeats is shared. */
export function jsonOf(node: YamlNode, done: Map<YamlNode, Json> = new Map()): Json {
  if (node.kind === 'scalar') return node.value;
  const known = done.get(node);
  if (known !== undefined) return known;
  const value =
    node.kind === 'list'
      ? node.items.map((item) => jsonOf(item, done))
      : Object.fromEntries(node.entries.map(({ key, value: child }) => [key.value, jsonOf(child, done)]));
  done.set(node, value);
  return value;
}

/** Where the value (or key) at `path` begins; for a path that is not there, its nearest parent. */
export function offsetOf(root: YamlNode, path: YamlPath, what: 'key' | 'value'): number {
  let node = root;
  let offset = root.offset;
  for (const [index, step] of path.entries()) {
    const entry = node.kind === 'map' ? node.entries.find(({ key }) => key.value === step) : undefined;
    const next = node.kind === 'list' && typeof step === 'number' ? node.items[step] : entry?.value;
    if (next === undefined) return offset;
    node = next;
    offset =
      what === 'key' && entry !== undefined && index === path.length - 1 ? entry.key.offset : node.offset;
  }
  return offset;
}
