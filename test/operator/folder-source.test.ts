import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { watchFolders } from '../../engine/operator/folder-source.ts';
import { fakeClock } from '../base/fake-clock.ts';

async function stage(text: string) {
  const root = await mkdtemp(join(tmpdir(), 'libretto-folder-'));
  const file = join(root, 'watches.yaml');
  await writeFile(file, text);
  const clock = fakeClock();
  const told: (string | undefined)[] = [];
  const sources = watchFolders({
    roots: [root],
    clock,
    events: {
      changed: ({ files }) => told.push(files.get('watches.yaml')),
      removed: () => told.push(undefined),
    },
  });
  onTestFinished(async () => {
    await sources.stop();
    await rm(root, { recursive: true, force: true });
  });
  await sources.ready;
  /** Until that many were told; each look is some time later. */
  const later = async (count: number): Promise<void> => {
    await expect
      .poll(() => {
        clock.advance(100);
        return told.length;
      })
      .toBeGreaterThanOrEqual(count);
  };
  // At once, for the clock stands still meanwhile.
  const save = async (saved: string): Promise<void> => {
    await writeFile(`${root}.next`, saved);
    await rename(`${root}.next`, file);
  };
  return { root, told, later, clock, save };
}

it('tells a folder as it is, and each change once', async () => {
  const { told, later, save } = await stage('one');
  expect(told).toEqual(['one']);
  await save('two');
  await later(2);
  await save('three');
  await later(3);
  expect(told).toEqual(['one', 'two', 'three']);
});

it('tells nothing of a file that is read while it is being written', async () => {
  const { told, later, clock, save } = await stage('one');
  // The looks come in the middle, and what they saw is not there any more when they look again.
  for (let round = 0; round < 100; round++) {
    await save(`half of ${round}`);
    clock.advance(50);
  }
  await save('whole');
  await later(2);
  expect(told.at(-1)).toBe('whole');
  expect(told).toHaveLength(2);
});

it('tells that a folder is gone', async () => {
  const { root, told, later } = await stage('one');
  await rm(root, { recursive: true });
  await later(2);
  expect(told).toEqual(['one', undefined]);
});
