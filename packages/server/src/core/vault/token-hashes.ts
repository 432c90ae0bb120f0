import { sql } from 'kysely';
import { hmacSha256, sha256 } from '../crypto/digest.js';
import type { Queryable, Tx } from '../store/queryable.js';
import type { TokenHash } from '../store/tables.js';
import type { KeyEncryptionKey } from './keyring.js';

// Bearer secrets (API keys, secrets of OAuth clients, tokens of invitations) are kept as HMACs under the store's own key. That key is in the
// keyring, so an archive without it neither tells a weak key to a word list, nor takes a row that was planted.

/** What is kept of a bearer secret: id of the store's own key, a dot, HMAC-SHA-256 of the SHA-256 of the secret. */
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
 * Brings the bare SHA-256 hashes of version 0.1.0 under the key, without knowing the secrets. Called once, in the
 * transaction that makes the key: a bare hash that turns up later was planted, and stays one that nothing fits.
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

/** How many bearer secrets were hashed under a key that the store does not have any more. No secret fits them. */
export async function countStrangeTokenHashes(db: Queryable, own: KeyEncryptionKey): Promise<number> {
  const counts = await Promise.all(
    columns.map(([table, column]) =>
      db
        .selectFrom(table)
        .select((eb) => eb.fn.countAll().as('count'))
        .where(sql.ref(column), 'not like', `${own.id}.%`)
        .executeTakeFirstOrThrow(),
    ),
  );
  return counts.reduce((sum, { count }) => sum + Number(count), 0);
}
