/**
 * What a test on the real API server starts from: the kubeconfig of the run's control plane, and a namespace of its own.
 *
 *     const namespace = await testNamespace(); // anywhere in a test file; removed after its last test
 *     const config = testKubeConfig();         // @kubernetes/client-node, current context = the control plane
 */
import { randomBytes } from 'node:crypto';
import { ApiException, CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { afterAll, inject } from 'vitest';
import './harness-setup.ts';

/** The path of a kubeconfig whose user may do everything. */
export function testKubeconfigPath(): string {
  return inject('kubeconfigPath');
}

export function testKubeConfig(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(testKubeconfigPath());
  return config;
}

const created: string[] = [];

// Registered while a test file loads, so that it belongs to the file: hooks added inside a test are never called.
afterAll(async () => {
  if (created.length === 0) return;
  const core = testKubeConfig().makeApiClient(CoreV1Api);
  for (const name of created.splice(0)) {
    await core.deleteNamespace({ name }).catch((error: unknown) => {
      // A test may delete it for its own sake.
      if (!(error instanceof ApiException) || error.code !== 404) throw error;
    });
  }
});

/** Creates a namespace that no other test uses; deleted, without waiting for the end, after the file's last test. */
export async function testNamespace(prefix = 'test'): Promise<string> {
  const name = `${prefix}-${randomBytes(4).toString('hex')}`;
  await testKubeConfig()
    .makeApiClient(CoreV1Api)
    .createNamespace({ body: { metadata: { name } } });
  created.push(name);
  return name;
}
