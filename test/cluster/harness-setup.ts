/**
 * One control plane for a whole run of the cluster tests, started before the first and ended after the last.
 * LIBRETTO_TEST_KUBECONFIG names another cluster to test against instead.
 */
import type { TestProject } from 'vitest/node';
import { startControlPlane } from '../../engine/embedded/control-plane.ts';
import type { ProgressEvent } from '../../engine/embedded/progress.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The path of the administrator's kubeconfig. */
    kubeconfigPath: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const named = process.env.LIBRETTO_TEST_KUBECONFIG;
  if (named !== undefined && named !== '') {
    project.provide('kubeconfigPath', named);
    return async () => undefined;
  }
  const plane = await startControlPlane({ kwokNodes: 1, progress: report });
  project.provide('kubeconfigPath', plane.kubeconfigPath);
  return () => plane.stop();
}

/** A line when a slow step starts and ends, and each half minute between. */
function report({ step, state, elapsedMs, detail }: ProgressEvent): void {
  const seconds = Math.round(elapsedMs / 1000);
  if (state === 'running' && (seconds === 0 || seconds % 30 !== 0)) return;
  process.stderr.write(`${state} ${step} (${seconds} s)${detail === undefined ? '' : `: ${detail}`}\n`);
}
