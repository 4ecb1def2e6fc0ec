/**
 * Pages that a test runs word for word: each `sh` fence is a script for a shell, and a fence without a language behind it
 * is what the script prints, where `…` stands for anything in a line and blanks compare as blanks.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';

interface Block {
  readonly line: number;
  readonly commands: string;
  readonly output: string | undefined;
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

export interface Surroundings {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Runs every block of the page in turn, each by a shell of its own, and compares what it prints. */
export async function followPage(page: string, surroundings: Surroundings): Promise<void> {
  const blocks = blocksOf(await readFile(page, 'utf8'));
  expect(blocks.length).toBeGreaterThan(5);
  await follow(page, blocks, surroundings);
}

/** The same for the part of a page from a heading to the next one. */
export async function followSection(
  page: string,
  heading: string,
  surroundings: Surroundings,
): Promise<void> {
  const text = await readFile(page, 'utf8');
  const begin = text.indexOf(`\n${heading}\n`) + 1;
  const length = text.slice(begin + heading.length).search(/\n##+ /);
  const end = length < 0 ? text.length : begin + heading.length + length;
  // What comes before stays as empty lines, so that places are those of the page.
  const blank = '\n'.repeat(text.slice(0, begin).split('\n').length - 1);
  const blocks = begin === 0 ? [] : blocksOf(`${blank}${text.slice(begin, end)}\n`);
  expect(blocks, `${page} ${heading}`).not.toEqual([]);
  await follow(page, blocks, surroundings);
}

async function follow(
  page: string,
  blocks: readonly Block[],
  { folder, environment }: Surroundings,
): Promise<void> {
  for (const block of blocks) {
    const { stdout, stderr, failed } = await run(block.commands, { folder, environment });
    const what = `${page}:${block.line}\n${block.commands}\n${stdout}${stderr}`;
    expect(failed, what).toBe(false);
    if (block.output !== undefined) expect(withoutPlaces(stdout), what).toMatch(patternOf(block.output));
  }
}

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly failed: boolean;
}

function run(commands: string, { folder, environment }: Surroundings): Promise<Ran> {
  const env = { ...process.env, ...environment };
  return new Promise((done) => {
    execFile('bash', ['-euo', 'pipefail', '-c', commands], { cwd: folder, env }, (error, stdout, stderr) =>
      done({ stdout, stderr, failed: error !== null }),
    );
  });
}

/** Since 1.34 kubectl says from which namespace it deleted. */
function withoutPlaces(stdout: string): string {
  return stdout.replaceAll(/(" deleted) from \S+ namespace$/gm, '$1');
}

/** Columns are as wide as their values. */
function patternOf(output: string): RegExp {
  const words = output.trim().split(/\s+/);
  const patterns = words.map((word) => word.split('…').map(RegExp.escape).join('\\S*'));
  return new RegExp(`^\\s*${patterns.join('\\s+')}\\s*$`);
}
