import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { identify } from '../../engine/embedded/identity.ts';
import { temporaryFolder } from './temporary.ts';

const REAPER = join(import.meta.dirname, '../../engine/embedded/reaper.ts');
const temporary = temporaryFolder();

/** An engine that starts two children, tells the reaper of both and takes one back; then waits to be killed. */
function engineSource(folder: string): string {
  return `
    const { spawn } = await import('node:child_process');
    const { startReaper } = await import(${JSON.stringify(REAPER)});
    const reaper = startReaper(${JSON.stringify(folder)});
    const children = [0, 1].map(() => spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }));
    for (const child of children) reaper.add(child.pid);
    reaper.drop(children[1].pid);
    children[0].kill('SIGSTOP');
    console.log(JSON.stringify(children.map((child) => child.pid)));
    setInterval(() => undefined, 1000);`;
}

test('the reaper ends the children of a killed engine, paused ones too, and removes its temporary data', async () => {
  const folder = dirname(temporary.write('data/file', ''));
  const engine = spawn(process.execPath, ['--input-type=module', '-e', engineSource(folder)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [kept = 0, dropped = 0]: number[] = await new Promise((resolve) => {
    engine.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString('utf8'))));
  });
  engine.kill('SIGKILL');
  await expect.poll(() => identify(kept)).toBeUndefined();
  await expect.poll(() => existsSync(folder)).toBe(false);
  expect(identify(dropped)).toBeDefined();
  process.kill(dropped, 'SIGKILL');
});
