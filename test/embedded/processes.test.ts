import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../engine/base/clock.ts';
import { identify, isAlive, type ProcessIdentity, signalProcess } from '../../engine/embedded/identity.ts';
import { withLock } from '../../engine/embedded/lock.ts';
import { claimDataDir, endLeftovers } from '../../engine/embedded/process-list.ts';
import { describeExit, startProcess } from '../../engine/embedded/processes.ts';
import { temporaryFolder } from './temporary.ts';

const temporary = temporaryFolder();
const clock = systemClock();
const DEAD: ProcessIdentity = { pid: process.pid, started: 'at another time' };

function newFolder(name: string): string {
  const folder = join(temporary.path, name);
  mkdirSync(folder);
  return folder;
}

async function startSleep(): Promise<ProcessIdentity> {
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  await new Promise((resolve) => child.once('spawn', resolve));
  child.unref();
  const identity = identify(child.pid ?? 0);
  if (identity === undefined) throw new Error('sleep did not start');
  return identity;
}

describe('the identity of a process', () => {
  test('tells a process from a later one with the same pid', async () => {
    const sleep = await startSleep();
    const other = { ...sleep, started: 'at another time' };
    expect([isAlive(sleep), isAlive(other)]).toEqual([true, false]);
    expect(signalProcess(other, 'SIGKILL')).toBe(false);
    expect(isAlive(sleep)).toBe(true);
    expect(signalProcess(sleep, 'SIGKILL')).toBe(true);
    await expect.poll(() => isAlive(sleep)).toBe(false);
  });
});

describe('the list of processes in a data folder', () => {
  test('lets one engine at a time use the folder', async () => {
    const folder = newFolder('claimed');
    const list = await claimDataDir(clock, folder);
    await expect(claimDataDir(clock, folder)).rejects.toMatchObject({ code: 'DataFolderInUse' });
    list.remove();
    (await claimDataDir(clock, folder)).remove();
  });

  test('ends what a dead engine left running, and nothing else', async () => {
    const folder = newFolder('left');
    const [left, other] = [await startSleep(), await startSleep()];
    const processes = [
      { name: 'left', ...left },
      { name: 'pid used again', ...other, started: 'at another time' },
    ];
    writeFileSync(join(folder, 'processes.json'), JSON.stringify({ owner: DEAD, processes }));
    expect(await endLeftovers(clock, folder)).toBe(true);
    expect([isAlive(left), isAlive(other)]).toEqual([false, true]);
    signalProcess(other, 'SIGKILL');
  });

  test('leaves the processes of a living engine alone', async () => {
    const folder = newFolder('living');
    const child = await startSleep();
    const list = await claimDataDir(clock, folder);
    list.add('child', child);
    expect(await endLeftovers(clock, folder)).toBe(false);
    expect(isAlive(child)).toBe(true);
    signalProcess(child, 'SIGKILL');
    list.remove();
  });
});

describe('a child process', () => {
  const spawner = (onCrash: () => void = () => undefined) => {
    const logDir = temporary.path;
    const reaper = { add: () => undefined, drop: () => undefined, dismiss: () => undefined };
    const list = { add: () => undefined, drop: () => undefined, remove: () => undefined };
    return { clock, logDir, reaper, list, onCrash };
  };

  test('that ends by itself is told of with its code and the end of its log', async () => {
    let crashes = 0;
    const program = temporary.script('broken', 'echo no such flag >&2; exit 3');
    const child = await startProcess(
      spawner(() => crashes++),
      { name: 'broken', program, args: [] },
    );
    expect(describeExit(await child.exited)).toBe(
      'broken ended with code 3; the end of its log:\nno such flag',
    );
    expect([child.running, crashes]).toEqual([false, 1]);
  });

  test('that ignores SIGTERM is killed after its grace, without being told of', async () => {
    let crashes = 0;
    const program = temporary.script('stubborn', "trap '' TERM; echo ready; while :; do sleep 0.1; done");
    const child = await startProcess(
      spawner(() => crashes++),
      { name: 'stubborn', program, args: [] },
    );
    await expect.poll(() => readFileSync(child.logFile, 'utf8')).toBe('ready\n');
    await child.end(50);
    expect([(await child.exited).signal, crashes]).toEqual(['SIGKILL', 0]);
  });

  test('that cannot be started is an error that names the program', async () => {
    const program = join(temporary.path, 'absent');
    await expect(startProcess(spawner(), { name: 'absent', program, args: [] })).rejects.toMatchObject({
      code: 'ProgramNotStarted',
      message: expect.stringContaining(program),
    });
  });
});

describe('a lock', () => {
  test('lets one at a time in', async () => {
    const file = join(temporary.path, 'lock');
    const order: string[] = [];
    const left = Promise.withResolvers<void>();
    const first = withLock({ file, clock }, async () => {
      order.push('first in');
      await left.promise;
      order.push('first out');
    });
    const second = withLock(
      { file, clock, onWait: () => left.resolve() },
      async () => void order.push('second in'),
    );
    await Promise.all([first, second]);
    expect(order).toEqual(['first in', 'first out', 'second in']);
    expect(existsSync(file)).toBe(false);
  });

  test('of a holder that died is taken over', async () => {
    const file = temporary.write('dead-lock', JSON.stringify(DEAD));
    expect(await withLock({ file, clock }, async () => 'in')).toBe('in');
  });
});
