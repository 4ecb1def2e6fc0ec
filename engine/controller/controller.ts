/**
 * One controller: keeps the resources of one watch of one playbook as described. Events of its kinds put keys into
 * its lane; a worker turns a key into a snapshot, the snapshot into a plan, and carries the plan out. Level-triggered:
 * an event only says that a key is worth a look. A pass reads the stores alone, and none begins before the stores show
 * what the pass before it wrote.
 */
import { type Clock, pause } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Cache, Cluster, StoreEvent } from '../cluster/api.ts';
import type { ObjectChange } from '../cluster/store.ts';
import { FIELD_MANAGER } from '../kube/labels.ts';
import { type GroupVersionKind, groupKind, type KubeObject } from '../kube/object.ts';
import type { Watch } from '../playbook/model.ts';
import { skipsFinalActions } from '../reconcile/actions/final.ts';
import { initialMemory } from '../reconcile/memory.ts';
import { type Memory, NO_ACTIONS, type Plan, type Snapshot } from '../reconcile/model.ts';
import { Recall } from '../reconcile/recall.ts';
import type { ActionParts } from './action-inputs.ts';
import { DependencyIndex } from './dependencies.ts';
import { type Execution, execute, type Recorder } from './execute.ts';
import { Expectations } from './expectations.ts';
import type { Inventory } from './inventory.ts';
import { leftoverKinds } from './leftover.ts';
import { logTransient, tellChange } from './log-change.ts';
import type { Lane, Priority, WorkQueue } from './queue.ts';
import type { ReconcileMetrics, ReconcileResult } from './queue-metrics.ts';
import { keysOfTargets } from './run-index.ts';
import type { RunEvent } from './run-store.ts';
import { buildSnapshot, kindsOf } from './snapshot.ts';
import type { CompletedPass, FormerVersion, Side, WatchVersion } from './versions.ts';
import { createViews, type Views } from './views.ts';
import { keyOf, splitKey, Waker } from './wake.ts';

/** With the newest version of the watch. */
export interface ControllerOptions extends WatchVersion {
  /** Another one beside it, for a part of the resources. */
  readonly former?: FormerVersion;
  readonly onPass?: (pass: CompletedPass) => void;
  /** True where nothing but metadata is read of a kind. */
  readonly metadataOnly: (gvk: GroupVersionKind) => boolean;
  /** Acts as the playbook's account. */
  readonly cluster: Cluster;
  /** The engine's own: reads Namespaces, of which no playbook needs to know more than the engine tells. */
  readonly engine: Pick<Cluster, 'cache' | 'discovery'>;
  /** Whose account that is, for the inventory; undefined: nobody is to be remembered. */
  readonly keeper: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly queue: WorkQueue;
  readonly metrics: ReconcileMetrics;
  readonly recorder: Recorder;
  readonly inventory: Inventory;
  /** Namespaces to work in; undefined: all. */
  readonly scope: readonly string[] | undefined;
  readonly hashKey: string;
  readonly allowances: Snapshot['allowances'];
  readonly servedByPlaybook: (gvk: GroupVersionKind) => boolean;
  readonly entropy: () => string;
  readonly actions: ActionParts;
}

export interface Controller {
  readonly name: string;
  readonly watch: Watch;
  readonly lane: Lane;
  /** Resolves when every served kind has a complete list, or can't get one. */
  settled(signal?: AbortSignal): Promise<void>;
  /** Begins to work, with what a former version of it remembers; before it, events are only taken in. */
  start(memories?: ReadonlyMap<string, Memory>): void;
  /** Looks at everything again: another process may have written the inventory, or a version has taken over. */
  refresh(): void;
  /** One pass over one key; called by a worker. */
  process(key: string): Promise<void>;
  /** Resolves when nothing of it runs any more; the objects in the cluster stay. */
  stop(): Promise<void>;
  readonly memories: ReadonlyMap<string, Memory>;
  /** Those that are its business, in any version. */
  readonly resources: readonly KubeObject[];
  sideOf(resource: KubeObject): Side | undefined;
}

const SETTLE_LOOK_MS = 50;
const NAMESPACE: GroupVersionKind = { group: '', version: 'v1', kind: 'Namespace' };

export function createController(options: ControllerOptions): Controller {
  return new WatchController(options);
}

class WatchController implements Controller {
  readonly name: string;
  readonly watch: Watch;
  readonly lane: Lane;
  readonly memories = new Map<string, Memory>();
  private readonly recall = new Recall();
  private readonly options: ControllerOptions;
  /** In all versions. */
  private readonly watches: readonly Watch[];
  private readonly views: Views;
  private readonly namespaces: Views;
  private readonly dependencies = new DependencyIndex();
  private readonly expectations = new Expectations();
  private readonly waker: Waker;
  private readonly uncertain = new Map<string, ReadonlySet<string>>();
  private readonly parked = new Set<string>();
  private readonly ends: readonly (() => void)[];
  private active = 0;
  private started = false;

  constructor(options: ControllerOptions) {
    this.options = options;
    const { watch, former, engine, scope } = options;
    this.watch = watch;
    this.watches = former === undefined ? [watch] : [watch, former.watch];
    this.name = `${options.playbook.name}/${groupKind(watch.gvk)}`;
    this.waker = new Waker(watch.gvk, this.dependencies);
    this.lane = options.queue.lane({ name: this.name, group: options.playbook.name });
    this.views = createViews({
      cluster: options.cluster,
      scope,
      onEvent: (gvk, event, cache) => this.take(gvk, event, cache),
    });
    this.namespaces = createViews({
      cluster: engine,
      scope,
      onEvent: (_gvk, event) => {
        if (event.kind === 'synced') this.lookAtAll();
        else for (const key of this.waker.concernedByNamespace(event)) this.addFor(event, key);
      },
    });
    this.namespaces.want({ gvk: NAMESPACE, metadataOnly: true });
    this.wantAll();
    this.ends = [
      options.cluster.discovery.onChange(() => this.discoveryChanged()),
      ...this.listenToActions(),
    ];
    this.lookAtAll();
  }

  /** A cache tells when it is synced, but not when it can't be: so this looks again while it waits. */
  async settled(signal?: AbortSignal): Promise<void> {
    const parts = [this.views, this.namespaces, this.options.actions.runs];
    while (!parts.every((part) => part.settled) && signal?.aborted !== true)
      await pause(this.options.clock, SETTLE_LOOK_MS, signal);
  }

  start(memories: ReadonlyMap<string, Memory> = new Map()): void {
    for (const [key, memory] of memories) this.memories.set(key, memory);
    this.started = true;
    this.lookAtAll();
  }

  refresh(): void {
    this.wantAll();
    this.lookAtAll();
  }

  async stop(): Promise<void> {
    this.started = false;
    for (const end of this.ends) end();
    await this.lane.close();
    this.views.close();
    this.namespaces.close();
  }

  get resources(): readonly KubeObject[] {
    const { former, concerns } = this.options;
    return this.stored().filter((resource) => concerns(resource) || former?.concerns(resource) === true);
  }

  sideOf(resource: KubeObject): Side | undefined {
    const { former } = this.options;
    return former === undefined ? 'next' : former.sideOf(resource);
  }

  async process(key: string): Promise<void> {
    if (!this.started) return;
    if (this.expectations.waits(key)) {
      this.parked.add(key);
      return;
    }
    const begun = this.options.clock.monotonic();
    this.options.metrics.active(this.name, ++this.active);
    try {
      const result = await this.reconcile(key);
      this.options.metrics.reconciled(this.name, result, this.options.clock.monotonic() - begun);
    } catch (error) {
      this.options.metrics.reconciled(this.name, 'error', this.options.clock.monotonic() - begun);
      throw error;
    } finally {
      this.options.metrics.active(this.name, --this.active);
    }
  }

  private async reconcile(key: string): Promise<ReconcileResult> {
    const { namespace, name } = splitKey(key);
    const resource = this.views.get(this.watch.gvk)?.get(namespace, name);
    const side = resource === undefined ? 'next' : this.sideOf(resource);
    if (side === undefined) return 'success';
    const version = this.version(side);
    if (resource === undefined || !version.concerns(resource)) {
      await this.forget(key);
      return 'success';
    }
    const plan = await this.plan(key, resource, version);
    const uncertain = this.uncertain.get(key) ?? new Set<string>();
    const execution = await execute({ plan, resource, uncertain }, this.executor(version));
    const result = await this.conclude({ key, resource, plan, execution });
    if (execution.end.kind === 'ok') this.options.onPass?.({ watch: version.watch, side, resource, plan });
    return result;
  }

  private version(side: Side): WatchVersion {
    return side === 'former' ? (this.options.former ?? this.options) : this.options;
  }

  private async plan(key: string, resource: KubeObject, version: WatchVersion): Promise<Plan> {
    const { name: controller, options, views, namespaces, recall } = this;
    const { clock, cluster, inventory } = options;
    const memory = this.memories.get(key) ?? initialMemory();
    const one = { resource, now: clock.now(), memory, recall, inventory: inventory.kinds(this.watch.gvk) };
    const sources = { ...options, ...version, views, namespaces, discovery: cluster.discovery, controller };
    const { snapshot, dependencies } = buildSnapshot(sources, one);
    const begun = clock.monotonic();
    const plan = await version.decide(version.watch, snapshot);
    options.metrics.planned(controller, clock.monotonic() - begun);
    this.dependencies.set(key, dependencies);
    return plan;
  }

  /** Costs nothing while it is known. */
  private async remember(kinds: readonly GroupVersionKind[]): Promise<void> {
    const { inventory, keeper } = this.options;
    const { gvk, ownsStatus } = this.watch;
    if (keeper !== undefined) await inventory.add(gvk, { kinds, keeper, ownsStatus });
    if (kinds.length > 0) this.wantAll();
  }

  private executor({ onChange }: WatchVersion): Parameters<typeof execute>[1] {
    const { cluster, recorder, clock, logger } = this.options;
    return {
      client: cluster.client,
      views: this.views,
      runs: this.options.actions.runs,
      recorder,
      fieldManager: FIELD_MANAGER,
      ensureInventory: (kinds) => this.remember(kinds),
      onChange: (...sent) => tellChange({ logger, onChange }, ...sent),
      now: () => clock.now(),
    };
  }

  private async conclude(pass: {
    key: string;
    resource: KubeObject;
    plan: Plan;
    execution: Execution;
  }): Promise<ReconcileResult> {
    const { key, plan, execution } = pass;
    this.memories.set(key, execution.memory);
    this.expectations.expect(key, execution.expectations);
    this.runActions(key, plan, execution);
    if (execution.uncertain.length > 0) this.uncertain.set(key, new Set(execution.uncertain));
    else if (execution.end.kind !== 'transient') this.uncertain.delete(key);
    if (plan.outcome.kind === 'terminal') this.options.metrics.terminal(this.name);
    switch (execution.end.kind) {
      case 'transient':
        logTransient(this.options.logger, pass.resource, execution.end.error, this.lane.failures(key) + 1);
        this.lane.retry(key, execution.end.retryAfterMs);
        return 'error';
      case 'refused':
        this.lane.retry(key);
        return 'requeue';
      case 'ok':
        if (skipsFinalActions(plan)) this.options.metrics.finalActionsSkipped(this.name);
        this.lane.forget(key);
        await this.tidyInventory();
        return this.schedule(key, plan);
    }
  }

  /** Effects begin and end only when what they belong to is written: else a crash would not know of them. */
  private runActions(
    key: string,
    plan: Pick<Plan, 'actions'>,
    execution: Pick<Execution, 'runsWritten'>,
  ): void {
    const { effects, probeNeeds } = plan.actions ?? NO_ACTIONS;
    const owner = { controller: this.name, key };
    if (execution.runsWritten) this.options.actions.effects.reconcile(owner, effects);
    this.options.actions.probes.reconcile(owner, probeNeeds);
  }

  private schedule(key: string, plan: Plan): ReconcileResult {
    if (plan.outcome.kind !== 'pending' || plan.outcome.wakeAt === undefined) return 'success';
    this.lane.addAfter(key, Math.max(0, plan.outcome.wakeAt - this.options.clock.now()));
    return 'requeue_after';
  }

  /** Taken in synchronously, in the order of the watch. */
  private take(gvk: GroupVersionKind, event: StoreEvent, cache: Cache): void {
    if (event.kind === 'synced') this.lookAtAll();
    else this.wake(gvk, event);
    this.unpark(cache);
  }

  private listenToActions(): readonly (() => void)[] {
    const { runs, effects, probes } = this.options.actions;
    if (this.watches.every((watch) => watch.actions.length === 0 && watch.probes.length === 0)) return [];
    this.wantRuns();
    const wake = (key: string): void => this.add(key, 'live');
    return [
      runs.subscribe((event) => this.takeRuns(event)),
      effects.listen(this.name, wake),
      probes.listen(this.name, wake),
    ];
  }

  private takeRuns({ targets, cache }: RunEvent): void {
    if (targets === 'all') this.lookAtAll();
    else {
      const { namespaced = true } = this.views.get(this.watch.gvk) ?? {};
      for (const key of keysOfTargets(targets, this.watch.gvk, namespaced)) this.add(key, 'live');
    }
    this.unpark(cache);
  }

  private unpark(cache: Cache): void {
    for (const key of this.expectations.freedBy(cache)) {
      if (this.parked.delete(key)) this.add(key, 'live');
    }
  }

  private wake(gvk: GroupVersionKind, event: ObjectChange): void {
    if (groupKind(gvk) === groupKind(this.watch.gvk)) {
      this.waker.resource(event);
      this.addFor(event, keyOf(event.object));
    }
    for (const key of this.waker.concernedBy(event)) this.addFor(event, key);
  }

  private addFor({ initial }: ObjectChange, key: string): void {
    this.add(key, initial ? 'initial' : 'live');
  }

  private add(key: string, priority: Priority): void {
    if (this.started) this.lane.add(key, priority);
  }

  private wantAll(): void {
    const { metadataOnly, inventory } = this.options;
    const known = inventory.kinds(this.watch.gvk);
    for (const gvk of this.watches.flatMap((watch) => kindsOf(watch, known))) {
      const own = groupKind(gvk) === groupKind(this.watch.gvk);
      this.views.want({ gvk, metadataOnly: !own && metadataOnly(gvk) });
    }
  }

  private wantRuns(): void {
    if (this.watches.some(({ actions }) => actions.length > 0))
      this.options.actions.runs.want(this.watch.gvk);
  }

  private discoveryChanged(): void {
    this.views.retry();
    this.wantRuns();
    // A kind that came or went may be what any resource waits for.
    this.lookAtAll();
  }

  private stored(): readonly KubeObject[] {
    return this.views.get(this.watch.gvk)?.list() ?? [];
  }

  /** Also takes note of resources that a cache shared with others held before this controller listened to it. */
  private lookAtAll(): void {
    for (const object of this.stored()) {
      this.waker.resource({ kind: 'added', object, previous: undefined });
      this.add(keyOf(object), 'initial');
    }
  }

  private async forget(key: string): Promise<void> {
    this.runActions(key, {}, { runsWritten: true });
    this.memories.delete(key);
    this.uncertain.delete(key);
    this.dependencies.forget(key);
    this.expectations.forget(key);
    this.lane.forget(key);
    await this.tidyInventory();
  }

  /** A kind leaves the inventory when no object of it is left and every resource has been looked at. */
  private async tidyInventory(): Promise<void> {
    if (this.lane.busy > 1) return;
    const known = this.options.inventory.kinds(this.watch.gvk);
    const left = leftoverKinds({ gvk: this.watch.gvk, watches: this.watches, known, views: this.views });
    if (left.length > 0) await this.options.inventory.remove(this.watch.gvk, left);
  }
}
