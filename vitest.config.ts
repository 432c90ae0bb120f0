import { defineConfig } from 'vitest/config';

// Tests import sources directly, so a failing test points at TypeScript, not at a stale build.
const sourceCondition = ['mooring-source', 'import', 'module', 'node', 'default'];

export default defineConfig({
  resolve: { conditions: sourceCondition },
  ssr: { resolve: { conditions: sourceCondition } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'e2e/src/**/*.test.ts', 'bench/src/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
