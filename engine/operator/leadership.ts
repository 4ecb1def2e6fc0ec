/**
 * Who may write: the only process, or the leader of several. Everything that writes goes through a fenced client, so
 * that a process which lost the lease (or was stopped and continued) writes nothing.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Cluster } from '../cluster/api.ts';
import { fencedCluster } from '../cluster/fence.ts';
import { type Election, electLeader } from '../cluster/lease.ts';

/** True as soon as this process may write; false when it stops, or `signal` aborts, before that. */
export type MayWrite = (signal?: AbortSignal) => Promise<boolean>;

export interface LeaderElectionOptions {
  readonly leaseName: string;
  readonly identity: string;
  /** Default 15 s. */
  readonly leaseDurationMs?: number;
}

export interface LeadershipOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly namespace: string;
  /** Undefined: this is the only process. */
  readonly election: LeaderElectionOptions | undefined;
  /** Called when the lease is lost: nothing more may be written. */
  readonly onLost: (reason: string) => void;
}

export interface Leadership {
  /** The same cluster, writing only while leading. */
  readonly cluster: Cluster;
  readonly leading: boolean;
  readonly mayWrite: MayWrite;
  /** Releases the lease, after the last write. */
  stop(): Promise<void>;
}

export function takeLeadership(options: LeadershipOptions): Leadership {
  const status = options.metrics.gauge({
    name: 'leader_election_master_status',
    help: '1 where this process leads',
    labels: ['name'],
  });
  const name = options.election?.leaseName ?? 'libretto';
  const started = Promise.withResolvers<boolean>();
  const lead = (): void => {
    status.set(1, { name });
    started.resolve(true);
  };
  status.set(0, { name });
  const election =
    options.election === undefined
      ? alone(lead)
      : elect(options, options.election, { lead, status: () => status.set(0, { name }) });
  return {
    cluster: fencedCluster(options.cluster, () => election.leading),
    get leading() {
      return election.leading;
    },
    mayWrite: (signal) => untilAborted(started.promise, signal),
    async stop() {
      started.resolve(false);
      await election.stop();
      status.set(0, { name });
    },
  };
}

function alone(lead: () => void): Election {
  lead();
  return { leading: true, stop: () => Promise.resolve() };
}

function elect(
  options: LeadershipOptions,
  election: LeaderElectionOptions,
  on: { lead: () => void; status: () => void },
): Election {
  const { cluster, clock, logger, namespace } = options;
  return electLeader({
    cluster,
    clock,
    logger,
    namespace,
    name: election.leaseName,
    identity: election.identity,
    leaseDurationMs: election.leaseDurationMs,
    onStarted: on.lead,
    onStopped(reason) {
      on.status();
      options.onLost(reason);
    },
  });
}

async function untilAborted(promise: Promise<boolean>, signal: AbortSignal | undefined): Promise<boolean> {
  if (signal === undefined) return promise;
  if (signal.aborted) return false;
  const aborted = Promise.withResolvers<boolean>();
  const abort = (): void => aborted.resolve(false);
  signal.addEventListener('abort', abort, { once: true });
  const result = await Promise.race([promise, aborted.promise]);
  signal.removeEventListener('abort', abort);
  return result;
}
