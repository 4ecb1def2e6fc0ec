/** One entry of the noun `manifests`: its file compiled, its keys read. */
import type { Place } from '../base/diagnostic.ts';
import type { ChildName } from './check-references.ts';
import type { Expression, Template, TemplateString } from './language.ts';
import type { TemplateFiles } from './load-files.ts';
import {
  flagOf,
  isMapNode,
  type LoadNode,
  numberOf,
  sourceOf,
  textMapOf,
  textOf,
  wordOf,
} from './load-node.ts';
import { expressionAt, itemsOf, type Position, templateStringAt, type WatchScope } from './load-scope.ts';
import type { IgnoredField, Manifest, NamespaceRule, Rolling } from './model.ts';

/** What all children of one entry have in common. */
export type EntrySettings = Pick<
  Manifest,
  | 'when'
  | 'waitFor'
  | 'forEach'
  | 'key'
  | 'rolling'
  | 'ready'
  | 'namespace'
  | 'namespaces'
  | 'policy'
  | 'ignoreFields'
  | 'force'
  | 'onImmutable'
  | 'prune'
  | 'onDelete'
>;

export interface Entry {
  readonly node: LoadNode;
  readonly place: Place;
  readonly file: string;
  readonly id: string;
  /** Undefined where it was refused (and reported). */
  readonly template: Template | undefined;
  readonly name: ChildName;
  readonly after: readonly LoadNode[];
  readonly ignored: readonly IgnoredPath[];
  readonly settings: EntrySettings;
}

export interface IgnoredPath {
  readonly place: Place;
  readonly path: readonly string[];
}

const STEM = /\.ya?ml(\.hbs)?$/;

export function loadEntry(scope: WatchScope, node: LoadNode, templates: TemplateFiles): Entry | undefined {
  const { document } = scope;
  const key = (name: string) => (isMapNode(node) ? document.get(node, name) : undefined);
  const fileNode = isMapNode(node) ? key('file') : node;
  const file = textOf(fileNode);
  if (fileNode === undefined || file === undefined) return undefined;
  const policy = wordOf(key('policy'), ['Apply', 'CreateOnly', 'Patch']) ?? 'Apply';
  const template = templates.compile(file, fileNode.place, { policy, schemaOf: scope.schemaOf });
  const list = key('forEach') !== undefined;
  const documents = template?.documents.map(({ group, version, kind }) => ({
    name: kind.toLowerCase(),
    gvk: { group, version, kind },
  }));
  const position: Position = { perItem: list, items: itemsOf(textOf(key('forEach'))), stage: 'any' };
  if (template !== undefined) {
    const elsewhere = key('namespace') !== undefined;
    const child = { ownNamespace: !elsewhere && key('namespaces') === undefined };
    const manifest = { template, partial: policy === 'Patch', elsewhere, child };
    const { references } = template;
    const elements = templates.elementsOf(template);
    scope.uses.push({ references, elements, reader: 'template', position, manifest });
  }
  const self = documents?.map(({ gvk }) => gvk) ?? [];
  const ignored = document.items(key('ignoreFields')).map((item) => loadIgnored(scope, item, position));
  return {
    node,
    place: node.place,
    file,
    id: idOf(scope, textOf(key('id')), { file, place: fileNode.place }),
    template,
    name: { list, documents },
    after: afterOf(scope, key('after')),
    ignored,
    settings: {
      ...loadExpressions(scope, key, { position, self }),
      ...loadWords(scope, key),
      policy,
      ignoreFields: ignored.map(({ path, when }) => ({ path, ...(when === undefined ? {} : { when }) })),
    },
  };
}

type Keys = (name: string) => LoadNode | undefined;

function loadExpressions(
  scope: WatchScope,
  key: Keys,
  { position, self }: { position: Position; self: NonNullable<Position['self']> },
): Partial<Pick<EntrySettings, 'when' | 'waitFor' | 'forEach' | 'key' | 'ready' | 'namespace'>> {
  const outside: Position = { ...position, perItem: false };
  return {
    ...present('when', expressionAt(scope, key('when'), position)),
    ...present('waitFor', expressionAt(scope, key('waitFor'), position)),
    ...present('forEach', expressionAt(scope, key('forEach'), outside)),
    ...present('key', expressionAt(scope, key('key'), position)),
    ...present('ready', expressionAt(scope, key('ready'), { ...position, self })),
    ...present('namespace', templateStringAt(scope, key('namespace'), position)),
  };
}

function loadWords(
  scope: WatchScope,
  key: Keys,
): Pick<EntrySettings, 'namespaces' | 'force' | 'onImmutable'> &
  Partial<Pick<EntrySettings, 'rolling' | 'prune' | 'onDelete'>> {
  return {
    namespaces: namespaceRule(scope, key('namespaces')),
    force: flagOf(key('force')) ?? false,
    onImmutable: wordOf(key('onImmutable'), ['Fail', 'Recreate']) ?? 'Fail',
    ...present('rolling', rollingOf(scope, key('rolling'))),
    ...present('prune', wordOf(key('prune'), ['Delete', 'Keep'])),
    ...present('onDelete', wordOf(key('onDelete'), ['Delete', 'Orphan'])),
  };
}

function present<Key extends string, Value extends Expression | TemplateString | Rolling | string>(
  key: Key,
  value: Value | undefined,
): { readonly [K in Key]?: Value } {
  // A computed key loses its literal type in an object literal, hence the one assertion.
  return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]: Value });
}

function idOf(
  { problems }: WatchScope,
  given: string | undefined,
  { file, place }: { file: string; place: Place },
): string {
  const id = given ?? file.replace(STEM, '');
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(id) || id === '__proto__') {
    const hint = 'give the entry an id of letters, digits, _ and -';
    problems.error('BadName', place, { message: `${JSON.stringify(id)} can't serve as an id`, hint });
  }
  return id;
}

function afterOf({ document }: WatchScope, node: LoadNode | undefined): readonly LoadNode[] {
  if (node === undefined) return [];
  return textOf(node) === undefined ? document.items(node) : [node];
}

function rollingOf({ document }: WatchScope, node: LoadNode | undefined): Rolling | undefined {
  if (node === undefined || !isMapNode(node)) return undefined;
  const max = numberOf(document.get(node, 'max')) ?? 1;
  return { max, order: wordOf(document.get(node, 'order'), ['Ordered', 'Any']) ?? 'Ordered' };
}

function namespaceRule({ document }: WatchScope, node: LoadNode | undefined): NamespaceRule {
  if (node === undefined) return { kind: 'Own' };
  const word = wordOf(node, ['Own', 'Any']);
  if (word !== undefined) return { kind: word };
  const labels = document.get(node, 'labels');
  if (labels !== undefined) return { kind: 'Labels', labels: textMapOf(document, labels) };
  const names = document.items(node).flatMap((item) => textOf(item) ?? []);
  return { kind: 'List', names };
}

function loadIgnored(scope: WatchScope, item: LoadNode, position: Position): IgnoredField & IgnoredPath {
  const { document } = scope;
  const pathNode = isMapNode(item) ? document.get(item, 'path') : item;
  const when = isMapNode(item) ? expressionAt(scope, document.get(item, 'when'), position) : undefined;
  const text = textOf(pathNode);
  const path =
    text === undefined ? document.items(pathNode).map((name) => sourceOf(name) ?? '') : text.split('.');
  return { place: (pathNode ?? item).place, path, ...(when === undefined ? {} : { when }) };
}
