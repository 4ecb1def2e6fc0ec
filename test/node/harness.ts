/**
 * What a test on real containers starts from:
 *
 *     describeOnNode('a backup', () => {                        // skipped, with the reason in its name, where there is no node
 *       test('…', async () => {
 *         const namespace = await testNamespace();              // removed after the file's last test
 *         await apply(namespace, { apiVersion: 'v1', kind: 'Pod', … });
 *         await kubectl(['wait', '--for=condition=Ready', 'pod/db', '-n', namespace]);
 *         expect(await execIn(namespace, 'db', ['psql', '-Atc', 'select 1'])).toBe('1\n');
 *       });
 *     });
 */
import { execFile } from 'node:child_process';
import { describe, inject } from 'vitest';
import './harness-setup.ts';

export { testKubeconfigPath, testNamespace } from '../cluster/harness.ts';

/** `describe` for tests that need real containers. */
export function describeOnNode(name: string, body: () => void): void {
  const reason = inject('noNode');
  if (reason === '') describe(name, body);
  else describe.skip(`${name} (${reason})`, body);
}

/** Runs kubectl as administrator of the node's cluster; answers with its output, rejects with what it said. */
export function kubectl(args: readonly string[], input?: string): Promise<string> {
  return kubectlOn(inject('kubeconfigPath'), args, input);
}

/** The same for a cluster of the test's own. */
export function kubectlOn(kubeconfig: string, args: readonly string[], input?: string): Promise<string> {
  const program = inject('kubectlPath');
  const all = [`--kubeconfig=${kubeconfig}`, ...args];
  return new Promise((resolve, reject) => {
    const child = execFile(program, all, { maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`kubectl ${args.join(' ')}: ${stderr.trim() || error.message}`));
    });
    // A program that ends before it has read its input says why by its exit code.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}

/** Creates or changes objects, given as objects or as YAML text, in a namespace. */
export async function apply(namespace: string, ...objects: readonly (object | string)[]): Promise<void> {
  for (const object of objects) {
    const text = typeof object === 'string' ? object : JSON.stringify(object);
    await kubectl(['apply', '-n', namespace, '-f', '-'], text);
  }
}

/** Runs a command in a pod's first container; answers with its output. */
export function execIn(
  namespace: string,
  pod: string,
  command: readonly string[],
  input?: string,
): Promise<string> {
  const stdin = input === undefined ? [] : ['-i'];
  return kubectl(['exec', ...stdin, '-n', namespace, pod, '--', ...command], input);
}

/** Waits until `kind/name` has the condition; rejects after `timeout` (as kubectl writes it). */
export async function waitFor(
  namespace: string,
  what: string,
  condition: string,
  timeout = '120s',
): Promise<void> {
  await kubectl(['wait', '-n', namespace, what, `--for=${condition}`, `--timeout=${timeout}`]);
}
