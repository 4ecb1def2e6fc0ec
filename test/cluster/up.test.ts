/** `libretto up` as a program: what `npm start` does, how it ends, and that nothing of it is left. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
  text(): string;
  /** Resolves once the output holds this; fails where the program ends before. */
  says(what: RegExp): Promise<RegExpExecArray>;
}

function up(...flags: readonly string[]): Running {
  const child = spawn(process.execPath, ['engine/main.ts', 'up', ...flags], {
    cwd: ROOT,
    // Another user's clusters are none of its business: it must do without any kubeconfig.
    env: { ...process.env, KUBECONFIG: '/nonexistent', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const listeners = new Set<() => void>();
  const take = (chunk: Buffer): void => {
    text += chunk.toString();
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const ended = new Promise<number | null>((done) => child.on('close', done));
  onTestFinished(async () => {
    child.kill('SIGINT');
    await ended;
  });
  const says = (what: RegExp): Promise<RegExpExecArray> =>
    new Promise((found, failed) => {
      const look = (): void => {
        const match = what.exec(text);
        if (match !== null) found(match);
      };
      listeners.add(look);
      look();
      void ended.then((code) => failed(new Error(`ended with ${code}:\n${text}`)));
    });
  return { process: child, ended, says, text: () => text };
}

/** A folder with the playbook memcached alone, its sample changed. */
async function memcached(change: (sample: string) => string = (sample) => sample): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'libretto-up-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const folder = join(root, 'memcached');
  await cp(join(ROOT, 'playbooks/memcached'), folder, { recursive: true });
  const sample = join(folder, 'sample.yaml');
  await writeFile(sample, change(await readFile(sample, 'utf8')));
  return root;
}

/** Processes with this text in their command line. */
async function processesWith(text: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(text));
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
