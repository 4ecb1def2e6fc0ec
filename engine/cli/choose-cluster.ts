/**
 * Which cluster a command works on. In a pod: the pod's own. Outside: the one that is named. The user's current
 * context is never taken by itself, for it may well be production.
 */
import type { Environment } from '../base/environment.ts';
import { kubeConfigContexts, type LoadedKubeConfig, loadKubeConfig } from '../cluster/kubeconfig.ts';
import { UsageError } from './command.ts';
import type { Flags } from './flags.ts';

export const CLUSTER_FLAGS = {
  kubeconfig: {
    type: 'string',
    value: 'FILE',
    help: 'kubeconfig file; naming it chooses its current context',
  },
  context: { type: 'string', value: 'NAME', help: 'context of the kubeconfig' },
} as const satisfies Flags;

export interface ClusterChoice {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

/** Throws a UsageError where no cluster is named. */
export function chooseCluster(
  { kubeconfig, context }: ClusterChoice,
  environment: Environment,
): LoadedKubeConfig {
  if (kubeconfig !== undefined || context !== undefined) {
    return loadKubeConfig({
      ...(kubeconfig === undefined ? {} : { path: kubeconfig }),
      ...(context === undefined ? {} : { context }),
    });
  }
  if (isPod(environment)) return loadKubeConfig({ inCluster: true });
  throw new UsageError(
    'which cluster? Outside a pod it must be named, the current context is not taken by itself',
    hint(),
  );
}

export function isPod(environment: Environment): boolean {
  return (environment['KUBERNETES_SERVICE_HOST'] ?? '') !== '';
}

function hint(): string {
  const fallback =
    'give --context NAME or --kubeconfig FILE, or try `libretto up`, which brings a cluster along';
  try {
    const { names, current } = kubeConfigContexts();
    if (names.length === 0) return fallback;
    return `your kubeconfig has ${names.join(', ')}: --context ${current ?? names[0] ?? 'NAME'}`;
  } catch {
    return fallback;
  }
}
