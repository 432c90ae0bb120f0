import { hmacSha256 } from '../crypto/digest.js';
import type { Queryable } from '../store/queryable.js';
import type { UseCheckpointTable } from '../store/tables.js';
import { furthest, type Head, type Heads, noHead } from './chain.js';
import type { RecordKey } from './keys.js';

// A checkpoint lists the heads of all shards at one moment, is signed, and carries the hash of the previous one.
// Records that it covers can no longer be cut off unnoticed. Verification starts with the checkpoint where the
// retained log begins.

export interface Checkpoint {
  number: number;
  at: string;
  /** Head of every shard that has a record. */
  heads: Heads;
  keptFrom: number;
  keyVersion: number;
  note: string | null;
  hash: string;
}

/** What is known of the usage log of a tenant. */
export interface KeptRecord {
  readonly tenantId: string;
  readonly key: RecordKey;
  /** The last one with a valid signature. */
  checkpoint: Checkpoint;
  /** A later row without a valid signature: the log continues after it, and verification reports it. */
  ahead: Pick<Checkpoint, 'number' | 'hash'> | undefined;
  /** Furthest head of each shard that this process has seen. */
  readonly seen: Heads;
}

export const see = (seen: Heads, heads: Heads): void => {
  for (const [shard, head] of heads) seen.set(shard, furthest(seen.get(shard), head));
};

/** Stands for the state before the first checkpoint. */
export const noCheckpoint: Checkpoint = {
  ...{ number: 0, at: '', heads: new Map(), keptFrom: 0, keyVersion: 0, note: null, hash: '' },
};

/**
 * Every how many checkpoints one is full. The others list only heads that moved, so that an idle server does not fill
 * its store.
 */
const fullEvery = 128;

const sorted = (heads: Heads): [number, number, string][] =>
  [...heads]
    .map(([shard, { seq, hash }]) => [shard, seq, hash] as [number, number, string])
    .toSorted((a, b) => a[0] - b[0]);

type Signed = Omit<UseCheckpointTable, 'heads' | 'is_full' | 'hash'>;

const signatureOf = (key: Buffer, row: Signed, heads: Heads): string =>
  hmacSha256(
    key,
    JSON.stringify([
      ...['checkpoint', row.tenant_id, row.number, row.at, row.kept_from, row.key_version, row.note],
      ...[row.previous_hash, sorted(heads)],
    ]),
  );

function listed(row: Pick<UseCheckpointTable, 'heads'>): Heads | undefined {
  try {
    const heads = JSON.parse(row.heads) as [number, number, string][];
    return new Map(heads.map(([shard, seq, hash]) => [shard, { seq, hash }]));
  } catch {
    return undefined;
  }
}

/**
 * The checkpoint of a row, if its signature is valid.
 * @param before the previous checkpoint; only a full one can be read without it
 */
export function readCheckpoint(
  row: UseCheckpointTable,
  before: Checkpoint | undefined,
  key: Buffer | undefined,
): Checkpoint | undefined {
  const moved = listed(row);
  if (!key || !moved || (row.is_full !== 1 && !before)) return undefined;
  const heads: Heads = row.is_full === 1 ? moved : new Map([...(before?.heads ?? []), ...moved]);
  if (signatureOf(key, row, heads) !== row.hash) return undefined;
  const { number, at, kept_from: keptFrom, key_version: keyVersion, note, hash } = row;
  return { number, at, heads, keptFrom, keyVersion, note, hash };
}

/** True when `next` may directly follow `before`: chained to it, and without a number that decreased. */
export function follows(before: Checkpoint, next: Checkpoint, row: UseCheckpointTable): boolean {
  const isForward = [...before.heads].every(([shard, { seq, hash }]) => {
    const now = next.heads.get(shard) ?? noHead;
    return now.seq > seq || (now.seq === seq && now.hash === hash);
  });
  return (
    next.number === before.number + 1 &&
    row.previous_hash === before.hash &&
    next.keptFrom >= before.keptFrom &&
    next.keyVersion >= before.keyVersion &&
    next.at >= before.at &&
    isForward
  );
}

export type NewCheckpoint = Pick<Checkpoint, 'at' | 'heads' | 'keptFrom' | 'note'>;

/** The checkpoint after `before`, and its row. */
export function nextCheckpoint(
  tenantId: string,
  { version, key }: RecordKey,
  before: Checkpoint,
  { at, heads, keptFrom, note }: NewCheckpoint,
): { checkpoint: Checkpoint; row: UseCheckpointTable } {
  const number = before.number + 1;
  const signed = {
    ...{ tenant_id: tenantId, number, at, kept_from: keptFrom, key_version: version, note },
    previous_hash: before.hash,
  };
  const isFull = number % fullEvery === 1 || note !== null || before.heads.size === 0;
  const moved = ([shard, { seq }]: [number, Head]) => seq !== (before.heads.get(shard)?.seq ?? 0);
  const shown = isFull ? heads : new Map([...heads].filter(moved));
  const hash = signatureOf(key, signed, heads);
  return {
    checkpoint: { number, at, heads, keptFrom, keyVersion: version, note, hash },
    row: { ...signed, is_full: isFull ? 1 : 0, heads: JSON.stringify(sorted(shown)), hash },
  };
}

export const checkpointsOf = (db: Queryable, tenantId: string) =>
  db.selectFrom('use_checkpoint').selectAll().where('tenant_id', '=', tenantId);

export const checkpointsAfter = (
  db: Queryable,
  tenantId: string,
  number: number,
  most: number,
): Promise<UseCheckpointTable[]> =>
  checkpointsOf(db, tenantId).where('number', '>', number).orderBy('number').limit(most).execute();

export const lastCheckpointRow = (db: Queryable, tenantId: string): Promise<UseCheckpointTable | undefined> =>
  checkpointsOf(db, tenantId).orderBy('number', 'desc').limit(1).executeTakeFirst();

export type KeyOfVersion = (version: number) => Promise<Buffer | undefined>;

/**
 * A checkpoint with all its heads; undefined when it, or one that it depends on, is missing or has no valid
 * signature.
 */
export async function checkpointAt(
  db: Queryable,
  keyOf: KeyOfVersion,
  tenantId: string,
  number: number,
): Promise<Checkpoint | undefined> {
  if (number === 0) return noCheckpoint;
  const full = await checkpointsOf(db, tenantId)
    .where('number', '<=', number)
    .where('is_full', '=', 1)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  let found = full && readCheckpoint(full, undefined, await keyOf(full.key_version));
  if (!found) return undefined;
  for (const row of await checkpointsAfter(db, tenantId, found.number, number - found.number)) {
    const next: Checkpoint | undefined = readCheckpoint(row, found, await keyOf(row.key_version));
    if (!next || !follows(found, next, row)) return undefined;
    found = next;
  }
  return found.number === number ? found : undefined;
}
