/**
 * Finds the objects that a watch observes: by name or by selector, from the stores alone. Names and labels may hold
 * `{{ }}` over the resource itself. Where such a value is missing, nothing is found, and what needs it waits.
 */
import type { JsonObject, KubeObject } from '../kube/object.ts';
import type { Context, Observation, TemplateString } from '../playbook/model.ts';
import type { ObservedObjects } from '../reconcile/model.ts';
import { type Dependencies, matchesLabels, refToken } from './dependencies.ts';
import type { Views } from './views.ts';

export interface ObserveOptions {
  readonly views: Views;
  readonly resource: KubeObject;
  readonly dependencies: Dependencies;
  /** Whether a resource's own data may name another namespace to read from. */
  readonly otherNamespaces: boolean;
}

const NOTHING: ObservedObjects = { synced: true, objects: [] };

export function observeAll(
  observations: readonly Observation[],
  options: ObserveOptions,
): Record<string, ObservedObjects> {
  return Object.fromEntries(observations.map((o) => [o.name, observe(o, options)]));
}

function observe(observation: Observation, options: ObserveOptions): ObservedObjects {
  const view = options.views.get(observation.gvk);
  if (view === undefined)
    return { synced: false, objects: [], failure: `the cluster serves no ${observation.gvk.kind}` };
  const namespace = view.namespaced ? namespaceOf(observation, options) : { kind: 'all' as const };
  if (namespace.kind === 'missing') return NOTHING;
  if (namespace.kind === 'refused') return { synced: false, objects: [], failure: namespace.why };
  const where = namespace.kind === 'one' ? namespace.name : undefined;
  const objects =
    observation.target.by === 'name'
      ? byName(observation, where, options)
      : bySelector(observation, where, options);
  if (view.failure !== undefined)
    return { synced: view.synced, failure: view.failure, denied: view.denied, objects };
  return { synced: view.synced, objects };
}

type Where =
  | { readonly kind: 'all' }
  | { readonly kind: 'one'; readonly name: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly why: string };

function namespaceOf(observation: Observation, options: ObserveOptions): Where {
  if (observation.allNamespaces) return { kind: 'all' };
  const own = options.resource.metadata.namespace;
  if (observation.namespace === undefined)
    return own === undefined ? { kind: 'all' } : { kind: 'one', name: own };
  const name = textOf(observation.namespace, options.resource);
  if (name === undefined) return { kind: 'missing' };
  const chosenByResource = observation.namespace.references.length > 0 && own !== undefined && name !== own;
  if (chosenByResource && !options.otherNamespaces) {
    return {
      kind: 'refused',
      why: `reading from namespace ${name} is not allowed to a resource of ${own} (flag --allow-other-namespaces)`,
    };
  }
  return { kind: 'one', name };
}

function byName(
  observation: Observation,
  namespace: string | undefined,
  options: ObserveOptions,
): readonly KubeObject[] {
  if (observation.target.by !== 'name') return [];
  const name = textOf(observation.target.objectName, options.resource);
  if (name === undefined) return [];
  const { group, kind } = observation.gvk;
  if (namespace === undefined && options.views.get(observation.gvk)?.namespaced) {
    options.dependencies.selections.push({ gvk: { group, kind }, namespace: undefined, labels: {} });
    return (options.views.get(observation.gvk)?.list() ?? []).filter((o) => o.metadata.name === name);
  }
  const ref = { group, kind, name, ...(namespace === undefined ? {} : { namespace }) };
  options.dependencies.tokens.add(refToken(ref));
  const found = options.views.lookup(ref);
  return found === undefined ? [] : [found];
}

function bySelector(
  observation: Observation,
  namespace: string | undefined,
  options: ObserveOptions,
): readonly KubeObject[] {
  if (observation.target.by !== 'selector') return [];
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(observation.target.labels)) {
    const text = textOf(value, options.resource);
    if (text === undefined) return [];
    labels[key] = text;
  }
  options.dependencies.selections.push({ gvk: observation.gvk, namespace, labels });
  return (options.views.get(observation.gvk)?.list(namespace) ?? []).filter((o) => matchesLabels(o, labels));
}

/** The text of a literal that may hold `{{ }}` over the resource; undefined where a value is missing. */
function textOf(template: TemplateString, resource: KubeObject): string | undefined {
  const rendered = template.render(contextOf(resource));
  if (rendered.kind !== 'value' || rendered.value === undefined || rendered.value === null) return undefined;
  return typeof rendered.value === 'object' ? undefined : String(rendered.value);
}

function contextOf(resource: KubeObject): Context {
  const fields: JsonObject | object = resource;
  const { metadata, spec, status } = resource;
  return {
    object: fields,
    metadata,
    ...(spec === undefined ? {} : { spec }),
    ...(status === undefined ? {} : { status }),
  };
}
