import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startPostgres } from '@mooring/lab/postgres';
import { openPostgresStore } from '@mooring/server/core/store/postgres-store';
import { migrate } from '@mooring/server/core/store/store';
import { createRecordKeeper } from '@mooring/server/core/usage-log/keeper';
import { createUseLog } from '@mooring/server/core/usage-log/log';
import { createVault } from '@mooring/server/core/vault/envelope';
import { loadMasterKey, newKey } from '@mooring/server/core/vault/keyring';
import { tokenHasher } from '@mooring/server/core/vault/token-hashes';
import { firstStart } from '@mooring/server/start/first-start';
import { createLog } from '@mooring/server/start/log';
import { freshDatabase } from '@mooring/server/testing/shared-database';

// Throughput of the use record over several nodes: each is a process with only the service's code that writes
// it, on one PostgreSQL. NO6: more nodes must not be slower.

const users = 50;
const credentials = 500;
const log = createLog('silent');

interface Node {
  url: string;
  masterKey: string;
  tenantId: string;
  userId: string;
  seconds: number;
}

async function write({ url, masterKey, tenantId, userId, seconds }: Node): Promise<number> {
  const store = openPostgresStore({ url });
  const vault = createVault(loadMasterKey({ source: 'environment', value: masterKey }, true).key);
  const keeper = createRecordKeeper({ store, vault, log });
  const uses = createUseLog({ store, keeper, signInRefused: async () => undefined, log });
  let records = 0;
  const until = performance.now() + seconds * 1000;
  const use = async () => {
    while (performance.now() < until) {
      const ticket = await uses.begin({
        caller: { userId, tenantId, name: 'a', roles: [], keyId: 'k', keyKind: 'api-key' },
        connection: { id: 'connection', space_id: null },
        credential: { id: String(Math.floor(Math.random() * credentials)), owner_id: userId, version: 1 },
        action: 'read',
      });
      await ticket.finish('ok', { rows: 1 });
      records += 2;
    }
  };
  await Promise.all(Array.from({ length: users }, use));
  await uses.close();
  await store.close();
  return records;
}

async function measure(nodes: number, seconds: number): Promise<number> {
  const postgres = await startPostgres({ rowsInBig: 1 });
  const database = await freshDatabase(postgres);
  const store = openPostgresStore({ url: database.url });
  await migrate(store);
  await firstStart(store, tokenHasher(newKey()), 'bench-administrator-key-0123456789');
  const user = await store.db.selectFrom('user').selectAll().executeTakeFirstOrThrow();
  await store.close();
  const masterKey = newKey().bytes.toString('base64');
  const node: Node = { url: database.url, masterKey, tenantId: user.tenant_id, userId: user.id, seconds };
  const written = await Promise.all(
    Array.from({ length: nodes }, async () => {
      const child = fork(fileURLToPath(import.meta.url), ['--node', JSON.stringify(node)]);
      const [records] = await once(child, 'message');
      return Number(records);
    }),
  );
  await database.drop();
  await postgres.close();
  return written.reduce((sum, records) => sum + records, 0) / seconds;
}

const { values } = parseArgs({
  options: { node: { type: 'string' }, seconds: { type: 'string', default: '10' } },
});
if (values.node === undefined) {
  for (const nodes of [1, 2, 3]) {
    const rate = await measure(nodes, Number(values.seconds));
    process.stdout.write(`${nodes} nodes: ${Math.round(rate)} records/s\n`);
  }
} else {
  process.send?.(await write(JSON.parse(values.node) as Node));
  process.exit();
}
