import { sql } from 'kysely';
import { hmacSha256, sha256 } from '../crypto/digest.js';
import { countRows } from '../store/count-rows.js';
import type { Queryable, Tx } from '../store/queryable.js';
import type { TokenHash } from '../store/tables.js';
import type { KeyEncryptionKey } from './keyring.js';

// Bearer secrets (API keys, secrets of OAuth clients, invitation tokens) are stored as HMACs under the store's own
// key. That key is in the keyring, so an archive without it neither exposes a weak secret to a dictionary attack nor
// accepts a planted row.

/** The stored form of a bearer secret: id of the store's own key, a dot, HMAC-SHA-256 of the SHA-256 of the secret. */
export type HashToken = (token: string) => TokenHash;

const tagOf = (own: KeyEncryptionKey, digest: string): TokenHash =>
  `${own.id}.${hmacSha256(own.bytes, `mooring token ${digest}`)}` as TokenHash;

export const tokenHasher =
  (own: KeyEncryptionKey): HashToken =>
  (token) =>
    tagOf(own, sha256(token));

const columns = [
  ['api_key', 'token_hash'],
  ['oauth_client_secret', 'secret_hash'],
  ['invitation', 'token_hash'],
] as const;

/**
 * Converts the bare SHA-256 hashes of version 0.1.0 to HMACs, without the secrets. Called once, in the transaction
 * that creates the key: a bare hash that appears later was planted, and never matches.
 */
export async function adoptTokenHashes(tx: Tx, own: KeyEncryptionKey): Promise<void> {
  for (const [table, column] of columns) {
    const rows = await tx
      .selectFrom(table)
      .select(`${column} as hash`)
      .where(sql.ref(column), 'not like', '%.%')
      .execute();
    for (const { hash } of rows) {
      await tx
        .updateTable(table)
        .set({ [column]: tagOf(own, hash) })
        .where(column, '=', hash)
        .execute();
    }
  }
}

/** Number of bearer secrets hashed under a key that the store no longer has. No secret matches them. */
export async function countStrangeTokenHashes(db: Queryable, own: KeyEncryptionKey): Promise<number> {
  const counts = await Promise.all(
    columns.map(([table, column]) =>
      countRows(db.selectFrom(table).where(sql.ref(column), 'not like', `${own.id}.%`)),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
