/** Whether a page that does not hold is found out. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { followSection, sectionsOf } from './blocks.ts';

const HEADING = '## Part';

async function follow(...fences: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'libretto-blocks-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const page = join(folder, 'page.md');
  await writeFile(
    page,
    `# Page\n\n## Text alone\n\n${HEADING}\n\n${fences.map((fence) => `\`\`\`${fence}\n\`\`\`\n`).join('\n')}`,
  );
  expect(sectionsOf(page)).toEqual([HEADING]);
  await followSection(page, HEADING, { folder, environment: { COLOUR: 'blue' } });
}

test('what a terminal shows is compared, with gaps for what differs', async () => {
  await follow(
    'sh\necho "the id is 17 and $COLOUR"; echo not so good >&2',
    '\nthe id is … and blue\nnot  […]',
  );
  await follow('sh\necho left > file', 'sh\ncat file', '\nleft');
  await follow('sh\ntrue');
});

test('another output, more of it, or a failure is an error', async () => {
  await expect(follow('sh\necho one', '\ntwo')).rejects.toThrow('echo one');
  await expect(follow('sh\necho one; echo two', '\none')).rejects.toThrow('two');
  await expect(follow('sh\necho one two', '\none […] three')).rejects.toThrow('one two');
  await expect(follow('sh\nfalse; true')).rejects.toThrow('false; true');
  await expect(follow('sh\nfalse | true')).rejects.toThrow('false | true');
});

test('a second terminal goes on while the first is typed in, until ^C', async () => {
  const program = `trap 'echo over > end; exit' INT; echo up; echo here; while true; do test -f go && echo went && rm go; sleep 0.05; done`;
  await follow(
    `sh second-terminal\nbash -c "${program}"`,
    '\nhere',
    'sh\ntouch go',
    'text second-terminal\nwent\n^C',
    'sh\ncat end',
    '\nover',
  );
});

test('what a second terminal does not show, or not in this order, is an error', async () => {
  const command = 'sh second-terminal\nprintf "one\\ntwo\\n"';
  await follow(command, '\none\ntwo');
  await expect(follow(command, '\ntwo\none')).rejects.toThrow('it ended with 0');
  await expect(follow(command, '\nthree')).rejects.toThrow('no line like');
});
