// Mutation tests of one room: `npm run mutate -- ROOM`, `-- ROOM FILE.ts` for one file, `-- ROOM FILE.ts TESTS` with only these
// tests of the room. Lists surviving mutants. Measurements: docs/decisions/2026-11-30-mutation-testing.md.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = 'packages/server/src';

/** The rooms of the pilot, each with the tests elsewhere that cover it. */
const rooms = {
  access: [
    'web/features/api-keys/{api-keys,key-descent,key-format}.test.ts',
    'web/features/connections/{connections,ids-of-tenants,owner-left,unknown-connections}.test.ts',
    'web/features/invitations/{invitations,takeovers}.test.ts',
    'web/features/oauth-tokens/*.test.ts',
    'web/features/use/use.test.ts',
  ],
  vault: [
    'core/credentials/resolve/opening.test.ts',
    'web/features/vault-keys/*.test.ts',
    'core/backup/back-up.test.ts',
  ],
  egress: ['web/features/use/space-network.test.ts', 'core/self-check/loopback.test.ts'],
};

const [room, file = '*.ts', own] = process.argv.slice(2);
const tests = rooms[room];
if (tests === undefined) {
  process.stderr.write(`Specify a room: ${Object.keys(rooms).join(', ')}.\n`);
  process.exit(1);
}

const folder = path.join(root, '.cache/mutation');
mkdirSync(folder, { recursive: true });
const report = path.join(folder, `${room}${file === '*.ts' ? '' : `-${path.basename(file, '.ts')}`}.json`);
const settings = {
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'vitest.mutation.config.mjs', related: false },
  mutate: [`${source}/core/${room}/${file}`, `!${source}/core/${room}/*.test.ts`],
  coverageAnalysis: 'perTest',
  concurrency: 1,
  // Tests should not pin the wording of texts.
  mutator: { excludedMutations: ['StringLiteral'] },
  timeoutMS: 20_000,
  tempDirName: '.cache/mutation/sandbox',
  ignorePatterns: ['.cache', '.git', 'bench', 'docs', 'e2e', '**/dist', '**/*.tsbuildinfo'],
  reporters: ['clear-text', 'progress-append-only', 'json'],
  jsonReporter: { fileName: report },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false, reportMutants: true },
  allowConsoleColors: false,
  checkers: [],
  disableTypeChecks: false,
};
const configuration = path.join(folder, 'stryker.json');
writeFileSync(configuration, JSON.stringify(settings));
const { status } = spawnSync('npx', ['stryker', 'run', configuration], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    MUTATED_TESTS: JSON.stringify(own ? [`core/${room}/${own}`] : [`core/${room}/*.test.ts`, ...tests]),
  },
});
process.exitCode = status ?? 1;
