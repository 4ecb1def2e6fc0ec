/**
 * Everything that runs against one cluster, put together: who leads, where playbooks come from, the queue with its
 * workers, the controllers, Events, metrics and the HTTP endpoint. Builds parts and hands them over; decides nothing.
 */
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { createMetrics, type Metrics } from '../base/metrics.ts';
import { randomHex } from '../base/random.ts';
import type { Cluster } from '../cluster/api.ts';
import { createEventRecorder, type EventRecorder } from '../cluster/events.ts';
import { type Inventory, openInventory } from '../controller/inventory.ts';
import { createWorkQueue, type WorkQueue } from '../controller/queue.ts';
import { createQueueMetrics, createReconcileMetrics } from '../controller/queue-metrics.ts';
import { createWorkers, type Workers } from '../controller/workers.ts';
import { FIELD_MANAGER } from '../kube/labels.ts';
import { Accounts } from './accounts.ts';
import { installActionKinds } from './action-kinds.ts';
import { Caretaker } from './caretaker.ts';
import { watchConfigMaps } from './configmap-source.ts';
import { requireNamespace } from './engine-namespace.ts';
import { type ControllerParts, Fleet } from './fleet.ts';
import { watchFolders } from './folder-source.ts';
import { ensureHashKey, readHashKey } from './hash-key.ts';
import { type HttpEndpoint, serveHttp } from './http.ts';
import { createPlaybookTimes } from './instrument.ts';
import { type LeaderElectionOptions, type Leadership, type MayWrite, takeLeadership } from './leadership.ts';
import { type PlaybookStanding, Registry } from './registry.ts';
import { createReporter, type Reporter } from './report.ts';
import { Rollouts } from './rollouts.ts';
import type { SourceEvents, Sources } from './source.ts';
import { findOrLead } from './standby.ts';
import type { ChangeTeller } from './told-change.ts';

/** At the end, calls of actions have so long to finish; what has not is made again by the next engine. */
const DRAIN_MS = 5_000;

export interface OperatorOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: a registry of its own. */
  readonly metrics?: Metrics;
  /** The engine's own namespace: its lease, inventory, hash key and, by default, its playbooks. It must exist. */
  readonly namespace: string;
  /** Namespaces whose ConfigMaps are trusted as playbooks; default: the engine's own. */
  readonly playbookNamespaces?: readonly string[];
  readonly playbookFolders?: readonly string[];
  /** Further places to take playbooks from: each is opened once, and reports to what it is given. */
  readonly playbookSources?: readonly ((events: SourceEvents) => Sources)[];
  /** Namespaces to work in; default: all. */
  readonly watchNamespaces?: readonly string[];
  /** Default: none; this is the only process. */
  readonly leaderElection?: LeaderElectionOptions;
  readonly http?: { readonly host: string; readonly port: number };
  /** Resources in work at once; default 16. */
  readonly concurrency?: number;
  /** Default true. */
  readonly installCrds?: boolean;
  /** Whether each playbook is worked on as its own ServiceAccount `libretto-NAME`; default false: as the engine. */
  readonly impersonate?: boolean;
  /** Whether playbooks may put children into other namespaces than their resource's; default false. */
  readonly allowOtherNamespaces?: boolean;
  /** Told how a playbook stands, each time that it was decided anew. */
  readonly onStanding?: (standing: PlaybookStanding) => void;
  /** Told of every change that is made for a playbook; each costs a comparison with what was there. */
  readonly onChange?: ChangeTeller;
  /** This process: its pod's or host's name, for Events. */
  readonly instance: string;
}

export interface Operator {
  /** Resolves when the playbooks that were there at start run, or are refused. Rejects where the start failed. */
  readonly ready: Promise<void>;
  /** Resolves with the reason when the operator ended by itself: the lease was lost. */
  readonly lost: Promise<string>;
  readonly httpPort: number | undefined;
  playbooks(): readonly PlaybookStanding[];
  /** Finishes what runs, releases the lease. The objects in the cluster stay. */
  stop(): Promise<void>;
}

/** Rejects with an EngineError where the HTTP port is taken. The cluster stays its caller's. */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const metrics = options.metrics ?? createMetrics();
  const running = new RunningOperator(options, metrics);
  await running.listen();
  running.begin();
  return running;
}

class RunningOperator implements Operator {
  readonly ready: Promise<void>;
  readonly lost: Promise<string>;
  private readonly options: OperatorOptions;
  private readonly metrics: Metrics;
  private readonly leadership: Leadership;
  private readonly queue: WorkQueue;
  private readonly workers: Workers;
  private readonly recorder: EventRecorder;
  private readonly accounts: Accounts;
  private readonly reporter: Reporter;
  private readonly readiness = Promise.withResolvers<void>();
  private readonly losing = Promise.withResolvers<string>();
  private readonly stopping = new AbortController();
  private http: HttpEndpoint | undefined;
  private fleet: Fleet | undefined;
  private registry: Registry | undefined;
  private sources: readonly Sources[] = [];
  private isReady = false;
  private waitsForLead = false;
  /** For what the start must write, where the leader has not. */
  private readonly mayWriteAtStart: MayWrite = (signal) => {
    this.waitsForLead = true;
    return this.leadership.mayWrite(signal);
  };

  constructor(options: OperatorOptions, metrics: Metrics) {
    const { cluster, clock, logger, namespace } = options;
    this.options = options;
    this.metrics = metrics;
    this.ready = this.readiness.promise;
    this.ready.catch(() => {}); // whoever waits for it hears of it
    this.lost = this.losing.promise;
    this.queue = createWorkQueue({ clock, metrics: createQueueMetrics(metrics) });
    this.workers = createWorkers({
      queue: this.queue,
      concurrency: options.concurrency ?? 16,
      handlerOf: (lane) => this.fleet?.handlerOf(lane),
      onError: (lane, key, error) =>
        logger.error('a pass failed', {
          controller: lane.name,
          key,
          error: errorMessage(error),
          stack: error instanceof Error ? error.stack : undefined,
        }),
    });
    const election = options.leaderElection;
    this.leadership = takeLeadership({
      cluster,
      clock,
      logger,
      metrics,
      namespace,
      election,
      onLost: (reason) => this.loseLead(reason),
    });
    const { client } = this.leadership.cluster;
    this.recorder = createEventRecorder({
      client,
      clock,
      logger,
      controller: FIELD_MANAGER,
      instance: options.instance,
    });
    this.accounts = this.createAccounts();
    this.reporter = createReporter({
      client,
      recorder: this.recorder,
      logger,
      metrics,
      mayWrite: this.leadership.mayWrite,
    });
  }

  get httpPort(): number | undefined {
    return this.http?.port;
  }

  async listen(): Promise<void> {
    if (this.options.http === undefined) return;
    const notReady = (): string | undefined => this.notReady();
    this.http = await serveHttp({ ...this.options.http, metrics: this.metrics, notReady });
  }

  /** A standby that waits for the leader is ready: were it not, no rollout could ever replace that leader by it. */
  private notReady(): string | undefined {
    if (this.isReady || (this.waitsForLead && !this.leadership.leading)) return undefined;
    return 'the playbooks are still being loaded';
  }

  begin(): void {
    void this.start().then(
      () => this.readiness.resolve(),
      (error: unknown) => this.readiness.reject(error),
    );
  }

  playbooks(): readonly PlaybookStanding[] {
    return this.registry?.standings() ?? [];
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.sources.map((s) => s.stop()));
    await this.registry?.stop();
    // Before the workers: what an action's call answered is worth writing down.
    await this.accounts.drain(DRAIN_MS);
    this.accounts.stopProbes();
    await this.workers.stop();
    await this.fleet?.stop();
    await this.accounts.close();
    await this.recorder.close();
    await this.leadership.stop();
    await this.reporter.flush();
    await this.http?.close();
  }

  private async start(): Promise<void> {
    const { client } = this.leadership.cluster;
    await this.checkNamespace();
    const hashKey = await this.hashKey();
    if (hashKey === undefined) return;
    const inventory = await openInventory({
      client,
      namespace: this.options.namespace,
      fieldManager: FIELD_MANAGER,
    });
    const parts = this.controllerParts(hashKey, inventory);
    const { accounts } = this;
    const { namespace, cluster } = this.options;
    const fleet = new Fleet(parts, accounts, createPlaybookTimes(this.metrics, this.options.clock));
    this.fleet = fleet;
    fleet.teller = this.options.onChange;
    const { discovery } = cluster;
    const caretaker = new Caretaker({ fleet, parts, accounts, namespace, inventory, discovery });
    const registry = this.createRegistry(fleet, caretaker);
    this.registry = registry;
    await this.installActionKinds();
    this.sources = this.openSources(registry);
    void this.workWhenLeading(fleet, inventory);
    await Promise.all(this.sources.map((s) => s.ready));
    await registry.begin();
    fleet.onChange = () => caretaker.review();
    await caretaker.review();
    this.isReady = !this.stopping.signal.aborted;
    if (this.isReady)
      this.options.logger.info('ready', {
        playbooks: registry.standings().length,
        leading: this.leadership.leading,
      });
  }

  /** Reads pass in a standby, too, so that it takes over with warm caches. */
  private async workWhenLeading(fleet: Fleet, inventory: Inventory): Promise<void> {
    if (!(await this.leadership.mayWrite(this.stopping.signal))) return;
    if (this.options.leaderElection !== undefined) {
      await inventory.reload();
      fleet.refresh();
    }
    if (!this.stopping.signal.aborted) this.workers.start();
  }

  private async installActionKinds(): Promise<void> {
    if (this.options.installCrds === false) return;
    const { clock, logger } = this.options;
    const { cluster } = this.leadership;
    const { mayWriteAtStart: mayWrite } = this;
    await installActionKinds({ cluster, clock, logger, mayWrite, signal: this.stopping.signal });
  }

  private checkNamespace(): Promise<void> {
    const { namespace, cluster } = this.options;
    const hint = `create it: kubectl create namespace ${namespace}, or name another one with --namespace`;
    return requireNamespace(cluster.client, namespace, hint);
  }

  /** A standby may only read it. Undefined: stopped before there was one. */
  private async hashKey(): Promise<string | undefined> {
    const { client } = this.leadership.cluster;
    const { namespace, clock } = this.options;
    const standby = { clock, mayWrite: this.mayWriteAtStart, signal: this.stopping.signal };
    const found = await findOrLead(standby, () => readHashKey(client, namespace));
    if (found.kind === 'found') return found.value;
    return found.kind === 'lead' ? await ensureHashKey(client, namespace) : undefined;
  }

  private controllerParts(hashKey: string, inventory: Inventory): ControllerParts {
    const { clock, logger, allowOtherNamespaces } = this.options;
    return {
      engine: this.leadership.cluster,
      clock,
      logger,
      queue: this.queue,
      metrics: createReconcileMetrics(this.metrics),
      inventory,
      hashKey,
      allowances: { otherNamespaces: allowOtherNamespaces ?? false },
      entropy: () => randomHex(32),
    };
  }

  private createAccounts(): Accounts {
    const { clock, logger, namespace, watchNamespaces, instance, impersonate } = this.options;
    const { cluster, mayWrite } = this.leadership;
    const { metrics, recorder } = this;
    return new Accounts({
      cluster,
      clock,
      logger,
      metrics,
      mayWrite,
      namespace,
      scope: watchNamespaces,
      instance,
      impersonate: impersonate ?? false,
      recorder,
    });
  }

  private createRegistry(fleet: Fleet, caretaker: Caretaker): Registry {
    const { clock, logger, installCrds, onStanding } = this.options;
    return new Registry({
      cluster: this.leadership.cluster,
      clock,
      logger,
      fleet,
      namespace: this.options.namespace,
      impersonate: this.options.impersonate ?? false,
      reporter: this.reporter,
      rollouts: new Rollouts({
        cluster: this.leadership.cluster,
        clock,
        logger,
        mayWrite: this.leadership.mayWrite,
      }),
      installCrds: installCrds ?? true,
      mayWrite: this.mayWriteAtStart,
      onRemoved: () => caretaker.review(),
      ...(onStanding === undefined ? {} : { onStanding }),
    });
  }

  private openSources(events: Registry): readonly Sources[] {
    const { cluster, clock, namespace, playbookNamespaces, playbookFolders, playbookSources } = this.options;
    const configMaps = watchConfigMaps({
      cluster,
      namespace,
      playbookNamespaces: playbookNamespaces ?? [namespace],
      events,
    });
    const others = (playbookSources ?? []).map((open) => open(events));
    if (playbookFolders === undefined || playbookFolders.length === 0) return [configMaps, ...others];
    return [configMaps, watchFolders({ roots: playbookFolders, clock, events }), ...others];
  }

  private loseLead(reason: string): void {
    if (this.stopping.signal.aborted) return;
    void this.workers.stop();
    void this.accounts.drain(0);
    this.accounts.stopProbes();
    this.losing.resolve(reason);
  }
}
