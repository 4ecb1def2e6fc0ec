/**
 * Reading watches.yaml with places. The schema has judged types and keys before, so a reader here skips what has not
 * the type it wants: that problem is reported already, and the load is refused.
 */
import type { Place } from '../base/diagnostic.ts';
import type { YamlDocument, YamlNode } from './yaml.ts';

/** A part of a YAML file that knows where it stands. */
export interface LoadNode {
  readonly yaml: YamlNode;
  /** Where its value begins. */
  readonly place: Place;
  /** Where its key begins; for an item of a list the same as `place`. */
  readonly keyPlace: Place;
}

export interface NamedNode extends LoadNode {
  readonly name: string;
}

/** A YAML document, with its text for the places of block scalars. */
export class LoadDocument {
  readonly root: LoadNode;
  readonly #file: string;
  readonly #lines: readonly string[];
  readonly #starts: readonly number[];

  constructor(file: string, text: string, document: YamlDocument) {
    this.#file = file;
    this.#lines = text.split('\n');
    let start = 0;
    this.#starts = this.#lines.map((line) => {
      const at = start;
      start += line.length + 1;
      return at;
    });
    const place = this.placeOf(document.root);
    this.root = { yaml: document.root, place, keyPlace: place };
  }

  /** The named part of a map; undefined where there is none or it is null. */
  get(node: LoadNode, key: string): NamedNode | undefined {
    return this.entries(node).find((entry) => entry.name === key && !isNull(entry.yaml));
  }

  /** The parts of a map, in the file's order. */
  entries(node: LoadNode): readonly NamedNode[] {
    if (node.yaml.kind !== 'map') return [];
    return node.yaml.entries.map(({ key, value }) => ({
      name: key.value,
      yaml: value,
      place: this.placeOf(value),
      keyPlace: this.placeOf(key),
    }));
  }

  /** The items of a list. */
  items(node: LoadNode | undefined): readonly LoadNode[] {
    if (node === undefined || node.yaml.kind !== 'list') return [];
    return node.yaml.items.map((yaml) => {
      const place = this.placeOf(yaml);
      return { yaml, place, keyPlace: place };
    });
  }

  /** Where a value begins: of a block scalar its first line of text. */
  placeOf(yaml: YamlNode): Place {
    let line = this.#starts.findLastIndex((start) => start <= yaml.offset);
    let column = yaml.offset - (this.#starts[line] ?? 0);
    if (yaml.kind === 'scalar' && yaml.style === 'block') {
      const next = this.#lines.findIndex((text, index) => index > line && text.trim() !== '');
      if (next >= 0) {
        line = next;
        column = (this.#lines[next] ?? '').search(/\S/);
      }
    }
    return { file: this.#file, line: line + 1, column: column + 1 };
  }
}

function isNull(yaml: YamlNode): boolean {
  return yaml.kind === 'scalar' && yaml.value === null;
}

export function textOf(node: LoadNode | undefined): string | undefined {
  const value = node?.yaml.kind === 'scalar' ? node.yaml.value : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** An expression's source: a number or a boolean of YAML is the same in JSONata. */
export function sourceOf(node: LoadNode | undefined): string | undefined {
  const value = node?.yaml.kind === 'scalar' ? node.yaml.value : undefined;
  return value === undefined || value === null ? undefined : String(value);
}

export function flagOf(node: LoadNode | undefined): boolean | undefined {
  const value = node?.yaml.kind === 'scalar' ? node.yaml.value : undefined;
  return typeof value === 'boolean' ? value : undefined;
}

export function numberOf(node: LoadNode | undefined): number | undefined {
  const value = node?.yaml.kind === 'scalar' ? node.yaml.value : undefined;
  return typeof value === 'number' ? value : undefined;
}

/** One of the given words. */
export function wordOf<const Word extends string>(
  node: LoadNode | undefined,
  words: readonly Word[],
): Word | undefined {
  const text = textOf(node);
  return words.find((word) => word === text);
}

/** A map of strings, such as labels. */
export function textMapOf(
  document: LoadDocument,
  node: LoadNode | undefined,
): Readonly<Record<string, string>> {
  const pairs = (node === undefined ? [] : document.entries(node)).flatMap((entry) => {
    const text = textOf(entry);
    return text === undefined ? [] : [[entry.name, text] as const];
  });
  return Object.fromEntries(pairs);
}

export function isMapNode(node: LoadNode | undefined): boolean {
  return node?.yaml.kind === 'map';
}

/** The node at a JSON pointer's steps; the nearest parent where there is none. */
export function nodeAt(document: LoadDocument, steps: readonly string[]): LoadNode {
  let node = document.root;
  for (const step of steps) {
    const next =
      node.yaml.kind === 'list'
        ? document.items(node)[Number(step)]
        : document.entries(node).find((entry) => entry.name === step);
    if (next === undefined) return node;
    node = next;
  }
  return node;
}
