import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate, openStore, type Store } from '../store/store.js';
import { StoreUnavailableError } from '../store/store-error.js';
import { createVault } from './envelope.js';
import { newKey } from './keyring.js';
import { openKeyring } from './stored-keyring.js';

const folder = mkdtempSync(path.join(tmpdir(), 'mooring-keyring-'));
let store: Store;
beforeAll(async () => {
  store = openStore({ dataFolder: folder });
  await migrate(store);
});
afterAll(async () => {
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
    // Each start leaves some of what it counted unused; the last goes on until nothing is counted any more.
    for (let turn = 0; turn < (start < 2 ? 3 : 100); turn += 1) {
      for (let number = 0; number < 100 && seal(); number += 1) sealed += 1;
      await keyring.refresh();
    }
    if (start === 2) expect(seal()).toBe(false);
  }
  expect(sealed).toBeLessThanOrEqual(wrapsMax);
  expect(sealed).toBeGreaterThan(wrapsMax / 2);
});
