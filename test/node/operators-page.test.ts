/** docs/operators.md, word for word, on a real node. */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { inject, onTestFinished, test } from 'vitest';
import { followPage } from '../docs/blocks.ts';
import { spawnEngine } from './engine-kit.ts';
import { describeOnNode, kubectl, testKubeconfigPath, testNamespace } from './harness.ts';
import { removeSampleDBs } from './sampledb-kit.ts';

const PAGE = resolve(import.meta.dirname, '../../docs/operators.md');

describeOnNode('the walk-through with kubectl', () => {
  test('works as docs/operators.md says', { timeout: 1_800_000 }, async () => {
    const namespace = await testNamespace('page');
    const folder = await mkdtemp(join(tmpdir(), 'libretto-page-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const engine = await spawnEngine(namespace, ['sampledb']);
    onTestFinished(async () => {
      await removeSampleDBs(namespace);
      await engine.kill();
    });
    const kubeconfig = join(folder, 'kubeconfig');
    await copyFile(testKubeconfigPath(), kubeconfig);
    await kubectl([
      'config',
      `--kubeconfig=${kubeconfig}`,
      'set-context',
      '--current',
      `--namespace=${namespace}`,
    ]);
    const PATH = [dirname(inject('kubectlPath')), process.env.PATH].join(delimiter);
    await followPage(PAGE, { folder, environment: { KUBECONFIG: kubeconfig, PATH, IMAGE: 'databases:1' } });
  });
});
