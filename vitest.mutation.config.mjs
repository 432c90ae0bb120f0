import { defineConfig } from 'vitest/config';

// The tests of one room as `npm run mutate` runs them: on the embedded store, in one thread, from sources.
const tests = JSON.parse(process.env.MUTATED_TESTS ?? '[]');

export default defineConfig({
  ssr: {
    resolve: { conditions: ['mooring-source', 'node', 'default'], externalConditions: ['node'] },
  },
  test: {
    include: tests.map((one) => `packages/server/src/${one}`),
    // It compares times.
    exclude: [
      'packages/server/src/core/access/key-timing.test.ts',
      'packages/server/src/core/credentials/sign-ins/{outcome-unknown,renewal-outage}.test.ts',
      '**/*.shape.test.ts',
    ],
    setupFiles: ['./packages/server/src/testing/fresh-file.ts'],
    provide: { databaseServer: undefined },
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
