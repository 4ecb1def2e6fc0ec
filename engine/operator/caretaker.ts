/**
 * Cares for kinds whose playbook is gone: a resource that is deleted must still lose its children and its finalizer,
 * which needs no playbook (the children say how). It touches nothing that is not being deleted. It acts as the account
 * of the playbook that kept the kind last: nobody else has the rights.
 */
import type { Discovery } from '../cluster/api.ts';
import type { Controller } from '../controller/controller.ts';
import type { Inventory } from '../controller/inventory.ts';
import { type GroupVersionKind, groupKind } from '../kube/object.ts';
import type { Watch } from '../playbook/model.ts';
import { planTeardown } from '../reconcile/teardown.ts';
import { type Account, type Accounts, parseKeeper } from './accounts.ts';
import { type ControllerParts, type Fleet, isBeingDeleted } from './fleet.ts';

export interface CaretakerOptions {
  readonly fleet: Fleet;
  readonly parts: ControllerParts;
  readonly accounts: Accounts;
  /** The engine's own. */
  readonly namespace: string;
  readonly inventory: Inventory;
  readonly discovery: Discovery;
}

const NAME = 'without-playbook';

interface Care {
  readonly controller: Controller;
  readonly account: Account;
}

export class Caretaker {
  private readonly options: CaretakerOptions;
  private readonly cares = new Map<string, Care>();

  constructor(options: CaretakerOptions) {
    this.options = options;
  }

  /** Takes on kinds that nobody keeps any more, gives back those that a playbook is about to keep. */
  async review(): Promise<void> {
    const { fleet, inventory, discovery } = this.options;
    for (const [key, { controller, account }] of this.cares) {
      if (!fleet.keeps(controller.watch.gvk)) continue;
      this.cares.delete(key);
      await fleet.endController(controller);
      await account.release();
    }
    for (const watched of inventory.watched()) {
      const served = discovery.byKind(watched.group, watched.kind);
      if (served !== undefined && !fleet.keeps(watched)) await this.takeOn(served.gvk);
    }
  }

  private async takeOn(gvk: GroupVersionKind): Promise<void> {
    if (this.cares.has(groupKind(gvk))) return;
    const { fleet, parts } = this.options;
    const account = this.accountFor(gvk);
    const controller = fleet.add({
      ...parts,
      ...account.parts,
      keeper: undefined,
      watch: bareWatch(gvk),
      playbook: { name: NAME, version: '' },
      metadataOnly: () => true,
      decide: async (_watch, snapshot) => planTeardown(snapshot),
      concerns: isBeingDeleted,
      servedByPlaybook: (kind) => fleet.serves(kind),
    });
    this.cares.set(groupKind(gvk), { controller, account });
    await controller.settled();
    controller.start();
  }

  /** An inventory of an older engine names nobody; then a playbook of that name has no rights, and the log says so. */
  private accountFor(gvk: GroupVersionKind): Account {
    const { accounts, inventory, namespace } = this.options;
    return accounts.use(parseKeeper(inventory.keeper(gvk) ?? NAME, namespace));
  }
}

/** A watch that describes nothing: its kinds come from the inventory. */
function bareWatch(gvk: GroupVersionKind): Watch {
  const place = { file: 'watches.yaml', line: 1, column: 1 };
  return {
    place,
    gvk,
    unselected: 'Leave',
    ownsStatus: false,
    vars: [],
    manifests: [],
    observe: [],
    probes: [],
    health: [],
    status: [],
    actions: [],
  };
}
