import { hmacSha256, sha256 } from '../crypto/digest.js';
import type { Queryable, Tx } from '../store/queryable.js';
import type { Store } from '../store/store.js';
import type { UseRecordTable } from '../store/tables.js';

// The usage log is one hash chain per shard, so that uses of different credentials do not wait for each other. Each
// record carries a keyed hash over itself and the previous hash. An attacker who can write to the store but has no
// key can cut off the end of a chain, but cannot change, remove or add records before it.

/** The single chain of version 0.1, without a key. The first checkpoint closes it. */
export const formerShard = -1;
const shards = 64;

export interface Head {
  seq: number;
  hash: string;
}
/** Last record of each shard that has one. */
export type Heads = Map<number, Head>;

export const noHead: Head = { seq: 0, hash: '' };

export type NewUse = Omit<UseRecordTable, 'tenant_id' | 'shard' | 'seq' | 'hash'>;

/** Uses of one credential are in one shard, in order; without a credential, uses of one connection. */
export function shardOf(credentialId: string | null, connectionId: string): number {
  return (Buffer.from(sha256(credentialId ?? connectionId).slice(0, 2), 'base64url')[0] ?? 0) % shards;
}

type Unhashed = Omit<UseRecordTable, 'hash'>;

/** HMAC over every column, in a fixed order. */
function hashOf(key: Buffer, use: Unhashed, previous: string): string {
  const place = [use.tenant_id, use.shard, use.seq, previous, use.at, use.checkpoint];
  const who = [use.user_id, use.client_id, use.via_kind, use.via_id];
  const what = [use.connection_id, use.space_id, use.action, use.what_hash];
  const credential = [use.credential_id, use.credential_owner_id, use.credential_version];
  const outcome = [use.of_seq, use.result, use.rows, use.bytes];
  return hmacSha256(key, JSON.stringify(['use', ...place, ...who, ...what, ...credential, ...outcome]));
}

/** As version 0.1 hashed, without a key. */
function formerHashOf(use: Unhashed, previous: string): string {
  const facts = [use.via_id, use.credential_version, use.what_hash, use.bytes];
  const who = [use.user_id, use.connection_id, use.credential_id, use.credential_owner_id];
  return sha256(
    JSON.stringify([
      ...[use.tenant_id, use.seq, use.at, ...who, use.action, use.result, use.rows, use.of_seq, previous],
      // Records that predate these columns have none, and keep their hash.
      ...(facts.every((fact) => fact === null) ? [] : facts),
    ]),
  );
}

export const isOnChain = (key: Buffer, { hash, ...use }: UseRecordTable, previous: string): boolean =>
  hash === (use.shard === formerShard ? formerHashOf(use, previous) : hashOf(key, use, previous));

export const furthest = (...heads: readonly (Head | undefined)[]): Head =>
  heads.reduce<Head>((far, head) => (head && head.seq > far.seq ? head : far), noHead);

export const headsOf = (rows: readonly (Head & { shard: number })[]): Heads =>
  new Map(rows.map(({ shard, seq, hash }) => [shard, { seq, hash }]));

/** Last record of each shard, as the store has them. */
export async function shardHeads(db: Queryable, tenantId: string): Promise<Heads> {
  return headsOf(await db.selectFrom('use_shard').selectAll().where('tenant_id', '=', tenantId).execute());
}

export const recordsOf = (db: Queryable, tenantId: string, shard: number) =>
  db.selectFrom('use_record').where('tenant_id', '=', tenantId).where('shard', '=', shard);

/** Last record of a shard, from the records themselves. */
export const lastRecord = (db: Queryable, tenantId: string, shard: number): Promise<Head | undefined> =>
  recordsOf(db, tenantId, shard).select(['seq', 'hash']).orderBy('seq', 'desc').limit(1).executeTakeFirst();

export interface Appending {
  store: Pick<Store, 'kind'>;
  tenantId: string;
  key: Buffer;
  /**
   * Heads that this process has seen. If the store has lost them, numbering continues from here, so that the gap
   * shows.
   */
  seen: Heads;
  /** The store's heads were set back: use the records themselves. */
  isRepair: boolean;
}

async function lockedHeads(tx: Tx, { store, tenantId, seen, isRepair }: Appending, wanted: number[]) {
  const rows = await tx
    .selectFrom('use_shard')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('shard', 'in', wanted)
    // The same order everywhere, so that transactions do not deadlock.
    .orderBy('shard')
    .$if(store.kind === 'postgresql', (query) => query.forUpdate())
    .execute();
  const heads = headsOf(rows);
  for (const shard of wanted) {
    const last = isRepair || !heads.has(shard) ? await lastRecord(tx, tenantId, shard) : undefined;
    heads.set(shard, furthest(seen.get(shard), heads.get(shard), last));
  }
  return heads;
}

/**
 * Appends records to their shards, in order.
 * @returns their places in the shards, and the new heads
 */
export async function appendUses(
  tx: Tx,
  appending: Appending,
  uses: readonly { shard: number; use: NewUse }[],
): Promise<{ seqs: number[]; heads: Heads }> {
  const { tenantId, key } = appending;
  const wanted = [...new Set(uses.map(({ shard }) => shard))].toSorted((a, b) => a - b);
  const heads = await lockedHeads(tx, appending, wanted);
  const rows = uses.map(({ shard, use }) => {
    const before = heads.get(shard) ?? noHead;
    const record = { ...use, tenant_id: tenantId, shard, seq: before.seq + 1 };
    const hash = hashOf(key, record, before.hash);
    heads.set(shard, { seq: record.seq, hash });
    return { ...record, hash };
  });
  await tx.insertInto('use_record').values(rows).execute();
  await tx
    .insertInto('use_shard')
    .values([...heads].map(([shard, head]) => ({ tenant_id: tenantId, shard, ...head })))
    .onConflict((conflict) =>
      conflict
        .columns(['tenant_id', 'shard'])
        .doUpdateSet((eb) => ({ seq: eb.ref('excluded.seq'), hash: eb.ref('excluded.hash') })),
    )
    .execute();
  return { seqs: rows.map(({ seq }) => seq), heads };
}
