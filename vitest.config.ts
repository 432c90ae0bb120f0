import { defineConfig } from 'vitest/config';
import { LongFirstSequencer } from './scripts/long-first-sequencer.mjs';

// Against hanging for good. What must be quick is asserted by the test that says so, as a machine may be slow.
const limits = { testTimeout: 300_000, hookTimeout: 300_000, expect: { poll: { timeout: 30_000 } } };
/** Files of one worker share their modules: loading the product again for each took as long as the tests. */
const together = { isolate: false, setupFiles: ['./packages/server/src/testing/fresh-file.ts'] };
// Tests import sources directly, so a failing test points at TypeScript, not at a stale build.
const ssr = {
  resolve: { conditions: ['mooring-source', 'node', 'default'], externalConditions: ['node'] },
};

/** Tests that are the same on both stores; they reach the store through the API, or through what opens it. */
const onBothStores = [
  'packages/server/src/first-start.test.ts',
  'packages/server/src/access/permissions.test.ts',
  'packages/server/src/broker/*.test.ts',
  'packages/server/src/features/{api-keys,audits,invitations,catalogue,connections,credential-changes,credentials,endpoints,oauth-clients,oauth-tokens,revocations,spaces,users,vault-keys}/**/*.test.ts',
  'packages/server/src/features/use/*.test.ts',
  'packages/server/src/http/{idempotency,conditional,typed-client}*.test.ts',
  'packages/server/src/rates/limits-over-http.test.ts',
  'packages/server/src/sign-ins/*.test.ts',
];

/** Several nodes need a store that they can share, and only its wire can be cut. */
const onPostgresOnly = [
  'packages/server/src/store/{several-nodes,shared-start,shared-work,vault-keys-on-nodes}.test.ts',
  'packages/server/src/sign-ins/outcome-unknown.test.ts',
];

/** Tests that compare times, or push as many requests as a machine can take: beside others they would judge those too. */
const alone = [
  'e2e/src/{isolation,key-rotation-load,pressure,refresh-on-many-nodes}.test.ts',
  'packages/server/src/access/key-timing.test.ts',
  'packages/server/src/features/use/port-oracle.test.ts',
];

/** The same of those that need a store whose wire can be cut. */
const aloneOnPostgres = ['packages/server/src/store/database-faults.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    sequence: { sequencer: LongFirstSequencer },
    maxWorkers: 2,
    reporters: ['default', './scripts/test-results-reporter.mjs', './scripts/closing-line-reporter.mjs'],
    projects: [
      {
        ssr,
        test: {
          name: 'processes',
          include: ['e2e/src/**/*.test.ts', 'bench/src/**/*.test.ts'],
          exclude: alone,
          ...limits,
          provide: { databaseServer: undefined },
        },
      },
      {
        ssr,
        test: {
          name: 'embedded store',
          include: ['packages/*/src/**/*.test.ts'],
          exclude: [...onPostgresOnly, ...alone, ...aloneOnPostgres],
          ...limits,
          ...together,
          provide: { databaseServer: undefined },
        },
      },
      {
        ssr,
        test: {
          name: 'alone',
          include: alone,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          ...limits,
          provide: { databaseServer: undefined },
        },
      },
      {
        ssr,
        test: {
          name: 'PostgreSQL store',
          include: [...onBothStores, ...onPostgresOnly],
          exclude: alone,
          ...limits,
          ...together,
          globalSetup: ['./scripts/postgres-for-tests.mjs'],
        },
      },
      {
        ssr,
        test: {
          name: 'alone, PostgreSQL store',
          include: aloneOnPostgres,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
          ...limits,
          globalSetup: ['./scripts/postgres-for-tests.mjs'],
        },
      },
    ],
  },
});
