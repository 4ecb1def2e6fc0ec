/** The noun `manifests`: entries become children with ids, edges between them and a place in the order. */
import { groupKind } from '../kube/object.ts';
import { kindRank } from '../kube/order.ts';
import type { ChildName } from './check-references.ts';
import { describeCycle, orderByDependency } from './dependency-order.ts';
import type { KindCatalogue } from './kind-catalogue.ts';
import type { TemplateFiles } from './load-files.ts';
import { type Entry, loadEntry } from './load-manifest-entry.ts';
import { type LoadNode, textOf } from './load-node.ts';
import type { WatchScope } from './load-scope.ts';
import { checkEntry, checkNamespace } from './manifest-rules.ts';
import type { Manifest } from './model.ts';
import { didYouMean } from './suggest.ts';

export interface LoadedManifests {
  /** By rank, within a rank in the file's order. */
  readonly manifests: readonly Manifest[];
  /** What `children.ID` and `rendered.ID` stand for. */
  readonly names: ReadonlyMap<string, ChildName>;
}

export interface ManifestSources {
  readonly templates: TemplateFiles;
  readonly catalogue: KindCatalogue;
}

export function loadManifests(
  scope: WatchScope,
  node: LoadNode | undefined,
  { templates, catalogue }: ManifestSources,
): LoadedManifests {
  const entries = scope.document.items(node).flatMap((item) => loadEntry(scope, item, templates) ?? []);
  const names = nameEntries(scope, entries);
  const kinds = entries.flatMap(({ name }) => name.documents ?? []);
  const makesNamespaces = kinds.some(({ gvk }) => groupKind(gvk) === 'Namespace');
  for (const entry of entries) {
    checkEntry(scope, entry, catalogue);
    checkNamespace(scope, entry, makesNamespaces);
  }
  const drafts = entries.flatMap((entry) => draftsOf(scope, entry, names));
  return { manifests: inOrder(scope, drafts), names };
}

function nameEntries({ problems }: WatchScope, entries: readonly Entry[]): ReadonlyMap<string, ChildName> {
  const names = new Map<string, ChildName>();
  for (const { id, name, place } of entries) {
    if (names.has(id)) {
      const hint = 'give one of the two entries another id';
      problems.error('DuplicateId', place, { message: `two manifests have the id ${id}`, hint });
    } else {
      names.set(id, name);
    }
  }
  return names;
}

type Draft = Omit<Manifest, 'rank'>;

function draftsOf(scope: WatchScope, entry: Entry, names: ReadonlyMap<string, ChildName>): readonly Draft[] {
  const { template, settings, place } = entry;
  const after = entry.after.flatMap((node) => afterIds(scope, node, names));
  const needs = neededIds(entry, names);
  const seen = new Set<string>();
  return (template?.documents ?? []).flatMap(({ group, version, kind, place: documentPlace }, document) => {
    if (template === undefined) return [];
    const id = documentId(entry, kind.toLowerCase());
    if (seen.has(id)) {
      const message = `the file holds two objects of the kind ${kind}, which would both be ${id}`;
      scope.problems.error('DuplicateId', documentPlace, {
        message,
        hint: 'put one of them into a file of its own',
      });
      return [];
    }
    seen.add(id);
    return [{ ...settings, id, place, gvk: { group, version, kind }, template, document, after, needs }];
  });
}

function documentId({ id, name }: Pick<Entry, 'id' | 'name'>, kind: string): string {
  return name.documents?.length === 1 ? id : `${id}.${kind}`;
}

/** `after: [app]` means all objects of the entry app; `after: [app.service]` one of them. */
function afterIds(
  scope: WatchScope,
  node: LoadNode,
  names: ReadonlyMap<string, ChildName>,
): readonly string[] {
  const text = textOf(node);
  if (text === undefined) return [];
  const all =
    idsOf(text, names) ??
    [...names.keys()].flatMap((id) => idsOf(id, names) ?? []).filter((id) => id === text);
  if (all.length === 0 && !names.has(text)) {
    const hint = didYouMean(text, [...names.keys()]);
    scope.problems.error('UnknownChild', node.place, { message: `no manifest has the id ${text}`, hint });
  }
  return all;
}

/** The ids of an entry's objects. */
function idsOf(id: string, names: ReadonlyMap<string, ChildName>): readonly string[] | undefined {
  const name = names.get(id);
  if (name === undefined) return undefined;
  return name.documents?.map(({ name: kind }) => documentId({ id, name }, kind)) ?? [];
}

/**
 * Children that the template or the namespace reads without a guard: they must be there first. A file is rendered as
 * a whole, so that all its objects need what one of them reads.
 */
function neededIds(entry: Entry, names: ReadonlyMap<string, ChildName>): readonly string[] {
  const references = [...(entry.template?.references ?? []), ...(entry.settings.namespace?.references ?? [])];
  const ids = references.flatMap(({ root, path, guarded }) => {
    const [id = '', kind] = path;
    if (guarded || (root !== 'children' && root !== 'rendered')) return [];
    const all = idsOf(id, names) ?? [];
    const one = all.find((each) => each === `${id}.${kind}`);
    return one === undefined ? all : [one];
  });
  return [...new Set(ids)];
}

function inOrder(scope: WatchScope, drafts: readonly Draft[]): readonly Manifest[] {
  const order = orderByDependency(
    drafts.map(({ id, after, needs, gvk }) => ({
      id,
      before: [...after, ...needs],
      precedence: kindRank(gvk),
    })),
  );
  reportCycle(scope, drafts, order.cycle);
  return drafts
    .map((draft) => ({ ...draft, rank: order.ranks.get(draft.id) ?? 0 }))
    .toSorted((a, b) => a.rank - b.rank);
}

function reportCycle(
  scope: WatchScope,
  drafts: readonly Draft[],
  cycle: readonly string[] | undefined,
): void {
  const first = drafts.find(({ id }) => id === cycle?.[0]);
  if (cycle === undefined || first === undefined) return;
  const message =
    cycle.length === 1
      ? `${first.id} waits for itself`
      : `these manifests wait for each other: ${describeCycle(cycle)}`;
  const hint = 'remove an after, or guard a reference: {{default children.ID.… …}}';
  scope.problems.error('ManifestCycle', first.place, { message, hint });
}
