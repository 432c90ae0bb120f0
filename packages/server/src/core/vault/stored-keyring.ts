import type { Queryable } from '../store/queryable.js';
import type { Store } from '../store/store.js';
import { StoreUnavailableError } from '../store/store-error.js';
import type { VaultKeyTable } from '../store/tables.js';
import { createVault, UnreadableError, type Vault } from './envelope.js';
import { checkKey, moveKeyCheck } from './key-check.js';
import { type KeyEncryptionKey, KeyError, type Keyring, keyOfBytes, newKey } from './keyring.js';
import { adoptTokenHashes, type HashToken, tokenHasher } from './token-hashes.js';

// The keyring as the store keeps it: each key sealed under the master key, so that one row in one database is what
// all nodes go by, and destroying that row destroys the key.

/** How old a node's view may be before it seals nothing more: it could have missed a rotation. */
const viewMs = 5_000;
/** Most wraps that are put on the count at once. A crash counts what was not used, never too little. */
const reservedMost = 65_536;
/** Shares of the limit at which the log warns, and at which a node rotates by itself. */
const shares = { warn: 0.5, rotate: 0.75 };

/** How many data keys one key may wrap, and what happens on the way there. */
export interface WrapLimits {
  max: number;
  warnAt: number;
  rotateAt: number;
  /** Counted at once. */
  block: number;
}

/** @param max NIST SP 800-38D section 8.3: at most 2^32 seals with random IVs under one key. */
export function wrapLimits(max: number): WrapLimits {
  const block = Math.max(1, Math.min(reservedMost, Math.floor(max / 16)));
  return { max, warnAt: max * shares.warn, rotateAt: max * shares.rotate, block };
}

export interface Master {
  key: KeyEncryptionKey;
  /** While the master key is changed. */
  previous?: KeyEncryptionKey;
}

/** A key that data keys are wrapped under. */
export type SealingKey = VaultKeyTable & { state: 'coming' | 'active' | 'previous' };

const isSealing = (row: VaultKeyTable): row is SealingKey => row.state !== 'own';

export interface StoredKeyring extends Keyring {
  readonly masterId: string;
  /** For what a process keeps outside the store: under the master key, whatever becomes of the keys in the store. */
  readonly ownVault: Vault;
  readonly limits: WrapLimits;
  /** The store's own key, for as long as the store lives. */
  readonly own: KeyEncryptionKey;
  readonly hashToken: HashToken;
  /** Ids of the master keys; records from before there was a keyring are under one. */
  readonly masterIds: string[];
  /** Ids of the keys that records may be under and should not be any more. */
  formerIds(): string[];
  /** These keys are gone from the store: what is under them opens no more, and nobody waits until they are learned. */
  giveUp(ids: readonly string[]): void;
  /** False while nothing can be sealed: `active` would throw. */
  canSeal(): boolean;
  /** Learns what other nodes have changed, and reserves wraps. @returns the keys of the store */
  refresh(): Promise<SealingKey[]>;
  /** A new key, sealed for the store. */
  make(): VaultKeyTable;
}

export interface KeyringOptions {
  /** Data keys that one key may wrap. */
  wrapsMax: number;
}

const context = (id: string) => ({
  tenantId: '',
  recordKind: 'vault-key',
  recordId: id,
  ownerId: '',
  version: 1,
  field: 'key',
});

function sealedRow(master: KeyEncryptionKey, key: KeyEncryptionKey) {
  const { keyId, ...sealed } = createVault(master).seal(key.bytes.toString('base64'), context(key.id));
  return { master_id: keyId, wrapped_key: sealed.wrappedKey, ciphertext: sealed.ciphertext };
}

function openedRow(row: VaultKeyTable, masters: readonly KeyEncryptionKey[]): KeyEncryptionKey {
  const master = masters.find(({ id }) => id === row.master_id);
  if (!master) throw new UnreadableError('sealed under another master key');
  const sealed = { keyId: row.master_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
  return keyOfBytes(
    Buffer.from(createVault(master).open(sealed, context(row.id)).reveal() as string, 'base64'),
  );
}

/**
 * The store's own key, from the rows of its keyring; undefined for one from before there was such a key.
 * @throws KeyError when the keyring is under another master key
 */
export function ownKeyOf(
  rows: readonly VaultKeyTable[],
  { key, previous }: Master,
): KeyEncryptionKey | undefined {
  const row = rows.find(({ state }) => state === 'own');
  try {
    return row && openedRow(row, previous ? [key, previous] : [key]);
  } catch (cause) {
    if (!(cause instanceof UnreadableError)) throw cause;
    throw new KeyError('The keys of the store are under another master key. Name the right one.', { cause });
  }
}

/**
 * The keys of a store, for opening what is there: nothing is written, and nothing can be sealed.
 * @throws KeyError
 */
export async function readKeys(db: Queryable, { key, previous }: Master): Promise<Keyring> {
  const masters = previous ? [key, previous] : [key];
  try {
    const opened = (await rowsOf(db)).filter(isSealing).map((row) => openedRow(row, masters));
    return {
      active: () => {
        throw new StoreUnavailableError('Nothing is sealed here.');
      },
      find: (id) => [...masters, ...opened].find((one) => one.id === id),
    };
  } catch (cause) {
    if (!(cause instanceof UnreadableError)) throw cause;
    throw new KeyError('A key of the store does not open under the master key.', { cause });
  }
}

/** The own key of a store, if it has one. @throws KeyError */
export const readOwnKey = async (db: Queryable, master: Master): Promise<KeyEncryptionKey | undefined> =>
  ownKeyOf(await rowsOf(db), master);

/** The store's own key; makes it for a store that has none, and brings hashes from before under it. */
async function ownKey(store: Store, master: Master): Promise<KeyEncryptionKey> {
  const found = ownKeyOf(await rowsOf(store.db), master);
  if (found) return found;
  const made = newKey();
  await store.transaction(async (tx) => {
    const { numInsertedOrUpdatedRows } = await tx
      .insertInto('vault_key')
      .values({
        ...{ id: made.id, state: 'own' as const, ...sealedRow(master.key, made), wraps: 0 },
        ...{ created_at: store.clock.iso(), replaced_at: null },
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows === 1n) await adoptTokenHashes(tx, made);
  });
  const stored = ownKeyOf(await rowsOf(store.db), master);
  if (!stored) throw new KeyError("The store's own key cannot be written.");
  return stored;
}

const rowsOf = (db: Queryable) => db.selectFrom('vault_key').selectAll().orderBy('created_at').execute();

/** Moves every key from the master key before to the one of now, all or none. */
async function moveToMaster(store: Store, { key, previous }: Required<Master>): Promise<void> {
  await store.transaction(async (tx) => {
    for (const row of await rowsOf(tx)) {
      if (row.master_id === key.id) continue;
      const moved = sealedRow(key, openedRow(row, [previous]));
      await tx.updateTable('vault_key').set(moved).where('id', '=', row.id).execute();
    }
    await moveKeyCheck(tx, createVault(key));
  });
  await store.checkpoint();
}

/**
 * Proves the master key before anything is written.
 * @throws KeyError
 */
export async function checkMaster(store: Store, { key, previous }: Master): Promise<void> {
  await checkKey(store.db, previous ? [createVault(key), createVault(previous)] : [createVault(key)]);
}

/**
 * The keyring of a migrated store; makes the first key of a store that has none.
 * @throws KeyError
 */
export async function openKeyring(
  store: Store,
  master: Master,
  options: KeyringOptions,
): Promise<StoredKeyring> {
  const { key, previous } = master;
  const vault = createVault(key);
  const found = await checkKey(store.db, previous ? [vault, createVault(previous)] : [vault]);
  if (previous && found !== vault) await moveToMaster(store, { key, previous });
  try {
    const own = await ownKey(store, master);
    const keyring = createStoredKeyring(store, master, { own, limits: wrapLimits(options.wrapsMax) });
    await makeFirstKey(store, keyring);
    await keyring.refresh();
    return keyring;
  } catch (cause) {
    if (!(cause instanceof UnreadableError)) throw cause;
    throw new KeyError(
      'A key of the store does not open under the master key. Set MOORING_MASTER_KEY_PREVIOUS while the master key is changed.',
      { cause },
    );
  }
}

async function makeFirstKey(store: Store, keyring: StoredKeyring): Promise<void> {
  if ((await rowsOf(store.db)).some(({ state }) => state === 'active')) return;
  // Of nodes that start together on a new store one makes it.
  await store.db
    .insertInto('vault_key')
    .values({ ...keyring.make(), state: 'active' })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

function createStoredKeyring(
  store: Store,
  { key: master, previous }: Master,
  { own, limits }: { own: KeyEncryptionKey; limits: WrapLimits },
): StoredKeyring {
  const masters = previous ? [master, previous] : [master];
  // What was sealed before there was a keyring is under the master key itself.
  let keys = new Map(masters.map((one) => [one.id, one]));
  let active: KeyEncryptionKey | undefined;
  /** Wraps that are counted and not yet used, by key. */
  const reserved = new Map<string, number>();
  let seenAt = 0;
  const strangers = new Set<string>();
  let turns = 0;
  let shown = 0;

  /** Counts wraps ahead, in one statement with the limit, so that nodes that count together do not pass it together. */
  const reserve = async ({ id }: VaultKeyTable): Promise<void> => {
    const { block, max } = limits;
    if ((reserved.get(id) ?? 0) > block / 2) return;
    const { numUpdatedRows } = await store.db
      .updateTable('vault_key')
      .set((eb) => ({ wraps: eb('wraps', '+', block) }))
      .where('id', '=', id)
      .where('wraps', '<=', max - block)
      .executeTakeFirst();
    if (numUpdatedRows === 1n) reserved.set(id, (reserved.get(id) ?? 0) + block);
  };

  const refresh = async (): Promise<SealingKey[]> => {
    const at = performance.now();
    turns += 1;
    const turn = turns;
    const rows = (await rowsOf(store.db)).filter(isSealing);
    const opened = rows.map((row) => keys.get(row.id) ?? openedRow(row, masters));
    const current = rows.find(({ state }) => state === 'active');
    if (current) await reserve(current);
    // A slow look must not bring back what a later one saw replaced.
    if (turn < shown) return rows;
    shown = turn;
    keys = new Map([...masters, ...opened].map((one) => [one.id, one]));
    active = opened.find(({ id }) => id === current?.id);
    seenAt = at;
    return rows;
  };

  const isKnown = () =>
    active !== undefined && (store.kind === 'sqlite' || performance.now() - seenAt <= viewMs);

  return {
    masterId: master.id,
    ownVault: createVault({ active: () => master, find: (id) => masters.find((one) => one.id === id) }),
    limits,
    own,
    hashToken: tokenHasher(own),
    masterIds: masters.map(({ id }) => id),
    formerIds: () => [...keys.keys()].filter((id) => id !== active?.id),
    giveUp(ids) {
      for (const id of ids) strangers.add(id);
    },
    canSeal: () => isKnown() && (reserved.get(active?.id ?? '') ?? 0) > 0,
    refresh,
    make() {
      const made = newKey();
      const at = store.clock.iso();
      const row = { id: made.id, ...sealedRow(master, made), wraps: 0, created_at: at, replaced_at: null };
      return { ...row, state: 'coming' };
    },
    active() {
      if (!active || !isKnown()) throw new StoreUnavailableError('It is not known which key is active.');
      const left = reserved.get(active.id) ?? 0;
      if (left <= 0) {
        throw new StoreUnavailableError(
          'The active key has wrapped all it may for now. See: mooring keys list',
        );
      }
      reserved.set(active.id, left - 1);
      return active;
    },
    find(id) {
      const found = keys.get(id);
      if (found || store.kind === 'sqlite' || strangers.has(id)) return found;
      // Another node may have made it this second: look once, and let the caller come again.
      if (strangers.size > 1_000) strangers.clear();
      void refresh().then(
        () => (keys.has(id) ? undefined : strangers.add(id)),
        () => undefined,
      );
      throw new StoreUnavailableError('A key of another node is being learned.');
    },
  };
}
