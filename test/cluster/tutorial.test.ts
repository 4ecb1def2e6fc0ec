/**
 * The README's tutorial, word for word: every `sh` block is run by a shell against a running `libretto up`, and what
 * it prints is compared with the block behind it, where `…` stands for anything in a line.
 */
import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

interface Block {
  readonly line: number;
  readonly commands: string;
  readonly output: string | undefined;
}

const ROOT = resolve(import.meta.dirname, '../..');
let folder: string;
let up: ChildProcess;
let kubeconfig: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'libretto-tutorial-'));
  up = spawn(process.execPath, ['engine/main.ts', 'up'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  kubeconfig = await exported(up);
}, 180_000);

afterAll(async () => {
  if (up.exitCode === null) {
    const ended = new Promise((done) => up.once('exit', done));
    up.kill('SIGINT');
    await ended;
  }
  await rm(folder, { recursive: true, force: true });
});

it('works as the README says', { timeout: 180_000 }, async () => {
  const blocks = blocksOf(await readFile(join(ROOT, 'README.md'), 'utf8'));
  expect(blocks.length).toBeGreaterThan(5);
  for (const block of blocks) {
    const { stdout, stderr, status } = run(block.commands);
    const what = `README.md:${block.line}\n${block.commands}\n${stdout}${stderr}`;
    expect(status, what).toBe(0);
    if (block.output !== undefined) expect(withoutPlaces(stdout), what).toMatch(patternOf(block.output));
  }
});

function run(commands: string): SpawnSyncReturns<string> {
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  return spawnSync('bash', ['-euo', 'pipefail', '-c', commands], { cwd: folder, env, encoding: 'utf8' });
}

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

/** Every `sh` fence, with the fence without a language that follows it, if one does before the next `sh` fence. */
function blocksOf(text: string): readonly Block[] {
  const fences = [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)];
  return fences.flatMap((fence, index) => {
    if (fence[1] !== 'sh') return [];
    const next = fences[index + 1];
    return {
      line: text.slice(0, fence.index).split('\n').length,
      commands: fence[2] ?? '',
      output: next?.[1] === '' ? next[2] : undefined,
    };
  });
}

/** Since 1.34 kubectl says from which namespace it deleted. */
function withoutPlaces(stdout: string): string {
  return stdout.replaceAll(/(" deleted) from \S+ namespace$/gm, '$1');
}

/** Columns are as wide as their values, so that blanks compare as blanks. */
function patternOf(output: string): RegExp {
  const words = output.trim().split(/\s+/);
  const patterns = words.map((word) => word.split('…').map(RegExp.escape).join('\\S*'));
  return new RegExp(`^\\s*${patterns.join('\\s+')}\\s*$`);
}
