import type { Queryable, Tx } from '../store/store.js';
import type { UseTable } from '../store/tables.js';
import { sha256 } from '../vault/digest.js';
import { type SealContext, UnreadableError, type Vault } from '../vault/envelope.js';

// The chain of uses of a tenant: each record carries the hash of the one before it, and the head of the chain is
// sealed with the vault, so that a record that was changed, removed, added or cut off the end shows.

type Unhashed = Omit<UseTable, 'hash'>;
export type NewUse = Omit<Unhashed, 'seq' | 'previous_hash'>;

/** Hash of a record: SHA-256 over the members in a fixed order, the previous hash among them. */
export function hashOfUse(use: Unhashed): string {
  const { key_id, credential_version, what_hash, bytes } = use;
  const facts = [key_id, credential_version, what_hash, bytes];
  return sha256(
    JSON.stringify([
      use.tenant_id,
      use.seq,
      use.at,
      use.user_id,
      use.connection_id,
      use.credential_id,
      use.credential_owner_id,
      use.action,
      use.result,
      use.rows,
      use.of_seq,
      use.previous_hash,
      // Records from before these were kept have none, and keep their hash.
      ...(facts.every((fact) => fact === null) ? [] : facts),
    ]),
  );
}

export interface ChainHead {
  seq: number;
  hash: string;
}

const headContext = (tenantId: string, seq: number): SealContext => ({
  tenantId,
  recordKind: 'use-head',
  recordId: tenantId,
  ownerId: '',
  version: seq,
  field: 'head',
});

async function sealHead(tx: Tx, vault: Vault, tenantId: string, head: ChainHead): Promise<void> {
  const { keyId, wrappedKey, ciphertext } = vault.seal(head, headContext(tenantId, head.seq));
  const columns = { version: head.seq, key_id: keyId, wrapped_key: wrappedKey, ciphertext };
  await tx
    .insertInto('secret')
    .values({
      ...{ tenant_id: tenantId, record_kind: 'use-head', record_id: tenantId, field: 'head', owner_id: '' },
      ...columns,
    })
    .onConflict((conflict) => conflict.columns(['record_kind', 'record_id', 'field']).doUpdateSet(columns))
    .execute();
}

/** Appends records to the chains of their tenants, in order. @returns their places */
export async function appendUses(tx: Tx, vault: Vault, records: readonly NewUse[]): Promise<number[]> {
  const heads = new Map<string, ChainHead>();
  const placed: UseTable[] = [];
  for (const use of records) {
    const head =
      heads.get(use.tenant_id) ??
      (await tx
        .selectFrom('use')
        .select(['seq', 'hash'])
        .where('tenant_id', '=', use.tenant_id)
        .orderBy('seq', 'desc')
        .limit(1)
        .executeTakeFirst());
    const record: Unhashed = { ...use, seq: (head?.seq ?? 0) + 1, previous_hash: head?.hash ?? '' };
    const row = { ...record, hash: hashOfUse(record) };
    heads.set(use.tenant_id, row);
    placed.push(row);
  }
  await tx.insertInto('use').values(placed).execute();
  for (const [tenantId, { seq, hash }] of heads) await sealHead(tx, vault, tenantId, { seq, hash });
  return placed.map(({ seq }) => seq);
}

/**
 * Seals the end of the chain as it stands, where the sealed head is under a key that is gone. From here on it is proven
 * again; what was cut off the end before cannot be seen any more.
 * @returns the head, to be put on record
 */
export async function resealHead(tx: Tx, vault: Vault, tenantId: string): Promise<ChainHead> {
  const last = await tx
    .selectFrom('use')
    .select(['seq', 'hash'])
    .where('tenant_id', '=', tenantId)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const head = last ?? { seq: 0, hash: '' };
  await sealHead(tx, vault, tenantId, head);
  return head;
}

export interface ChainReport {
  ok: boolean;
  records: number;
  /** Of the last record that was found; to be written down, and compared the next time. */
  head?: ChainHead;
  /** The first place where the chain does not hold. */
  broken?: { seq: number; problem: 'missing' | 'changed' | 'cut off' | 'head unreadable' };
}

const recordsAtOnce = 1000;

/** Walks the chain of a tenant from its beginning. */
export async function verifyUses(db: Queryable, vault: Vault, tenantId: string): Promise<ChainReport> {
  let head: ChainHead = { seq: 0, hash: '' };
  for (;;) {
    const rows = await db
      .selectFrom('use')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .where('seq', '>', head.seq)
      .orderBy('seq')
      .limit(recordsAtOnce)
      .execute();
    if (rows.length === 0) break;
    for (const { hash, ...use } of rows) {
      const broken = (problem: 'missing' | 'changed'): ChainReport => ({
        ...{ ok: false, records: head.seq, head, broken: { seq: head.seq + 1, problem } },
      });
      if (use.seq !== head.seq + 1) return broken('missing');
      if (use.previous_hash !== head.hash || hashOfUse(use) !== hash) return broken('changed');
      head = { seq: use.seq, hash };
    }
  }
  return againstSealed(db, vault, tenantId, head);
}

/** Whoever can write the store but has no key can cut records off the end, but not say so under seal. */
async function againstSealed(
  db: Queryable,
  vault: Vault,
  tenantId: string,
  head: ChainHead,
): Promise<ChainReport> {
  const found = { records: head.seq, ...(head.seq === 0 ? {} : { head }) };
  const row = await db
    .selectFrom('secret')
    .selectAll()
    .where('record_kind', '=', 'use-head')
    .where('record_id', '=', tenantId)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst();
  // Records from before heads were sealed.
  if (!row) return { ok: true, ...found };
  try {
    const sealed = { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
    const last = vault.open(sealed, headContext(tenantId, row.version)) as ChainHead;
    if (last.seq > head.seq)
      return { ok: false, ...found, broken: { seq: head.seq + 1, problem: 'cut off' } };
    if (last.seq === head.seq && last.hash !== head.hash)
      return { ok: false, ...found, broken: { seq: head.seq, problem: 'changed' } };
    // A node appended between the two looks, or the sealed head was put back with records after it left alone.
    if (last.seq < head.seq && !(await isOnChain(db, tenantId, last)))
      return { ok: false, ...found, broken: { seq: last.seq, problem: 'changed' } };
    return { ok: true, ...found };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return { ok: false, ...found, broken: { seq: head.seq, problem: 'head unreadable' } };
  }
}

/** True for a head that the chain once had. */
export async function isOnChain(db: Queryable, tenantId: string, { seq, hash }: ChainHead): Promise<boolean> {
  const row = await db
    .selectFrom('use')
    .select('hash')
    .where('tenant_id', '=', tenantId)
    .where('seq', '=', seq)
    .executeTakeFirst();
  return row?.hash === hash;
}
