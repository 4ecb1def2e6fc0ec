import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { libretto } from './libretto.ts';

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'libretto-install-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

// A cluster that nobody answers for: what ends before it is asked never gets there.
const NOWHERE = ['--kubeconfig', '/nonexistent/kubeconfig'];

it('libretto package and rbac refuse namespaces that Kubernetes refuses', async () => {
  for (const command of ['package', 'rbac'])
    expect(await libretto(command, 'playbooks/memcached', '--namespace', 'Not_One')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining("Not_One can't be the name of a namespace"),
    });
});

describe('libretto install', () => {
  it('shows every problem of every folder before it asks a cluster', async () => {
    const broken = await folderOf({
      'watches.yaml': '- group: example.com\n  version: v1\n  kind: Box\n  manifests: [a.yaml, b.yaml]\n',
    });
    const { code, out, err } = await libretto('install', 'playbooks/memcached', broken, ...NOWHERE);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err.match(/FileMissing/g)).toHaveLength(2);
    expect(err).not.toContain('kubeconfig');
  });

  it('refuses two playbooks of one name, a folder that is none, and a cluster that is not named', async () => {
    const twice = await libretto('install', 'playbooks/memcached', 'playbooks/memcached', ...NOWHERE);
    expect(twice).toMatchObject({ code: 2, err: expect.stringContaining('a second playbook memcached') });
    expect(await libretto('install', await folderOf({}), ...NOWHERE)).toMatchObject({ code: 2 });
    expect(await libretto('install', 'playbooks/memcached')).toMatchObject({
      code: 2,
      err: expect.stringContaining('which cluster?'),
    });
    expect(await libretto('install', 'playbooks/memcached', ...NOWHERE)).toMatchObject({ code: 1, out: '' });
  });
});
