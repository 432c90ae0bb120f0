import type { Queryable } from '../store/queryable.js';
import { StoreUnavailableError } from '../store/store-error.js';
import type { VaultKeyTable } from '../store/tables.js';
import { createVault, serverContext, UnreadableError } from './envelope.js';
import { type KeyEncryptionKey, KeyError, type Keyring, keyOfBytes } from './keyring.js';
import { fromSealedColumns, toSealedColumns } from './sealed-fields.js';

// The keyring as the store keeps it: each key sealed under the master key.

export interface Master {
  key: KeyEncryptionKey;
  /** While the master key is replaced. */
  previous?: KeyEncryptionKey;
}

/** A key that data keys are wrapped under. */
export type SealingKey = VaultKeyTable & { state: 'coming' | 'active' | 'previous' };

export const isSealing = (row: VaultKeyTable): row is SealingKey => row.state !== 'own';

export const keyRows = (db: Queryable) =>
  db.selectFrom('vault_key').selectAll().orderBy('created_at').execute();

const context = (id: string) => serverContext('vault-key', id, 'key');

export const mastersOf = ({ key, previous }: Master): KeyEncryptionKey[] =>
  previous ? [key, previous] : [key];

export function sealedRow(master: KeyEncryptionKey, key: KeyEncryptionKey) {
  const sealed = createVault(master).seal(key.bytes.toString('base64'), context(key.id));
  const { key_id, ...columns } = toSealedColumns(sealed);
  return { master_id: key_id, ...columns };
}

export function openedRow(row: VaultKeyTable, masters: readonly KeyEncryptionKey[]): KeyEncryptionKey {
  const master = masters.find(({ id }) => id === row.master_id);
  if (!master) throw new UnreadableError('sealed under another master key');
  const sealed = fromSealedColumns({ ...row, key_id: row.master_id });
  return keyOfBytes(
    Buffer.from(createVault(master).open(sealed, context(row.id)).reveal() as string, 'base64'),
  );
}

/**
 * The store's own key, from the rows of its keyring; undefined for a store that predates it.
 * @throws KeyError when the keyring is under another master key
 */
export function ownKeyOf(rows: readonly VaultKeyTable[], master: Master): KeyEncryptionKey | undefined {
  const row = rows.find(({ state }) => state === 'own');
  try {
    return row && openedRow(row, mastersOf(master));
  } catch (cause) {
    if (!(cause instanceof UnreadableError)) throw cause;
    throw new KeyError('The keys of the store are under another master key. Name the right one.', { cause });
  }
}

/**
 * The keys of a store, for opening only: writes nothing, and cannot seal.
 * @throws KeyError
 */
export async function readKeys(db: Queryable, master: Master): Promise<Keyring> {
  const masters = mastersOf(master);
  try {
    const opened = (await keyRows(db)).filter(isSealing).map((row) => openedRow(row, masters));
    return {
      active: () => {
        throw new StoreUnavailableError('These keys are read-only.');
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
  ownKeyOf(await keyRows(db), master);
