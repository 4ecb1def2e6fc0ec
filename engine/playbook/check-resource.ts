/**
 * Judges a resource that a playbook's author wrote out, in sample.yaml or in a golden case, against the schema of its
 * kind, as the API server would: one that it refuses shows nothing. Limits of values are left to the API server.
 */
import { applyDefaults } from '../kube/defaults.ts';
import type { Json } from '../kube/object.ts';
import type { SchemaNode } from '../kube/schema.ts';
import { isJsonObject } from '../kube/value.ts';
import { checkFields, type FieldCheck, warnMissingFields } from './check-fields.ts';
import { Problems } from './load-problems.ts';
import type { OutlineNode } from './outline.ts';
import type { YamlDocument, YamlPath } from './yaml.ts';

export interface WrittenResource {
  readonly document: YamlDocument;
  /** Where in the document it stands. */
  readonly at: YamlPath;
  readonly kind: string;
  readonly schema: SchemaNode;
}

/** Says what is wrong with its spec: as errors, or as warnings where the playbook works all the same. */
export function checkResource(
  { document, at, kind, schema }: WrittenResource,
  severity: 'error' | 'warning',
  problems: Problems,
): void {
  const written = at.reduce<Json | undefined>(stepInto, document.value);
  if (!isJsonObject(written)) return;
  const { spec } = applyDefaults(written, schema);
  const found = new Problems();
  const check: FieldCheck = { kind, problems: found, reported: new Set(), maps: new Map() };
  if (spec === undefined && schema.required.includes('spec'))
    found.warn('FieldMissing', document.placeOf(at), { message: `${kind} wants spec here`, hint: 'add it' });
  if (spec !== undefined)
    checkFields(outlineOf(spec, [...at, 'spec'], document), schema.property('spec'), check);
  warnMissingFields(check);
  problems.addAll(found.all.map((problem) => ({ ...problem, severity })));
}

function stepInto(value: Json | undefined, step: YamlPath[number]): Json | undefined {
  if (Array.isArray(value)) return value[Number(step)];
  return value !== undefined && isJsonObject(value) ? value[step] : undefined;
}

/** What defaults have filled in has the place of what it is in. */
function outlineOf(value: Json, path: YamlPath, document: YamlDocument): OutlineNode {
  const place = document.placeOf(path);
  if (Array.isArray(value))
    return {
      kind: 'list',
      place,
      items: value.map((item, index) => outlineOf(item, [...path, index], document)),
    };
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).map(([key, item]) => ({
      key,
      keyPlace: document.placeOf([...path, key], 'key'),
      value: outlineOf(item, [...path, key], document),
    }));
    return { kind: 'map', place, entries };
  }
  return { kind: 'literal', place, value };
}
