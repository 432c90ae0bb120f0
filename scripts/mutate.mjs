// Mutation tests of one room: `npm run mutate -- ROOM [FILE.ts …] [--share PERCENT] [--seed N]`. Without `--share` every
// function; with it functions drawn by the seed, until they have that share of the lines. A run over a room, not over
// files, writes its result to scripts/mutation-results.json, from which `npm run generate` makes docs/reference/mutation.md.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = 'packages/server/src';
const results = new URL('mutation-results.json', import.meta.url);

/** Each room with the tests elsewhere that cover it, on the embedded store. */
const rooms = {
  access: [
    'web/features/api-keys/{api-keys,key-descent,key-format}.test.ts',
    'web/features/connections/{connections,ids-of-tenants,owner-left,unknown-connections}.test.ts',
    'web/features/invitations/{invitations,invited-keys,takeovers,taken-connections}.test.ts',
    'web/features/oauth-tokens/*.test.ts',
    'web/features/use/use.test.ts',
  ],
  credentials: [
    'web/features/connections/{separated-logins,moved-logins,owner-left,update-connection,destinations,destinations-upgrade,credential-choices}.test.ts',
    'web/features/{credentials,credential-changes,users,revocations}/*.test.ts',
    'web/features/use/{use,revoke-now}.test.ts',
    'start/tidying.test.ts',
  ],
  egress: ['web/features/use/space-network.test.ts', 'core/self-check/loopback.test.ts'],
  oauth: ['core/credentials/sign-ins/providers.test.ts', 'core/credentials/grants/client-tokens.test.ts'],
  vault: [],
};

/** Lines of the outermost functions and methods of a file. */
function functionsOf(file) {
  const text = readFileSync(path.join(root, file), 'utf8');
  const parsed = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const line = (position) => parsed.getLineAndCharacterOfPosition(position).line + 1;
  const found = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body)
      found.push({ file, first: line(node.getStart(parsed)), last: line(node.end) });
    else ts.forEachChild(node, visit);
  };
  visit(parsed);
  return found;
}

/** In an order that only the seed determines. */
function shuffled(values, seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state;
  };
  return values
    .map((value) => [next(), value])
    .sort(([a], [b]) => a - b)
    .map(([, value]) => value);
}

/** Ranges to mutate, as StrykerJS takes them: `file:first-last`. */
function drawn(files, share, seed) {
  const functions = files.flatMap(functionsOf);
  const lines = ({ first, last }) => last - first + 1;
  const wanted = (functions.reduce((sum, one) => sum + lines(one), 0) * share) / 100;
  const ranges = [];
  let sum = 0;
  for (const one of shuffled(functions, seed)) {
    if (sum >= wanted) break;
    sum += lines(one);
    ranges.push(`${one.file}:${one.first}-${one.last}`);
  }
  return ranges;
}

/** What a report of StrykerJS says: counts, and the mutants that no test noticed. */
function resultOf(report) {
  const counts = {};
  const survivors = [];
  for (const [file, { mutants, source: text }] of Object.entries(report.files)) {
    const texts = text.split('\n');
    for (const { status, location, mutatorName, replacement } of mutants) {
      counts[status] = (counts[status] ?? 0) + 1;
      if (status !== 'Survived' && status !== 'NoCoverage') continue;
      const line = texts[location.start.line - 1].trim();
      survivors.push({
        file: file.replace(`${source}/core/`, ''),
        line,
        mutator: mutatorName,
        replacement: (replacement ?? '').replace(/\s+/g, ' ').slice(0, 80),
        ...(status === 'NoCoverage' ? { isUncovered: true } : {}),
      });
    }
  }
  const killed = (counts.Killed ?? 0) + (counts.Timeout ?? 0);
  return { mutants: killed + survivors.length, killed, survivors };
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { share: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
});
const [room, ...chosen] = positionals;
if (!Object.hasOwn(rooms, room)) {
  process.stderr.write(`Specify a room: ${Object.keys(rooms).join(', ')}.\n`);
  process.exit(1);
}
const share = Number(options.share);
const seed = Number(options.seed);
const files = readdirSync(path.join(root, source, 'core', room), { recursive: true })
  .filter((file) => /\.ts$/.test(file) && !/\.test\.ts$|__fixtures__/.test(file))
  .filter((file) => chosen.length === 0 || chosen.includes(file))
  .sort()
  .map((file) => `${source}/core/${room}/${file}`);

const folder = path.join(root, '.cache/mutation');
mkdirSync(folder, { recursive: true });
const report = path.join(folder, `${room}.json`);
const configuration = path.join(folder, `${room}-stryker.json`);
writeFileSync(
  configuration,
  JSON.stringify({
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'vitest.mutation.config.mjs', related: false },
    mutate: share < 100 ? drawn(files, share, seed) : files,
    coverageAnalysis: 'perTest',
    concurrency: 1,
    // Tests should not pin the wording of texts.
    mutator: { excludedMutations: ['StringLiteral'] },
    timeoutMS: 20_000,
    // They run while a module loads or a server starts, so every test would have to run for each.
    ignoreStatic: true,
    dryRunTimeoutMinutes: 30,
    tempDirName: `.cache/mutation/sandbox-${room}`,
    ignorePatterns: ['.cache', '.git', 'bench', 'docs', 'e2e', '**/dist', '**/bundle', '**/*.tsbuildinfo'],
    reporters: ['progress-append-only', 'json'],
    jsonReporter: { fileName: report },
    allowConsoleColors: false,
    checkers: [],
    disableTypeChecks: false,
  }),
);
// A test file that starts servers in `beforeAll` runs for each mutant of a start. This one starts many, for code that
// key-requests.test.ts covers.
const own = '!(key-service).test.ts';
const { status } = spawnSync('npx', ['stryker', 'run', configuration], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, MUTATED_TESTS: JSON.stringify([`core/${room}/**/${own}`, ...rooms[room]]) },
});
if (status === 0) {
  const { mutants, killed, survivors } = resultOf(JSON.parse(readFileSync(report, 'utf8')));
  for (const { file, line, mutator, replacement } of survivors)
    process.stdout.write(`${file}: ${line}\n    ${mutator} → ${replacement}\n`);
  process.stdout.write(
    `${room}: ${killed} of ${mutants} mutants noticed (${((100 * killed) / mutants).toFixed(1)} %)\n`,
  );
  if (chosen.length === 0) {
    const kept = JSON.parse(readFileSync(results, 'utf8'));
    kept[room] = { share, seed, mutants, killed, survivors };
    writeFileSync(results, `${JSON.stringify(kept, undefined, 2)}\n`);
  }
}
process.exitCode = status ?? 1;
