/** Where a playbook's files say what a definition says: in crd.yaml, or in the short `schema:` of a watch. */
import type { Diagnostic, Place, Severity } from '../base/diagnostic.ts';
import type { KubeObject } from '../kube/object.ts';
import { getPath, isList } from '../kube/value.ts';
import type { CrdChange } from './crd-changes.ts';
import { CRD_FILE } from './load-crds.ts';
import { WATCHES_FILE } from './load-files.ts';
import { isMapNode, LoadDocument, type LoadNode, textOf } from './load-node.ts';
import type { PlaybookFiles } from './model.ts';
import { parseYaml } from './yaml.ts';

interface Wanted {
  readonly version: string;
  /** As in a CrdChange. */
  readonly path: readonly string[];
}

/** An incompatible change as a problem of the playbook with these files. */
export function changeProblem(
  files: PlaybookFiles,
  crd: KubeObject,
  { change, severity }: { readonly change: CrdChange; readonly severity: Severity },
): Diagnostic {
  const { code, message, effect: hint } = change;
  return { code, severity, ...placeInDefinition(files, crd, change), message, hint };
}

/** The nearest place that there is: of a field that is gone, the object around. */
export function placeInDefinition(files: PlaybookFiles, crd: KubeObject, wanted: Wanted): Place {
  return inCrdFile(files, crd, wanted) ?? inShortSchema(files, crd, wanted);
}

function inCrdFile(files: PlaybookFiles, crd: KubeObject, { version, path }: Wanted): Place | undefined {
  const parsed = parseYaml({ file: CRD_FILE, text: files.get(CRD_FILE) ?? '' });
  if (parsed.kind === 'refused') return undefined;
  const document = parsed.documents.find(
    ({ value }) => getPath(value, ['metadata', 'name']) === crd.metadata.name,
  );
  if (document === undefined) return undefined;
  const versions = getPath(document.value, ['spec', 'versions']);
  const index = isList(versions) ? versions.findIndex((each) => getPath(each, ['name']) === version) : -1;
  if (index < 0) return document.placeOf(['spec', 'versions'], 'key');
  const steps = path.flatMap((step) =>
    step === '[]' ? ['items'] : step === '{}' ? ['additionalProperties'] : ['properties', step],
  );
  const root = ['spec', 'versions', index];
  return path.length === 0
    ? document.placeOf(root)
    : document.placeOf([...root, 'schema', 'openAPIV3Schema', ...steps], 'key');
}

function inShortSchema(files: PlaybookFiles, { spec }: KubeObject, { version, path }: Wanted): Place {
  const text = files.get(WATCHES_FILE) ?? '';
  const start = { file: WATCHES_FILE, line: 1, column: 1 };
  const parsed = parseYaml({ file: WATCHES_FILE, text });
  const [first] = parsed.kind === 'parsed' ? parsed.documents : [];
  if (first === undefined) return start;
  const document = new LoadDocument(WATCHES_FILE, text, first);
  const { root } = document;
  const watches = document.items(isMapNode(root) ? document.get(root, 'watches') : root);
  const own = watches.filter(
    (watch) => textOf(document.get(watch, 'kind')) === getPath(spec, ['names', 'kind']),
  );
  const watch = own.find((each) => textOf(document.get(each, 'version')) === version) ?? own[0];
  const schema = watch === undefined ? undefined : document.get(watch, 'schema');
  if (schema === undefined) return watch?.place ?? start;
  const [part, ...fields] = path;
  const below = part === undefined ? undefined : document.get(schema, part);
  return below === undefined ? schema.keyPlace : nearest(document, below, fields).keyPlace;
}

/** Through `fields`, `items` and `values`, and lists written as `[string]`: the field, or the nearest around it. */
export function nearest(document: LoadDocument, start: LoadNode, path: readonly string[]): LoadNode {
  let node = start;
  for (const [index, step] of path.entries()) {
    const inner = index === 0 ? node : (document.get(node, 'fields') ?? node);
    const short = step === '[]' ? document.items(node)[0] : undefined;
    const next = short ?? document.get(inner, step === '[]' ? 'items' : step === '{}' ? 'values' : step);
    if (next === undefined) return node;
    node = next;
  }
  return node;
}
