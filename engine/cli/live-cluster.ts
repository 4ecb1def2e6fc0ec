/** Commands that look at a live cluster, and change nothing there: the connection, and playbooks loaded against it. */
import { type Clock, systemClock } from '../base/clock.ts';
import { type Logger, silentLogger } from '../base/logger.ts';
import type { Cluster } from '../cluster/api.ts';
import { connectCluster } from '../cluster/connect.ts';
import { requireNamespace } from '../operator/engine-namespace.ts';
import type { FolderContent } from '../operator/folder-files.ts';
import { loadSource } from '../operator/load-source.ts';
import type { LoadResult } from '../playbook/model.ts';
import { CLUSTER_FLAGS, chooseCluster } from './choose-cluster.ts';
import type { Flags, FlagValues } from './flags.ts';
import { DEFAULT_NAMESPACE } from './run.ts';
import type { Terminal } from './terminal.ts';
import { VERSION } from './version.ts';

export const LIVE_FLAGS = {
  ...CLUSTER_FLAGS,
  namespace: {
    type: 'string',
    value: 'NAME',
    default: DEFAULT_NAMESPACE,
    help: "the engine's namespace",
  },
  'watch-namespaces': { type: 'list', value: 'NAMES', help: 'look in these namespaces only (default: all)' },
} as const satisfies Flags;

export interface LiveCluster {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly namespace: string;
  readonly watchNamespaces: readonly string[] | undefined;
}

/** Connects, works, and closes the connection. */
export async function withCluster<T>(
  values: FlagValues<typeof LIVE_FLAGS>,
  terminal: Terminal,
  work: (live: LiveCluster) => Promise<T>,
): Promise<T> {
  const kubeconfig = chooseCluster(values, terminal.environment);
  const clock = systemClock();
  const logger = silentLogger();
  const cluster = await connectCluster({ kubeconfig, clock, logger, userAgent: `libretto/${VERSION}` });
  const namespaces = values['watch-namespaces'];
  try {
    return await work({
      cluster,
      clock,
      logger,
      namespace: values.namespace,
      watchNamespaces: namespaces.length === 0 ? undefined : namespaces,
    });
  } finally {
    await cluster.close();
  }
}

export function checkNamespace({ cluster, namespace }: LiveCluster): Promise<void> {
  const hint = 'install the engine first, or name its namespace with --namespace';
  return requireNamespace(cluster.client, namespace, hint);
}

/** A folder's playbook with the schemas that the cluster publishes. */
export function loadAgainst(folder: FolderContent, { cluster }: LiveCluster): Promise<LoadResult> {
  const { name, path, files, problems } = folder;
  return loadSource(
    { id: name, name, origin: { kind: 'folder', path }, createdAt: 0, files, problems },
    cluster.discovery,
  );
}
