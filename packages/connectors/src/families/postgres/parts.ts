// Tables in parts that other connections can read: ranges of blocks, which PostgreSQL 14 and later reads without looking
// at the others (TID range scan).
import { z } from 'zod';
import { ConnectorError } from '../../interface/errors.js';
import type { Split } from '../../interface/plan.js';
import type { SqlParts } from '../sql/connection.js';
import type { RunStatement } from './connection.js';

const unsigned = z.int().min(0).max(0xffff_ffff);

/** A part travels through clients, so that it is untrusted. */
const partSchema = z.strictObject({
  /** The table's file: another one after a rewrite (VACUUM FULL, TRUNCATE), which moves every row. */
  file: unsigned,
  from: unsigned,
  /** Exclusive; null: to the end, with what is added. */
  to: unsigned.nullable(),
  /** Name of the state that all parts see. Source: PostgreSQL documentation, "Snapshot Synchronization Functions". */
  snapshot: z
    .string()
    .regex(/^[0-9A-F]{8}-[0-9A-F]{8}-\d{1,10}$/)
    .optional(),
});

type Part = z.output<typeof partSchema>;

const partsMax = 1_000;

/** Heaps only: other tables have no blocks of their own, or none that a range selects. */
const BLOCKS = `
  select pg_catalog.pg_relation_filenode(c.oid)::text as file,
    (pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int)::text as blocks
  from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_am a on a.oid = c.relam
  where n.nspname = $1::name and c.relname = $2::name and c.relkind in ('r', 'm') and not c.relhassubclass
    and a.amname = 'heap' and pg_catalog.current_setting('server_version_num')::int >= 140000`;

const EXPORT = 'select pg_catalog.pg_export_snapshot() as name';

function partOf(split: Split): Part | undefined {
  if (split === null) return undefined;
  const { data } = partSchema.safeParse(split);
  if (data && (data.to === null || data.from < data.to)) return data;
  throw new ConnectorError('invalid_query', 'The split is not one of this data source.', {
    remedy: 'Pass a split as it came, or plan the read again.',
  });
}

const outdated = (message: string, cause?: unknown) =>
  new ConnectorError('invalid_query', message, { remedy: 'Plan the read again.', cause });

/** SQLSTATEs with which servers refuse the name of a snapshot that is over. */
const isOver = (error: unknown) =>
  error instanceof Error && ['22023', '42704'].includes(String(Reflect.get(error, 'code')));

/** @param begin begins a read-only transaction: of one state, and of that of another transaction */
export function postgresParts(
  run: RunStatement,
  begin: (state?: 'own' | { snapshot: string }) => Promise<unknown>,
): SqlParts {
  /** Of the transaction that is planning. */
  let snapshot: string | undefined;
  const blocksOf = async (table: readonly [string, string]) => {
    const [found] = await run<{ file: string | null; blocks: string }>(BLOCKS, [...table]);
    return found ? { file: Number(found.file), blocks: Number(found.blocks) } : undefined;
  };
  return {
    async begin({ split = null, consistency }) {
      const part = partOf(split);
      snapshot = undefined;
      if (part?.snapshot !== undefined) {
        await begin({ snapshot: part.snapshot }).catch((error: unknown) => {
          throw isOver(error) ? outdated('The read that made this split has ended.', error) : error;
        });
      } else if (consistency === 'snapshot') {
        await begin('own');
        snapshot = (await run<{ name: string }>(EXPORT, []))[0]?.name;
      } else await begin();
    },
    async of(table, count) {
      const found = await blocksOf(table);
      const wanted = Math.min(Math.trunc(count), partsMax, found?.blocks ?? 0);
      if (!found || wanted < 2) return [null];
      const each = Math.ceil(found.blocks / wanted);
      return Array.from({ length: Math.ceil(found.blocks / each) }, (_, at): Split => {
        const end = (at + 1) * each;
        const range = { from: at * each, to: end < found.blocks ? end : null };
        return { file: found.file, ...range, ...(snapshot === undefined ? {} : { snapshot }) };
      });
    },
    async condition(table, split) {
      const part = partOf(split);
      if (!part) return undefined;
      if ((await blocksOf(table))?.file !== part.file)
        throw outdated('The split is of another table, or the table has been rewritten since.');
      const from = `ctid >= '(${part.from},0)'::tid`;
      return part.to === null ? from : `${from} and ctid < '(${part.to},0)'::tid`;
    },
  };
}
