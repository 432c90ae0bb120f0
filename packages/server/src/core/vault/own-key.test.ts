import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256 } from '../crypto/digest.js';
import { migrate, openStore, type Store } from '../store/store.js';
import { macOfFile } from './file-mac.js';
import { newKey } from './keyring.js';
import { openKeyring } from './open-keyring.js';
import { countStrangeTokenHashes } from './token-hashes.js';

// What the own key of a store proves.

const folder = mkdtempSync(path.join(tmpdir(), 'mooring-own-key-'));
let store: Store;
beforeAll(async () => {
  store = openStore({ dataFolder: folder });
  await migrate(store);
});
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

it('the hashes of version 0.1.0 are adopted with the first key of the store, and one that is planted later never matches', async () => {
  const [at, tables] = ['2026-01-01T00:00:00.000Z', ['api_key', 'oauth_client_secret', 'invitation']];
  const plant = async (suffix: string) => {
    const [key, secret, invitation] = tables.map((table) => sha256(table + suffix));
    await sql`pragma foreign_keys = off`.execute(store.db);
    await sql`insert into api_key (id, tenant_id, user_id, token_hash, description, created_by, created_at)
      values (${suffix}, 't', 'u', ${key}, '', 'u', ${at})`.execute(store.db);
    await sql`insert into oauth_client_secret (tenant_id, client_id, hint, secret_hash, created_at, created_by)
      values ('t', 'c', ${suffix}, ${secret}, ${at}, 'u')`.execute(store.db);
    await sql`insert into invitation (id, tenant_id, user_id, token_hash, created_at, expires_at)
      values (${suffix}, 't', 'u', ${invitation}, ${at}, ${at})`.execute(store.db);
  };
  const hashes = async () => {
    const { rows } = await sql<{ hash: string }>`select token_hash as hash from api_key
      union all select secret_hash from oauth_client_secret union all select token_hash from invitation`.execute(
      store.db,
    );
    return rows.map(({ hash }) => hash).toSorted();
  };
  await plant('');
  const master = { key: newKey() };
  const { own, hashToken } = await openKeyring(store, master, { wrapsMax: 1_000 });
  expect(await hashes()).toEqual(tables.map(hashToken).toSorted());
  expect(await countStrangeTokenHashes(store.db, own)).toBe(0);
  await plant('planted');
  const planted = await hashes();
  await openKeyring(store, master, { wrapsMax: 1_000 });
  expect(await hashes()).toEqual(planted);
  expect(await countStrangeTokenHashes(store.db, own)).toBe(3);
  expect(await countStrangeTokenHashes(store.db, newKey())).toBe(6);
});

it('the proof of a file is another for any byte of it, and under another key', () => {
  const own = newKey();
  const file = path.join(folder, 'archive');
  const bytes = Buffer.alloc(2 * 1_048_576 + 100);
  const proofOf = (content: Buffer, key = own) => {
    writeFileSync(file, content);
    return macOfFile(key, file);
  };
  const changed = [0, 1_048_575, 1_048_576, 2 * 1_048_576, bytes.length - 1].map((position) => {
    const other = Buffer.from(bytes);
    other[position] = 1;
    return proofOf(other);
  });
  const proofs = [proofOf(bytes), proofOf(bytes, newKey()), proofOf(bytes.subarray(0, -1)), ...changed];
  expect(new Set(proofs).size).toBe(8);
  expect(proofOf(bytes)).toBe(proofs[0]);
});
