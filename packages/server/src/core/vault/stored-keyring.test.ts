import { createDecipheriv } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrate, openStore, type Store } from '../store/store.js';
import { StoreUnavailableError } from '../store/store-error.js';
import { createVault } from './envelope.js';
import { newKey } from './keyring.js';
import { openKeyring } from './open-keyring.js';

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'mooring-keyring-'));
  store = openStore({ dataFolder: folder });
  await migrate(store);
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

it('never seals more under one key than it may, over restarts too', async () => {
  const wrapsMax = 1_000;
  const master = { key: newKey() };
  let sealed = 0;
  for (let start = 0; start < 3; start += 1) {
    const keyring = await openKeyring(store, master, { wrapsMax });
    const vault = createVault(keyring);
    const context = { tenantId: 't', recordKind: 'k', recordId: 'r', ownerId: 'o', version: 1, field: 'f' };
    const seal = () => {
      try {
        vault.seal('value', context);
        return true;
      } catch (error) {
        expect(error).toBeInstanceOf(StoreUnavailableError);
        return false;
      }
    };
    // Each start leaves some reserved wraps unused; the last continues until none can be reserved.
    for (let turn = 0; turn < (start < 2 ? 3 : 100); turn += 1) {
      for (let number = 0; number < 100 && seal(); number += 1) sealed += 1;
      await keyring.refresh();
    }
    if (start === 2) expect(seal()).toBe(false);
  }
  expect(sealed).toBeLessThanOrEqual(wrapsMax);
  expect(sealed).toBeGreaterThan(wrapsMax / 2);
});

const ivBytes = 12;
const tagBytes = 16;

/** The data key of a row, as an attacker with the keyring would get it; GCM encrypts like counter mode. */
function dataKeyOf(key: Buffer, wrapped: Buffer): string {
  const decipher = createDecipheriv('aes-256-gcm', key, wrapped.subarray(0, ivBytes));
  return decipher.update(wrapped.subarray(ivBytes, -tagBytes)).toString('base64');
}

it('V12: never uses an IV or a data key twice, in 100,000 writes of one secret', async () => {
  const keyring = await openKeyring(store, { key: newKey() }, { wrapsMax: 2 ** 32 });
  const vault = createVault(keyring);
  const context = { tenantId: 't', recordKind: 'k', recordId: 'r', ownerId: 'o', version: 1, field: 'f' };
  const [writes, together] = [100_000, 500];
  for (let from = 0; from < writes; from += together) {
    await keyring.refresh();
    const rows = Array.from({ length: together }, (_, index) => {
      const { keyId, wrappedKey, ciphertext } = vault.seal('the same secret', context);
      return {
        ...{ tenant_id: 't', record_kind: 'credential' as const, record_id: `record ${from + index}` },
        ...{ field: 'login', owner_id: 'o', version: 1 },
        ...{ key_id: keyId, wrapped_key: wrappedKey, ciphertext },
      };
    });
    await store.transaction((tx) => tx.insertInto('secret').values(rows).execute());
  }
  const columns = await store.db
    .selectFrom('secret')
    .select(['key_id', 'wrapped_key', 'ciphertext'])
    .where('record_id', 'like', 'record %')
    .execute();
  const ivs = new Set<string>();
  const dataKeys = new Set<string>();
  for (const { key_id, wrapped_key } of columns) {
    const key = keyring.find(key_id);
    if (!key) throw new Error('a value is under a key that the keyring has not');
    const wrapped = Buffer.from(wrapped_key, 'base64');
    ivs.add(`${key_id} ${wrapped.toString('base64', 0, ivBytes)}`);
    dataKeys.add(dataKeyOf(key.bytes, wrapped));
  }
  const ciphertexts = new Set(columns.map(({ ciphertext }) => ciphertext));
  const valueIvs = new Set(columns.map(({ ciphertext }) => ciphertext.slice(0, 16)));
  expect([ivs, dataKeys, ciphertexts, valueIvs].map(({ size }) => size)).toEqual(Array(4).fill(writes));
});
