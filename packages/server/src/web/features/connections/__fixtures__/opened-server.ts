import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { loadConfig } from '../../../../core/config/config.js';
import { migrate, openStore, type Store } from '../../../../core/store/store.js';
import { createVault, type Vault } from '../../../../core/vault/envelope.js';
import { loadMasterKey } from '../../../../core/vault/keyring.js';
import { openKeyring } from '../../../../core/vault/open-keyring.js';
import { createApp } from '../../../../start/app.js';
import { firstStart } from '../../../../start/first-start.js';
import { type ApiClient, apiClient } from '../../../../testing/api-client.js';
import { runOnFile } from '../../../../testing/embedded-sql.js';
import { expectNoSecretInRemains } from '../../../../testing/secret-scan.js';

/** A server whose store the test can reach: to damage a row, or to fill it faster than HTTP could. */
export interface OpenedServer {
  url: string;
  adminKey: string;
  admin: ApiClient;
  store: Store;
  vault: Vault;
  tenantId: string;
  /** Runs one statement at once on a separate connection, even while a statement of the store is running. */
  sql(statement: string): void;
  close(): Promise<void>;
}

const adminKey = 'test-administrator-key-0123456789';

export async function openedServer(): Promise<OpenedServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-opened-'));
  const config = loadConfig({ data: folder }, {});
  const store = openStore({ dataFolder: folder });
  await migrate(store);
  const keyring = await openKeyring(
    store,
    loadMasterKey({ source: 'file', path: path.join(folder, 'master.key'), mayCreate: true }, false),
    { wrapsMax: config.limits.wrapsPerKey },
  );
  const vault = createVault(keyring);
  await firstStart(store, keyring.hashToken, adminKey);
  let url = '';
  const app = await createApp({
    config,
    log: pino({ level: 'silent' }),
    store,
    vault,
    keyring,
    publicUrl: () => url,
    notReady: () => undefined,
    checks: async () => ({}),
  });
  url = await app.http.listen({ host: '127.0.0.1', port: 0 });
  const { id: tenantId } = await store.db.selectFrom('tenant').select('id').executeTakeFirstOrThrow();
  return {
    url,
    adminKey,
    admin: apiClient(url, adminKey),
    store,
    vault,
    tenantId,
    sql: (statement) => runOnFile(path.join(folder, 'mooring.db'), statement),
    async close() {
      await app.http.close();
      await store.close();
      try {
        expectNoSecretInRemains({ log: '', printed: [], dataFolder: folder });
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}
