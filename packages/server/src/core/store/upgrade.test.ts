import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiClient } from '../../testing/api-client.js';
import { startServer } from '../../testing/start-server.js';
import { backUp } from '../backup/back-up.js';
import { restore } from '../backup/restore.js';
import { loadConfig } from '../config/config.js';
import { openEveryRecord } from '../move/sealed-records.js';
import { loadMaster, openFolder } from '../opening/open-store.js';
import { loadSealedField } from '../vault/sealed-fields.js';
import { type FormerStand, formerStore, startFormerStand } from './__fixtures__/former-store.js';

// From 0.1.0 to this version, with a store that the release itself filled: `__fixtures__/0.1.0`.

describe('the upgrade from 0.1.0', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-upgrade-'));
  const data = path.join(folder, 'data');
  const archive = path.join(folder, 'archive.db');
  const keyring = path.join(folder, 'keyring.json');
  const configOf = (dataFolder: string) => loadConfig({ data: dataFolder }, {});
  let stand: FormerStand;
  const onServer = async (dataFolder: string, work: (url: string) => Promise<unknown>) => {
    const server = await startServer({ ...stand, dataFolder });
    await work(server.url).finally(() => server.close());
  };

  beforeAll(async () => {
    stand = await startFormerStand();
    stand.unpack(data);
  });
  afterAll(async () => {
    await stand.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Columns that each start updates: counters and retries. */
  const steady: Record<string, string> = {
    vault_key: 'id, state, master_id, ciphertext',
    revocation: 'id, credential_id, status',
  };
  /** Every row. */
  const rowsOf = (dataFolder: string): Record<string, unknown> => {
    const file = new Database(path.join(dataFolder, 'mooring.db'));
    try {
      const tables = file.prepare("select name from sqlite_master where type = 'table'").all() as {
        name: string;
      }[];
      return Object.fromEntries(
        tables.map(({ name }) => {
          const columns = steady[name] ?? '*';
          return [name, file.prepare(`select ${columns} from "${name}"`).all()];
        }),
      );
    } finally {
      file.close();
    }
  };

  it('is backed up before it, and refuses another master key with nothing written', async () => {
    const { isProven } = await backUp({ config: configOf(data), archive, keyring });
    expect(isProven).toBe(false);
    const before = rowsOf(data);
    const wrong = {
      ...stand.environment,
      MOORING_MASTER_KEY: 'c29tZWJvZHktZWxzZSdzLW1hc3Rlci1rZXktMDEyMzQ=',
    };
    await expect(startServer({ ...stand, environment: wrong, dataFolder: data })).rejects.toThrow(
      /master key/,
    );
    expect(rowsOf(data)).toEqual(before);
  });

  it('keeps what all users had: ids, keys, credentials with what they allow, and a proven usage log', async () => {
    const destinations = () => rowsOf(data)['credential_destination'] as { credential_id: string }[];
    const allowed = destinations().map(({ credential_id }) => credential_id);
    await onServer(data, async (url) => {
      await stand.walk(url);
      const admin = apiClient(url, formerStore.keys.admin);
      const recomputed = await admin.get(
        '/api/v1/audits?eventType=mooring.v1.destination.recomputed&limit=100',
      );
      const connections = recomputed.body.data.map((event: { data: { id: string } }) => event.data.id);
      expect(Object.values(formerStore.ids.connections)).toEqual(expect.arrayContaining(connections));
      expect(connections).toContain(formerStore.ids.connections['orders separated']);
    });
    expect(new Set(destinations().map(({ credential_id }) => credential_id))).toEqual(new Set(allowed));
    expect(rowsOf(data)['use_checkpoint']).toContainEqual(
      expect.objectContaining({ number: 1, note: 'chain of 0.1 closed' }),
    );
  });

  it('opens every record, with the logins that were entered', async () => {
    const { master } = await loadMaster(configOf(data), true);
    const { store, vault } = await openFolder(data, master, 2 ** 32);
    expect((await openEveryRecord(store.db, master)).unreadable).toBe(0);
    const found: Record<string, unknown> = {};
    for (const { id, name, tenant_id: tenantId, owner_id: ownerId } of await store.db
      .selectFrom('credential')
      .selectAll()
      .where('source_id', '<>', 'gbq')
      .execute()) {
      const place = { tenantId, recordKind: 'credential', recordId: id, ownerId, field: 'login' };
      const row = await loadSealedField(store.db, place);
      const sealed = {
        keyId: row?.key_id ?? '',
        wrappedKey: row?.wrapped_key ?? '',
        ciphertext: row?.ciphertext ?? '',
      };
      const login = vault.open(sealed, { ...place, version: row?.version ?? 0 });
      found[name.replace('of alice', 'separated')] = login.reveal();
    }
    expect(found).toEqual(formerStore.logins);
    await store.close();
  });

  it('is done once: a second start changes nothing', async () => {
    const before = rowsOf(data);
    await onServer(data, async () => undefined);
    expect(rowsOf(data)).toEqual(before);
  });

  it('can be undone: the backup of before restores, and is upgraded then', async () => {
    const there = path.join(folder, 'restored');
    mkdirSync(there, { mode: 0o700 });
    cpSync(path.join(data, 'master.key'), path.join(there, 'master.key'));
    const request = { config: configOf(there), archive, keyring };
    await expect(restore({ ...request, isUnverified: false })).rejects.toThrow(/before 0\.2\.0/);
    expect(await restore({ ...request, isUnverified: true })).toEqual([]);
    await onServer(there, async (url) => {
      const me = await apiClient(url, formerStore.keys.bob).get('/api/v1/users/me');
      expect(me.body.id).toBe(formerStore.ids.users['bob']);
      const verify = '/api/v1/data-credentials/actions/verify-uses';
      expect((await apiClient(url, formerStore.keys.admin).post(verify)).body).toMatchObject({ ok: true });
    });
  });
});
