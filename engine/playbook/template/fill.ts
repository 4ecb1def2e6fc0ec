/**
 * Values into a skeleton. What holds no slot is shared, and so are inserted values; only what lies on the way to a slot
 * is new. An absent value takes its pair, item or part of a text with it. Values never change the structure around them.
 */
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import type { Json, JsonObject } from '../../kube/object.ts';
import { isJsonObject } from '../../kube/value.ts';
import type { MapEntry, MapNode, SkeletonNode, SlotNode, TextNode } from './skeleton.ts';
import { errorAt } from './source.ts';
import type { OutputPart } from './syntax.ts';
import type { Value } from './values.ts';
import { asList, Failure, kindOf, textOf } from './values.ts';

/** Characters and values in all documents of one rendering; the API server takes 3 MiB for one object. */
const MOST_UNITS = 4 << 20;

export class Filling {
  readonly problems: Diagnostic[] = [];
  readonly #outputs: readonly OutputPart[];
  readonly #values: readonly Value[];
  readonly #keyPlace: (offset: number) => Place;
  #units = 0;

  constructor(given: {
    outputs: readonly OutputPart[];
    values: readonly Value[];
    placeAt: (offset: number) => Place;
  }) {
    this.#outputs = given.outputs;
    this.#values = given.values;
    this.#keyPlace = given.placeAt;
  }

  get exhausted(): boolean {
    return this.#units > MOST_UNITS;
  }

  node(node: SkeletonNode): Value {
    switch (node.kind) {
      case 'literal':
        return node.value;
      case 'slot':
        return this.#slot(node);
      case 'text':
        return this.#text(node);
      case 'list':
        return this.#list(node.items);
      default:
        return this.#map(node);
    }
  }

  #slot({ slot, strings }: SlotNode): Value {
    const value = this.#values[slot];
    if (value === undefined) return undefined;
    if (strings !== 'no') this.#checkStrings(slot, value, strings);
    return this.insert(value);
  }

  /** The value without nulls (null is never sent): the same one where it holds none, copied only from the first on. */
  insert(value: Json): Json {
    this.#units += typeof value === 'string' ? value.length : 1;
    if (typeof value !== 'object' || value === null || this.exhausted) return value;
    const list = asList(value);
    if (list !== undefined) return this.#insertList(list);
    return isJsonObject(value) ? this.#insertObject(value) : value;
  }

  #insertList(list: readonly Json[]): Json {
    let copy: Json[] | undefined;
    for (const [index, item] of list.entries()) {
      const clean = item === null ? undefined : this.insert(item);
      if (clean !== item) copy ??= list.slice(0, index);
      if (clean !== undefined) copy?.push(clean);
    }
    return copy ?? list;
  }

  #insertObject(value: JsonObject): Json {
    let copy: [string, Json][] | undefined;
    const keys = Object.keys(value);
    for (const [index, key] of keys.entries()) {
      const member = value[key];
      const clean = member === null || member === undefined ? undefined : this.insert(member);
      this.#units += key.length;
      if (clean !== member) copy ??= Object.entries(value).slice(0, index);
      if (clean !== undefined) copy?.push([key, clean]);
    }
    return copy === undefined ? value : Object.fromEntries(copy);
  }

  /** A text of which nothing is left but absent parts is absent itself. */
  #text({ parts }: TextNode): string | undefined {
    let text = '';
    let present = false;
    for (const part of parts) {
      const piece = typeof part === 'string' ? part : this.#textOfSlot(part);
      if (piece === undefined) continue;
      text += piece;
      present = true;
    }
    this.#units += text.length;
    return present ? text : undefined;
  }

  #textOfSlot(slot: number): string | undefined {
    const value = this.#values[slot];
    if (value === undefined) return undefined;
    const text = textOf(value);
    if (typeof text === 'string') return text;
    this.#problem('TemplateValue', slot, text);
    return undefined;
  }

  #list(items: readonly SkeletonNode[]): Json {
    const filled: Json[] = [];
    for (const item of items) {
      const value = this.node(item);
      if (value !== undefined) filled.push(value);
    }
    return filled;
  }

  #map({ entries, dynamic }: MapNode): Json {
    const filled: Record<string, Json> = {};
    for (const entry of entries) {
      const key = typeof entry.key === 'string' ? entry.key : this.#key(entry.key);
      const value = key === undefined ? undefined : this.node(entry.value);
      if (key === undefined || value === undefined) continue;
      if (dynamic && !this.#acceptKey(filled, key, entry)) continue;
      filled[key] = value;
    }
    return filled;
  }

  #key(key: SlotNode | TextNode): string | undefined {
    if (key.kind === 'text') return this.#text(key);
    const value = this.#values[key.slot];
    if (value === undefined || typeof value === 'string') return value;
    const hint = 'put the expression in quotes to make a text of it';
    this.#problem('TemplateKey', key.slot, new Failure(`a key must be a text, not ${kindOf(value)}`, hint));
    return undefined;
  }

  #acceptKey(map: object, key: string, { offset }: MapEntry): boolean {
    const message =
      key === '__proto__'
        ? 'the key __proto__ is not allowed'
        : Object.hasOwn(map, key)
          ? `the key ${key} is given twice`
          : undefined;
    if (message !== undefined)
      this.problems.push(errorAt('TemplateKey', this.#keyPlace(offset), { message }));
    return message === undefined;
  }

  #checkStrings(slot: number, value: Json, strings: 'value' | 'map'): void {
    const values = strings === 'value' ? [value] : isJsonObject(value) ? Object.values(value) : [];
    const wrong = values.find((each) => typeof each !== 'string' && each !== null);
    if (wrong === undefined) return;
    const hint = strings === 'value' ? 'put the expression in quotes: "{{…}}"' : 'make its values texts';
    this.#problem(
      'TemplateLabel',
      slot,
      new Failure(`labels and annotations are texts, and this is ${kindOf(wrong)}`, hint),
    );
  }

  #problem(code: string, slot: number, failure: Failure): void {
    const output = this.#outputs[slot];
    if (output === undefined) return;
    const message = `${output.source}: ${failure.message}`;
    this.problems.push(errorAt(code, output.place, { message, hint: failure.hint }));
  }
}
