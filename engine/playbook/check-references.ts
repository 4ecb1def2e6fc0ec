/**
 * Judges every path that a template or an expression reads, before any resource exists: unknown children, observed
 * objects and vars, and names that a kind's schema has not. What the schemas leave open passes.
 */
import type { GroupVersionKind } from '../kube/object.ts';
import { PROBE_FIELDS } from './action-model.ts';
import { checkResult, checkRun } from './check-run.ts';
import type { KindCatalogue } from './kind-catalogue.ts';
import type { Reference } from './language.ts';
import type { Problems } from './load-problems.ts';
import type { Position, Use } from './load-scope.ts';
import { followPath, type ListReading, type PathVerdict } from './schema-path.ts';
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

export interface ProbeName {
  /** With forEach: a list of results. */
  readonly list: boolean;
  /** `parse: text`: nothing stands below `value`. */
  readonly text: boolean;
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
  }
}

interface Check {
  readonly use: Use;
  readonly names: Names;
  readonly problems: Problems;
}

function checkReference(reference: Reference, check: Check): void {
  const misplaced = misplacedRoot(reference, check.use.position);
  if (misplaced !== undefined) {
    check.problems.error('RootNotHere', reference.place, misplaced);
    return;
  }
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
      checkProbe(reference, check);
      break;
    case 'run':
      checkRun(reference, use, check.problems);
      break;
    case 'result':
      checkResult(reference, use, check.problems);
      break;
    case 'item':
      checkItem(reference, check);
      break;
    case 'index':
    case 'old':
    case 'operation':
      break;
  }
}

/** Roots that have no value where the reference stands. */
function misplacedRoot(
  { root }: Reference,
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

function checkChild(reference: Reference, check: Check): void {
  const { root, path, place } = reference;
  const [id, kind] = path;
  const { children } = check.names;
  if (children === undefined) return;
  const child = children.get(id ?? '');
  if (id === undefined) {
    if (check.use.reader === 'expression') return;
    const message = `a template can't tell what ${root} as a whole holds`;
    check.problems.error('UnknownChild', place, { message, hint: `name one: ${root}.ID` });
  } else if (child === undefined) {
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
  { root, path, place }: Reference,
  documents: readonly { readonly name: string }[],
  { problems }: Check,
): void {
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

function checkObserved(reference: Reference, check: Check): void {
  const [name] = reference.path;
  if (name === undefined) return;
  const { observed } = check.names;
  const target = observed.get(name);
  if (target !== undefined) checkPath(reference, check, { ...target, prefix: 1, behind: [] });
  if (observed.has(name)) return;
  const hint = didYouMean(name, [...observed.keys()], 'observe.') ?? 'add it to the noun observe';
  check.problems.error('UnknownObserved', reference.place, {
    message: `nothing is observed as ${name}`,
    hint,
  });
}

function checkProbe({ path, place }: Reference, { names, problems, use }: Check): void {
  const [name, ...rest] = path;
  if (name === undefined) return;
  const probe = names.probes.get(name);
  if (probe === undefined) {
    const hint = didYouMean(name, [...names.probes.keys()], 'probes.') ?? 'add it to the noun probes';
    problems.error('UnknownProbe', place, { message: `there is no probe ${name}`, hint });
    return;
  }
  const { list, text } = probe;
  const numbered = /^\d+$/.test(rest[0] ?? '');
  const [field, below] = list && numbered ? rest.slice(1) : rest;
  const fields: readonly string[] = list ? [...PROBE_FIELDS, 'key'] : PROBE_FIELDS;
  if (field === undefined || (list && field === 'length')) return;
  if (!fields.includes(field)) {
    const hint = didYouMean(field, fields, `probes.${name}.`);
    problems.error('UnknownPath', place, { message: `a probe has no ${field}`, hint });
  } else if (list && !numbered && use.reader === 'template') {
    const message = `probes.${name} is a list; ${field} stands in its items`;
    problems.error('UnknownPath', place, { message, hint: `go through it with {{#each probes.${name}}}` });
  } else if (text && field === 'value' && below !== undefined && below !== 'length') {
    const message = `the value of probe ${name} is a text; nothing stands below it`;
    problems.error('UnknownPath', place, { message, hint: 'add parse: json to the probe' });
  }
}

function checkVar({ path, place }: Reference, { names, problems, use }: Check): void {
  const [name] = path;
  const all = new Set([...names.vars, ...(use.position.vars ?? [])]);
  if (name === undefined || all.has(name)) return;
  const hint = didYouMean(name, [...all], 'vars.') ?? 'add it to the noun vars';
  problems.error('UnknownVar', place, { message: `there is no var ${name}`, hint });
}

/** Of forEach over a list of the resource. */
function checkItem(reference: Reference, { use, names, problems }: Check): void {
  const { items } = use.position;
  if (items === undefined) return;
  const list = followPath(names.catalogue.schemaOf(names.resource), items, 'index');
  const item = list.kind === 'possible' && list.schema?.type === 'array' ? list.schema.items : undefined;
  const verdict = followPath(item, reference.path, use.reader === 'expression' ? 'map' : 'index');
  if (verdict.kind === 'possible' || verdict.within === 'list') return;
  const parent = ['item', ...reference.path.slice(0, verdict.step)].join('.');
  const name = reference.path[verdict.step] ?? '';
  const message = `${parent}.${name} is not in the schema of ${items.join('.')}`;
  problems.error('UnknownPath', reference.place, {
    message,
    hint: didYouMean(name, verdict.names, `${parent}.`),
  });
}

function checkPath(reference: Reference, check: Check, target: Target): void {
  const lists: ListReading = check.use.reader === 'expression' ? 'map' : 'index';
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

function reportUnknownPath(reference: Reference, check: Check, { target, verdict, end, path }: Miss): void {
  const parent = [reference.root, ...reference.path.slice(0, Math.max(0, end))].join('.');
  const name = path[verdict.step] ?? '';
  const shown = end < 0 ? name : `${parent}.${name}`;
  const hint = didYouMean(name, verdict.names, end < 0 ? '' : `${parent}.`);
  const scalar = verdict.within === 'scalar' ? `; nothing stands below ${parent}` : '';
  const message = `${shown} is not in ${possessive(target.gvk.kind)} schema${scalar}`;
  check.problems.error('UnknownPath', reference.place, { message, hint });
}

/** How many names of the path choose an item of a list of objects; undefined: none does, and one must. */
function intoListOf(path: readonly string[], lists: ListReading): number | undefined {
  const [first] = path;
  if (first === undefined) return 0;
  if (/^\d+$/.test(first)) return 1;
  return lists === 'map' ? 0 : undefined;
}

function reportListPath({ root, path, place }: Reference, { problems }: Check, end: number): void {
  const list = [root, ...path.slice(0, end)].join('.');
  if (path[end] === 'length') return;
  const hint = `go through it with {{#each ${list}}}, or take one item: ${list}.[0]`;
  problems.error('UnknownPath', place, {
    message: `${list} is a list; ${path[end] ?? ''} stands in its items`,
    hint,
  });
}

/** `Memcached's`, `Redis'`. */
function possessive(kind: string): string {
  return kind.endsWith('s') ? `${kind}'` : `${kind}'s`;
}
