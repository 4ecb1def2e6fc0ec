/** Puts a cluster together: one transport, its client, discovery and caches. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { schemaFromOpenApi } from '../kube/schema-model.ts';
import { actingTransport } from './acting.ts';
import type { Cluster } from './api.ts';
import { type CacheRegistry, createCacheRegistry } from './caches.ts';
import { createCalls } from './calls.ts';
import { createClient } from './client.ts';
import { ClusterDiscovery } from './discovery.ts';
import type { LoadedKubeConfig } from './kubeconfig.ts';
import type { ReflectorHost } from './reflector.ts';
import { createTransport, type Transport, type TransportOptions } from './transport.ts';

export interface ConnectOptions extends Pick<TransportOptions, 'onRequest' | 'timeoutMs' | 'impersonate'> {
  readonly kubeconfig: LoadedKubeConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `libretto/VERSION` */
  readonly userAgent: string;
  /** For jitter, in [0, 1); default: Math.random. */
  readonly random?: () => number;
}

/**
 * Reads discovery once, so that kinds can be resolved. Throws an ApiError where the API server does not answer:
 * whether to try again is the caller's decision.
 */
export async function connectCluster(options: ConnectOptions): Promise<Cluster> {
  const { clock, logger } = options;
  const transport = createTransport({ ...options, onWarning: warnOnce(logger) });
  const discovery = new ClusterDiscovery({ transport, clock, logger, readSchema: schemaFromOpenApi });
  const host: ReflectorHost = {
    transport,
    clock,
    logger,
    random: options.random ?? Math.random,
    lookup: (selection) => discovery.resource(selection.gvk),
    reportMissing: (selection) => discovery.reportMissing(selection.gvk),
    onDiscoveryChange: (listener) => discovery.onChange(listener),
  };
  const caches = createCacheRegistry(host);
  try {
    await discovery.refresh();
  } catch (error) {
    await transport.close();
    throw error;
  }
  discovery.watch((selection) => caches.cache(selection));
  const others = new Set<CacheRegistry>();
  const open = (as: Transport, own: CacheRegistry, close: () => Promise<void>): Cluster => ({
    client: createClient(as, discovery),
    calls: createCalls({ transport: as, clock }),
    discovery,
    cache: (selection) => own.cache(selection),
    actAs(user, onDenied) {
      const acting = actingTransport(transport, user);
      const theirs = createCacheRegistry({ ...host, transport: acting, onDenied });
      others.add(theirs);
      return open(acting, theirs, async () => {
        others.delete(theirs);
        theirs.close();
      });
    },
    close,
  });
  return open(transport, caches, async () => {
    discovery.close();
    for (const registry of [caches, ...others]) registry.close();
    await transport.close();
  });
}

const MOST_WARNINGS = 1_000;

/** Deprecations and the like, which the API server repeats with each request, go to the log once. */
function warnOnce(logger: Logger): NonNullable<TransportOptions['onWarning']> {
  const seen = new Set<string>();
  return (text, request) => {
    if (seen.has(text) || seen.size >= MOST_WARNINGS) return;
    seen.add(text);
    logger.warn('the API server warns', {
      warning: text,
      method: request.method,
      path: request.path.split('?', 1)[0],
    });
  };
}
