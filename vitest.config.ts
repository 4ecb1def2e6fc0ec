import { defineConfig } from 'vitest/config';

/** What is awaited comes in milliseconds; only a machine with much else to do comes near this. */
const PATIENCE = { expect: { poll: { timeout: 30_000 } } };

/** Three projects: `unit` is pure, `cluster` needs the real control plane, `node` needs root and real containers. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...PATIENCE,
          name: 'unit',
          // No module has state, so files may share their modules: half of the time goes to loading them anew else.
          isolate: false,
          maxWorkers: '100%',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          include: ['test/**/*.test.ts'],
          exclude: ['test/cluster/**', 'test/node/**', '**/node_modules/**'],
        },
      },
      {
        test: {
          ...PATIENCE,
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          globalSetup: ['test/cluster/harness-setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 240_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...PATIENCE,
          name: 'node',
          include: ['test/node/**/*.test.ts'],
          globalSetup: ['test/node/harness-setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
