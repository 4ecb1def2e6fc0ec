/**
 * Judges every path that a template or an expression reads, before any resource exists: unknown children, observed
 * objects and vars, and names that a kind's schema has not. What the schemas leave open passes.
 */
import type { GroupVersionKind } from '../kube/object.ts';
import { checkProbe, type ProbeName } from './check-probe.ts';
import { checkResult, checkRun } from './check-run.ts';
import type { KindCatalogue } from './kind-catalogue.ts';
import type { ElementReference, Reference } from './language.ts';
import type { Problems } from './load-problems.ts';
import type { Position, Use } from './load-scope.ts';
import { followPath, isPosition, type ListReading, type PathVerdict, shownPath } from './schema-path.ts';
import { didYouMean } from './suggest.ts';

/** What the id of a manifests entry stands for in `children` and `rendered`. */
export interface ChildName {
  /** A forEach: a list with one object a key. */
  readonly list: boolean;
  /** One a document of its file; undefined where the file did not compile. */
  readonly documents: readonly { readonly name: string; readonly gvk: GroupVersionKind }[] | undefined;
}

export interface ObservedName {
  readonly list: boolean;
  readonly gvk: GroupVersionKind;
}

/** Every name that a watch declares. */
export interface Names {
  readonly resource: GroupVersionKind;
  /** Undefined where `manifests` can't be read, which is reported there. */
  readonly children: ReadonlyMap<string, ChildName> | undefined;
  readonly observed: ReadonlyMap<string, ObservedName | undefined>;
  readonly vars: ReadonlySet<string>;
  readonly probes: ReadonlyMap<string, ProbeName>;
  readonly catalogue: KindCatalogue;
}

export function checkReferences(uses: readonly Use[], names: Names, problems: Problems): void {
  for (const use of uses) {
    for (const reference of use.references) checkReference(reference, { use, names, problems });
    for (const element of use.elements) checkElement(element, { use, names, problems });
  }
}

interface Check {
  readonly use: Use;
  readonly names: Names;
  readonly problems: Problems;
}

/** Below items; where its list can't be read, that was told. */
function checkElement(element: ElementReference, check: Check): void {
  if (misplacedRoot(element, check.use.position) === undefined) checkPlaced(element, check);
}

function checkReference(reference: Reference, check: Check): void {
  const misplaced = misplacedRoot(reference, check.use.position);
  if (misplaced !== undefined) {
    check.problems.error('RootNotHere', reference.place, misplaced);
    return;
  }
  if (reference.root === 'run') checkRun(reference, check.use, check.problems);
  else if (reference.root === 'result') checkResult(reference, check.use, check.problems);
  else checkPlaced({ ...reference, from: 0 }, check);
}

function checkPlaced(reference: ElementReference, check: Check): void {
  const { names, use } = check;
  const resource: Target = { gvk: names.resource, list: false, prefix: 0, behind: [] };
  switch (reference.root) {
    case 'object':
      checkPath(reference, check, resource);
      break;
    case 'metadata':
    case 'spec':
    case 'status':
      checkPath(reference, check, { ...resource, behind: [reference.root] });
      break;
    case 'self':
      for (const gvk of use.position.self ?? []) checkPath(reference, check, { ...resource, gvk });
      break;
    case 'children':
    case 'rendered':
      checkChild(reference, check);
      break;
    case 'observe':
      checkObserved(reference, check);
      break;
    case 'vars':
      checkVar(reference, check);
      break;
    case 'probes':
      checkProbe(reference, { probes: names.probes, lists: listReading(use), problems: check.problems });
      break;
    case 'item':
      checkItem(reference, check);
      break;
    case 'run':
    case 'result':
    case 'index':
    case 'old':
    case 'operation':
      break;
  }
}

/** Roots that have no value where the reference stands. */
function misplacedRoot(
  { root }: Pick<Reference, 'root'>,
  position: Position,
): { readonly message: string; readonly hint?: string } | undefined {
  switch (root) {
    case 'run':
      if (position.run !== undefined) return undefined;
      return {
        message: 'run has a value only in an action',
        hint: "give the value to vars: manifests see the run's vars",
      };
    case 'result':
      if (position.result !== undefined && position.result.length > 0) return undefined;
      return { message: 'result has a value only in the outputs of job, exec, http and run' };
    case 'old':
    case 'operation':
      return { message: `${root} has a value only in admission` };
    case 'self':
      if (position.self !== undefined) return undefined;
      return { message: "self has a value only in a manifest's ready", hint: 'name the child: children.ID' };
    case 'item':
    case 'index':
      if (position.perItem) return undefined;
      return {
        message: `${root} has a value only where there is forEach`,
        hint: 'add forEach',
      };
    case 'vars':
      if (position.stage !== 'initial') return undefined;
      return { message: 'initial is evaluated before vars', hint: 'write out what the var says' };
    case 'rendered':
      if (position.stage === 'any') return undefined;
      return {
        message: 'this is evaluated before any manifest is rendered',
        hint: 'read children.ID, the live object',
      };
    default:
      return undefined;
  }
}

/** What a reference points at: an object of `gvk` (or a list of them) behind the first `prefix` names of its path. */
interface Target {
  readonly gvk: GroupVersionKind;
  readonly list: boolean;
  readonly prefix: number;
  /** Names between the object and the path: `metadata.name` is below `metadata`. */
  readonly behind: readonly string[];
}

function checkChild(reference: ElementReference, check: Check): void {
  const { root, path, place, from } = reference;
  const [id, kind] = path;
  const { children } = check.names;
  if (children === undefined) return;
  const child = children.get(id ?? '');
  if (id === undefined) {
    if (check.use.reader === 'expression') return;
    const message = `a template can't tell what ${root} as a whole holds`;
    check.problems.error('UnknownChild', place, { message, hint: `name one: ${root}.ID` });
  } else if (child === undefined) {
    if (from > 0) return;
    const hint = didYouMean(id, [...children.keys()], `${root}.`);
    check.problems.error('UnknownChild', place, { message: `no manifest has the id ${id}`, hint });
  } else if (child.documents !== undefined) {
    const only = child.documents.length === 1 ? child.documents[0] : undefined;
    const document = only ?? child.documents.find(({ name }) => name === kind);
    const target = { list: child.list, prefix: only === undefined ? 2 : 1, behind: [] };
    if (document === undefined) reportDocument(reference, child.documents, check);
    else checkPath(reference, check, { ...document, ...target });
  }
}

function reportDocument(
  { root, path, place, from }: ElementReference,
  documents: readonly { readonly name: string }[],
  { problems }: Check,
): void {
  if (from > 1) return;
  const [id = '', kind = ''] = path;
  const hint = didYouMean(
    kind,
    documents.map(({ name }) => name),
    `${root}.${id}.`,
  );
  problems.error('UnknownChild', place, {
    message: `the file of ${id} holds several objects; name one by its kind`,
    hint,
  });
}

function checkObserved(reference: ElementReference, check: Check): void {
  const [name] = reference.path;
  if (name === undefined) return;
  const { observed } = check.names;
  const target = observed.get(name);
  if (target !== undefined) checkPath(reference, check, { ...target, prefix: 1, behind: [] });
  if (observed.has(name) || reference.from > 0) return;
  const hint = didYouMean(name, [...observed.keys()], 'observe.') ?? 'add it to the noun observe';
  check.problems.error('UnknownObserved', reference.place, {
    message: `nothing is observed as ${name}`,
    hint,
  });
}

function checkVar({ path, place, from }: ElementReference, { names, problems, use }: Check): void {
  const [name] = path;
  const all = new Set([...names.vars, ...(use.position.vars ?? [])]);
  if (name === undefined || all.has(name) || from > 0) return;
  const hint = didYouMean(name, [...all], 'vars.') ?? 'add it to the noun vars';
  problems.error('UnknownVar', place, { message: `there is no var ${name}`, hint });
}

function listReading({ reader }: Use): ListReading {
  return reader === 'expression' ? 'map' : 'index';
}

/** Of forEach over a list of the resource. */
function checkItem(reference: ElementReference, { use, names, problems }: Check): void {
  const { items } = use.position;
  if (items === undefined) return;
  const list = followPath(names.catalogue.schemaOf(names.resource), items, 'index');
  const item = list.kind === 'possible' && list.schema?.type === 'array' ? list.schema.items : undefined;
  const verdict = followPath(item, reference.path, listReading(use));
  if (verdict.kind === 'possible' || verdict.within === 'list' || verdict.step < reference.from) return;
  const parent = shownPath('item', reference.path.slice(0, verdict.step), () => false);
  const name = reference.path[verdict.step] ?? '';
  const message = `${parent}.${name} is not in the schema of ${items.join('.')}`;
  problems.error('UnknownPath', reference.place, {
    message,
    hint: didYouMean(name, verdict.names, reference.from === 0 ? `${parent}.` : ''),
  });
}

function checkPath(reference: ElementReference, check: Check, target: Target): void {
  const lists = listReading(check.use);
  const below = reference.path.slice(target.prefix);
  const skipped = target.list ? intoListOf(below, lists) : 0;
  if (skipped === undefined) {
    reportListPath(reference, check, target.prefix);
    return;
  }
  const path = [...target.behind, ...below.slice(skipped)];
  const verdict = followPath(check.names.catalogue.schemaOf(target.gvk), path, lists);
  if (verdict.kind === 'possible') return;
  const end = target.prefix + skipped + verdict.step - target.behind.length;
  if (verdict.within === 'list') reportListPath(reference, check, end);
  else reportUnknownPath(reference, check, { target, verdict, end, path });
}

interface Miss {
  readonly target: Target;
  readonly verdict: Extract<PathVerdict, { kind: 'impossible' }>;
  /** How many names of the reference's path are possible; negative: not even the root. */
  readonly end: number;
  /** The path from the object's root. */
  readonly path: readonly string[];
}

function reportUnknownPath(reference: ElementReference, check: Check, miss: Miss): void {
  const { target, verdict, end, path } = miss;
  if (reference.from > 0) {
    reportUnknownElement(reference, check, miss);
    return;
  }
  const parent = [reference.root, ...reference.path.slice(0, Math.max(0, end))].join('.');
  const name = path[verdict.step] ?? '';
  const shown = end < 0 ? name : `${parent}.${name}`;
  const hint = didYouMean(name, verdict.names, end < 0 ? '' : `${parent}.`);
  const scalar = verdict.within === 'scalar' ? `; nothing stands below ${parent}` : '';
  const message = `${shown} is not in ${possessive(target.gvk.kind)} schema${scalar}`;
  check.problems.error('UnknownPath', reference.place, { message, hint });
}

function reportUnknownElement(element: ElementReference, check: Check, miss: Miss): void {
  const { root, path: whole, place, from } = element;
  const { target, verdict, end, path } = miss;
  if (end < from) return;
  const schema = check.names.catalogue.schemaOf(target.gvk);
  const isList = (names: number): boolean => {
    if (target.list && names === target.prefix) return true;
    const found = followPath(schema, path.slice(0, Math.max(0, names - end + verdict.step)), 'map');
    return found.kind === 'possible' && found.schema?.type === 'array';
  };
  const name = whole[end] ?? '';
  const parent = shownPath(root, whole.slice(0, end), isList);
  const scalar = verdict.within === 'scalar' ? `; nothing stands below ${parent}` : '';
  const message = `${parent}.${name} is not in ${possessive(target.gvk.kind)} schema${scalar}`;
  check.problems.error('UnknownPath', place, { message, hint: didYouMean(name, verdict.names) });
}

/** How many names of the path choose an item of a list of objects; undefined: none does, and one must. */
function intoListOf(path: readonly string[], lists: ListReading): number | undefined {
  const [first] = path;
  if (first === undefined) return 0;
  if (isPosition(first, lists)) return 1;
  return lists === 'map' ? 0 : undefined;
}

function reportListPath(reference: ElementReference, { problems }: Check, end: number): void {
  const { root, path, place, from } = reference;
  if (end < from) return;
  const name = path[end] ?? '';
  if (name === 'length') return;
  const list = shownPath(root, path.slice(0, end), () => false);
  const written = from === 0 ? list : path.slice(from, end).join('.') || 'this';
  const hint = `go through it with {{#each ${written}}}, or take one item: ${written}.[0]`;
  problems.error('UnknownPath', place, { message: `${list} is a list; ${name} stands in its items`, hint });
}

/** `Memcached's`, `Redis'`. */
function possessive(kind: string): string {
  return kind.endsWith('s') ? `${kind}'` : `${kind}'s`;
}
