/**
 * Two resources of one kind must not serve each other's pods: a selector that would find those of every resource also
 * asks for the label with the resource's name, which the pods then have. Where the manifests have that label, its value is
 * the resource's name.
 */
import type { Json, JsonObject } from '../../kube/object.ts';
import { isJsonObject } from '../../kube/value.ts';
import { EXPRESSION, expression } from './expression.ts';

const OWN_NAME = expression('metadata.name');
const INSTANCE = { 'app.kubernetes.io/instance': OWN_NAME };

/** Where kinds say which pods they mean; only those that mean pods. */
const SELECTORS: readonly (readonly string[])[] = [
  ['spec', 'selector', 'matchLabels'],
  ['spec', 'podSelector', 'matchLabels'],
];
const PODS: readonly (readonly string[])[] = [
  ['spec', 'template', 'metadata', 'labels'],
  ['spec', 'jobTemplate', 'spec', 'template', 'metadata', 'labels'],
];
const SELECT_PODS = new Set([
  'DaemonSet',
  'Deployment',
  'NetworkPolicy',
  'PodDisruptionBudget',
  'ReplicaSet',
  'Service',
  'StatefulSet',
]);

export function tellApart(given: readonly JsonObject[]): readonly JsonObject[] {
  const trees = withOwnInstance(given);
  const pods = trees.flatMap((tree) => podPaths(tree).map((path) => objectAt(tree, path) ?? {}));
  const isShared = (selector: JsonObject): boolean => {
    const wanted = Object.entries(selector);
    const literal = wanted.every(([, value]) => typeof value === 'string' && !EXPRESSION.test(value));
    const ours = pods.some((labels) => wanted.every(([name, value]) => labels[name] === value));
    return wanted.length > 0 && literal && ours;
  };
  const shared = trees.map((tree) =>
    selectorPaths(tree).filter((path) => {
      const selector = objectAt(tree, path);
      return selector !== undefined && isShared(selector);
    }),
  );
  if (shared.every((paths) => paths.length === 0)) return trees;
  return trees.map((tree, index) => [...(shared[index] ?? []), ...podPaths(tree)].reduce(withInstance, tree));
}

/** Manifests that name one installation throughout mean the resource by it. */
function withOwnInstance(trees: readonly JsonObject[]): readonly JsonObject[] {
  const names = new Set(trees.flatMap(instancesIn));
  return names.size === 1 ? trees.map((tree) => renamed(tree) as JsonObject) : trees; // as: an object stays one
}

function instancesIn(tree: Json): readonly Json[] {
  if (Array.isArray(tree)) return tree.flatMap(instancesIn);
  if (!isJsonObject(tree)) return [];
  return Object.entries(tree).flatMap(([key, value = null]) =>
    key in INSTANCE ? [value] : instancesIn(value),
  );
}

function renamed(tree: Json): Json {
  if (Array.isArray(tree)) return tree.map(renamed);
  if (!isJsonObject(tree)) return tree;
  return Object.fromEntries(
    Object.entries(tree).map(([key, value = null]) => [key, key in INSTANCE ? OWN_NAME : renamed(value)]),
  );
}

function podPaths(tree: JsonObject): readonly (readonly string[])[] {
  return tree.kind === 'Pod' ? [['metadata', 'labels']] : PODS;
}

function selectorPaths({ kind }: JsonObject): readonly (readonly string[])[] {
  if (!SELECT_PODS.has(String(kind))) return [];
  return kind === 'Service' ? [['spec', 'selector']] : SELECTORS;
}

function objectAt(tree: JsonObject, path: readonly string[]): JsonObject | undefined {
  const [first, ...rest] = path;
  if (first === undefined) return tree;
  const next = tree[first];
  return next !== undefined && isJsonObject(next) ? objectAt(next, rest) : undefined;
}

/** Where there are labels at the path. */
function withInstance(tree: JsonObject, path: readonly string[]): JsonObject {
  const [first, ...rest] = path;
  if (first === undefined) return { ...tree, ...INSTANCE };
  const next = tree[first];
  return next !== undefined && isJsonObject(next) ? { ...tree, [first]: withInstance(next, rest) } : tree;
}
