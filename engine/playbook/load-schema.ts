/**
 * The short `schema:` of a watch, as the CustomResourceDefinition that it stands for: structural schema with status and
 * conditions, CEL rules for what is immutable, printer columns, scale. Structural schemas: KEP-1693's rules;
 * validation rules: KEP-2876.
 */
import type { Place } from '../base/diagnostic.ts';
import type { GroupVersionKind, Json, JsonObject, KubeObject } from '../kube/object.ts';
import { checkRules } from './check-cel.ts';
import { type NameFault, nameFaults } from './crd-names.ts';
import { nearest } from './crd-places.ts';
import { schemaFaults } from './crd-structure.ts';
import type { OwnKind, OwnVersion } from './kind-catalogue.ts';
import { isMapNode, type LoadDocument, type LoadNode, textMapOf, textOf } from './load-node.ts';
import type { Problems } from './load-problems.ts';
import { checkPaths, columnsOf, scaleOf } from './schema-columns.ts';
import { fieldSchema, objectSchema, type SchemaInput } from './schema-fields.ts';
import { jsonOf } from './yaml-node.ts';

const OBSERVED: JsonObject = {
  observedGeneration: { type: 'integer', format: 'int64' },
  playbookVersion: { type: 'string' },
  conditions: {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
    items: {
      type: 'object',
      required: ['type', 'status'],
      properties: {
        type: { type: 'string' },
        status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
        reason: { type: 'string' },
        message: { type: 'string' },
        lastTransitionTime: { type: 'string', format: 'date-time' },
        observedGeneration: { type: 'integer', format: 'int64' },
      },
    },
  },
};

interface Described {
  readonly gvk: GroupVersionKind;
  readonly node: LoadNode;
  /** Where `schema` stands. */
  readonly schema: LoadNode;
}

/** The kinds that watches describe by `schema`; watches of several versions of one kind make one definition. */
export function loadSchemas(
  document: LoadDocument,
  watches: readonly LoadNode[],
  problems: Problems,
): readonly OwnKind[] {
  const described = watches.flatMap((node): readonly Described[] => {
    const schema = document.get(node, 'schema');
    const group = textOf(document.entries(node).find(({ name }) => name === 'group'));
    const [version, kind] = [textOf(document.get(node, 'version')), textOf(document.get(node, 'kind'))];
    if (schema === undefined || !isMapNode(schema)) return [];
    if (group === undefined || version === undefined || kind === undefined) return [];
    return [{ gvk: { group, version, kind }, node, schema }];
  });
  const byKind = Map.groupBy(described, ({ gvk }) => `${gvk.kind}.${gvk.group}`);
  return [...byKind.values()].flatMap((versions) => ownKindOf(versions, { document, problems }));
}

function ownKindOf(versions: readonly Described[], input: SchemaInput): readonly OwnKind[] {
  const [first] = versions;
  if (first === undefined) return [];
  const { group, kind } = first.gvk;
  const { document } = input;
  const at = (key: string) => document.get(first.schema, key);
  const plural = textOf(at('plural')) ?? pluralOf(kind.toLowerCase());
  const [shortNames, categories] = [textsOf(document, at('shortNames')), textsOf(document, at('categories'))];
  const names = {
    kind,
    listKind: `${kind}List`,
    plural,
    singular: kind.toLowerCase(),
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
  };
  const crd: KubeObject = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: textOf(at('scope')) ?? 'Namespaced',
      names,
      versions: versions.map((each, index) => versionOf(each, { input, storage: index === 0 })),
    },
  };
  for (const { path, message } of nameFaults(crd).filter(({ misspelt }) => !misspelt))
    input.problems.error('BadSchema', namePlace(path, first, document), {
      message,
      hint: 'choose another name',
    });
  const own = versions.map(({ gvk }): OwnVersion => ({ name: gvk.version, served: true, hasStatus: true }));
  return [{ gvk: { group, kind }, place: first.schema.keyPlace, crd, versions: own }];
}

/** Of a name in the definition: in `schema` where it is given there, else where the watch says the kind. */
function namePlace(path: NameFault['path'], { node, schema }: Described, document: LoadDocument): Place {
  const [, part, key] = path;
  const own = typeof key === 'string' ? document.get(schema, key) : undefined;
  const head = document.entries(node).find(({ name }) => name === (part === 'group' ? 'group' : 'kind'));
  return (own ?? head ?? node).place;
}

function versionOf(
  { gvk, node, schema }: Described,
  { input, storage }: { readonly input: SchemaInput; readonly storage: boolean },
): JsonObject {
  const { document } = input;
  const spec = objectSchema(document.get(schema, 'spec'), input);
  const rules = document.get(schema, 'rules');
  checkRules(rules, spec, input);
  const own = rules === undefined ? [] : jsonOf(rules.yaml);
  const needed = Array.isArray(spec.required) && spec.required.length > 0;
  const root: JsonObject = {
    type: 'object',
    ...(needed ? { required: ['spec'] } : {}),
    properties: {
      spec: { ...withRules(spec, own), ...(needed ? {} : { default: {} }) },
      status: statusSchema(document.get(schema, 'status'), { node, input }),
    },
  };
  reportFaults(schema, root, input);
  for (const key of ['columns', 'scale']) checkPaths(document.get(schema, key), root, { gvk, input });
  const scale = scaleOf(document.get(schema, 'scale'), document);
  return {
    name: gvk.version,
    served: true,
    storage,
    subresources: { status: {}, ...(scale === undefined ? {} : { scale }) },
    additionalPrinterColumns: columnsOf(textMapOf(document, document.get(schema, 'columns')), root),
    schema: { openAPIV3Schema: root },
  };
}

/** What the fields, each right by itself, contradict in their limits. Types and words were judged where they stand. */
function reportFaults(schema: LoadNode, root: JsonObject, { document, problems }: SchemaInput): void {
  for (const { path, keyword, message, hint } of schemaFaults(root)) {
    const [part = '', ...fields] = path;
    const below = document.get(schema, part);
    const key = keyword === undefined ? undefined : (SHORT_KEYS[keyword] ?? keyword);
    const field = below === undefined ? undefined : nearest(document, below, fields);
    const said = field === undefined || key === undefined ? undefined : document.get(field, key);
    if (said === undefined || keyword === 'enum') continue;
    const { line, column } = said.place;
    const known = problems.all.some(
      (each) => each.code === 'BadSchema' && each.line === line && each.column === column,
    );
    if (!known) problems.error('BadSchema', said.place, { message, hint: hint ?? 'let the two agree' });
  }
}

/** Keywords of a definition as the short schema has them. */
const SHORT_KEYS: Readonly<Record<string, string>> = {
  minimum: 'min',
  minLength: 'min',
  minItems: 'min',
  minProperties: 'min',
  'x-kubernetes-list-map-keys': 'key',
};

function withRules(spec: JsonObject, rules: Json): JsonObject {
  if (!Array.isArray(rules) || rules.length === 0) return spec;
  const before = spec['x-kubernetes-validations'];
  return {
    ...spec,
    'x-kubernetes-validations': [...(Array.isArray(before) ? before : []), ...(rules as readonly Json[])],
  };
}

/** Fields that the watch writes and the schema does not name may hold anything. */
function statusSchema(
  described: LoadNode | undefined,
  { node, input }: { readonly node: LoadNode; readonly input: SchemaInput },
): JsonObject {
  const { document } = input;
  const noun = document.get(node, 'status');
  const written = noun === undefined ? [] : document.entries(noun).map(({ name }) => name);
  const open = written.map((name) => [name, { 'x-kubernetes-preserve-unknown-fields': true }] as const);
  const named = (described === undefined ? [] : document.entries(described)).map(
    (field) => [field.name, fieldSchema(field, input)] as const,
  );
  return { type: 'object', properties: { ...OBSERVED, ...Object.fromEntries([...open, ...named]) } };
}

function textsOf(document: LoadDocument, node: LoadNode | undefined): readonly string[] {
  return document.items(node).flatMap((item) => textOf(item) ?? []);
}

/** English plurals as kubebuilder and the Operator SDK make them. */
export function pluralOf(singular: string): string {
  if (/(s|x|z|ch|sh)$/.test(singular)) return `${singular}es`;
  if (/[^aeiou]y$/.test(singular)) return `${singular.slice(0, -1)}ies`;
  return `${singular}s`;
}
