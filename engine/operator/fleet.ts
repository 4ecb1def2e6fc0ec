/**
 * The controllers that run, playbook by playbook. A playbook's new version is prepared beside the old one and takes
 * over when its caches hold what it reads; what was remembered of each resource goes with it.
 */

import type { ActionParts } from '../controller/action-inputs.ts';
import { type Controller, type ControllerOptions, createController } from '../controller/controller.ts';
import type { Lane } from '../controller/queue.ts';
import type { Handler } from '../controller/workers.ts';
import { FINALIZER } from '../kube/labels.ts';
import type { GroupVersionKind, KubeObject } from '../kube/object.ts';
import { groupKind } from '../kube/object.ts';
import { matchesSelector } from '../kube/selectors.ts';
import type { Playbook, Watch } from '../playbook/model.ts';
import { collectReads } from '../playbook/reads.ts';
import { planReconcile } from '../reconcile/plan.ts';
import type { Account, AccountParts, Accounts } from './accounts.ts';
import type { PlaybookTimes } from './instrument.ts';
import { ownSchemas } from './own-schemas.ts';
import { type ChangeTeller, followChanges } from './told-change.ts';

/** What every controller of one operator shares; what acts comes from its account. */
export type ControllerParts = Omit<
  ControllerOptions,
  | keyof AccountParts
  | 'watch'
  | 'playbook'
  | 'metadataOnly'
  | 'decide'
  | 'onChange'
  | 'concerns'
  | 'servedByPlaybook'
  | 'ownSchema'
>;

export interface RunningPlaybook {
  readonly playbook: Playbook;
  readonly account: Account;
  readonly controllers: readonly Controller[];
}

interface Working {
  readonly controller: Controller;
  readonly actions: ActionParts;
}

export class Fleet {
  /** Called when the kinds that are kept have changed, before the new controllers start. */
  onChange: () => Promise<void> = () => Promise.resolve();
  /** Told of every change that is made for a playbook. */
  teller: ChangeTeller | undefined;
  private readonly parts: ControllerParts;
  private readonly accounts: Accounts;
  private readonly byLane = new Map<Lane, Working>();
  private readonly running = new Set<RunningPlaybook>();
  private served: ReadonlySet<string> = new Set();
  private kept: ReadonlySet<string> = new Set();

  private readonly times: PlaybookTimes;

  constructor(parts: ControllerParts, accounts: Accounts, times: PlaybookTimes) {
    this.parts = parts;
    this.accounts = accounts;
    this.times = times;
  }

  handlerOf(lane: Lane): Handler | undefined {
    const working = this.byLane.get(lane);
    return working === undefined ? undefined : (key) => working.controller.process(key);
  }

  /** Opens the caches, as the account of the playbook from this namespace; nothing is worked on yet. */
  prepare(playbook: Playbook, namespace: string): RunningPlaybook {
    const account = this.accounts.use({ playbook: playbook.name, namespace });
    const metadataOnly = new Set(
      collectReads(playbook).flatMap((r) => (r.read === 'metadata' ? [groupKind(r.gvk)] : [])),
    );
    for (const { gvk, read } of collectReads(playbook))
      if (read === 'full') metadataOnly.delete(groupKind(gvk));
    const ownSchema = ownSchemas(playbook);
    const controllers = this.times.measure(playbook).watches.map((watch) =>
      this.add({
        ...this.parts,
        ...account.parts,
        watch,
        playbook,
        // What a change did to an object is told from the whole of it.
        metadataOnly: (gvk) => this.teller === undefined && metadataOnly.has(groupKind(gvk)),
        ...(this.teller === undefined
          ? { decide: planReconcile }
          : followChanges(planReconcile, { playbook, tell: this.teller })),
        concerns: (resource) => selected(watch, resource),
        servedByPlaybook: (gvk) => this.served.has(groupKind(gvk)),
        ownSchema,
      }),
    );
    return { playbook, account, controllers };
  }

  /** A controller of its own, outside any playbook. */
  add(options: ControllerOptions): Controller {
    const controller = createController(options);
    this.byLane.set(controller.lane, { controller, actions: options.actions });
    return controller;
  }

  /** True where a playbook that runs, or is about to, keeps resources of this kind. */
  keeps(gvk: Pick<GroupVersionKind, 'group' | 'kind'>): boolean {
    return this.kept.has(groupKind(gvk));
  }

  /** True while a playbook's kinds count as served by an operator. */
  serves(gvk: Pick<GroupVersionKind, 'group' | 'kind'>): boolean {
    return this.served.has(groupKind(gvk));
  }

  /** The new version takes over from the old one, once that has finished what it was doing. */
  async swap(former: RunningPlaybook | undefined, next: RunningPlaybook): Promise<void> {
    if (former !== undefined) await this.end(former);
    this.running.add(next);
    this.recount();
    await this.onChange();
    for (const controller of next.controllers) {
      const before = former?.controllers.find(
        (c) => groupKind(c.watch.gvk) === groupKind(controller.watch.gvk),
      );
      controller.start(before?.memories);
    }
  }

  /** Stops working for a playbook; its objects stay as they are. */
  async end(playbook: RunningPlaybook): Promise<void> {
    this.running.delete(playbook);
    this.recount();
    await Promise.all(playbook.controllers.map((c) => this.endController(c)));
    await playbook.account.release();
  }

  async endController(controller: Controller): Promise<void> {
    await controller.stop();
    const actions = this.byLane.get(controller.lane)?.actions;
    this.byLane.delete(controller.lane);
    // The next version of a playbook takes over what its actions have begun.
    if ([...this.byLane.values()].some((other) => other.controller.name === controller.name)) return;
    actions?.effects.end(controller.name);
    actions?.probes.end(controller.name);
  }

  /** Reads the inventory again in every controller. */
  refresh(): void {
    for (const { controller } of this.byLane.values()) controller.refresh();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.byLane.values()].map(({ controller }) => this.endController(controller)));
  }

  private recount(): void {
    const watches = [...this.running].flatMap((r) => r.playbook.watches);
    this.kept = new Set(watches.map((w) => groupKind(w.gvk)));
    this.served = new Set(watches.filter((w) => w.ownsStatus).map((w) => groupKind(w.gvk)));
  }
}

/** Outside the selector: left alone, or cleaned up, which the plan sees to; but never left with our finalizer. */
function selected({ selector, unselected }: Watch, object: KubeObject): boolean {
  if (selector === undefined || unselected === 'Remove' || matchesSelector(selector, object.metadata.labels))
    return true;
  return isBeingDeleted(object);
}

/** Deleted, and held by our finalizer. */
export function isBeingDeleted({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).includes(FINALIZER);
}
