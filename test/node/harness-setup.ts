/**
 * One control plane with one real node for a whole run of the node tests. LIBRETTO_TEST_NODE_KUBECONFIG names another
 * cluster to test against instead; it needs the same images (see engine/embedded/image-databases.ts and ./etcd-images.ts).
 * Where no node can run the tests are skipped and say why, but not where CI=true: there that is a failure.
 */
import type { TestProject } from 'vitest/node';
import { whyNoNode } from '../../engine/embedded/node.ts';
import { startNodeCluster } from '../../engine/embedded/node-cluster.ts';
import { findPrograms } from '../../engine/embedded/programs.ts';
import type { ProgressEvent } from '../../engine/embedded/progress.ts';
import '../cluster/harness-setup.ts';
import { ensureEtcdImages } from './etcd-images.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Why there is no node to test on; empty where there is one. */
    noNode: string;
    kubectlPath: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const named = process.env.LIBRETTO_TEST_NODE_KUBECONFIG;
  if (named !== undefined && named !== '') {
    await provide(project, named);
    return async () => undefined;
  }
  const reason = whyNoNode();
  if (reason !== undefined) {
    if (process.env.CI === 'true') throw new Error(`${reason}; with CI=true no test is skipped`);
    skip(project, reason);
    return async () => undefined;
  }
  const cluster = await startNodeCluster({ plane: { progress: report }, node: { progress: report } });
  for (const archive of await ensureEtcdImages(report)) await cluster.node.importImage(archive);
  await provide(project, cluster.plane.kubeconfigPath);
  return () => cluster.stop();
}

async function provide(project: TestProject, kubeconfigPath: string): Promise<void> {
  const programs = await findPrograms(['kubectl'], { progress: report });
  project.provide('noNode', '');
  project.provide('kubeconfigPath', kubeconfigPath);
  project.provide('kubectlPath', programs.get('kubectl') ?? 'kubectl');
}

function skip(project: TestProject, reason: string): void {
  process.stderr.write(`node tests are skipped: ${reason}\n`);
  project.provide('noNode', reason);
  project.provide('kubeconfigPath', '');
  project.provide('kubectlPath', '');
}

/** A line when a slow step starts and ends, and each half minute between. */
function report({ step, state, elapsedMs, detail }: ProgressEvent): void {
  const seconds = Math.round(elapsedMs / 1000);
  if (state === 'running' && (seconds < 30 || seconds % 30 > 5)) return;
  process.stderr.write(`${state} ${step} (${seconds} s)${detail === undefined ? '' : `: ${detail}`}\n`);
}
