/**
 * Whether the API server will keep what is written to a kind's status: a field that the schema lacks is dropped
 * without a word, and the difference would never close.
 */

import type { Place } from '../base/diagnostic.ts';
import { type GroupVersionKind, groupKind } from '../kube/object.ts';
import type { SchemaNode, SchemaType } from '../kube/schema.ts';
import type { Names } from './check-references.ts';
import type { Expression } from './language.ts';
import type { Problems } from './load-problems.ts';
import type { PlacedStatusField } from './load-status.ts';
import { describeType, followPath } from './schema-path.ts';
import { didYouMean } from './suggest.ts';

export interface StatusWriter {
  readonly place: Place;
  readonly gvk: GroupVersionKind;
  readonly fields: readonly PlacedStatusField[];
}

/** Fields of a condition that the engine writes. */
const CONDITION_FIELDS = ['type', 'status', 'reason', 'message', 'lastTransitionTime', 'observedGeneration'];

/** For the watch that writes its kind's status. */
export function checkStatusSchema(writer: StatusWriter, names: Names, problems: Problems): void {
  const schema = names.catalogue.schemaOf(writer.gvk);
  const own = names.catalogue.ownKind(writer.gvk)?.versions.find(({ name }) => name === writer.gvk.version);
  if (own?.hasStatus === false) {
    const message = `${groupKind(writer.gvk)} ${writer.gvk.version} has no status subresource`;
    problems.error('StatusSubresourceMissing', writer.place, {
      message,
      hint: 'add subresources: {status: {}} to this version in crd.yaml',
    });
  }
  if (schema === undefined) return;
  checkEngineFields(writer, schema, problems);
  for (const placed of writer.fields) checkField(placed, schema, { names, problems });
}

function checkEngineFields({ place, gvk }: StatusWriter, schema: SchemaNode, problems: Problems): void {
  const wanted: readonly (readonly string[])[] = [
    ['status', 'observedGeneration'],
    ['status', 'conditions'],
  ];
  const missing = wanted.filter((path) => followPath(schema, path, 'map').kind === 'impossible');
  const conditions = followPath(schema, ['status', 'conditions'], 'map');
  const parts =
    conditions.kind === 'possible'
      ? CONDITION_FIELDS.filter((name) => followPath(conditions.schema, [name], 'map').kind === 'impossible')
      : [];
  const lacking = [
    ...missing.map((path) => path.join('.')),
    ...parts.map((name) => `status.conditions[].${name}`),
  ];
  if (lacking.length === 0) return;
  const message = `the engine writes ${lacking.join(', ')}, which the schema of ${gvk.kind} ${gvk.version} lacks`;
  const hint = 'add it to openAPIV3Schema: the API server drops what is not declared';
  problems.error('StatusFieldMissing', place, { message, hint });
}

function checkField(
  { field, node }: PlacedStatusField,
  root: SchemaNode,
  { names, problems }: { names: Names; problems: Problems },
): void {
  const verdict = followPath(root, ['status', field.name], 'index');
  if (verdict.kind === 'impossible') {
    const message = `status.${field.name} is not in ${names.resource.kind}'s schema, so the API server would drop it`;
    const hint = didYouMean(field.name, verdict.names, 'status.') ?? 'add it to openAPIV3Schema in crd.yaml';
    problems.error('StatusFieldMissing', node.keyPlace, { message, hint });
    return;
  }
  checkFieldType({ field, node }, verdict.schema, { names, problems });
}

/** The new values that actions give to held fields; the fields themselves are judged where they are declared. */
export function checkSettings(
  settings: readonly PlacedStatusField[],
  names: Names,
  problems: Problems,
): void {
  const schema = names.catalogue.schemaOf(names.resource);
  for (const placed of settings) {
    const verdict = followPath(schema, ['status', placed.field.name], 'index');
    if (verdict.kind === 'possible') checkFieldType(placed, verdict.schema, { names, problems });
  }
}

function checkFieldType(
  { field, node }: PlacedStatusField,
  target: SchemaNode | undefined,
  { names, problems }: { names: Names; problems: Problems },
): void {
  const found = typeOf(field.kind === 'held' ? field.initial : field.value, names);
  if (target === undefined || found === undefined || fits(found, target)) return;
  const message = `status.${field.name} is ${describeType(target)} in the schema, and this yields a value of the type ${found}`;
  problems.error('StatusFieldType', node.place, { message, hint: 'change the expression or the schema' });
}

function fits(found: SchemaType, target: SchemaNode): boolean {
  if (target.type === undefined || target.type === 'array' || found === target.type) return true;
  if (target.intOrString) return found === 'integer' || found === 'string';
  return isNumber(found) && isNumber(target.type);
}

function isNumber(type: SchemaType): boolean {
  return type === 'integer' || type === 'number';
}

/** The type that an expression yields, where that is plain: a literal, or one path whose schema is known. */
function typeOf({ source, references }: Expression, names: Names): SchemaType | undefined {
  const text = source.trim();
  if (/^(true|false)$/.test(text)) return 'boolean';
  if (/^-?\d+$/.test(text)) return 'integer';
  if (/^"[^"\\]*"$/.test(text) || /^'[^'\\]*'$/.test(text)) return 'string';
  const [reference] = references;
  if (reference === undefined || references.length > 1) return undefined;
  if (text !== [reference.root, ...reference.path].join('.')) return undefined;
  const schema = schemaAt(reference.root, reference.path, names);
  return schema?.intOrString === true || schema?.open === true ? undefined : schema?.type;
}

/** The schema of what a path reads, where one kind's schema says it. */
export function schemaAt(root: string, path: readonly string[], names: Names): SchemaNode | undefined {
  const { catalogue, resource } = names;
  if (root === 'metadata' || root === 'spec' || root === 'status')
    return single(catalogue.schemaOf(resource), [root, ...path]);
  const child = names.children?.get(path[0] ?? '');
  if (root !== 'children' || child === undefined || child.list || child.documents?.length !== 1)
    return undefined;
  const [document] = child.documents;
  return document === undefined ? undefined : single(catalogue.schemaOf(document.gvk), path.slice(1));
}

/** The schema at a path that goes through no list: one through a list may yield many values. */
function single(root: SchemaNode | undefined, path: readonly string[]): SchemaNode | undefined {
  const verdict = followPath(root, path, 'index');
  return verdict.kind === 'possible' ? verdict.schema : undefined;
}
