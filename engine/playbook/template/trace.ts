/**
 * Where the values of a rendering come from, for people who ask: the skeleton is parsed once more, with its offsets, and
 * walked beside the trees that came out. Nothing of this lies on the way of a reconcile.
 */
import type { JsonObject } from '../../kube/object.ts';
import { asJson, getPath, isList } from '../../kube/value.ts';
import type { TracedValue } from '../language.ts';
import { parseYaml } from '../yaml.ts';
import type { YamlEntry, YamlNode, YamlScalar } from '../yaml-node.ts';
import { cutAtMarkers, skeletonText, sourceOffset } from './emission.ts';
import type { Source } from './source.ts';
import type { Emission } from './syntax.ts';
import { textOf, type Value } from './values.ts';

export interface Traced {
  readonly source: Source;
  readonly emission: Emission;
  readonly values: readonly Value[];
}

/** For each tree, by the JSON pointer of a scalar, or of a value that was inserted whole: where it was written. */
export function tracePlaces(
  traced: Traced,
  trees: readonly JsonObject[],
): readonly ReadonlyMap<string, TracedValue>[] {
  const { file } = traced.source.start;
  const { documents } = parseYaml({ file, text: skeletonText(traced.emission) });
  return trees.map((tree, index) => {
    const root = documents[index]?.root;
    const walk = new Walk(traced);
    if (root !== undefined) walk.node(root, tree, '');
    return walk.places;
  });
}

class Walk {
  readonly places = new Map<string, TracedValue>();
  readonly #traced: Traced;

  constructor(traced: Traced) {
    this.#traced = traced;
  }

  node(node: YamlNode, tree: unknown, pointer: string): void {
    if (node.kind === 'map') for (const entry of node.entries) this.#entry(entry, tree, pointer);
    else if (node.kind === 'list') this.#list(node.items, tree, pointer);
    else this.#scalar(node, pointer);
  }

  #entry({ key, value }: YamlEntry, tree: unknown, pointer: string): void {
    const name = this.#textOf(key.value);
    const found = name === undefined ? undefined : getPath(tree, [name]);
    if (name !== undefined && found !== undefined) this.node(value, found, `${pointer}/${escaped(name)}`);
  }

  /** What is absent left no item, so those that follow it moved up. */
  #list(items: readonly YamlNode[], tree: unknown, pointer: string): void {
    const present = items.filter((item) => !this.#isAbsent(item));
    if (!isList(tree) || present.length !== tree.length) return;
    for (const [index, item] of present.entries()) this.node(item, tree[index], `${pointer}/${index}`);
  }

  #scalar(scalar: YamlScalar, pointer: string): void {
    const { source, emission } = this.#traced;
    const outputs = emission.filter((part) => part.kind === 'output');
    const slots = slotsOf(scalar);
    const written = slots.flatMap((slot) => outputs[slot]?.source ?? []);
    const place = source.placeAt(sourceOffset(emission, scalar.offset));
    this.places.set(pointer, written.length === 0 ? { place } : { place, source: written.join(' ') });
  }

  #isAbsent(node: YamlNode): boolean {
    if (node.kind !== 'scalar') return false;
    if (node.value === null) return true;
    const parts = typeof node.value === 'string' ? cutAtMarkers(node.value) : [];
    if (parts.length === 0) return false;
    return parts.every((part) => typeof part === 'number' && isAbsent(this.#traced.values[part]));
  }

  #textOf(text: string): string | undefined {
    const parts = cutAtMarkers(text).map((part) => {
      if (typeof part === 'string') return part;
      const value = this.#traced.values[part];
      const written = value === undefined ? undefined : textOf(value);
      return typeof written === 'string' ? written : undefined;
    });
    return parts.every((part) => part === undefined) ? undefined : parts.join('');
  }
}

function slotsOf({ value }: YamlScalar): readonly number[] {
  return typeof value === 'string' ? cutAtMarkers(value).filter((part) => typeof part === 'number') : [];
}

function isAbsent(value: Value): boolean {
  return value === undefined || asJson(value) === null;
}

/** A segment of a JSON pointer. */
function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
