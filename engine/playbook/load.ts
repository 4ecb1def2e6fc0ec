/**
 * Files become a Playbook: read, compiled, checked against the schemas, frozen. Or all their problems at once, each
 * with a code, a place and what to do. Pure: no file is read here, no cluster asked.
 */
import { hasErrors, type Place, sortDiagnostics } from '../base/diagnostic.ts';
import { type GroupVersionKind, groupKind, gvkOf, isObject } from '../kube/object.ts';
import type { SchemaLookup } from '../kube/schema.ts';
import { checkResource } from './check-resource.ts';
import { checkVersions } from './check-versions.ts';
import { deepFreeze } from './freeze.ts';
import { KindCatalogue } from './kind-catalogue.ts';
import { loadCrds, reportRepeatedKinds } from './load-crds.ts';
import { checkFiles, contentHashOf, SAMPLE_FILE, TemplateFiles, WATCHES_FILE } from './load-files.ts';
import { kindAt } from './load-kind.ts';
import { isMapNode, LoadDocument, type LoadNode, textOf } from './load-node.ts';
import { Problems } from './load-problems.ts';
import { loadRollout } from './load-rollout.ts';
import { loadSchemas } from './load-schema.ts';
import { loadWatch, type WatchDraft } from './load-watch.ts';
import type { LoadResult, Playbook, PlaybookFiles, Watch } from './model.ts';
import { statusOwners } from './status-owner.ts';
import { checkSettings, checkStatusSchema } from './status-schema.ts';
import { nearest } from './suggest.ts';
import { checkWatchesSchema } from './watches-schema.ts';
import { parseYaml, type YamlDocument } from './yaml.ts';

export interface LoadOptions {
  /** Schemas of kinds that are not in the playbook's own crd.yaml; undefined for those that are not known. */
  readonly schema: SchemaLookup;
  /** Where all kinds of a group are known: the versions in which it has a kind. Default: nothing is known. */
  readonly versions?: (group: string, kind: string) => readonly string[] | undefined;
  /** For a kind that is in none of them: a hint at what was most likely meant. */
  readonly meant?: (gvk: GroupVersionKind) => string | undefined;
}

/** `name` is the source's (a folder, a ConfigMap's label); metadata.name goes before it. */
export function loadPlaybook(name: string, files: PlaybookFiles, options: LoadOptions): LoadResult {
  const problems = new Problems();
  const playbook = checkFiles(files, problems) ? load(name, files, { options, problems }) : undefined;
  const found = sortDiagnostics(problems.all);
  if (playbook === undefined || hasErrors(found)) return { kind: 'refused', problems: found };
  return { kind: 'loaded', playbook: deepFreeze(playbook), warnings: found };
}

interface Loading {
  readonly options: LoadOptions;
  readonly problems: Problems;
}

function load(name: string, files: PlaybookFiles, { options, problems }: Loading): Playbook | undefined {
  const crds = loadCrds(files, problems);
  const document = readWatches(files, problems);
  if (document === undefined) return undefined;
  const templates = new TemplateFiles(files, problems);
  const nodes = document.items(
    isMapNode(document.root) ? document.get(document.root, 'watches') : document.root,
  );
  const own = [...crds, ...loadSchemas(document, nodes, problems)];
  reportRepeatedKinds(own, problems);
  const catalogue = new KindCatalogue(own, options.schema);
  const drafts = nodes.flatMap((node) => loadWatch(node, { document, problems, catalogue, templates }) ?? []);
  // What the watches use is not known where their manifests can't be read.
  if (drafts.length === nodes.length && drafts.every(({ names }) => names.children !== undefined)) {
    templates.warnUnused();
  }
  const watches = finishWatches(drafts, catalogue, problems);
  warnUndecided(catalogue, document.root.place, problems);
  warnUnwatched(drafts, catalogue, problems);
  warnSample(files, catalogue, problems);
  const contentHash = contentHashOf(files);
  const described = describe(document, { name, contentHash, problems });
  const range = described.requires.kubernetes;
  checkVersions(watches, { catalogue, problems, range, versions: options.versions, meant: options.meant });
  const rollout = loadRollout(document, problems);
  return {
    ...described,
    ...(rollout === undefined ? {} : { rollout }),
    contentHash,
    watches,
    crds: catalogue.own.map(({ crd }) => crd),
  };
}

/** Undefined where the file is missing, no YAML, or empty (and reported). */
function readWatches(files: PlaybookFiles, problems: Problems): LoadDocument | undefined {
  const text = files.get(WATCHES_FILE);
  const start = { file: WATCHES_FILE, line: 1, column: 1 };
  if (text === undefined) {
    const hint = 'a playbook needs it: a list of watches, each with group, version, kind and a noun';
    problems.error('FileMissing', start, { message: `there is no file ${WATCHES_FILE}`, hint });
    return undefined;
  }
  const parsed = parseYaml({ file: WATCHES_FILE, text });
  if (parsed.kind === 'refused') {
    problems.addAll(parsed.problems);
    return undefined;
  }
  const [first, second] = parsed.documents;
  if (second !== undefined) {
    const hint = 'put all watches into one list';
    problems.error('BadWatches', second.place, {
      message: `${WATCHES_FILE} holds more than one document`,
      hint,
    });
  }
  if (first === undefined) {
    problems.error('BadWatches', start, {
      message: `${WATCHES_FILE} is empty`,
      hint: 'write a list of watches',
    });
    return undefined;
  }
  const document = new LoadDocument(WATCHES_FILE, text, first);
  checkWatchesSchema(document, first.value, problems);
  return document;
}

function finishWatches(
  drafts: readonly WatchDraft[],
  catalogue: KindCatalogue,
  problems: Problems,
): readonly Watch[] {
  const owners = statusOwners(drafts, catalogue, problems);
  return drafts.map((draft) => {
    const ownsStatus = owners.has(draft);
    const { watch, names, statusFields: fields } = draft;
    if (ownsStatus) checkStatusSchema({ place: watch.place, gvk: watch.gvk, fields }, names, problems);
    checkSettings(draft.settings, names, problems);
    return { ...watch, ownsStatus };
  });
}

/** What can't be decided says so. */
function warnUndecided(catalogue: KindCatalogue, place: Place, problems: Problems): void {
  const unknown = catalogue.unknown();
  if (unknown.length === 0 || hasErrors(problems.all)) return;
  const message = `paths of ${unknown.join(', ')} were not checked: their schemas are not known here`;
  problems.warn('PathsNotChecked', place, { message, hint: 'check against a cluster that serves them' });
}

/** A kind of crd.yaml that nothing uses is most likely a misspelt watch. */
function warnUnwatched(drafts: readonly WatchDraft[], catalogue: KindCatalogue, problems: Problems): void {
  const used = new Set(
    drafts.flatMap(({ watch }) =>
      [watch, ...watch.manifests, ...watch.observe].map(({ gvk }) => groupKind(gvk)),
    ),
  );
  for (const { gvk, place } of catalogue.own) {
    if (used.has(groupKind(gvk))) continue;
    const message = `no watch uses ${groupKind(gvk)}`;
    problems.warn('KindNotWatched', place, { message, hint: 'watch it, or remove its definition' });
  }
}

/** The first thing that a user applies should be taken. */
function warnSample(files: PlaybookFiles, catalogue: KindCatalogue, problems: Problems): void {
  const text = files.get(SAMPLE_FILE);
  if (text === undefined) return;
  const parsed = parseYaml({ file: SAMPLE_FILE, text });
  if (parsed.kind === 'refused')
    problems.addAll(parsed.problems.map((problem) => ({ ...problem, severity: 'warning' })));
  for (const document of parsed.documents) {
    if (!isObject(document.value)) continue;
    const { apiVersion, kind } = document.value;
    if (typeof apiVersion !== 'string' || typeof kind !== 'string') continue;
    const gvk = gvkOf({ apiVersion, kind });
    const schema = catalogue.ownKind(gvk) === undefined ? undefined : catalogue.schemaOf(gvk);
    if (schema !== undefined) checkResource({ document, at: [], kind, schema }, 'warning', problems);
    else warnMisspelt({ document, gvk }, catalogue, problems);
  }
}

/** A sample may bring other objects; one whose kind is nearly ours, or is in another version, is a slip. */
function warnMisspelt(
  { document, gvk }: { readonly document: YamlDocument; readonly gvk: GroupVersionKind },
  { own }: KindCatalogue,
  problems: Problems,
): void {
  const ours = own.filter((each) => each.gvk.group === gvk.group);
  const kind = nearest(
    gvk.kind,
    ours.map((each) => each.gvk.kind),
  );
  const versions = ours.find((each) => each.gvk.kind === kind)?.versions.map(({ name }) => name) ?? [];
  if (kind === undefined || (kind === gvk.kind && versions.includes(gvk.version))) return;
  problems.warn('KindUnserved', document.placeOf([kind === gvk.kind ? 'apiVersion' : 'kind']), {
    message: `the playbook defines no ${gvk.kind} as ${gvk.group}/${gvk.version}`,
    hint: kind === gvk.kind ? `there is ${versions.join(', ')}` : `did you mean ${kind}?`,
  });
}

/** What the long form says about the playbook as a whole. */
function describe(
  document: LoadDocument,
  { name, contentHash, problems }: { name: string; contentHash: string; problems: Problems },
): Pick<Playbook, 'name' | 'version' | 'description' | 'requires'> {
  const at = (node: LoadNode | undefined, key: string) =>
    node === undefined ? undefined : document.get(node, key);
  const metadata = at(document.root, 'metadata');
  const requires = at(document.root, 'requires');
  const description = textOf(at(metadata, 'description'));
  const kubernetes = textOf(at(requires, 'kubernetes'));
  const kinds = document
    .items(at(requires, 'kinds'))
    .flatMap((node) => kindAt(document, node, problems) ?? []);
  return {
    name: textOf(at(metadata, 'name')) ?? name,
    version: textOf(at(metadata, 'version')) ?? contentHash.slice(0, 12),
    ...(description === undefined ? {} : { description }),
    requires: { kinds, ...(kubernetes === undefined ? {} : { kubernetes }) },
  };
}
