/**
 * No page shows a command that nobody has run: `sh` fences are followed word for word by tests, `shell` fences hold what a
 * test can't type (it goes on for ever, or is about a cluster of the reader's) and name programs and flags that exist.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import pkg from '../../package.json' with { type: 'json' };
import { libretto } from '../cli/libretto.ts';
import { followSection, sectionsOf } from './blocks.ts';
import { librettoIn } from './libretto-command.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PAGES = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
);

describe('the pages', () => {
  test('are followed by tests wherever they show a command', () => {
    const followed = followers();
    const left = PAGES.flatMap((page) =>
      sectionsOf(join(ROOT, page)).flatMap((heading) =>
        followed.has(page) || followed.has(`${page} ${heading}`) ? [] : [`${page} ${heading}`],
      ),
    );
    expect(left).toEqual([]);
  });

  test('hide no command in a fence that nobody runs', () => {
    const hidden = PAGES.flatMap((page) =>
      fencesOf(page)
        .filter(({ language, isOutput }) => language === '' && !isOutput)
        .flatMap(({ body }) => body.split('\n').filter((line) => COMMAND.test(line)))
        .map((line) => `${page}: ${line}`),
    );
    expect(hidden).toEqual([]);
  });

  test('name scripts and files that there are, where a test can not type the command', () => {
    const wrong = PAGES.flatMap((page) =>
      fencesOf(page)
        .filter(({ language }) => language === 'shell')
        .flatMap(({ body }) => body.split(/\n|&&/).map((line) => line.replace(/ #.*/, '').trim()))
        .filter((line) => line !== '' && !isKnown(line))
        .map((line) => `${page}: ${line}`),
    );
    expect(wrong).toEqual([]);
  });

  test('name commands and flags of libretto that there are', async () => {
    const helps = new Map<string, string>();
    const wrong: string[] = [];
    for (const page of PAGES) {
      for (const [command, rest] of mentionsOf(page)) {
        if (!helps.has(command)) helps.set(command, (await libretto(command, '--help')).out);
        const help = helps.get(command) ?? '';
        const flags = [...rest.matchAll(/(?<=\s)--[a-z][a-z-]*/g)].map(([flag]) =>
          flag.replace('--no-', '--'),
        );
        const unknown = flags.filter((flag) => !new RegExp(`${flag}[\\s,]`).test(help));
        if (help === '') wrong.push(`${page}: libretto ${command}`);
        wrong.push(...unknown.map((flag) => `${page}: libretto ${command} ${flag}`));
      }
    }
    expect(wrong).toEqual([]);
  });

  test('are found by this test', () => {
    expect(followers().size).toBeGreaterThan(5);
    expect(mentionsOf('docs/install.md').length).toBeGreaterThan(10);
  });

  test('docs/golden-cases.md works as it says, without a cluster', { timeout: 60_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'libretto-pages-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const PATH = [await librettoIn(folder), process.env.PATH].join(delimiter);
    const page = join(ROOT, 'docs/golden-cases.md');
    await followSection(page, '## While you write', { folder: ROOT, environment: { PATH } });
  });
});

const COMMAND = /^\s*(\$ )?(libretto|kubectl|npm|npx|helm|docker|kind|minikube|git|node|curl) /;

/** Pages, and sections as `page heading`, that a test follows: by the texts in it. */
function followers(): ReadonlySet<string> {
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' });
  const found = files
    .filter((name) => name.endsWith('.test.ts'))
    .flatMap((name) => {
      const source = readFileSync(join(ROOT, 'test', name), 'utf8');
      if (!/from '(\.\.\/docs|\.)\/blocks\.ts'/.test(source)) return [];
      const texts = [...source.matchAll(/'([^'\n]+)'|"([^"\n]+)"/g)].map(
        ([, single, double]) => single ?? double ?? '',
      );
      const pages = texts.flatMap((text) => /(README|docs\/[\w-]+)\.md$/.exec(text)?.[0] ?? []);
      if (/\bfollowPage\(|\.for\(sectionsOf\(/.test(source)) return pages;
      const headings = texts.filter((text) => /^##+ /.test(text));
      return pages.flatMap((page) => headings.map((heading) => `${page} ${heading}`));
    });
  return new Set(found);
}

interface Fence {
  readonly language: string;
  readonly body: string;
  /** It stands below commands. */
  readonly isOutput: boolean;
}

function fencesOf(page: string): readonly Fence[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const fences = [...text.matchAll(/^```(\w*)[^\n]*\n([\s\S]*?)^```$/gm)];
  return fences.map(([, language = '', body = ''], index) => ({
    language,
    body,
    isOutput: language === '' && ['sh', 'shell'].includes(fences[index - 1]?.[1] ?? ''),
  }));
}

function isKnown(line: string): boolean {
  const [program = '', first = '', second = ''] = line.split(/\s+/);
  if (program === 'npm')
    return ['start', 'test'].includes(first) || (first === 'run' && Object.hasOwn(pkg.scripts, second));
  if (program === 'node')
    return line
      .split(/\s+/)
      .some((word) => word.endsWith('.ts') && readFileSync(join(ROOT, word), 'utf8') !== '');
  return ['libretto', 'git', 'cd', 'helm'].includes(program);
}

/** What is said of `libretto COMMAND …`, as code or in a fence. */
function mentionsOf(page: string): readonly (readonly [string, string])[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const fences = fencesOf(page).filter(({ language }) => ['sh', 'shell'].includes(language));
  const inline = [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, code = '']) => code,
  );
  const lines = [...inline, ...fences.flatMap(({ body }) => body.replaceAll('\\\n', ' ').split('\n'))];
  return lines.flatMap((line) =>
    [...line.matchAll(/(?:^|[|;] *|npm run )libretto (?:-- )?([a-z][a-z-]*)([^|;#`>]*)/g)].map(
      ([, command = '', rest = '']) => [command, rest] as const,
    ),
  );
}
