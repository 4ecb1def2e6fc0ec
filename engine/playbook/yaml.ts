/**
 * YAML 1.2 (core schema) with places: the only module that imports the `yaml` library. It yields plain immutable nodes
 * with offsets, or every problem at once. Hostile input is bounded: bytes, depth, documents, expanded aliases.
 *
 * Stricter than YAML where a manifest would silently mean something else: keys must be strings, duplicate keys, merge
 * keys (`<<` is YAML 1.1), own tags, not-a-number and integers with a leading zero are refused.
 */

import type { Alias, Document, Pair, ParsedNode, Scalar, YAMLError, YAMLMap, YAMLSeq } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml';
import type { Diagnostic, Place } from '../base/diagnostic.ts';
import type { Json } from '../kube/object.ts';
import type { YamlEntry, YamlNode, YamlPath, YamlScalar } from './yaml-node.ts';
import { jsonOf, measure, nullAt, offsetOf } from './yaml-node.ts';

export type { YamlNode, YamlPath } from './yaml-node.ts';

/** One document that is not empty. */
export interface YamlDocument {
  readonly root: YamlNode;
  /** The document as JSON; parts that an alias repeats are shared, not copied. */
  readonly value: Json;
  readonly place: Place;
  /**
   * Where the value at `path` begins (of a string: its first character), or with `what: 'key'` where its key does.
   * For a path that is not there: the nearest parent that is.
   */
  placeOf(path: YamlPath, what?: 'key' | 'value'): Place;
}

export type YamlResult =
  | { readonly kind: 'parsed'; readonly documents: readonly YamlDocument[] }
  /** `documents`: what could be read nevertheless, so that more problems can be told at once. */
  | {
      readonly kind: 'refused';
      readonly problems: readonly Diagnostic[];
      readonly documents: readonly YamlDocument[];
    };

export interface YamlLimits {
  /** Length of the text, in UTF-16 units. */
  readonly length: number;
  readonly depth: number;
  readonly documents: number;
  /** How many nodes aliases may repeat in all. */
  readonly aliasedNodes: number;
}

export const YAML_LIMITS: YamlLimits = { length: 1 << 20, depth: 64, documents: 100, aliasedNodes: 10_000 };

export interface YamlInput {
  readonly file: string;
  readonly text: string;
  readonly limits?: Partial<YamlLimits>;
  /** Where an offset of `text` stands for the reader, when the text was made from another one. */
  readonly placeAt?: (offset: number) => Place;
}

const MOST_PROBLEMS = 50;

/** Parses a stream of documents; empty ones are left out. Throws nothing. */
export function parseYaml(input: YamlInput): YamlResult {
  const limits = { ...YAML_LIMITS, ...input.limits };
  const starts = lineStarts(input.text);
  const report = new Report(input.placeAt ?? ((offset) => placeIn(input.file, starts, offset)));
  const documents = [...readDocuments(input.text, limits, report)];
  return report.problems.length > 0
    ? { kind: 'refused', problems: report.problems.slice(0, MOST_PROBLEMS), documents }
    : { kind: 'parsed', documents };
}

function* readDocuments(text: string, limits: YamlLimits, report: Report): Generator<YamlDocument> {
  if (text.length > limits.length) {
    return report.add(
      'YamlTooLarge',
      0,
      `the text has more than ${limits.length} characters`,
      'split it into several files',
    );
  }
  const parsed = compose(text);
  if (parsed.length > limits.documents) {
    report.add(
      'YamlTooManyDocuments',
      0,
      `more than ${limits.documents} documents in one file`,
      'split it into several files',
    );
  }
  for (const document of parsed.slice(0, limits.documents)) {
    const root = readDocument(document, limits, report);
    if (root !== undefined) yield documentOf(root, report);
  }
}

type Parsed = Document.Parsed<ParsedNode>;

function compose(text: string): readonly Parsed[] {
  return [
    ...parseAllDocuments<ParsedNode>(text, {
      prettyErrors: false,
      uniqueKeys: false,
      intAsBigInt: true,
      resolveKnownTags: false,
      logLevel: 'silent',
    }),
  ];
}

/** After one token that was not expected, the library takes none up to the end: only the first one tells something. */
function telling(errors: readonly YAMLError[]): readonly YAMLError[] {
  const first = errors.find(({ code }) => code === 'UNEXPECTED_TOKEN');
  return errors.filter((error) => error.code !== 'UNEXPECTED_TOKEN' || error === first);
}

function readDocument(document: Parsed, limits: YamlLimits, report: Report): YamlNode | undefined {
  for (const error of telling([...document.errors, ...document.warnings])) report.library(error);
  if (document.directives.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    const hint = 'remove the %YAML directive';
    report.add(
      'YamlVersion',
      document.range[0],
      `YAML ${document.directives.yaml.version} is not read`,
      hint,
    );
  }
  const contents: ParsedNode | null = document.contents;
  if (document.errors.length > 0 || contents === null || isEmptyScalar(contents)) return undefined;
  return new Reader(limits, report).read(contents, 1);
}

/** `---` with nothing behind it is composed as a null scalar without source. */
function isEmptyScalar(node: ParsedNode): boolean {
  return (
    isScalar(node) &&
    node.value === null &&
    !node.source &&
    node.tag === undefined &&
    node.anchor === undefined
  );
}

/** Collects the problems of one text. */
class Report {
  readonly problems: Diagnostic[] = [];
  readonly placeAt: (offset: number) => Place;

  constructor(placeAt: (offset: number) => Place) {
    this.placeAt = placeAt;
  }

  add(code: string, offset: number, message: string, hint?: string): void {
    const place = this.placeAt(offset);
    this.problems.push({
      code,
      severity: 'error',
      ...place,
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  library(error: YAMLError): void {
    const [offset] = error.pos;
    if (error.code === 'RESOURCE_EXHAUSTION') {
      // The library composes by recursion and catches the overflow of its stack.
      this.add('YamlTooDeep', offset, 'nested too deeply');
    } else if (error.code === 'TAG_RESOLVE_FAILED') {
      this.add(
        'YamlTag',
        offset,
        error.message,
        'only tags of the YAML 1.2 core schema are known (!!str, !!int, …)',
      );
    } else {
      this.add('YamlSyntax', offset, error.message, syntaxHint(error.code));
    }
  }
}

function syntaxHint(code: string): string | undefined {
  switch (code) {
    case 'TAB_AS_INDENT':
      return 'indent with spaces';
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return 'check the indentation, and quote a text that holds ": "';
    case 'BAD_SCALAR_START':
    case 'UNEXPECTED_TOKEN':
      return 'quote a text that begins with a special character or holds " #" or ": "';
    case 'MISSING_CHAR':
      return 'close the quote or bracket, or quote the text';
    case 'BAD_INDENT':
      return 'check the indentation, and that every [ and { is closed';
    default:
      return undefined;
  }
}

/** Turns the library's nodes into ours, in document order, so that an alias sees the anchor last set before it. */
class Reader {
  readonly #limits: YamlLimits;
  readonly #report: Report;
  readonly #anchors = new Map<string, YamlNode>();
  #aliased = 0;
  #exhausted = false;

  constructor(limits: YamlLimits, report: Report) {
    this.#limits = limits;
    this.#report = report;
  }

  read(node: ParsedNode | null, depth: number, at = 0): YamlNode {
    if (node === null) return nullAt(at);
    if (isAlias(node)) return this.#alias(node, depth);
    if (depth > this.#limits.depth) {
      this.#report.add('YamlTooDeep', node.range[0], `nested deeper than ${this.#limits.depth} levels`);
      return nullAt(node.range[0]);
    }
    const read = isMap(node)
      ? this.#map(node, depth)
      : isSeq(node)
        ? this.#list(node, depth)
        : this.#scalar(node);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, read);
    return read;
  }

  #alias(alias: Alias.Parsed, depth: number): YamlNode {
    const offset = alias.range[0];
    const node = this.#anchors.get(alias.source);
    if (node === undefined) {
      this.#report.add('YamlAlias', offset, `*${alias.source} has no anchor &${alias.source} before it`);
      return nullAt(offset);
    }
    const { size, height } = measure(node);
    this.#aliased += size;
    if (this.#aliased > this.#limits.aliasedNodes || depth + height > this.#limits.depth) {
      this.#tooMuch(offset);
      return nullAt(offset);
    }
    return node;
  }

  /** Said once: where one alias is too many, those behind it are as well. */
  #tooMuch(offset: number): void {
    if (this.#exhausted) return;
    this.#exhausted = true;
    const message = `aliases repeat more than ${this.#limits.aliasedNodes} nodes or ${this.#limits.depth} levels`;
    this.#report.add('YamlAlias', offset, message, 'write the parts out');
  }

  #list(list: YAMLSeq.Parsed, depth: number): YamlNode {
    const items = list.items.map((item) => this.read(isPair(item) ? null : item, depth + 1, list.range[0]));
    return { kind: 'list', items, offset: list.range[0] };
  }

  #map(map: YAMLMap.Parsed, depth: number): YamlNode {
    const seen = new Set<string>();
    const entries: YamlEntry[] = [];
    for (const pair of map.items) {
      const key = this.#key(pair, map.range[0], seen);
      const value = this.read(pair.value, depth + 1, key?.offset ?? map.range[0]);
      if (key !== undefined) entries.push({ key, value });
    }
    return { kind: 'map', entries, offset: map.range[0] };
  }

  #key(
    pair: Pair<ParsedNode, ParsedNode | null>,
    mapAt: number,
    seen: Set<string>,
  ): YamlEntry['key'] | undefined {
    const offset = pair.key?.range?.[0] ?? mapAt;
    const key = isAlias(pair.key) || isScalar(pair.key) ? this.read(pair.key, 1) : undefined;
    if (key?.kind !== 'scalar' || typeof key.value !== 'string') {
      const hint = 'put the key in quotes';
      this.#report.add('YamlKeyNotString', offset, 'a key must be a string', hint);
      return undefined;
    }
    const problem = forbiddenKey(key.value, key.style);
    if (problem !== undefined) this.#report.add(problem.code, offset, problem.message, problem.hint);
    if (seen.has(key.value))
      this.#report.add('YamlDuplicateKey', offset, `the key ${key.value} is given twice`, 'remove one');
    seen.add(key.value);
    return { ...key, value: key.value };
  }

  #scalar(scalar: Scalar.Parsed): YamlNode {
    const style = styleOf(scalar);
    const offset = scalar.range[0] + (style === 'quoted' ? 1 : 0);
    if (style === 'plain' && /^[-+]?0\d+$/.test(scalar.source) && typeof scalar.value !== 'string') {
      const hint = `write 0o${scalar.source.replace(/^[-+]?0+(?=\d)/, '')} for octal, or quote it for a text`;
      this.#report.add(
        'YamlLeadingZero',
        offset,
        `${scalar.source} is decimal in YAML 1.2, in spite of its leading zero`,
        hint,
      );
    }
    const value = primitive(scalar.value);
    if (value === undefined) {
      this.#report.add('YamlNumber', offset, `${scalar.source} has no form in JSON`, 'quote it for a text');
      return nullAt(offset);
    }
    return { kind: 'scalar', value, style, offset };
  }
}

function isPair(item: unknown): item is Pair {
  return typeof item === 'object' && item !== null && 'key' in item && 'value' in item && !('range' in item);
}

function forbiddenKey(
  key: string,
  style: string,
): { code: string; message: string; hint?: string } | undefined {
  if (key === '__proto__') return { code: 'YamlForbiddenKey', message: 'the key __proto__ is not allowed' };
  if (key !== '<<' || style !== 'plain') return undefined;
  return { code: 'YamlMergeKey', message: 'merge keys are no part of YAML 1.2', hint: 'write the keys out' };
}

function styleOf(scalar: Scalar): YamlScalar['style'] {
  if (scalar.type === 'QUOTE_DOUBLE' || scalar.type === 'QUOTE_SINGLE') return 'quoted';
  return scalar.type === 'BLOCK_FOLDED' || scalar.type === 'BLOCK_LITERAL' ? 'block' : 'plain';
}

/** Integers come as bigint and stay so only where a number would round. */
function primitive(value: unknown): YamlScalar['value'] | undefined {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return typeof value === 'string' || typeof value === 'boolean' || value === null ? value : undefined;
}

function documentOf(root: YamlNode, report: Report): YamlDocument {
  return {
    root,
    value: jsonOf(root),
    place: report.placeAt(root.offset),
    placeOf: (path, what = 'value') => report.placeAt(offsetOf(root, path, what)),
  };
}

/** Where each line begins. The library counts no lines inside a scalar that it did not expect. */
function lineStarts(text: string): readonly number[] {
  return [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
}

function placeIn(file: string, starts: readonly number[], offset: number): Place {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { file, line: low + 1, column: Math.max(1, offset - (starts[low] ?? 0) + 1) };
}
