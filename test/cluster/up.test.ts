/** `libretto up` as a program: what `npm start` does, how it ends, and that nothing of it is left. */
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { memcached, processesWith, program, type Running } from './program.ts';

function up(...flags: readonly string[]): Running {
  return program('.', 'up', ...flags);
}

it.skipIf(process.platform !== 'linux')(
  'shows its samples Ready and the line for kubectl; Ctrl-C leaves neither process nor file',
  { timeout: 300_000 },
  async () => {
    const running = up('--playbooks-dir', await memcached());
    await running.says(/Memcached default\/sessions: Ready/);
    const [, kubeconfig = ''] = await running.says(/export KUBECONFIG=(\S+)/);
    const folder = dirname(kubeconfig);
    expect((await processesWith(folder)).length).toBeGreaterThan(3);
    running.process.kill('SIGINT');
    expect(await running.ended).toBe(0);
    expect(await processesWith(folder)).toEqual([]);
    await expect(readdir(folder)).rejects.toThrow('ENOENT');
  },
);

it('ends with 0 under --once when the samples are Ready', { timeout: 300_000 }, async () => {
  const running = up('--once', '--playbooks-dir', await memcached());
  expect(await running.ended, running.text()).toBe(0);
  expect(running.text()).toContain('all 1 samples are Ready');
});

it('ends with 1 under --once, and the reasons, when one cannot be', { timeout: 300_000 }, async () => {
  const folder = await memcached(
    (sample) => `${sample}---\n${sample.replace('size: 2', 'size: many').replace('sessions', 'wrong')}`,
  );
  const running = up('--once', '--timeout', '20', '--playbooks-dir', folder);
  expect(await running.ended, running.text()).toBe(1);
  expect(running.text()).toMatch(/Memcached could not be applied: .*spec\.size/);
});
