import type { Store } from '../store/store.js';
import { StoreUnavailableError } from '../store/store-error.js';
import type { VaultKeyTable } from '../store/tables.js';
import { createVault, type Vault } from './envelope.js';
import { type KeyEncryptionKey, type Keyring, newKey } from './keyring.js';
import { isSealing, keyRows, type Master, openedRow, type SealingKey, sealedRow } from './keyring-rows.js';
import { type HashToken, tokenHasher } from './token-hashes.js';
import { createWrapCount, type WrapLimits } from './wrap-count.js';

// The keyring of the store, shared by all nodes: destroying the row of a key destroys the key.

/** How old a node's view may be before it stops sealing: it could have missed a rotation. */
const viewMs = 5_000;

export interface StoredKeyring extends Keyring {
  readonly masterId: string;
  /** Seals what a process keeps outside the store: under the master key, whatever happens to the keys in the store. */
  readonly ownVault: Vault;
  readonly limits: WrapLimits;
  /** The store's own key, for as long as the store lives. */
  readonly own: KeyEncryptionKey;
  readonly hashToken: HashToken;
  /** Ids of the master keys; records that predate the keyring are under one. */
  readonly masterIds: string[];
  /** Ids of the keys that records may still be under but should not. */
  formerIds(): string[];
  /** These keys are gone from the store: records under them no longer open, and `find` does not reload for them. */
  giveUp(ids: readonly string[]): void;
  /** False while nothing can be sealed: `active` would throw. */
  canSeal(): boolean;
  /** Loads what other nodes have changed, and reserves wraps. @returns the keys of the store */
  refresh(): Promise<SealingKey[]>;
  /** A new key, sealed for the store. */
  make(): VaultKeyTable;
}

export function createStoredKeyring(
  store: Store,
  { key: master, previous }: Master,
  { own, limits }: { own: KeyEncryptionKey; limits: WrapLimits },
): StoredKeyring {
  const masters = previous ? [master, previous] : [master];
  // Records that predate the keyring are sealed under the master key itself.
  let keys = new Map(masters.map((one) => [one.id, one]));
  let active: KeyEncryptionKey | undefined;
  const wraps = createWrapCount(store, limits);
  let seenAt = 0;
  const strangers = new Set<string>();
  let turns = 0;
  let shown = 0;

  const refresh = async (): Promise<SealingKey[]> => {
    const at = performance.now();
    turns += 1;
    const turn = turns;
    const rows = (await keyRows(store.db)).filter(isSealing);
    const opened = rows.map((row) => keys.get(row.id) ?? openedRow(row, masters));
    const current = rows.find(({ state }) => state === 'active');
    if (current) await wraps.reserve(current.id);
    // A slow read must not undo what a later one saw.
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
    canSeal: () => isKnown() && wraps.left(active?.id ?? '') > 0,
    refresh,
    make() {
      const made = newKey();
      const at = store.clock.iso();
      const row = { id: made.id, ...sealedRow(master, made), wraps: 0, created_at: at, replaced_at: null };
      return { ...row, state: 'coming' };
    },
    active() {
      if (!active || !isKnown()) throw new StoreUnavailableError('The active key is unknown.');
      if (!wraps.take(active.id)) {
        throw new StoreUnavailableError(
          'The active key has reached its wrap limit for now. See: mooring keys list',
        );
      }
      return active;
    },
    find(id) {
      const found = keys.get(id);
      if (found || store.kind === 'sqlite' || strangers.has(id)) return found;
      // Another node may have just created it: reload once, and let the caller retry.
      if (strangers.size > 1_000) strangers.clear();
      void refresh().then(
        () => (keys.has(id) ? undefined : strangers.add(id)),
        () => undefined,
      );
      throw new StoreUnavailableError('The key of another node is being loaded.');
    },
  };
}
