import { AppsV1Api, CoreV1Api } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { testKubeConfig, testNamespace } from './harness.ts';

describe('the harness', () => {
  test('hands each caller a namespace of its own on a cluster that schedules and runs pods', async () => {
    const [one, other] = [await testNamespace(), await testNamespace()];
    expect(one).not.toBe(other);
    const config = testKubeConfig();
    const apps = config.makeApiClient(AppsV1Api);
    const labels = { app: 'web' };
    await apps.createNamespacedDeployment({
      namespace: one,
      body: {
        metadata: { name: 'web' },
        spec: {
          replicas: 2,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
        },
      },
    });
    await expect
      .poll(
        async () =>
          (await apps.readNamespacedDeployment({ name: 'web', namespace: one })).status?.readyReplicas,
        {
          timeout: 20_000,
        },
      )
      .toBe(2);
    const pods = await config.makeApiClient(CoreV1Api).listNamespacedPod({ namespace: other });
    expect(pods.items).toEqual([]);
  });
});
