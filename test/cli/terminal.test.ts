import { spawnSync } from 'node:child_process';
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

it('a reader of the output that has seen enough is no failure, and a full disk is told', () => {
  const command = `"${process.execPath}" engine/main.ts`;
  const shell = (script: string) => spawnSync('bash', ['-o', 'pipefail', '-c', script], { encoding: 'utf8' });
  const many = 'playbooks/sampledb playbooks/mysql';
  expect(shell(`${command} test ${many} | true`)).toMatchObject({ status: 0, stderr: '' });
  expect(shell(`${command} package ${many} > /dev/full`)).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^libretto: standard output can't be written: ENOSPC.*\n$/),
  });
});
