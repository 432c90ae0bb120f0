import { randomInt } from 'node:crypto';
import { defineConfig } from 'vitest/config';
import { WeighedSequencer } from './scripts/weighed-sequencer.mjs';

// Two tiers (docs/reference/test-tiers.md): `npm test` proves each promise once, `npm run test:long` repeats it with full
// counts (`full` of the lab) and on both stores.
const isLong = process.env['TEST_TIER'] === 'long';
process.env['TEST_SEED'] ??= String(randomInt(2 ** 31));
const isProfiled = process.env['TEST_PROFILE'] !== undefined;

// Against hanging for good. What must be quick is asserted by the test that says so, as a machine may be slow.
const limits = { testTimeout: 300_000, hookTimeout: 300_000, expect: { poll: { timeout: 30_000 } } };
const setupFiles = [
  './packages/server/src/testing/fresh-file.ts',
  ...(isProfiled ? ['./scripts/count-starts.mjs'] : []),
];
/** Files of one worker share their modules: loading the product again for each took as long as the tests. */
const together = { isolate: false, setupFiles };
// Tests import sources directly, so a failing test points at TypeScript, not at a stale build.
const ssr = {
  resolve: { conditions: ['mooring-source', 'node', 'default'], externalConditions: ['node'] },
};
const onEmbedded = { ...limits, ...together, provide: { databaseServer: undefined, withRunners: false } };
const onPostgres = { ...limits, ...together, globalSetup: ['./scripts/postgres-for-tests.mjs'] };
const bundled = { globalSetup: ['./scripts/bundle-for-tests.mjs'] };

/** Tests that are the same on both stores; they reach the store through the API, or through what opens it. */
const onBothStores = [
  'packages/server/src/start/first-start.test.ts',
  'packages/server/src/core/access/permissions.test.ts',
  'packages/server/src/core/credentials/{records,resolve,grants}/*.test.ts',
  'packages/server/src/web/features/{api-keys,audits,catalogue,connections,credential-changes,credentials,endpoints,invitations,oauth-clients,oauth-tokens,revocations,spaces,users,uses,vault-keys}/**/*.test.ts',
  'packages/server/src/web/features/use/*.test.ts',
  'packages/server/src/{core/idempotency/*,web/http/{conditional,revision,typed-client}*}.test.ts',
  'packages/server/src/core/rates/limits-over-http.test.ts',
  'packages/server/src/core/credentials/sign-ins/*.test.ts',
  'packages/server/src/{start/tidying,core/store/list-plans}.test.ts',
];

/** Of them, those whose statements another file sends too: on PostgreSQL in the long tier only. */
const repeatedInLong = [
  'packages/server/src/core/backup/database-drills.test.ts',
  'packages/server/src/core/credentials/{records,resolve,grants}/*.shape.test.ts',
  'packages/server/src/web/features/api-keys/key-format.test.ts',
  'packages/server/src/web/features/catalogue/*.test.ts',
  'packages/server/src/web/features/connections/{credential-choices,destination-doors,destinations,moved-logins,separated-logins,stated-properties,list/whole-list}.test.ts',
  'packages/server/src/web/features/endpoints/*.test.ts',
  'packages/server/src/web/features/use/{asked-to-wait,conditions,long-limits,many-tables,outage,read,read-bytes,revoke-now,shares,space-network,untrusted-answers}.test.ts',
  'packages/server/src/web/features/uses/failed-uses.test.ts',
  'packages/server/src/web/features/vault-keys/*.test.ts',
  'packages/server/src/web/http/typed-client.test.ts',
  'packages/server/src/core/credentials/sign-ins/{account-choice,cross-provider,device-sign-ins,entra,private-keys,providers,redirects-and-codes,sign-ins,ways-in}.test.ts',
];

/** Several nodes need a store that they can share, and only its wire can be cut. */
const onPostgresOnly = [
  'packages/server/src/core/idempotency/idempotency-kept.test.ts',
  'packages/server/src/core/store/{pooler,search-limit,several-nodes,shared-start,shared-work,vault-keys-on-nodes}.test.ts',
  'packages/server/src/core/credentials/sign-ins/{outcome-unknown,renewal-outage}.test.ts',
  'packages/server/src/core/move/*.test.ts',
  'packages/server/src/core/backup/database-drills.test.ts',
];

/** Need a processor that nobody else has: they compare times. */
const comparingTimes = [
  'e2e/src/{health-under-load,isolation}.test.ts',
  // In the quick tier their bounds leave room for the tests beside them.
  ...(isLong ? ['e2e/src/{hostile-sources,runners}.test.ts'] : []),
  'packages/server/src/core/access/key-timing.test.ts',
  'packages/server/src/web/features/use/port-oracle.test.ts',
];

/** Need a database whose wire can be cut, and say within how many seconds that is noticed. */
const cuttingTheWire = ['packages/server/src/core/store/database-faults.test.ts'];

/** Take minutes, and prove with larger counts or more machinery what another file proves once: in the long tier only. */
const onlyInLong = [
  'e2e/src/long/*.test.ts',
  // On PostgreSQL what `crash` shows; in the product what `vault/envelope` shows.
  'e2e/src/{crash-on-postgres,vault-grants,vault-swaps}.test.ts',
  'packages/server/src/core/sessions/value-round-trips.test.ts',
  'scripts/{check,new-source-tree}.test.mjs',
];

/** In the long tier also with sources worked on in runners; otherwise in the process of the test, where it is looked at. */
const withRunners = {
  ssr,
  test: {
    name: 'with runners',
    include: [
      'packages/server/src/web/features/{use,credential-changes}/*.test.ts',
      'packages/server/src/core/credentials/sign-ins/{account-choice,api-origin,renewal}.test.ts',
    ],
    exclude: comparingTimes,
    ...onEmbedded,
    ...bundled,
    provide: { databaseServer: undefined, withRunners: true },
  },
};

export default defineConfig({
  test: {
    pool: 'forks',
    sequence: { sequencer: WeighedSequencer },
    // More than there are processors, as files wait for half of their time; those of the long tier load the machine more.
    maxWorkers: isLong ? 3 : 4,
    reporters: [
      'default',
      './scripts/test-results-reporter.mjs',
      ...(isProfiled ? ['./scripts/profile-reporter.mjs'] : []),
      './scripts/closing-line-reporter.mjs',
    ],
    projects: [
      ...(isLong ? [withRunners] : []),
      {
        ssr,
        test: {
          name: 'processes',
          include: ['e2e/src/**/*.test.ts', 'bench/src/**/*.test.ts'],
          exclude: [...comparingTimes, ...(isLong ? [] : onlyInLong)],
          ...onEmbedded,
          ...bundled,
        },
      },
      {
        ssr,
        test: {
          name: 'embedded store',
          include: ['packages/*/src/**/*.test.ts', 'scripts/*.test.mjs'],
          exclude: [...onPostgresOnly, ...comparingTimes, ...cuttingTheWire, ...(isLong ? [] : onlyInLong)],
          ...onEmbedded,
        },
      },
      {
        ssr,
        test: {
          name: 'PostgreSQL store',
          include: [...onBothStores, ...onPostgresOnly],
          exclude: [...comparingTimes, ...(isLong ? [] : repeatedInLong)],
          ...onPostgres,
        },
      },
      {
        ssr,
        test: {
          name: 'cut wire',
          include: cuttingTheWire,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          ...onPostgres,
        },
      },
      {
        ssr,
        test: {
          name: 'times',
          include: comparingTimes,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
          ...onEmbedded,
          ...bundled,
        },
      },
    ],
  },
});
