import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// The usage log in 64 shards with signed checkpoints, and with actor, access grant and space. The former single chain
// becomes shard -1, which is closed; its hashes need no column for the previous hash.
const common =
  'tenant_id, seq, at, user_id, connection_id, credential_id, credential_owner_id, action, result';
const later = 'rows, of_seq, credential_version, what_hash, bytes, hash';

// A use is looked up by its start; its outcome is found through it.
const found = (by: string) =>
  `CREATE INDEX use_record_by_${by} ON use_record (tenant_id, ${by}, at, shard, seq) WHERE of_seq IS NULL`;

const statements = [
  `CREATE TABLE use_record (
    tenant_id text NOT NULL, shard integer NOT NULL, seq integer NOT NULL, at text NOT NULL,
    checkpoint integer, user_id text, client_id text, via_kind text, via_id text, connection_id text, space_id text, credential_id text,
    credential_owner_id text, credential_version integer, action text, what_hash text, of_seq integer,
    result text NOT NULL, rows integer, bytes integer, hash text NOT NULL, PRIMARY KEY (tenant_id, shard, seq))`,
  `INSERT INTO use_record (shard, ${common}, ${later}, via_id) SELECT -1, ${common}, ${later}, key_id FROM use`,
  `DROP TABLE use`,
  `CREATE INDEX use_record_at ON use_record (tenant_id, at, shard, seq) WHERE of_seq IS NULL`,
  ...['user_id', 'connection_id', 'space_id', 'credential_id', 'credential_owner_id'].map(found),
  `CREATE INDEX use_record_outcome ON use_record (tenant_id, shard, of_seq) WHERE of_seq IS NOT NULL`,
  `CREATE TABLE use_shard (
    tenant_id text NOT NULL, shard integer NOT NULL, seq integer NOT NULL, hash text NOT NULL,
    PRIMARY KEY (tenant_id, shard))`,
  `CREATE TABLE use_checkpoint (
    tenant_id text NOT NULL, number integer NOT NULL, at text NOT NULL, is_full integer NOT NULL, heads text NOT NULL,
    kept_from integer NOT NULL, key_version integer NOT NULL, note text, previous_hash text NOT NULL,
    hash text NOT NULL, PRIMARY KEY (tenant_id, number))`,
  `CREATE INDEX use_checkpoint_full ON use_checkpoint (tenant_id, at, number) WHERE is_full = 1`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
