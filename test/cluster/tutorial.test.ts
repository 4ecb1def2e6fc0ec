/** The README's tutorial, docs/comparison.md and docs/dev.md, word for word, against a running `libretto up`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, it } from 'vitest';
import { followPage } from '../docs/blocks.ts';
import { librettoIn } from '../docs/libretto-command.ts';

const ROOT = resolve(import.meta.dirname, '../..');
let folder: string;
let up: ChildProcess;
let kubeconfig: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'libretto-tutorial-'));
  await librettoIn(join(folder, 'bin'));
  await symlink(join(ROOT, 'playbooks'), join(folder, 'playbooks'));
  up = spawn(process.execPath, ['engine/main.ts', 'up'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  kubeconfig = await exported(up);
}, 600_000);

afterAll(async () => {
  if (up.exitCode === null) {
    const ended = new Promise((done) => up.once('exit', done));
    up.kill('SIGINT');
    await ended;
  }
  await rm(folder, { recursive: true, force: true });
});

it.for(['README.md', 'docs/comparison.md', 'docs/dev.md'])(
  'works as %s says',
  { timeout: 600_000 },
  async (page) => {
    const environment = { KUBECONFIG: kubeconfig, PATH: `${join(folder, 'bin')}:${process.env.PATH}` };
    await followPage(join(ROOT, page), { folder, environment });
  },
);

/** Resolves with the path in the line to copy: `export KUBECONFIG=…`. */
function exported(process: ChildProcess): Promise<string> {
  return new Promise((found, failed) => {
    let text = '';
    const take = (chunk: Buffer): void => {
      text += chunk.toString();
      const path = /export KUBECONFIG=(\S+)/.exec(text)?.[1];
      if (path !== undefined) found(path.replaceAll("'", ''));
    };
    process.stdout?.on('data', take);
    process.stderr?.on('data', take);
    process.once('exit', (code) => failed(new Error(`libretto up ended with ${code}:\n${text}`)));
  });
}
