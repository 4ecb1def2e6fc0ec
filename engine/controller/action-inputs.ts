/** What a snapshot says of runs, effects and probes: from the engine's stores alone, without a request. */
import type { GroupVersionKind, KubeObject } from '../kube/object.ts';
import type { Watch } from '../playbook/model.ts';
import { type ActionInputs, emptyActionInputs, type Listing } from '../reconcile/model.ts';
import { type Dependencies, matchesLabels } from './dependencies.ts';
import type { EffectRunner } from './effects.ts';
import type { ProbeRunner } from './probes.ts';
import type { RunTarget } from './run-index.ts';
import type { RunStore } from './run-store.ts';
import type { Views } from './views.ts';
import { keyOf } from './wake.ts';

/** What all controllers of an engine share of actions. */
export interface ActionParts {
  readonly runs: RunStore;
  readonly effects: EffectRunner;
  readonly probes: ProbeRunner;
  /** The engine's own namespace: where the runs of cluster-scoped resources live. */
  readonly namespace: string;
}

export interface ActionSources {
  readonly parts: ActionParts;
  readonly watch: Watch;
  /** The controller's name. */
  readonly controller: string;
  readonly views: Views;
  readonly metadataOnly: (gvk: GroupVersionKind) => boolean;
}

export function buildActionInputs(
  { parts, watch, controller, views, metadataOnly }: ActionSources,
  resource: KubeObject,
  dependencies: Dependencies,
): ActionInputs {
  const target = runTarget(watch.gvk, resource, parts.namespace);
  if (watch.actions.length === 0 && watch.probes.length === 0) return emptyActionInputs(target.namespace);
  const owner = { controller, key: keyOf(resource) };
  return {
    namespace: target.namespace,
    ...parts.runs.inputs(target),
    outcomes: parts.effects.outcomes(owner),
    probes: parts.probes.values(owner),
    probedAt: parts.probes.probedAt(owner),
    select(gvk, namespace, labels) {
      views.want({ gvk, metadataOnly: metadataOnly(gvk) });
      dependencies.selections.push({ gvk, namespace, labels });
      return selectFrom(views, { gvk, namespace, labels });
    },
  };
}

/** How runs name this resource. */
export function runTarget(
  gvk: GroupVersionKind,
  { metadata }: KubeObject,
  engineNamespace: string,
): RunTarget {
  const { namespace = engineNamespace, name } = metadata;
  return { group: gvk.group, kind: gvk.kind, namespace, name };
}

function selectFrom(
  views: Views,
  {
    gvk,
    namespace,
    labels,
  }: {
    readonly gvk: GroupVersionKind;
    readonly namespace: string | undefined;
    readonly labels: Readonly<Record<string, string>>;
  },
): Listing {
  const view = views.get(gvk);
  if (view === undefined) return { synced: false, failure: `the cluster serves no ${gvk.kind}`, objects: [] };
  const objects = view
    .list(view.namespaced ? namespace : undefined)
    .filter((object) => matchesLabels(object, labels));
  return {
    synced: view.synced,
    objects,
    ...(view.failure === undefined ? {} : { failure: view.failure, denied: view.denied }),
  };
}
