/**
 * The controllers that run, playbook by playbook. A playbook's new version is prepared beside the old one and takes
 * over when its caches hold what it reads; what was remembered of each resource goes with it.
 */

import { type ActionParts, runTarget } from '../controller/action-inputs.ts';
import { type Controller, type ControllerOptions, createController } from '../controller/controller.ts';
import type { Lane } from '../controller/queue.ts';
import type { WatchVersion } from '../controller/versions.ts';
import type { Handler } from '../controller/workers.ts';
import { FINALIZER } from '../kube/labels.ts';
import type { GroupVersionKind, KubeObject } from '../kube/object.ts';
import { groupKind } from '../kube/object.ts';
import { matchesSelector } from '../kube/selectors.ts';
import type { Playbook, Watch } from '../playbook/model.ts';
import { collectReads } from '../playbook/reads.ts';
import { isActive, parseRun } from '../reconcile/actions/run.ts';
import { planReconcile } from '../reconcile/plan.ts';
import type { Account, AccountParts, Accounts } from './accounts.ts';
import type { PlaybookTimes } from './instrument.ts';
import { ownSchemas } from './own-schemas.ts';
import type { Rollout } from './rollout.ts';
import { type ChangeTeller, followChanges } from './told-change.ts';

/** What every controller of one operator shares; what acts comes from its account. */
export type ControllerParts = Omit<
  ControllerOptions,
  keyof AccountParts | keyof WatchVersion | 'former' | 'onPass' | 'metadataOnly' | 'servedByPlaybook'
>;

/** The version before a new one, while both are at work. */
export interface Beside {
  readonly playbook: Playbook;
  readonly rollout: Pick<Rollout, 'sideOf' | 'passed'>;
}

export interface RunningPlaybook {
  readonly playbook: Playbook;
  /** What goes on beside it. */
  readonly former: Playbook | undefined;
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
  prepare(playbook: Playbook, namespace: string, beside?: Beside): RunningPlaybook {
    const account = this.accounts.use({ playbook: playbook.name, namespace });
    const next = this.versionsOf(playbook);
    const former = beside === undefined ? [] : this.versionsOf(beside.playbook);
    const metadataOnly = metadataOnlyKinds(beside === undefined ? [playbook] : [playbook, beside.playbook]);
    const common = {
      ...this.parts,
      ...account.parts,
      // What a change did to an object is told from the whole of it.
      metadataOnly: (gvk: GroupVersionKind) => this.teller === undefined && metadataOnly.has(groupKind(gvk)),
      servedByPlaybook: (gvk: GroupVersionKind) => this.served.has(groupKind(gvk)),
    };
    const controllers = pairs(next, former).map(([version, before]) =>
      this.add({
        ...common,
        ...version,
        ...(beside === undefined || before === undefined ? {} : inRollout(before, beside.rollout, account)),
      }),
    );
    // What the new version no longer watches is kept until it is there.
    const left = former.filter(({ watch }) => !next.some((version) => isSameKind(version.watch, watch)));
    const ending = left.map((version) => {
      const sideOf = (r: KubeObject): 'former' | undefined =>
        beside?.rollout.sideOf(r, () => []) === 'former' ? 'former' : undefined;
      return this.add({ ...common, ...version, former: { ...version, sideOf } });
    });
    return { playbook, former: beside?.playbook, account, controllers: [...controllers, ...ending] };
  }

  private versionsOf(playbook: Playbook): readonly WatchVersion[] {
    const ownSchema = ownSchemas(playbook);
    return this.times.measure(playbook).watches.map((watch) => ({
      watch,
      playbook,
      ...(this.teller === undefined
        ? { decide: planReconcile }
        : followChanges(planReconcile, { playbook, tell: this.teller })),
      concerns: (resource: KubeObject) => selected(watch, resource),
      ownSchema,
    }));
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
    const watches = [...this.running].flatMap(watchesOf);
    this.kept = new Set(watches.map((w) => groupKind(w.gvk)));
    this.served = new Set(watches.filter((w) => w.ownsStatus).map((w) => groupKind(w.gvk)));
  }
}

/** All that is kept, in one version or the other. */
export function watchesOf({
  playbook,
  former,
}: Pick<RunningPlaybook, 'playbook' | 'former'>): readonly Watch[] {
  return [...playbook.watches, ...(former?.watches ?? [])];
}

/** What happens to resources and children when it ends. */
export function whatStays(running: RunningPlaybook | undefined): string {
  if (running === undefined) return 'nothing of it was running';
  const kinds = running.controllers.map((c) => `${c.resources.length} ${c.watch.gvk.kind}`).join(', ');
  return `${kinds} and their objects stay as they are and are no longer kept as described; deleting one still cleans up`;
}

function isSameKind(a: Watch, b: Watch): boolean {
  return groupKind(a.gvk) === groupKind(b.gvk);
}

/** Each with the one of the same kind in the version before. */
function pairs(
  next: readonly WatchVersion[],
  former: readonly WatchVersion[],
): readonly (readonly [WatchVersion, WatchVersion | undefined])[] {
  return next.map((version) => [version, former.find((before) => isSameKind(before.watch, version.watch))]);
}

function inRollout(
  before: WatchVersion,
  rollout: Beside['rollout'],
  { parts: { actions } }: Account,
): Pick<ControllerOptions, 'former' | 'onPass'> {
  return {
    former: {
      ...before,
      sideOf: (resource) => rollout.sideOf(resource, () => runsSince(actions, before.watch, resource)),
    },
    onPass: (pass) => rollout.passed(pass),
  };
}

/** When the runs of a resource were made that go on, epoch ms; undefined while they are not known. */
function runsSince(
  { runs, namespace }: ActionParts,
  { gvk, actions }: Watch,
  resource: KubeObject,
): readonly number[] | undefined {
  if (actions.length === 0) return [];
  const found = runs.inputs(runTarget(gvk, resource, namespace)).runs;
  if (!found.synced) return undefined;
  return found.objects
    .map(parseRun)
    .flatMap((run) => (isActive(run) || run.status.phase === 'Halted' ? [run.createdAt] : []));
}

/** Kinds of which nothing but metadata is read. */
function metadataOnlyKinds(playbooks: readonly Playbook[]): ReadonlySet<string> {
  const reads = playbooks.flatMap((playbook) => collectReads(playbook));
  const full = new Set(reads.flatMap(({ gvk, read }) => (read === 'full' ? [groupKind(gvk)] : [])));
  const metadata = reads.flatMap(({ gvk, read }) => (read === 'metadata' ? [groupKind(gvk)] : []));
  return new Set(metadata.filter((kind) => !full.has(kind)));
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
