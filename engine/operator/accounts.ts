/**
 * Who the engine is towards the cluster. With impersonation each playbook has an account of its own, the ServiceAccount
 * `libretto-NAME` of the namespace it comes from, and what reads, writes, calls and reports for it does so as that
 * account; without it all of them share the engine's own. An account lives as long as somebody uses it: a playbook's
 * next version takes it over from the one before, with the calls of actions that it has begun.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Cluster } from '../cluster/api.ts';
import { selectionKey } from '../cluster/caches.ts';
import { createEventRecorder, type EventRecorder } from '../cluster/events.ts';
import type { ActionParts } from '../controller/action-inputs.ts';
import type { ControllerOptions } from '../controller/controller.ts';
import { createEffectRunner } from '../controller/effects.ts';
import { createProbeRunner } from '../controller/probes.ts';
import { createRunStore } from '../controller/run-store.ts';
import { FIELD_MANAGER } from '../kube/labels.ts';
import type { MayWrite } from './leadership.ts';
import { accountOf, rbacCommandLine } from './rbac.ts';

/** What a controller has from the account that it acts as. */
export type AccountParts = Pick<ControllerOptions, 'cluster' | 'recorder' | 'actions' | 'scope' | 'keeper'>;

/** Whose account: a playbook by its name and the namespace that it comes from. */
export interface Keeper {
  readonly playbook: string;
  readonly namespace: string;
}

/** One use of an account. */
export interface Account {
  readonly parts: AccountParts;
  /** What the account may not read though its playbook needs it, each once. */
  denials(): readonly string[];
  /** Called after each change of `denials`; returns the way to stop. */
  onDenials(listener: () => void): () => void;
  /** Gives the use back; the last one ends what acts as this account. */
  release(): Promise<void>;
}

export interface AccountsOptions {
  /** Writes only while this process leads. */
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly mayWrite: MayWrite;
  /** The engine's own namespace. */
  readonly namespace: string;
  /** Namespaces to work in; undefined: all. */
  readonly scope: readonly string[] | undefined;
  /** This process, for Events. */
  readonly instance: string;
  readonly impersonate: boolean;
  /** The engine's own Events. */
  readonly recorder: EventRecorder;
}

export class Accounts {
  private readonly options: AccountsOptions;
  private readonly open = new Map<string, OpenAccount>();

  constructor(options: AccountsOptions) {
    this.options = options;
  }

  use(keeper: Keeper): Account {
    const { impersonate } = this.options;
    const key = impersonate ? `${keeper.namespace}/${keeper.playbook}` : '';
    const known = this.open.get(key);
    const account = known ?? (impersonate ? actingAccount(keeper, this.options) : ownAccount(this.options));
    this.open.set(key, account);
    account.users += 1;
    return {
      parts: { ...account.parts, keeper: keeperText(keeper, this.options.namespace) },
      denials: () => [...new Set(account.denied.values())],
      onDenials(listener) {
        account.listeners.add(listener);
        return () => account.listeners.delete(listener);
      },
      release: async () => {
        account.users -= 1;
        if (account.users > 0) return;
        this.open.delete(key);
        await account.close();
      },
    };
  }

  /** Calls of actions: none begins any more; resolves when those that run have ended, or after `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    await Promise.all([...this.open.values()].map(({ parts }) => parts.actions.effects.drain(graceMs)));
  }

  stopProbes(): void {
    for (const { parts } of this.open.values()) parts.actions.probes.stop();
  }

  /** Ends all that is still open. */
  async close(): Promise<void> {
    const accounts = [...this.open.values()];
    this.open.clear();
    await Promise.all(accounts.map((account) => account.close()));
  }
}

interface OpenAccount {
  readonly parts: Omit<AccountParts, 'keeper'>;
  /** What may not be read, by selection. */
  readonly denied: Map<string, string>;
  readonly listeners: Set<() => void>;
  users: number;
  close(): Promise<void>;
}

function ownAccount(options: AccountsOptions): OpenAccount {
  const { cluster, recorder, scope } = options;
  const actions = actionParts(cluster, scope, options);
  return {
    parts: { cluster, recorder, actions, scope },
    denied: new Map(),
    listeners: new Set(),
    users: 0,
    close: async () => actions.runs.close(),
  };
}

function actingAccount(keeper: Keeper, options: AccountsOptions): OpenAccount {
  const { clock, logger, instance, namespace } = options;
  // What comes from another namespace than the engine's keeps to that namespace.
  const scope = keeper.namespace === namespace ? options.scope : [keeper.namespace];
  const denied = new Map<string, string>();
  const listeners = new Set<() => void>();
  const cluster = options.cluster.actAs(
    { user: userOf(keeper), wayOut: wayOut(keeper, scope) },
    (selection, denial) => {
      if (denial === undefined) denied.delete(selectionKey(selection));
      else denied.set(selectionKey(selection), denial);
      for (const listener of [...listeners]) listener();
    },
  );
  const recorder = createEventRecorder({
    client: cluster.client,
    clock,
    logger,
    controller: FIELD_MANAGER,
    instance,
  });
  const actions = actionParts(cluster, scope, options);
  return {
    parts: { cluster, recorder, actions, scope },
    denied,
    listeners,
    users: 0,
    async close() {
      listeners.clear();
      actions.probes.stop();
      actions.runs.close();
      await recorder.close();
      await cluster.close();
    },
  };
}

/** What runs, effects and probes go through that read and call as this cluster's user. */
export function actionParts(
  cluster: Cluster,
  scope: readonly string[] | undefined,
  options: Pick<AccountsOptions, 'clock' | 'logger' | 'metrics' | 'mayWrite' | 'namespace'>,
): ActionParts {
  const { clock, logger, metrics, mayWrite, namespace } = options;
  return {
    namespace,
    runs: createRunStore({ cluster, clock, logger, scope, ownNamespace: namespace, mayWrite }),
    effects: createEffectRunner({ calls: cluster.calls, clock, logger, metrics }),
    probes: createProbeRunner({ calls: cluster.calls, clock, metrics }),
  };
}

/** As the API server names it. */
export function userOf({ namespace, playbook }: Keeper): string {
  return `system:serviceaccount:${namespace}:${accountOf(playbook)}`;
}

function wayOut(keeper: Keeper, scope: readonly string[] | undefined): string {
  return `what it needs comes with: ${rbacCommandLine({ ...keeper, watchNamespaces: scope })}`;
}

/** `redis`, or `shop/redis` where it comes from another namespace than the engine's. */
export function keeperText({ namespace, playbook }: Keeper, engineNamespace: string): string {
  return namespace === engineNamespace ? playbook : `${namespace}/${playbook}`;
}

export function parseKeeper(text: string, engineNamespace: string): Keeper {
  const slash = text.indexOf('/');
  return slash < 0
    ? { namespace: engineNamespace, playbook: text }
    : { namespace: text.slice(0, slash), playbook: text.slice(slash + 1) };
}
