import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Tests import sources directly, so a failing test points at TypeScript, not at a stale build.
  ssr: {
    resolve: {
      conditions: ['mooring-source', 'node', 'default'],
      externalConditions: ['node'],
    },
  },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'e2e/src/**/*.test.ts', 'bench/src/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', './scripts/closing-line-reporter.mjs'],
  },
});
