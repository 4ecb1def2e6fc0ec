/**
 * A parsed skeleton: a tree with slots where values go. It knows offsets of its own text only, so that one skeleton
 * serves every emission with that text. What holds no slot is one frozen literal, shared by all renderings.
 */
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import type { Json } from '../../kube/object.ts';
import { deepFreeze } from '../freeze.ts';
import { parseYaml } from '../yaml.ts';
import type { YamlEntry, YamlMap, YamlNode, YamlScalar } from '../yaml-node.ts';
import { cutAtMarkers, readable, skeletonText, sourceOffset } from './emission.ts';
import { checkManifest, wantsStrings } from './manifest.ts';
import { errorAt } from './source.ts';
import type { Emission, OutputPart } from './syntax.ts';

export type SkeletonNode = LiteralNode | SlotNode | TextNode | MapNode | ListNode;

export interface LiteralNode {
  readonly kind: 'literal';
  readonly value: Json;
}

/** A plain scalar that is one expression: the value keeps its type. */
export interface SlotNode {
  readonly kind: 'slot';
  readonly slot: number;
  /** What the API takes there: texts alone (`value` of a label, a `map` of labels), or anything. */
  readonly strings: 'value' | 'map' | 'no';
}

/** Texts and slots that are joined. */
export interface TextNode {
  readonly kind: 'text';
  readonly parts: readonly (string | number)[];
}

export interface MapNode {
  readonly kind: 'map';
  readonly entries: readonly MapEntry[];
  /** Some key has a slot, so that duplicates must be looked for. */
  readonly dynamic: boolean;
}

export interface MapEntry {
  readonly key: string | SlotNode | TextNode;
  /** Of the key, in the skeleton's text. */
  readonly offset: number;
  readonly value: SkeletonNode;
}

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly SkeletonNode[];
}

export interface SkeletonDocument {
  readonly root: SkeletonNode;
  readonly apiVersion: string;
  readonly kind: string;
  /** Of the key `kind`, in the skeleton's text: it tells the document from the template's others. */
  readonly kindOffset: number;
}

export type SkeletonResult =
  | { readonly kind: 'parsed'; readonly documents: readonly SkeletonDocument[] }
  | { readonly kind: 'refused'; readonly problems: readonly Diagnostic[] };

export interface SkeletonInput {
  readonly emission: Emission;
  readonly placeAt: (offset: number) => Place;
}

/** An emission may be longer than its template: `each` repeats. */
const LONGEST_SKELETON = 1 << 20;

/** Parses the skeleton of an emission, or tells all that is wrong with it, in places of the source. */
export function parseSkeleton({ emission, placeAt }: SkeletonInput): SkeletonResult {
  const at = (offset: number): Place => placeAt(sourceOffset(emission, offset));
  const limits = { length: LONGEST_SKELETON };
  const yaml = parseYaml({ file: placeAt(0).file, text: skeletonText(emission), limits, placeAt: at });
  const builder = new Builder(at);
  const documents = yaml.documents
    .map(({ root }) => builder.document(root))
    .filter((built) => built !== undefined);
  if (yaml.kind === 'refused') {
    const found = yaml.problems.map((problem) => inSourceTerms(problem, emission));
    return { kind: 'refused', problems: [...found, ...builder.problems] };
  }
  const problems = [...builder.problems, ...unplaced(emission, builder.placed)];
  return problems.length > 0 ? { kind: 'refused', problems } : { kind: 'parsed', documents };
}

function inSourceTerms(problem: Diagnostic, emission: Emission): Diagnostic {
  return { ...problem, message: readable(problem.message, emission) };
}

/** An output that reached no value, key or text stands in a comment, tag, anchor or alias. */
function unplaced(emission: Emission, placed: ReadonlySet<number>): Diagnostic[] {
  const outputs = emission.filter((part): part is OutputPart => part.kind === 'output');
  return outputs
    .filter((_, slot) => !placed.has(slot))
    .map(({ place, source }) =>
      errorAt('TemplateMisplaced', place, {
        message: `${source} stands where no value can: in a comment, a tag, an anchor or an alias`,
        hint: 'remove it; a comment that is left out of the result is {{! … }}',
      }),
    );
}

class Builder {
  readonly problems: Diagnostic[] = [];
  readonly placed = new Set<number>();
  readonly #at: (offset: number) => Place;

  constructor(at: (offset: number) => Place) {
    this.#at = at;
  }

  document(root: YamlNode): SkeletonDocument | undefined {
    const built = this.#node(root, []);
    const checked = checkManifest(root);
    if (checked.kind === 'manifest') {
      const { apiVersion, kindName, kindOffset } = checked;
      return { root: built, apiVersion, kind: kindName, kindOffset };
    }
    for (const { code, offset, message, hint } of checked.problems)
      this.#problem(code, offset, { message, hint });
    return undefined;
  }

  #problem(code: string, offset: number, text: { message: string; hint?: string | undefined }): void {
    this.problems.push(errorAt(code, this.#at(offset), text));
  }

  #node(node: YamlNode, path: readonly string[]): SkeletonNode {
    switch (node.kind) {
      case 'map':
        return this.#map(node, path);
      case 'list': {
        const items = node.items
          .map((item) => this.#node(item, [...path, '*']))
          .filter((item) => !isNull(item));
        if (!items.every(isLiteral)) return { kind: 'list', items };
        return { kind: 'literal', value: deepFreeze(items.map((item) => item.value)) };
      }
      default:
        return this.#scalar(node, path);
    }
  }

  #map(map: YamlMap, path: readonly string[]): SkeletonNode {
    const entries = map.entries
      .map((entry) => this.#entry(entry, path))
      .filter((entry) => !isNull(entry.value));
    const literal: [string, Json][] = [];
    for (const { key, value } of entries) {
      if (typeof key === 'string' && value.kind === 'literal') literal.push([key, value.value]);
    }
    if (literal.length === entries.length)
      return { kind: 'literal', value: deepFreeze(Object.fromEntries(literal)) };
    return { kind: 'map', entries, dynamic: entries.some(({ key }) => typeof key !== 'string') };
  }

  #entry({ key, value }: YamlEntry, path: readonly string[]): MapEntry {
    const built = this.#scalar(key, []);
    const name = built.kind === 'slot' || built.kind === 'text' ? built : key.value;
    return { key: name, offset: key.offset, value: this.#node(value, [...path, key.value]) };
  }

  #scalar(scalar: YamlScalar, path: readonly string[]): LiteralNode | SlotNode | TextNode {
    const strings = wantsStrings(path);
    if (typeof scalar.value !== 'string') {
      if (strings === 'value' && scalar.value !== null) this.#label(scalar);
      return { kind: 'literal', value: scalar.value };
    }
    const parts = cutAtMarkers(scalar.value);
    const [first, second] = parts;
    for (const part of parts) if (typeof part === 'number') this.placed.add(part);
    if (parts.every((part) => typeof part === 'string')) return { kind: 'literal', value: scalar.value };
    const alone = typeof first === 'number' && second === undefined && scalar.style === 'plain';
    return alone ? { kind: 'slot', slot: first, strings } : { kind: 'text', parts };
  }

  #label({ value, offset }: YamlScalar): void {
    const message = `labels and annotations are texts, and ${value} is a ${typeof value}`;
    this.#problem('TemplateLabel', offset, { message, hint: `put it in quotes: "${value}"` });
  }
}

function isLiteral(node: SkeletonNode): node is LiteralNode {
  return node.kind === 'literal';
}

/** null is never sent, so it is left out. */
function isNull(node: SkeletonNode): boolean {
  return node.kind === 'literal' && node.value === null;
}
