/**
 * Leader election on a coordination.k8s.io/v1 Lease, by client-go's protocol: 15 s lease, 10 s renew deadline, 2 s
 * between tries.
 *
 * Promises: `leading` is true only while the last successful renewal is younger than the renew deadline, judged by a
 * monotonic clock at the moment of asking, so that a process that was stopped and continued never believes in an old
 * lease. Another candidate takes over after it has itself seen the record unchanged for the lease's whole duration;
 * clocks of two machines are never compared. A clean stop releases the lease, and candidates, who watch it, take it
 * at once. As between any two processes, a request that left before the deadline may still arrive after it.
 */
import { type Clock, pause } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { isObject, type JsonObject, type KubeObject, type ObjectRef } from '../kube/object.ts';
import type { Cache, Cluster, WriteOptions } from './api.ts';
import { isAlreadyExists, isConflict } from './errors.ts';

export interface ElectionOptions {
  readonly cluster: Pick<Cluster, 'client' | 'cache'>;
  readonly namespace: string;
  /** The Lease's name. */
  readonly name: string;
  /** Unique among all processes that ever ran: host name and something random. */
  readonly identity: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onStarted: () => void;
  /** Called as soon as it may no longer write; candidacy goes on unless `stop` is called. */
  readonly onStopped: (reason: string) => void;
  /** Default 15 s. A leader gives up after two thirds of it, and renews five times in that time. */
  readonly leaseDurationMs?: number | undefined;
}

export interface Election {
  /** May this process write, now? */
  readonly leading: boolean;
  /** Ends the candidacy and releases the lease. Call it after the last write is done. */
  stop(): Promise<void>;
}

const LEASE = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease' } as const;
const FIELD_MANAGER = 'libretto-election';

export function electLeader(options: ElectionOptions): Election {
  const election = new LeaseElection(options);
  election.start();
  return election;
}

class LeaseElection implements Election {
  readonly #options: ElectionOptions;
  readonly #ref: ObjectRef;
  readonly #leaseMs: number;
  readonly #deadlineMs: number;
  readonly #retryMs: number;
  readonly #stopping = new AbortController();
  /** Ends the present pause of a candidate. */
  #wake = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** The record as last seen, and since when (monotonic) it has looked like this. */
  #seen: { readonly lease: KubeObject; readonly since: number } | undefined;
  /** Monotonic time at which the last successful renewal was sent; undefined: not leading. */
  #renewedAt: number | undefined;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#ref = { ...LEASE, namespace: options.namespace, name: options.name };
    this.#leaseMs = options.leaseDurationMs ?? 15_000;
    this.#deadlineMs = (this.#leaseMs * 2) / 3;
    this.#retryMs = this.#deadlineMs / 5;
  }

  get leading(): boolean {
    return this.#renewedAt !== undefined && this.#now() - this.#renewedAt < this.#deadlineMs;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake.abort();
    await this.#running;
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#becomeLeader();
      if (this.#renewedAt === undefined) return;
      if (this.#stopping.signal.aborted) return this.#release();
      this.#options.logger.info('became leader', { lease: this.#options.name });
      this.#options.onStarted();
      const reason = await this.#stayLeader();
      const released = reason === undefined;
      this.#renewedAt = undefined;
      this.#options.logger.info('no longer leader', {
        lease: this.#options.name,
        reason: reason ?? 'stopped',
      });
      this.#options.onStopped(reason ?? 'stopped');
      if (released) await this.#release();
    }
  }

  /** Returns when leading, or when stopped. */
  async #becomeLeader(): Promise<void> {
    const cache = this.#watchForRelease();
    while (!this.#stopping.signal.aborted) {
      this.#wake = new AbortController();
      if (await this.#attempt()) break;
      await pause(this.#options.clock, this.#retryMs, this.#wake.signal);
    }
    cache.release();
  }

  /** Candidates learn by watching that the lease is free; without that right they still ask every retry period. */
  #watchForRelease(): Cache {
    const { namespace, name } = this.#options;
    const cache = this.#options.cluster.cache({
      gvk: LEASE,
      namespace,
      fieldSelector: `metadata.name=${name}`,
    });
    cache.subscribe((event) => {
      if (event.kind === 'deleted' || (event.kind !== 'synced' && holderOf(event.object) === ''))
        this.#wake.abort();
    });
    return cache;
  }

  /** Renews until that fails for too long (a reason) or the election is stopped (undefined). */
  async #stayLeader(): Promise<string | undefined> {
    while (!this.#stopping.signal.aborted) {
      await pause(this.#options.clock, this.#retryMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return undefined;
      if (await this.#attempt()) continue;
      if (this.#holder() !== this.#options.identity) return `${this.#holder() || 'nobody'} holds the lease`;
      if (!this.leading) return 'the lease could not be renewed in time';
    }
    return undefined;
  }

  /** One try to take or renew the lease; ends by itself when a leader's deadline passes. */
  async #attempt(): Promise<boolean> {
    const sentAt = this.#now();
    const remaining =
      this.#renewedAt === undefined ? this.#deadlineMs : this.#renewedAt + this.#deadlineMs - sentAt;
    if (remaining <= 0) return false;
    const deadline = new AbortController();
    const timer = this.#options.clock.after(remaining, () => deadline.abort());
    try {
      const taken = await Promise.race([this.#takeOrRenew(deadline.signal), whenAborted(deadline.signal)]);
      if (taken) this.#renewedAt = sentAt;
      return taken;
    } catch (error) {
      this.#options.logger.warn('cannot update the lease', {
        lease: this.#options.name,
        error: errorMessage(error),
      });
      return false;
    } finally {
      timer.cancel();
    }
  }

  async #takeOrRenew(signal: AbortSignal): Promise<boolean> {
    const { client } = this.#options.cluster;
    const write: WriteOptions = { fieldManager: FIELD_MANAGER, signal };
    try {
      // A leader knows the record it wrote last: one request a renewal.
      if (this.#renewedAt !== undefined && this.#seen !== undefined) {
        return this.#wrote(await client.replace(this.#record(this.#seen.lease), write));
      }
      const lease = await client.get(this.#ref);
      if (signal.aborted) return false;
      if (lease === undefined) return this.#wrote(await client.create(this.#newRecord(), write));
      this.#observe(lease);
      return this.#isFree() && this.#wrote(await client.replace(this.#record(lease), write));
    } catch (error) {
      if (!isConflict(error) && !isAlreadyExists(error)) throw error;
      const lease = await client.get(this.#ref);
      if (lease !== undefined && !signal.aborted) this.#observe(lease);
      return false;
    }
  }

  #wrote(lease: KubeObject): boolean {
    this.#seen = { lease, since: this.#now() };
    return holderOf(lease) === this.#options.identity;
  }

  #observe(lease: KubeObject): void {
    const changed = this.#seen?.lease.metadata.resourceVersion !== lease.metadata.resourceVersion;
    this.#seen = { lease, since: changed || this.#seen === undefined ? this.#now() : this.#seen.since };
  }

  #holder(): string {
    return this.#seen === undefined ? '' : holderOf(this.#seen.lease);
  }

  #isFree(): boolean {
    const holder = this.#holder();
    if (holder === '' || holder === this.#options.identity) return true;
    return this.#seen !== undefined && this.#now() - this.#seen.since >= this.#leaseMs;
  }

  #newRecord(): JsonObject {
    const { namespace, name } = this.#options;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace, name },
      spec: this.#spec({}, ''),
    };
  }

  /** The record with us as its holder. */
  #record(lease: KubeObject): KubeObject {
    return { ...lease, spec: this.#spec(specOf(lease), holderOf(lease)) };
  }

  #spec(before: JsonObject, holder: string): JsonObject {
    const { identity } = this.#options;
    const now = this.#microTime();
    const transitions = Number(before.leaseTransitions ?? 0);
    return {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#leaseMs / 1000),
      acquireTime: holder === identity ? (before.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: holder === identity || holder === '' ? transitions : transitions + 1,
    };
  }

  /** client-go's way to give a lease back: no holder, one second. A failure leaves it to expire. */
  async #release(): Promise<void> {
    if (this.#seen === undefined) return;
    const { lease } = this.#seen;
    const spec = {
      ...specOf(lease),
      holderIdentity: '',
      leaseDurationSeconds: 1,
      renewTime: this.#microTime(),
    };
    try {
      await this.#options.cluster.client.replace({ ...lease, spec }, { fieldManager: FIELD_MANAGER });
    } catch (error) {
      this.#options.logger.warn('cannot release the lease', {
        lease: this.#options.name,
        error: errorMessage(error),
      });
    }
  }

  /** metav1.MicroTime */
  #microTime(): string {
    return new Date(this.#options.clock.now()).toISOString().replace('Z', '000Z');
  }
}

function specOf(lease: KubeObject): JsonObject {
  return isJsonObject(lease.spec) ? lease.spec : {};
}

function isJsonObject(value: KubeObject['spec']): value is JsonObject {
  return isObject(value);
}

function holderOf(lease: KubeObject): string {
  const holder = specOf(lease).holderIdentity;
  return typeof holder === 'string' ? holder : '';
}

function whenAborted(signal: AbortSignal): Promise<false> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(false), { once: true }));
}
