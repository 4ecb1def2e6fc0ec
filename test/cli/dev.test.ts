/** `libretto dev` used in a wrong way; what it does in a cluster is shown in test/cluster/dev.test.ts. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { libretto } from './libretto.ts';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'libretto-dev-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Of a cluster where nobody listens. */
async function kubeconfig(): Promise<string> {
  const file = join(await folder(), 'kubeconfig');
  const named = (kind: string, value: string): string => `${kind}s: [{name: away, ${kind}: ${value}}]\n`;
  await writeFile(
    file,
    `apiVersion: v1\nkind: Config\ncurrent-context: away\n${named('cluster', '{server: "https://127.0.0.1:1"}')}` +
      `${named('user', '{token: none}')}${named('context', '{cluster: away, user: away}')}`,
  );
  return file;
}

describe('libretto dev', () => {
  it.each([
    { name: 'no folder', args: [], says: 'an argument is missing' },
    { name: 'a folder that is missing', args: ['nowhere'], says: 'there is no folder nowhere' },
    { name: 'a folder that is no playbook', args: ['docs'], says: 'docs is no playbook' },
    { name: 'a folder of several', args: ['playbooks'], says: 'playbooks holds several playbooks' },
    {
      name: 'a file to apply that is missing',
      args: ['playbooks/memcached', '--apply', 'nothing.yaml'],
      says: 'there is no file nothing.yaml',
    },
    {
      name: 'a data folder for a cluster of somebody else',
      args: ['playbooks/memcached', '--kubeconfig', 'FILE', '--data-dir', 'x'],
      says: '--data-dir is of',
    },
  ])('refuses $name with 2', async ({ args, says }) => {
    const file = await kubeconfig();
    const { code, out, err } = await libretto('dev', ...args.map((arg) => (arg === 'FILE' ? file : arg)));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(says);
  });

  it('ends with 1 and one message where the cluster is away', async () => {
    const { code, err } = await libretto('dev', 'playbooks/memcached', '--kubeconfig', await kubeconfig());
    expect(code).toBe(1);
    expect(err).toMatch(/^libretto dev: \S+: .*127\.0\.0\.1:1.*\n( {2}hint: .*\n)?$/);
  });
});
