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
    }
  /** A text with expressions in it. */
  | { readonly kind: 'text'; readonly place: Place; readonly source: string };

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

/** One document that a watch writes, in the shapes that it can take. */
export interface WrittenDocument {
  readonly gvk: GroupVersionKind;
  /** It says only a part of an object that is there anyway. */
  readonly partial: boolean;
  readonly shapes: readonly OutlineNode[];
}
