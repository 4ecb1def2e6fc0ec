/**
 * Builds the schema model from a CRD or from the OpenAPI v3 document of one group-version, with the API server's own
 * reading of the extensions (kube-openapi's schemaconv), so that field sets are walked as the server walks them.
 *
 * A node is built when it is first asked for and kept with its document; nothing is global. Documents are trusted to be
 * what the API server serves: what cannot be read says nothing (an open node) rather than something wrong.
 */
import {
  apiVersionOf,
  type GroupVersionKind,
  type Json,
  type JsonObject,
  type KubeObject,
} from './object.ts';
import { OBJECT_META } from './object-meta.ts';
import { lengthRange, numberRange } from './range.ts';
import type { SchemaNode, SchemaType } from './schema.ts';
import { asJson, getPath, isJsonObject, isList } from './value.ts';

const REFERENCE_PREFIX = '#/components/schemas/';
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const RAW_EXTENSION = 'io.k8s.apimachinery.pkg.runtime.RawExtension';
const TYPES: readonly SchemaType[] = ['object', 'array', 'string', 'integer', 'number', 'boolean'];

/** The schema of a version that a CRD declares; undefined where it declares none. */
export function schemaFromCrd(crd: KubeObject, version: string): SchemaNode | undefined {
  const versions = getPath(crd.spec, ['versions']);
  const declared = isList(versions) ? versions.find((v) => getPath(v, ['name']) === version) : undefined;
  const root = asJson(getPath(declared, ['schema', 'openAPIV3Schema']));
  if (!isJsonObject(root)) return undefined;
  const source: Source = { origin: 'crd', components: {}, nodes: new WeakMap() };
  return nodeFor({ ...root, 'x-kubernetes-embedded-resource': true }, source);
}

/** The schema of a kind in the document at /openapi/v3/apis/GROUP/VERSION; undefined where it has none. */
export function schemaFromOpenApi(document: JsonObject, gvk: GroupVersionKind): SchemaNode | undefined {
  const components = asJson(getPath(document, ['components', 'schemas']));
  if (!isJsonObject(components)) return undefined;
  const root = Object.values(components).find((schema) => describes(schema, gvk));
  if (!isJsonObject(root)) return undefined;
  return nodeFor(root, { origin: 'openapi', components, nodes: new WeakMap() });
}

/** Schemas of options (DeleteOptions, WatchEvent) stand for many kinds; an object's schema stands for one. */
function kindsOf(schema: unknown): readonly GroupVersionKind[] {
  const kinds = getPath(schema, ['x-kubernetes-group-version-kind']);
  if (!isList(kinds) || kinds.length !== 1) return [];
  const [group, version, kind] = ['group', 'version', 'kind'].map((name) => getPath(kinds[0], [name]));
  if (typeof group !== 'string' || typeof version !== 'string' || typeof kind !== 'string') return [];
  return [{ group, version, kind }];
}

function describes(schema: Json, gvk: GroupVersionKind): boolean {
  return kindsOf(schema).some((k) => k.kind === gvk.kind && apiVersionOf(k) === apiVersionOf(gvk));
}

/** A document, and the nodes made of it so far. */
interface Source {
  /** In a CRD an object without properties holds nothing; in the built-in kinds' schemas it holds anything. */
  readonly origin: 'crd' | 'openapi';
  readonly components: JsonObject;
  readonly nodes: WeakMap<JsonObject, SchemaNode>;
}

/** A schema with its reference followed. */
interface Resolved {
  readonly schema: JsonObject;
  /** Name of the component that was referred to. */
  readonly component?: string;
}

function nodeFor(raw: JsonObject, source: Source): SchemaNode {
  const known = source.nodes.get(raw);
  if (known !== undefined) return known;
  const node = buildNode(resolve(raw, source), source);
  source.nodes.set(raw, node);
  return node;
}

/** `$ref`, or `allOf` around it with siblings (default, description, extensions) that win over what they refer to. */
function resolve(raw: JsonObject, source: Source): Resolved {
  const targets = [raw, ...(isList(raw.allOf) ? raw.allOf : [])].map(referenceOf);
  const name = targets.find((target) => target !== undefined);
  if (name === undefined) return { schema: raw };
  const target = Object.hasOwn(source.components, name) ? source.components[name] : undefined;
  const { $ref: _ref, allOf: _allOf, ...siblings } = raw;
  if (!isJsonObject(target)) return { schema: siblings, component: name };
  return { schema: { ...target, ...siblings }, component: name };
}

function referenceOf(schema: Json): string | undefined {
  const reference = isJsonObject(schema) ? schema.$ref : undefined;
  if (typeof reference !== 'string' || !reference.startsWith(REFERENCE_PREFIX)) return undefined;
  return reference.slice(REFERENCE_PREFIX.length);
}

function buildNode({ schema, component }: Resolved, source: Source): SchemaNode {
  const properties = propertiesOf(schema);
  const child = (raw: Json | undefined): SchemaNode | undefined =>
    isJsonObject(raw) ? nodeFor(raw, source) : undefined;
  const intOrString = isIntOrString(schema, component);
  const type = intOrString ? undefined : typeOf(schema);
  const listKeys = listKeysOf(schema, () => child(schema.items));
  return {
    ...(type === undefined ? {} : { type }),
    intOrString,
    open: !intOrString && isOpen(schema, component, source),
    property: (name) => (Object.hasOwn(properties, name) ? child(properties[name]) : undefined),
    propertyNames: () => Object.keys(properties),
    get values() {
      return child(valuesOf(schema));
    },
    get items() {
      return child(schema.items);
    },
    listType: listTypeOf(schema),
    get listKeys() {
      return listKeys();
    },
    mapType:
      schema['x-kubernetes-map-type'] === 'atomic' || component === RAW_EXTENSION ? 'atomic' : 'granular',
    required: strings(schema.required),
    ...(schema.default === undefined ? {} : { default: schema.default }),
    ...(isList(schema.enum) ? { enum: schema.enum } : {}),
    nullable: schema.nullable === true,
    ...limitsOf(schema, type),
  };
}

function limitsOf(schema: JsonObject, type: SchemaType | undefined): Pick<SchemaNode, 'range' | 'length'> {
  const range = type === 'integer' || type === 'number' ? numberRange(schema) : undefined;
  const length = type === 'string' || type === 'array' ? lengthRange(schema) : undefined;
  return { ...(range === undefined ? {} : { range }), ...(length === undefined ? {} : { length }) };
}

/** A resource's own properties, and for one that is a whole object also apiVersion, kind and real metadata. */
function propertiesOf(schema: JsonObject): JsonObject {
  const declared = isJsonObject(schema.properties) ? schema.properties : {};
  if (schema['x-kubernetes-embedded-resource'] !== true) return declared;
  return { apiVersion: { type: 'string' }, kind: { type: 'string' }, ...declared, metadata: OBJECT_META };
}

function typeOf(schema: JsonObject): SchemaType | undefined {
  return TYPES.find((type) => type === schema.type);
}

function isIntOrString(schema: JsonObject, component: string | undefined): boolean {
  if (component === QUANTITY || schema['x-kubernetes-int-or-string'] === true) return true;
  return schema.format === 'int-or-string';
}

function isOpen(schema: JsonObject, component: string | undefined, source: Source): boolean {
  if (schema['x-kubernetes-preserve-unknown-fields'] === true || component === RAW_EXTENSION) return true;
  const type = typeOf(schema);
  if (type === undefined) return true;
  if (type === 'array') return schema.items === undefined;
  if (type !== 'object' || source.origin === 'crd') return false;
  return schema.properties === undefined && schema.additionalProperties === undefined;
}

/** additionalProperties: a schema, or `true` for anything. */
function valuesOf(schema: JsonObject): Json | undefined {
  return schema.additionalProperties === true ? ANYTHING : schema.additionalProperties;
}

const ANYTHING: JsonObject = Object.freeze({ 'x-kubernetes-preserve-unknown-fields': true });

/** x-kubernetes-list-type, or what an older patch strategy says. */
function listTypeOf(schema: JsonObject): SchemaNode['listType'] {
  const listType = schema['x-kubernetes-list-type'];
  if (listType === 'set' || listType === 'map') return listType;
  if (listType !== undefined || !mergesByPatch(schema)) return 'atomic';
  return typeof schema['x-kubernetes-patch-merge-key'] === 'string' ? 'map' : 'set';
}

function mergesByPatch(schema: JsonObject): boolean {
  const strategy = schema['x-kubernetes-patch-strategy'];
  return strategy === 'merge' || strategy === 'merge,retainKeys';
}

/** Read on access, since the defaults stand in the items' schema. */
function listKeysOf(schema: JsonObject, items: () => SchemaNode | undefined): () => SchemaNode['listKeys'] {
  let keys: SchemaNode['listKeys'] | undefined;
  return () => {
    keys ??= listKeyNames(schema).map((name) => {
      const fallback = items()?.property(name)?.default;
      return fallback === undefined ? { name } : { name, default: fallback };
    });
    return keys;
  };
}

function listKeyNames(schema: JsonObject): readonly string[] {
  if (listTypeOf(schema) !== 'map') return [];
  const mergeKey = schema['x-kubernetes-patch-merge-key'];
  const declared = strings(schema['x-kubernetes-list-map-keys']);
  return declared.length > 0 || typeof mergeKey !== 'string' ? declared : [mergeKey];
}

function strings(value: Json | undefined): readonly string[] {
  return isList(value) ? value.filter((item) => typeof item === 'string') : [];
}
