import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const specs = ['src/**', 'client/src/**', 'embedded/**', 'test/**', 'tools/**', 'bench/**', 'examples/**'];

export default defineConfig({
  test: {
    // Most specs wait for servers more than they compute: the default, one worker for two cores, leaves one idle.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    // Every file has a process, and many start others: most of what they would do is to compile the same packages again.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url)) },
    projects: [
      {
        test: {
          name: 'unit',
          include: specs.map((folder) => `${folder}/*.spec.ts`),
          exclude: ['**/*.int.spec.ts', '**/*.e2e.spec.ts', '**/node_modules/**'],
          testTimeout: 30_000,
          // A process of its own would take longer than most of them do, and none changes what others go by.
          pool: 'threads',
          isolate: false,
        },
      },
      {
        test: {
          name: 'integration',
          include: specs.map((folder) => `${folder}/*.int.spec.ts`),
          globalSetup: ['test/support/servers.setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.e2e.spec.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
