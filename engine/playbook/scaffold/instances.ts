/**
 * Two resources of one kind must not serve each other's pods: a selector that would find those of every resource also
 * asks for the label with the resource's name, which the pods then have.
 */
import type { JsonObject } from '../../kube/object.ts';
import { isJsonObject } from '../../kube/value.ts';
import { EXPRESSION, expression } from './expression.ts';

const INSTANCE = { 'app.kubernetes.io/instance': expression('metadata.name') };

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

export function tellApart(trees: readonly JsonObject[]): readonly JsonObject[] {
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
