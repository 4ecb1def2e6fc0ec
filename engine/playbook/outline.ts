/** A manifest as it is written, with places: what static checks go through. Values are not known, types often are. */
import type { Place } from '../base/diagnostic.ts';
import type { GroupVersionKind } from '../kube/object.ts';
import type { Reference } from './language.ts';

export type OutlineNode = OutlineMap | OutlineList | OutlineScalar;

export interface OutlineMap {
  readonly kind: 'map';
  readonly place: Place;
  readonly entries: readonly OutlineEntry[];
}

export interface OutlineEntry {
  /** Undefined where the key holds `{{ }}`. */
  readonly key: string | undefined;
  readonly keyPlace: Place;
  readonly value: OutlineNode;
}

export interface OutlineList {
  readonly kind: 'list';
  readonly place: Place;
  readonly items: readonly OutlineNode[];
}

export type OutlineScalar =
  | {
      readonly kind: 'literal';
      readonly place: Place;
      readonly value: string | number | bigint | boolean | null;
    }
  /** One expression alone, whose value keeps its type. `reference`: the path that it reads, where it is nothing else. */
  | {
      readonly kind: 'value';
      readonly place: Place;
      readonly source: string;
      readonly reference: Reference | undefined;
      readonly identity: string | undefined;
    }
  /** A text with expressions in it. */
  | {
      readonly kind: 'text';
      readonly place: Place;
      readonly source: string;
      /** The same for the same text wherever it stands; undefined where that depends on more than the resource. */
      readonly identity: string | undefined;
    };

/** The value behind static keys; undefined where there is none, or where it is not written out. */
export function outlineAt(
  node: OutlineNode | undefined,
  ...path: readonly string[]
): OutlineNode | undefined {
  let at = node;
  for (const name of path) {
    at = at?.kind === 'map' ? at.entries.find(({ key }) => key === name)?.value : undefined;
  }
  return at;
}

/** What stands at a place: nothing, or something that is not written out. */
export type OutlinePart = OutlineNode | 'absent' | 'open';

/** As `outlineAt`, but tells what is not there from what can't be known. */
export function partAt(node: OutlinePart, ...path: readonly string[]): OutlinePart {
  let at = node;
  for (const name of path) at = typeof at === 'string' ? at : partOf(at, name);
  return at;
}

function partOf(node: OutlineNode, name: string): OutlinePart {
  if (node.kind !== 'map') return 'open';
  const found = node.entries.find(({ key }) => key === name)?.value;
  if (found === undefined) return node.entries.some(({ key }) => key === undefined) ? 'open' : 'absent';
  return found.kind === 'literal' && found.value === null ? 'absent' : found;
}

/** None where there is no list; undefined where it is not written out. */
export function itemsOf(part: OutlinePart): readonly OutlineNode[] | undefined {
  if (part === 'absent') return [];
  return typeof part === 'object' && part.kind === 'list' ? part.items : undefined;
}

export type OutlineLiteral = Extract<OutlineNode, { kind: 'literal' }>;

export function isLiteral(part: OutlinePart): part is OutlineLiteral {
  return typeof part === 'object' && part.kind === 'literal';
}

/** What the items that have the field say there; undefined where one of them does not write it out. */
export function literalsAt(
  items: readonly OutlineNode[],
  ...path: readonly string[]
): ReadonlySet<string> | undefined {
  const parts = items.map((item) => partAt(item, ...path));
  if (!parts.every((part) => part === 'absent' || isLiteral(part))) return undefined;
  return new Set(parts.filter(isLiteral).map(({ value }) => String(value)));
}

/** Two names that are given the same are the same; undefined: nothing can be said. */
export function nameAt(node: OutlinePart, ...path: readonly string[]): string | undefined {
  const part = partAt(node, ...path);
  if (typeof part === 'string' || part.kind === 'map' || part.kind === 'list') return undefined;
  return part.kind === 'literal' ? String(part.value) : part.identity;
}

/** One document that a watch writes, in the shapes that it can take. */
export interface WrittenDocument {
  readonly gvk: GroupVersionKind;
  /** It says only a part of an object that is there anyway. */
  readonly partial: boolean;
  /** Its entry says in which namespace it is. */
  readonly elsewhere: boolean;
  readonly shapes: readonly OutlineNode[];
}
