/**
 * Pages that a test runs word for word: each `sh` fence is a script for a shell, and a fence without a language behind it
 * is what a terminal shows then, where `…` stands for anything but blanks, `[…]` for the rest of a line, and blanks compare
 * as blanks. A fence `sh second-terminal` goes on until `^C` stands below what it shows, in a fence `text second-terminal`.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { SecondTerminal } from './second-terminal.ts';

interface Block {
  readonly line: number;
  /** The second terminal goes on while the first one is typed in. */
  readonly terminal: 'first' | 'second';
  /** Undefined: what the second terminal shows meanwhile. */
  readonly commands: string | undefined;
  readonly output: string | undefined;
}

const SECOND = 'second-terminal';

/** Every `sh` fence, with the fence without a language that follows it, if one does before the next `sh` fence. */
function blocksOf(text: string): readonly Block[] {
  const fences = [...text.matchAll(/^```(\w*)(?: ([\w-]+))?\n([\s\S]*?)^```$/gm)];
  return fences.flatMap(([all, language, info, body = ''], index) => {
    const line = text.slice(0, fences[index]?.index).split('\n').length;
    const terminal = info === SECOND ? 'second' : 'first';
    if (language === 'text' && info === SECOND) return { line, terminal, commands: undefined, output: body };
    if (language !== 'sh') return [];
    const [, next, , output] = fences[index + 1] ?? [all, undefined];
    return { line, terminal, commands: body, output: next === '' ? output : undefined };
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

/** The headings with something to run below them, in their order. */
export function sectionsOf(page: string): readonly string[] {
  const text = readFileSync(page, 'utf8');
  const parts = text.split(/^(?=##+ )/m).filter((part) => blocksOf(part).length > 0);
  return parts.map((part) => part.split('\n', 1)[0] ?? '');
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

async function follow(page: string, blocks: readonly Block[], surroundings: Surroundings): Promise<void> {
  let second: SecondTerminal | undefined;
  try {
    for (const block of blocks) {
      if (block.terminal === 'first') await followBlock(page, block, surroundings);
      else second = await followSecond(block, { second, surroundings });
    }
  } finally {
    await second?.end();
  }
}

async function followBlock(
  page: string,
  { line, commands = '', output }: Block,
  surroundings: Surroundings,
): Promise<void> {
  const { shown, failed } = await run(commands, surroundings);
  const what = `${page}:${line}\n${commands}\n${shown}`;
  expect(failed, what).toBe(false);
  if (output !== undefined) expect(withoutPlaces(shown), what).toMatch(patternOf(output));
}

/** Lines that it shows, in this order; `^C` at the end is typed. */
async function followSecond(
  { commands, output = '' }: Block,
  at: { readonly second: SecondTerminal | undefined; readonly surroundings: Surroundings },
): Promise<SecondTerminal | undefined> {
  const { folder, environment } = at.surroundings;
  const env = { ...process.env, ...environment };
  if (commands !== undefined) await at.second?.end();
  const second = commands === undefined ? at.second : new SecondTerminal(commands, { cwd: folder, env });
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const typed = lines.at(-1) === '^C';
  await second?.shows((typed ? lines.slice(0, -1) : lines).map(patternOf));
  if (!typed) return second;
  await second?.end();
  return undefined;
}

interface Ran {
  /** What a terminal would show: both streams. */
  readonly shown: string;
  readonly failed: boolean;
}

function run(commands: string, { folder, environment }: Surroundings): Promise<Ran> {
  const env = { ...process.env, ...environment };
  return new Promise((done) => {
    const script = ['-euo', 'pipefail', '-c', `exec 2>&1\n${commands}`];
    execFile('bash', script, { cwd: folder, env }, (error, shown) => done({ shown, failed: error !== null }));
  });
}

/** Since 1.34 kubectl says from which namespace it deleted. */
function withoutPlaces(shown: string): string {
  return shown.replaceAll(/(" deleted) from \S+ namespace$/gm, '$1');
}

/** Columns are as wide as their values; the word `[…]` is the rest of a line. */
function patternOf(output: string): RegExp {
  const words = output.trim().split(/\s+/);
  const patterns = words.map((word) =>
    word === '[…]' ? '.*' : word.split('…').map(RegExp.escape).join('\\S*'),
  );
  return new RegExp(`^\\s*${patterns.join('\\s+')}\\s*$`);
}
