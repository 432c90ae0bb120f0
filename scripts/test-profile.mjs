// `npm run test:profile [-- --keep] [vitest arguments]`: profiles a run of the tier in TEST_TIER. `--keep` writes
// scripts/test-weights.json, which orders files and balances shards.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(new URL('../.cache/test-starts.ndjson', import.meta.url));
mkdirSync(new URL('../.cache/', import.meta.url), { recursive: true });
writeFileSync(file, '');
const words = process.argv.slice(2);
const { status } = spawnSync('npx', ['vitest', 'run', ...words.filter((word) => word !== '--keep')], {
  stdio: 'inherit',
  env: {
    ...process.env,
    TEST_PROFILE: file,
    ...(words.includes('--keep') ? { TEST_PROFILE_KEEP: '1' } : {}),
  },
});
process.exit(status ?? 1);
