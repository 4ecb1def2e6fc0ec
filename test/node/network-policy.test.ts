import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, inject, test } from 'vitest';
import {
  apply,
  describeOnNode,
  execIn,
  kubectl,
  testKubeconfigPath,
  testNamespace,
  waitFor,
} from './harness.ts';
import { postgres, shell } from './pods.ts';

const POLICY = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'only-friends' },
  spec: {
    podSelector: { matchLabels: { app: 'pg' } },
    policyTypes: ['Ingress'],
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'friend' } } }], ports: [{ port: 'sql' }] }],
  },
};

describeOnNode('a NetworkPolicy', () => {
  test('cuts those off that it does not name, in open connections too, and lets the others through', async () => {
    const namespace = await testNamespace();
    await apply(namespace, ...postgres(), shell('friend'), shell('stranger'));
    for (const pod of ['pg', 'friend', 'stranger']) await waitFor(namespace, `pod/${pod}`, 'condition=Ready');
    const ask = (pod: string): Promise<string> =>
      execIn(namespace, pod, ['timeout', '2', 'psql', '-h', 'pg', '-U', 'postgres', '-Atc', 'select 1']);
    const open = openSession(namespace, 'stranger');
    expect(await open.ask('select 11')).toBe('11');
    expect(await ask('stranger')).toBe('1\n');

    await apply(namespace, POLICY);
    await expect.poll(() => ask('stranger').catch(() => 'cut off')).toBe('cut off');
    expect(await ask('friend')).toBe('1\n');
    const late = open.ask('select 12');
    expect(await Promise.race([late, execIn(namespace, 'friend', ['sleep', '3'])])).toBe('');

    await kubectl(['delete', 'networkpolicy', 'only-friends', '-n', namespace]);
    expect(await late).toBe('12');
    expect(await ask('stranger')).toBe('1\n');
    open.close();
  });
});

/** A psql that stays connected from one question to the next. */
function openSession(namespace: string, pod: string) {
  const command = ['psql', '-h', 'pg', '-U', 'postgres', '-At'];
  const kubeconfig = `--kubeconfig=${testKubeconfigPath()}`;
  const args = [kubeconfig, 'exec', '-i', '-n', namespace, pod, '--', ...command];
  const child = spawn(inject('kubectlPath'), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  return {
    async ask(statement: string): Promise<string> {
      const answer = once(lines, 'line');
      child.stdin.write(`${statement};\n`);
      const [line] = await answer;
      return String(line);
    },
    close: (): void => void child.stdin.end(),
  };
}
