import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { processTerminal } from '../../engine/cli/terminal.ts';

it('a terminal keeps lines that are pasted at once for the questions that follow, and answers nothing at the end', async () => {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const fake = { env: { TERM: 'xterm' }, stdin, stdout, stderr: stdout };
  const terminal = processTerminal(fake as unknown as NodeJS.Process, 'here'); // as: the parts that asking uses
  stdin.write('app\nv1\nMyApp\n');
  expect([
    await terminal.ask('group: '),
    await terminal.ask('version: '),
    await terminal.ask('kind: '),
  ]).toEqual(['app', 'v1', 'MyApp']);
  const last = terminal.ask('more: ');
  stdin.end();
  expect([await last, await terminal.ask('still more: ')]).toEqual(['', '']);
});
