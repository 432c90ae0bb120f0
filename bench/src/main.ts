import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Benchmark, Finding } from './benchmark.js';
import { createConnection } from './benchmarks/create-connection.js';
import { getConnection } from './benchmarks/get-connection.js';
import { isolation } from './benchmarks/isolation.js';
import { listConnections } from './benchmarks/list-connections.js';
import { listOfTwenty } from './benchmarks/list-of-twenty.js';
import { memory } from './benchmarks/memory.js';
import { million } from './benchmarks/million.js';
import { postgresRead } from './benchmarks/postgres-read.js';
import { runners } from './benchmarks/runners.js';
import { s3Read } from './benchmarks/s3-read.js';
import { start } from './benchmarks/start.js';
import { summariseProfile } from './profile.js';
import { surroundings, tableOf, writeReadme } from './report.js';
import { createStage } from './stage.js';

const benchmarks: readonly Benchmark[] = [
  start,
  memory,
  getConnection,
  createConnection,
  listConnections,
  listOfTwenty,
  postgresRead,
  s3Read,
  runners,
  isolation,
  million,
];

const usage = `npm run bench -- [--only NAME]... [--quick] [--write] [--profile FOLDER]
  --only NAME       one of: ${benchmarks.map(({ name }) => name).join(', ')}
  --connections N   size of the store of million, filled once and kept in .cache (default: a million)
  --quick           short rounds, to see that everything works
  --write           put the table into bench/README.md
  --profile FOLDER  run the server under the CPU profiler (slower) and show where its time went
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    connections: { type: 'string', default: '1000000' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function chosen(): readonly Benchmark[] {
  const names = values.only;
  if (!names) return benchmarks;
  const unknown = names.find((name) => !benchmarks.some((one) => one.name === name));
  if (unknown !== undefined) throw new Error(`unknown benchmark: ${unknown}\n${usage}`);
  return benchmarks.filter(({ name }) => names.includes(name));
}

async function run(): Promise<void> {
  const list = chosen();
  if (values.write && (values.only || values.quick || values.profile)) {
    throw new Error('--write publishes a whole, undisturbed run: leave out --only, --quick and --profile');
  }
  if (values.profile) mkdirSync(values.profile, { recursive: true });
  const stage = createStage({
    isQuick: values.quick,
    connections: Number(values.connections),
    ...(values.profile ? { profileFolder: values.profile } : {}),
  });
  const findings: Finding[] = [];
  try {
    for (const { name, run: measure } of list) {
      process.stderr.write(`${name} …\n`);
      findings.push(...(await measure(stage)));
    }
  } finally {
    await stage.close();
  }
  process.stdout.write(`${surroundings()}\n\n${tableOf(findings)}\n`);
  if (values.profile) process.stdout.write(`\n${summariseProfile(values.profile)}\n`);
  if (values.write) writeReadme(findings);
}

if (values.help) process.stdout.write(usage);
else await run();
