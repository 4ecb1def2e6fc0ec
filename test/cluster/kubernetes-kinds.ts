/** What the API server says of its built-in kinds, cut down to what static checks and rights need without a cluster. */
import type { Cluster } from '../../engine/cluster/api.ts';
import { isObject, type Json, type JsonObject } from '../../engine/kube/object.ts';

const KINDS = 'x-kubernetes-group-version-kind';
const KEPT = ['type', 'required', 'enum', 'default', 'nullable', '$ref', 'x-kubernetes-int-or-string'];

export async function builtInKinds(cluster: Cluster): Promise<JsonObject> {
  const builtIn = cluster.discovery.resources().filter(({ gvk }) => isBuiltIn(gvk.group));
  const stored = builtIn.filter(({ verbs }) => verbs.includes('list') && verbs.includes('create'));
  const components: Record<string, JsonObject> = {};
  for (const groupVersion of new Set(stored.map(({ gvk }) => pathOf(gvk.group, gvk.version)))) {
    const document = await cluster.client.raw('GET', `/openapi/v3/${groupVersion}`);
    for (const [name, schema] of Object.entries(objectAt(document, 'components', 'schemas')))
      components[name] = cut(schema);
  }
  const names = new Set(stored.map(({ gvk }) => `${gvk.group}/${gvk.version}/${gvk.kind}`));
  const roots = Object.keys(components).filter((name) => names.has(kindOf(components[name]) ?? ''));
  const used = [...reachable(roots, components)].sort();
  return {
    kubernetes: cluster.discovery.kubernetesVersion.split('.').slice(0, 2).join('.'),
    resources: stored
      .map(({ gvk, plural, namespaced }) => ({ ...gvk, plural, namespaced }))
      .sort((a, b) => (`${a.group}/${a.kind}/${a.version}` < `${b.group}/${b.kind}/${b.version}` ? -1 : 1)),
    components: { schemas: Object.fromEntries(used.map((name) => [name, components[name] ?? {}])) },
  };
}

/** One schema a line: a diff shows what a newer Kubernetes brought. */
export function kindsText({ kubernetes, resources, components }: JsonObject): string {
  const lines = (value: Json | undefined): string => {
    if (Array.isArray(value)) return `[\n${value.map((item) => JSON.stringify(item)).join(',\n')}\n]`;
    const entries = Object.entries(Object(value));
    return `{\n${entries.map(([key, item]) => `${JSON.stringify(key)}: ${JSON.stringify(item)}`).join(',\n')}\n}`;
  };
  const schemas = lines(objectAt(components ?? {}, 'schemas'));
  return `{\n"kubernetes": ${JSON.stringify(kubernetes)},\n"resources": ${lines(resources)},\n"components": {"schemas": ${schemas}}\n}\n`;
}

function isBuiltIn(group: string): boolean {
  return !group.includes('.') || group.endsWith('.k8s.io');
}

function pathOf(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

function objectAt(value: Json, ...path: readonly string[]): Record<string, JsonObject> {
  let at: Json | undefined = value;
  for (const key of path) at = isObject(at) ? (at[key] as Json) : undefined; // as: parsed JSON
  return isObject(at) ? (at as Record<string, JsonObject>) : {}; // as: a map of schemas
}

function kindOf(schema: JsonObject | undefined): string | undefined {
  const kinds = schema?.[KINDS];
  if (!Array.isArray(kinds) || kinds.length !== 1) return undefined;
  const { group, version, kind } = Object(kinds[0]);
  return `${group}/${version}/${kind}`;
}

/** Without what is for the eye, and `allOf` around a reference taken away. */
function cut(schema: JsonObject): JsonObject {
  const entries = Object.entries(schema).flatMap(([key, value]): [string, Json][] => {
    if (key === 'properties') {
      const properties = Object.entries(Object(value)) as [string, JsonObject][]; // as: a map of schemas
      return [[key, Object.fromEntries(properties.map(([name, each]) => [name, cut(each)]))]];
    }
    if (key === 'items' || key === 'additionalProperties')
      return [[key, isObject(value) ? cut(value as JsonObject) : value]]; // as: a schema
    if (key === 'allOf' && Array.isArray(value)) return [['$ref', String(Object(value[0])['$ref'])]];
    if (key === 'format') return value === 'int-or-string' ? [[key, value]] : [];
    if (key === 'default' && JSON.stringify(value) === '{}') return [];
    return KEPT.includes(key) || key.startsWith('x-kubernetes-') ? [[key, value]] : [];
  });
  return Object.fromEntries(entries);
}

function reachable(roots: readonly string[], components: Readonly<Record<string, JsonObject>>): Set<string> {
  const seen = new Set<string>();
  const open = [...roots];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const text = JSON.stringify(components[name]);
    for (const [, target] of text.matchAll(/#\/components\/schemas\/([^"]+)"/g)) open.push(target ?? '');
  }
  return seen;
}
