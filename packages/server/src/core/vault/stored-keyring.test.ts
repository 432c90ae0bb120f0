import { createDecipheriv } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Tx } from '../store/queryable.js';
import { migrate, openStore, type Store } from '../store/store.js';
import { StoreUnavailableError } from '../store/store-error.js';
import { createVault, serverContext, UnreadableError } from './envelope.js';
import { KeyError, type Keyring, newKey } from './keyring.js';
import { readKeys, readOwnKey } from './keyring-rows.js';
import { openKeyring } from './open-keyring.js';
import { createOwnSecrets } from './own-secrets.js';
import { rotateKey } from './rotate-key.js';

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'mooring-keyring-'));
  store = openStore({ dataFolder: folder });
  await migrate(store);
});
afterEach(async () => {
  vi.useRealTimers();
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

it('seals up to the last wrap of a small limit, and takes little of a large one in advance', async () => {
  const small = await openKeyring(store, { key: newKey() }, { wrapsMax: 10 });
  let sealed = 0;
  for (; small.canSeal(); sealed += 1) {
    small.active();
    await small.refresh();
  }
  expect(sealed).toBe(10);
  expect(() => small.active()).toThrow(StoreUnavailableError);
  await store.db.deleteFrom('vault_key').execute();
  await store.db.deleteFrom('setting').execute();
  const large = await openKeyring(store, { key: newKey() }, { wrapsMax: 2 ** 32 });
  const [key] = await large.refresh();
  expect(Number(key?.wraps)).toBeLessThanOrEqual(65_536);
});

const context = serverContext('k', 'r', 'f');

it('nodes that start together on a new store get the same keys', async () => {
  const master = { key: newKey() };
  expect(await readOwnKey(store.db, master)).toBeUndefined();
  const opened = await Promise.all([1, 2, 3].map(() => openKeyring(store, master, { wrapsMax: 1_000 })));
  opened.push(await openKeyring(store, master, { wrapsMax: 1_000 }));
  const [first] = opened;
  for (const keyring of opened) {
    expect(keyring.active().id).toBe(first?.active().id);
    expect(keyring.hashToken('token')).toBe(first?.hashToken('token'));
    expect(keyring.formerIds()).toEqual([master.key.id]);
  }
  expect(await readOwnKey(store.db, master)).toEqual(first?.own);
});

it('keys that are read for a copy open what the store has, and seal nothing', async () => {
  const master = { key: newKey() };
  const keyring = await openKeyring(store, master, { wrapsMax: 1_000 });
  const sealed = [createVault(master.key), createVault(keyring)].map((vault) => vault.seal('value', context));
  const read = await readKeys(store.db, master);
  for (const each of sealed) expect(createVault(read).open(each, context).reveal()).toBe('value');
  expect(read.find(keyring.own.id)).toBeUndefined();
  expect(() => createVault(read).seal('value', context)).toThrow(StoreUnavailableError);
  const moving = { key: newKey(), previous: master.key };
  for (const each of sealed)
    expect(
      createVault(await readKeys(store.db, moving))
        .open(each, context)
        .reveal(),
    ).toBe('value');
  expect(await readOwnKey(store.db, moving)).toEqual(keyring.own);
});

it.each(['own', 'active'] as const)('a start ends when the %s key does not open', async (state) => {
  const master = { key: newKey() };
  await openKeyring(store, master, { wrapsMax: 1_000 });
  const other = { key: newKey() };
  await expect(readKeys(store.db, other)).rejects.toThrow(KeyError);
  await expect(readOwnKey(store.db, other)).rejects.toThrow(KeyError);
  await store.db.updateTable('vault_key').set({ ciphertext: 'AAAA' }).where('state', '=', state).execute();
  await expect(openKeyring(store, master, { wrapsMax: 1_000 })).rejects.toThrow(KeyError);
  const reading = state === 'own' ? readOwnKey : readKeys;
  await expect(reading(store.db, master)).rejects.toThrow(KeyError);
});

it('what a process keeps outside the store opens after a rotation, and while the master key is replaced', async () => {
  const key = newKey();
  const keyring = await openKeyring(store, { key }, { wrapsMax: 1_000 });
  const sealed = keyring.ownVault.seal('kept', context);
  await rotateKey(store, keyring, async () => undefined);
  await keyring.refresh();
  expect(keyring.ownVault.open(sealed, context).reveal()).toBe('kept');
  const next = await openKeyring(store, { key: newKey(), previous: key }, { wrapsMax: 1_000 });
  expect(next.ownVault.open(sealed, context).reveal()).toBe('kept');
  expect(next.masterIds).toEqual([next.masterId, key.id]);
  expect(() => keyring.ownVault.open(next.ownVault.seal('new', context), context)).toThrow(UnreadableError);
});

describe('the keys of a store that nodes share', () => {
  const master = { key: newKey() };
  const shared = (): Store => ({ ...store, kind: 'postgresql' });
  const openShared = (of = shared()) => openKeyring(of, master, { wrapsMax: 1_000 });
  /** Rotates as another node does. */
  const rotateElsewhere = async () => {
    const other = await openKeyring(store, master, { wrapsMax: 1_000 });
    return rotateKey(store, other, async () => undefined);
  };

  it('seal nothing more when they were last read five seconds ago, and open all the same', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const [node, alone] = [await openShared(), await openKeyring(store, master, { wrapsMax: 1_000 })];
    const active = node.active().id;
    vi.advanceTimersByTime(5_000);
    expect(node.canSeal()).toBe(true);
    vi.advanceTimersByTime(1);
    expect(node.canSeal()).toBe(false);
    expect(() => node.active()).toThrow(StoreUnavailableError);
    expect(node.find(active)?.id).toBe(active);
    expect(alone.active().id).toBe(active);
    await node.refresh();
    expect(node.active().id).toBe(active);
  });

  it('are read again when something is under an unknown one, once', async () => {
    const node = await openShared();
    const active = await rotateElsewhere();
    expect(() => node.find(active)).toThrow(StoreUnavailableError);
    await expect.poll(() => node.find(active)?.id).toBe(active);
    expect(() => node.find('destroyed')).toThrow(StoreUnavailableError);
    await expect.poll(() => node.find('destroyed')).toBeUndefined();
    node.giveUp(['given up']);
    expect(node.find('given up')).toBeUndefined();
    // Of a store that one process uses, no other creates a key.
    expect((await openKeyring(store, master, { wrapsMax: 1_000 })).find('destroyed')).toBeUndefined();
  });

  it("leave the server's own secrets alone while they are read, and drop one that does not open, once", async () => {
    const node = await openShared();
    expect(node.active().id).not.toBe(await rotateElsewhere());
    const dropped: string[] = [];
    const secretsOf = (keyring: Keyring) =>
      createOwnSecrets({
        ...{ store, vault: createVault(keyring) },
        recordDropped: async (_tx, { recordKind }) => void dropped.push(recordKind),
      });
    const place = serverContext('signing-key', 'r', 'f');
    const other = secretsOf(await openKeyring(store, master, { wrapsMax: 1_000 }));
    const make = () => newKey().id;
    const made = await Promise.all([other.get(place, make), other.get(place, make)]);
    const values = made.map(({ value }) => value.reveal());
    expect(values).toEqual([values[0], values[0]]);

    const mine = secretsOf(node);
    await expect(mine.find(place)).rejects.toThrow(StoreUnavailableError);
    await expect.poll(() => mine.find(place).catch(() => undefined)).toMatchObject({ mark: made[0]?.mark });
    expect(dropped).toEqual([]);
    await store.db.updateTable('secret').set({ version: 2, ciphertext: 'AAAA' }).execute();
    expect(await Promise.all([mine.find(place), mine.find(place)])).toEqual([undefined, undefined]);
    expect(dropped).toEqual(['signing-key']);
    expect((await mine.get(place, make)).mark).not.toBe(made[0]?.mark);
    expect((await mine.get(place, make)).mark).toBe((await other.find(place))?.mark);
  });

  it('stay the newest that were seen when an earlier read ends later', async () => {
    const node = await openShared();
    const first = node.active().id;
    const second = await rotateElsewhere();
    await node.refresh();
    // So that the earlier read reserves wraps before it ends, and the later one does not.
    for (let wrap = 0; wrap < 40; wrap += 1) expect(node.active().id).toBe(second);
    const set = (tx: Pick<Tx, 'updateTable'>, id: string, state: 'active' | 'previous') =>
      tx.updateTable('vault_key').set({ state }).where('id', '=', id).execute();
    const earlier = node.refresh();
    // At once, without waiting for others to share its commit.
    const swapped = store.db.transaction().execute(async (tx) => {
      await set(tx, second, 'previous');
      await set(tx, first, 'active');
    });
    const later = node.refresh();
    await Promise.all([earlier, swapped, later]);
    expect(node.active().id).toBe(first);
  });
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
  // Each mutant would otherwise take minutes.
  const [writes, together] = ['MUTATED_TESTS' in process.env ? 2_000 : 100_000, 500];
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
