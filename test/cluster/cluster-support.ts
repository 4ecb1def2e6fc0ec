/** What the tests of cluster access share: connections that close themselves, waiting without sleeping, a clock that leaps. */
import { onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../engine/base/clock.ts';
import { silentLogger } from '../../engine/base/logger.ts';
import type { Cache, CacheSelection, Cluster, StoreEvent } from '../../engine/cluster/api.ts';
import { type ConnectOptions, connectCluster } from '../../engine/cluster/connect.ts';
import { loadKubeConfig } from '../../engine/cluster/kubeconfig.ts';
import type { JsonObject, KubeObject } from '../../engine/kube/object.ts';
import type { LeaderElectionOptions } from '../../engine/operator/leadership.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { testKubeconfigPath } from './harness.ts';

export const WRITE = { fieldManager: 'libretto-test' } as const;
export const CONFIG_MAP = { group: '', version: 'v1', kind: 'ConfigMap' } as const;

/** A cluster that ends with the test; by default the run's own control plane. */
export async function connect(options: Partial<ConnectOptions> = {}): Promise<Cluster> {
  const cluster = await connectCluster({
    kubeconfig: loadKubeConfig({ path: testKubeconfigPath() }),
    clock: systemClock(),
    logger: silentLogger(),
    userAgent: 'libretto/test',
    ...options,
  });
  onTestFinished(() => cluster.close());
  return cluster;
}

/** A fault proxy in front of the run's control plane, and a cluster that goes through it. */
export async function connectThroughProxy(
  options: Partial<ConnectOptions> = {},
  kubeconfigPath = testKubeconfigPath(),
): Promise<{ proxy: FaultProxy; cluster: Cluster }> {
  const proxy = await startFaultProxy(kubeconfigPath);
  onTestFinished(() => proxy.close());
  return { proxy, cluster: await connect({ kubeconfig: proxy.kubeconfig, ...options }) };
}

export function configMap(
  namespace: string,
  name: string,
  data: JsonObject = {},
  labels: JsonObject = {},
): JsonObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, labels }, data };
}

/** Resolves once `holds`, which is asked now and after each event of the cache. */
export function until(cache: Cache, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    if (holds()) return resolve();
    const end = cache.subscribe(() => {
      if (!holds()) return;
      end();
      resolve();
    });
  });
}

/** Resolves once `holds`, which is asked again each time something was read from the server; for states without events. */
export async function poll(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A cache with the story of its events, released with the test. */
export function watchStory(cluster: Cluster, selection: CacheSelection): { cache: Cache; story: string[] } {
  const cache = cluster.cache(selection);
  const story: string[] = [];
  cache.subscribe((event) => story.push(tell(event)));
  onTestFinished(() => cache.release());
  return { cache, story };
}

function tell(event: StoreEvent): string {
  if (event.kind === 'synced') return 'synced';
  return `${event.kind} ${event.object.metadata.name}${event.initial ? ' initial' : ''}`;
}

/**
 * A candidate for the lead whose lease outlasts the test: another takes over when it is given back, and a machine with
 * much else to do takes it from nobody.
 */
export function candidacy(identity: string, leaseName = 'libretto'): LeaderElectionOptions {
  return { leaseName, identity, leaseDurationMs: 3_600_000 };
}

export function versionOf(object: KubeObject): string {
  return object.metadata.resourceVersion ?? '';
}

export interface LeapingClock extends Clock {
  /** Time goes on by this much at once; what is due then is called. */
  leap(ms: number): void;
}

/** Real time that can be set forward: for limits of minutes in tests that talk to a real server. */
export function leapingClock(): LeapingClock {
  const real = systemClock();
  let ahead = 0;
  const pending = new Map<() => void, number>();
  return {
    now: () => real.now() + ahead,
    monotonic: () => real.monotonic() + ahead,
    after(delayMs, action) {
      const due = real.monotonic() + ahead + delayMs;
      const fire = (): void => {
        timer.cancel();
        if (pending.delete(fire)) action();
      };
      const timer = real.after(delayMs, fire);
      pending.set(fire, due);
      return {
        cancel() {
          timer.cancel();
          pending.delete(fire);
        },
      };
    },
    leap(ms) {
      ahead += ms;
      const now = real.monotonic() + ahead;
      for (const [fire, due] of [...pending]) if (due <= now) fire();
    },
  };
}
