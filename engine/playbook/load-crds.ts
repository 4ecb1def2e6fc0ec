/** crd.yaml: the CustomResourceDefinitions that a playbook brings along. */
import type { Place } from '../base/diagnostic.ts';
import { groupKind, isObject, type Json, type KubeObject } from '../kube/object.ts';
import { nameFaults } from './crd-names.ts';
import { definitionFaults } from './crd-versions.ts';
import type { OwnKind, OwnVersion } from './kind-catalogue.ts';
import type { Problems } from './load-problems.ts';
import type { PlaybookFiles } from './model.ts';
import { parseYaml, type YamlDocument } from './yaml.ts';

export const CRD_FILE = 'crd.yaml';

export function loadCrds(files: PlaybookFiles, problems: Problems): readonly OwnKind[] {
  const text = files.get(CRD_FILE);
  if (text === undefined) return [];
  const parsed = parseYaml({ file: CRD_FILE, text });
  if (parsed.kind === 'refused') {
    problems.addAll(parsed.problems);
    return [];
  }
  return parsed.documents.flatMap((document) => loadCrd(document, problems) ?? []);
}

function loadCrd(document: YamlDocument, problems: Problems): OwnKind | undefined {
  const faults = faultsOf(document.value);
  for (const { path, message } of faults) {
    const hint = 'write an apiextensions.k8s.io/v1 CustomResourceDefinition with a structural schema';
    problems.error('BadCrd', document.placeOf(path), { message, hint });
  }
  const crd = document.value;
  if (faults.length > 0 || !isCrd(crd)) return undefined;
  for (const { path, message } of nameFaults(crd))
    problems.error('BadCrd', document.placeOf(path), { message, hint: 'choose another name' });
  for (const { path, code, severity, message, hint } of definitionFaults(crd)) {
    const said = { message, hint: hint ?? 'correct the definition: the API server would refuse it' };
    if (severity === 'error') problems.error(code, document.placeOf(path), said);
    else problems.warn(code, document.placeOf(path), said);
  }
  const spec = fields(crd.spec);
  const { group, names, versions } = spec;
  const kind = String(fields(names).kind);
  const place: Place = document.place;
  return { gvk: { group: String(group), kind }, place, crd, versions: items(versions).map(versionOf) };
}

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** All that keeps a document from being a definition that a schema can be read from; the API server judges the rest. */
function faultsOf(value: Json): readonly Fault[] {
  const crd = fields(value);
  if (crd.apiVersion !== 'apiextensions.k8s.io/v1' || crd.kind !== 'CustomResourceDefinition') {
    return [{ path: [], message: 'this is not an apiextensions.k8s.io/v1 CustomResourceDefinition' }];
  }
  const spec = fields(crd.spec);
  const names = fields(spec.names);
  const wanted: readonly (readonly [readonly string[], unknown])[] = [
    [['metadata', 'name'], fields(crd.metadata).name],
    [['spec', 'group'], spec.group],
    [['spec', 'scope'], spec.scope],
    [['spec', 'names', 'kind'], names.kind],
    [['spec', 'names', 'plural'], names.plural],
  ];
  const missing = wanted.flatMap(([path, found]): Fault[] =>
    typeof found === 'string' && found !== '' ? [] : [{ path, message: `${path.join('.')} is missing` }],
  );
  return [...missing, ...nameFault(crd, spec, names), ...versionFaults(spec.versions)];
}

function nameFault(crd: Fields, spec: Fields, names: Fields): readonly Fault[] {
  const name = fields(crd.metadata).name;
  const wanted = `${String(names.plural)}.${String(spec.group)}`;
  if (typeof name !== 'string' || names.plural === undefined || name === wanted) return [];
  return [{ path: ['metadata', 'name'], message: `metadata.name must be ${wanted} (plural.group)` }];
}

function versionFaults(versions: unknown): readonly Fault[] {
  const path = ['spec', 'versions'];
  if (items(versions).length === 0) return [{ path, message: 'spec.versions is missing or empty' }];
  return items(versions).flatMap((version, index): Fault[] => {
    const at = [...path, index];
    const { name, schema } = fields(version);
    if (typeof name !== 'string') return [{ path: at, message: 'the version has no name' }];
    const faults: Fault[] = isObject(fields(schema).openAPIV3Schema)
      ? []
      : [{ path: at, message: `version ${name} has no schema.openAPIV3Schema` }];
    return faults;
  });
}

function versionOf(version: unknown): OwnVersion {
  const { name, served, subresources } = fields(version);
  return { name: String(name), served: served === true, hasStatus: isObject(fields(subresources).status) };
}

/** Two documents of crd.yaml, or crd.yaml and a watch's `schema`. */
export function reportRepeatedKinds(kinds: readonly OwnKind[], problems: Problems): void {
  const seen = new Set<string>();
  for (const { gvk, place } of kinds) {
    const name = groupKind(gvk);
    if (seen.has(name)) {
      problems.error('BadCrd', place, { message: `${name} is defined twice`, hint: 'remove one definition' });
    }
    seen.add(name);
  }
}

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown): Fields {
  return isObject(value) ? value : {};
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Called after `faultsOf` found a name, an apiVersion and a kind. */
function isCrd(value: unknown): value is KubeObject {
  return isObject(value) && isObject(value.metadata) && typeof value.metadata.name === 'string';
}
