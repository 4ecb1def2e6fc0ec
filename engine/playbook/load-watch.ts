/** One watch: its kind, its nouns, and what can be judged of them together. */
import type { Place } from '../base/diagnostic.ts';
import type { GroupVersionKind } from '../kube/object.ts';
import type { SchemaNode } from '../kube/schema.ts';
import { lintSecrets } from './action-secrets.ts';
import { checkConditions } from './check-conditions.ts';
import { checkManifests } from './check-manifests.ts';
import { checkReach } from './check-reach.ts';
import { checkReferences, type Names } from './check-references.ts';
import { warnUnused } from './check-unused.ts';
import { warnUnusedInActions } from './check-unused-actions.ts';
import type { KindCatalogue } from './kind-catalogue.ts';
import { knownPaths } from './known-paths.ts';
import type { Reference } from './language.ts';
import { loadActions } from './load-actions.ts';
import type { TemplateFiles } from './load-files.ts';
import { loadHealth } from './load-health.ts';
import { loadManifests } from './load-manifests.ts';
import { type LoadDocument, type LoadNode, textMapOf, textOf, wordOf } from './load-node.ts';
import { loadObserve } from './load-observe.ts';
import { loadProbes } from './load-probes.ts';
import type { Problems } from './load-problems.ts';
import type { Use, WatchScope } from './load-scope.ts';
import { loadStatus, type PlacedStatusField } from './load-status.ts';
import { loadVars } from './load-vars.ts';
import { lintClaims } from './manifest-claims.ts';
import type { Watch } from './model.ts';
import { followPath } from './schema-path.ts';
import { didYouMean } from './suggest.ts';

export interface WatchInput {
  readonly document: LoadDocument;
  readonly problems: Problems;
  readonly catalogue: KindCatalogue;
  readonly templates: TemplateFiles;
}

/** A watch before it is known which watch of its kind writes the status. */
export interface WatchDraft {
  readonly watch: Omit<Watch, 'ownsStatus'>;
  readonly names: Names;
  readonly statusFields: readonly PlacedStatusField[];
  /** Held fields that steps of actions set. */
  readonly settings: readonly PlacedStatusField[];
  /** The place of the noun that writes the status, if there is one. */
  readonly writesStatus: Place | undefined;
}

const NOUNS = ['vars', 'manifests', 'observe', 'health', 'status', 'probes', 'actions'];

export function loadWatch(node: LoadNode, input: WatchInput): WatchDraft | undefined {
  const { document, problems, catalogue } = input;
  const gvk = watchedKind(document, node);
  if (gvk === undefined) return undefined;
  checkOwnVersion(gvk, { document, node, catalogue, problems });
  const uses: Use[] = [];
  const schemaOf: WatchScope['schemaOf'] = (path) => resourceSchema(path, catalogue.schemaOf(gvk));
  const scope: WatchScope = { document, problems, uses, schemaOf };
  const noun = (name: string) => document.get(node, name);
  if (!NOUNS.some((name) => noun(name) !== undefined)) {
    const message = `the watch of ${gvk.kind} says nothing about it`;
    problems.error('NounMissing', node.place, { message, hint: `add one of ${NOUNS.join(', ')}` });
  }
  const vars = loadVars(scope, noun('vars'));
  const observe = loadObserve(scope, noun('observe'));
  const { manifests, names: children } = loadManifests(scope, noun('manifests'), input);
  const readable = noun('manifests') === undefined || noun('manifests')?.yaml.kind === 'list';
  const health = loadHealth(scope, noun('health'));
  const statusFields = loadStatus(scope, noun('status'));
  const status = statusFields.map(({ field }) => field);
  const { probes, names: probeNames } = loadProbes(scope, noun('probes'));
  const settings: PlacedStatusField[] = [];
  const actions = loadActions(scope, noun('actions'), {
    templates: input.templates,
    vars,
    status,
    manifests,
    settings,
  });
  const names: Names = {
    resource: gvk,
    children: readable ? children : undefined,
    observed: observedNames(document, noun('observe'), observe),
    vars: new Set(entriesOf(document, noun('vars')).map(({ name }) => name)),
    probes: probeNames,
    catalogue,
  };
  checkReferences(uses, names, problems);
  const known = knownPaths({ vars, actions }, names);
  checkManifests(uses, { names, known, problems, templates: input.templates });
  warnUnused(uses, { vars, observe, probes }, problems);
  warnUnusedInActions(uses, { document, node: noun('actions'), actions }, problems);
  checkReach({ manifests, status, actions, health }, { names, known, problems });
  checkConditions({ manifests, health, actions }, known, problems);
  for (const { expression } of uses) problems.addAll(expression?.impossible(known) ?? []);
  lintSecrets(actions, probes, { problems, names, vars });
  lintClaims(manifests, problems);
  return {
    watch: {
      place: node.place,
      gvk,
      ...selection(scope, node, catalogue.ownKind(gvk) !== undefined),
      vars,
      manifests,
      observe,
      health,
      status,
      probes,
      actions,
    },
    names,
    statusFields,
    settings,
    writesStatus: (noun('health') ?? noun('status'))?.keyPlace,
  };
}

/** The schema of what a reference reads of the resource itself. */
function resourceSchema(
  { root, path }: Pick<Reference, 'root' | 'path'>,
  schema: SchemaNode | undefined,
): SchemaNode | undefined {
  const below = root === 'object' ? path : [root, ...path];
  if (root !== 'object' && root !== 'metadata' && root !== 'spec' && root !== 'status') return undefined;
  const verdict = followPath(schema, below, 'index');
  return verdict.kind === 'possible' ? verdict.schema : undefined;
}

function watchedKind(document: LoadDocument, node: LoadNode): GroupVersionKind | undefined {
  const group = textOf(document.entries(node).find(({ name }) => name === 'group'));
  const version = textOf(document.get(node, 'version'));
  const kind = textOf(document.get(node, 'kind'));
  return group === undefined || version === undefined || kind === undefined
    ? undefined
    : { group, version, kind };
}

/** A kind of this playbook's crd.yaml must have the watched version, served. */
function checkOwnVersion(
  gvk: GroupVersionKind,
  {
    document,
    node,
    catalogue,
    problems,
  }: { document: LoadDocument; node: LoadNode; catalogue: KindCatalogue; problems: Problems },
): void {
  const own = catalogue.ownKind(gvk);
  if (own === undefined || own.versions.some(({ name, served }) => name === gvk.version && served)) return;
  const place = document.get(node, 'version')?.place ?? node.place;
  const served = own.versions.filter((version) => version.served).map(({ name }) => name);
  const message = `crd.yaml does not serve ${gvk.kind} in version ${gvk.version}`;
  problems.error('VersionNotServed', place, { message, hint: didYouMean(gvk.version, served) });
}

function selection(scope: WatchScope, node: LoadNode, own: boolean): Pick<Watch, 'unselected' | 'selector'> {
  const { document, problems } = scope;
  const selector = document.get(node, 'selector');
  const matchLabels = selector === undefined ? undefined : document.get(selector, 'matchLabels');
  const unselected = document.get(node, 'unselected');
  if (unselected !== undefined && selector === undefined) {
    const message = 'unselected says what happens when the selector no longer matches, and there is none';
    problems.error('BadCombination', unselected.keyPlace, {
      message,
      hint: 'add a selector, or remove unselected',
    });
  }
  return {
    unselected: wordOf(unselected, ['Leave', 'Remove']) ?? (own ? 'Leave' : 'Remove'),
    ...(matchLabels === undefined ? {} : { selector: { matchLabels: textMapOf(document, matchLabels) } }),
  };
}

/** Every name that the noun declares; one whose observation was refused has no kind. */
function observedNames(
  document: LoadDocument,
  noun: LoadNode | undefined,
  observe: Watch['observe'],
): Names['observed'] {
  const loaded = new Map(observe.map((each) => [each.name, each]));
  return new Map(
    entriesOf(document, noun).map(({ name }) => {
      const found = loaded.get(name);
      return [
        name,
        found === undefined ? undefined : { gvk: found.gvk, list: found.target.by === 'selector' },
      ];
    }),
  );
}

function entriesOf(document: LoadDocument, noun: LoadNode | undefined): readonly { readonly name: string }[] {
  return noun === undefined ? [] : document.entries(noun);
}
