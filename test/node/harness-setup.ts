/**
 * One control plane with one real node for a whole run of the node tests. LIBRETTO_TEST_NODE_KUBECONFIG names another
 * cluster to test against instead; it needs the same images (see engine/embedded/image-databases.ts and ./etcd-images.ts).
 * Where no node can run the tests are skipped and say why, but not where CI=true: there that is a failure.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
    /** Where the lines of the report are gathered, one JSON object (`Told`) a line. */
    reportFile: string;
  }
}

/** What one group of tests has to report. */
export interface Told {
  readonly name: string;
  readonly lines: readonly string[];
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'libretto-report-'));
  const file = join(folder, 'report.jsonl');
  project.provide('reportFile', file);
  const end = await bringUp(project);
  return async () => {
    await end();
    printReport(file);
    rmSync(folder, { recursive: true });
  };
}

/** After the last test, so that it stands in one place: what real data went through, and how it came out. */
function printReport(file: string): void {
  if (!existsSync(file)) return;
  const groups = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line): Told => JSON.parse(line))
    .toSorted((a, b) => a.name.localeCompare(b.name));
  const text = groups.map(({ name, lines }) => [name, ...lines].join('\n  '));
  process.stdout.write(
    `\nReport: what was done | what data was checked | recovery\n\n${text.join('\n')}\n\n`,
  );
}

async function bringUp(project: TestProject): Promise<() => Promise<void>> {
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
