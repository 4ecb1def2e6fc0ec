/** docs/tutorial.md, word for word, on a cluster of its own: from the scaffold to the operator's end. */
import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { whyNoNode } from '../../engine/embedded/node.ts';
import { type NodeCluster, startNodeCluster } from '../../engine/embedded/node-cluster.ts';
import { followSection, type Surroundings, sectionsOf } from '../docs/blocks.ts';
import { ROOT } from './deploy-kit.ts';
import { kubectlOn } from './harness.ts';

const PAGE = join(ROOT, 'docs/tutorial.md');
/** Behind it the image is brought to the node, as each cluster has a way of its own for that. */
const IMAGE = "## Build the engine's image";

describe.skipIf(whyNoNode() !== undefined)('docs/tutorial.md', () => {
  let folder = '';
  let cluster: NodeCluster;
  let surroundings: Surroundings;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'libretto-tutorial-'));
    cluster = await startNodeCluster();
    surroundings = await surroundingsIn(folder, cluster.plane.kubeconfigPath);
  }, 600_000);
  afterAll(async () => {
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  // One after the other: each goes on where the one before has ended.
  test.for(sectionsOf(PAGE))('%s', { timeout: 900_000 }, async (heading) => {
    await followSection(PAGE, heading, surroundings);
    if (heading === IMAGE) await cluster.node.importImage(join(folder, 'libretto.tar'));
  });

  test('brings its image before it is wanted', () => {
    expect(sectionsOf(PAGE)).toContain(IMAGE);
  });
});

/** A folder with the clone in it, and a cluster whose context is called as on the page. */
async function surroundingsIn(folder: string, kubeconfigPath: string): Promise<Surroundings> {
  await symlink(ROOT, join(folder, 'libretto'));
  const kubeconfig = join(folder, 'kubeconfig');
  await copyFile(kubeconfigPath, kubeconfig);
  const context = (await kubectlOn(kubeconfig, ['config', 'current-context'])).trim();
  await kubectlOn(kubeconfig, ['config', 'rename-context', context, 'kind-dev']);
  const PATH = [join(folder, 'bin'), dirname(inject('kubectlPath')), process.env.PATH].join(delimiter);
  return { folder, environment: { KUBECONFIG: kubeconfig, PATH } };
}
