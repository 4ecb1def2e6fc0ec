/**
 * Looks at the live resources of a playbook as the engine would, and says what it would do: the same stores, the same
 * snapshot, the same plan. Reads only: nothing is written, no effect begins, no probe is asked.
 */
import { type Clock, pause } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { createMetrics } from '../base/metrics.ts';
import type { Cluster } from '../cluster/api.ts';
import type { ActionParts } from '../controller/action-inputs.ts';
import { type Inventory, openInventory } from '../controller/inventory.ts';
import { buildSnapshot, kindsOf } from '../controller/snapshot.ts';
import { createViews, servedKind, type Views } from '../controller/views.ts';
import { FIELD_MANAGER } from '../kube/labels.ts';
import { groupKind, type KubeObject } from '../kube/object.ts';
import { matchesSelector } from '../kube/selectors.ts';
import type { Playbook, Watch } from '../playbook/model.ts';
import { initialMemory } from '../reconcile/memory.ts';
import type { Plan, Snapshot } from '../reconcile/model.ts';
import { planReconcile } from '../reconcile/plan.ts';
import { actionParts } from './accounts.ts';
import { readHashKey } from './hash-key.ts';

export interface SurveyOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The engine's own: its inventory and the key of its hashes are read there. */
  readonly namespace: string;
  /** Namespaces to look at; undefined: all. */
  readonly watchNamespaces?: readonly string[] | undefined;
  readonly allowOtherNamespaces?: boolean;
  /** How the resource would be; default: as it is. */
  readonly edit?: (resource: KubeObject) => KubeObject;
  /** Which resources; default: all. */
  readonly select?: (resource: KubeObject) => boolean;
}

export interface Surveyed {
  readonly watch: Watch;
  readonly resource: KubeObject;
  readonly snapshot: Snapshot;
  readonly plan: Plan;
}

const LOOK_MS = 20;

/**
 * What `look` tells of each resource; its snapshot answers only meanwhile. Throws an EngineError where the cluster does
 * not answer in time.
 */
export async function survey<T>(
  playbook: Playbook,
  options: SurveyOptions,
  look: (found: Surveyed) => T,
): Promise<readonly T[]> {
  const { cluster, namespace } = options;
  const inventory = await openInventory({ client: cluster.client, namespace, fieldManager: FIELD_MANAGER });
  const hashKey = (await readHashKey(cluster.client, namespace)) ?? '';
  const actions = idleActions(options);
  try {
    const found: T[] = [];
    for (const watch of playbook.watches)
      found.push(...(await surveyWatch({ playbook, watch, inventory, hashKey, actions }, options, look)));
    return found;
  } finally {
    actions.probes.stop();
    actions.runs.close();
  }
}

/** Runs are read; effects and probes are never asked to begin. */
function idleActions({ cluster, clock, logger, namespace, watchNamespaces }: SurveyOptions): ActionParts {
  const metrics = createMetrics();
  const mayWrite = (): Promise<boolean> => Promise.resolve(true);
  return actionParts(cluster, watchNamespaces, { clock, logger, metrics, mayWrite, namespace });
}

interface WatchSurvey {
  readonly playbook: Playbook;
  readonly watch: Watch;
  readonly inventory: Inventory;
  readonly hashKey: string;
  readonly actions: ActionParts;
}

async function surveyWatch<T>(
  { playbook, watch, inventory, hashKey, actions }: WatchSurvey,
  options: SurveyOptions,
  look: (found: Surveyed) => T,
): Promise<readonly T[]> {
  const { cluster, clock, select, edit, watchNamespaces } = options;
  const kind = servedKind(cluster.discovery, watch.gvk);
  if (kind === undefined) return [];
  const kinds = inventory.kinds(watch.gvk);
  const views = createViews({ cluster, scope: watchNamespaces, onEvent: () => undefined });
  try {
    for (const gvk of kindsOf(watch, kinds)) views.want({ gvk, metadataOnly: false });
    views.want({ gvk: { group: '', version: 'v1', kind: 'Namespace' }, metadataOnly: true });
    if (watch.actions.length > 0) actions.runs.want(watch.gvk);
    const one = kind.namespaced ? watchNamespaces?.[0] : options.namespace;
    await settled(views, actions, { watch, clock, namespace: one ?? '' });
    const served = new Set(playbook.watches.filter((w) => w.ownsStatus).map(({ gvk }) => groupKind(gvk)));
    const sources = {
      watch,
      playbook,
      views,
      discovery: cluster.discovery,
      hashKey,
      allowances: { otherNamespaces: options.allowOtherNamespaces ?? false },
      servedByPlaybook: (gvk: Watch['gvk']) => served.has(groupKind(gvk)),
      // Never sent: a plan alone is made of it.
      entropy: () => 'preview',
      actions,
      controller: 'survey',
      namespaces: views,
      metadataOnly: () => false,
    };
    const found: T[] = [];
    for (const stored of views.get(watch.gvk)?.list() ?? []) {
      if (select !== undefined && !select(stored)) continue;
      if (watch.selector !== undefined && !matchesSelector(watch.selector, stored.metadata.labels)) continue;
      const resource = edit === undefined ? stored : edit(stored);
      const one = { resource, now: clock.now(), memory: initialMemory(), inventory: kinds };
      const { snapshot } = buildSnapshot(sources, one);
      found.push(look({ watch, resource, snapshot, plan: await planReconcile(watch, snapshot) }));
    }
    return found;
  } finally {
    views.close();
  }
}

const PATIENCE_MS = 60_000;

async function settled(
  views: Views,
  { runs }: ActionParts,
  { watch, clock, namespace }: { readonly watch: Watch; readonly clock: Clock; readonly namespace: string },
): Promise<void> {
  const end = clock.monotonic() + PATIENCE_MS;
  const known = (): boolean =>
    views.settled && (watch.actions.length === 0 || (runs.settled && runsConfirmed(runs, watch, namespace)));
  while (!known()) {
    if (clock.monotonic() > end)
      throw new EngineError(
        'SurveyTimeout',
        `the cluster's objects were not read within ${PATIENCE_MS / 1000} s`,
        {
          hint: 'look whether the API server answers: kubectl get --raw /readyz',
        },
      );
    await pause(clock, LOOK_MS);
  }
}

/** Runs count as known only after a consistent list; any target tells. */
function runsConfirmed(runs: ActionParts['runs'], { gvk }: Watch, namespace: string): boolean {
  const { runs: listing, work } = runs.inputs({ ...gvk, namespace, name: '' });
  return (listing.synced && work.synced) || listing.failure !== undefined || work.failure !== undefined;
}
