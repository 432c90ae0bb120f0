// Tables of the toy in parts.
import { z } from 'zod';
import type { Column, Row } from '../interface/data-types.js';
import { ConnectorError } from '../interface/errors.js';
import type { ReadRequest, Split } from '../interface/plan.js';
import type { ToyOrder, ToyPart } from './toy-server.js';

export type Told = Record<string, unknown> & { columns: Column[]; rows: Row[]; names: string[] };

/** Sends a message, and waits for its answer. */
export type Ask = (order: ToyOrder) => Promise<Told>;

const splitSchema = z.strictObject({
  from: z.int().min(0),
  to: z.int().min(0).optional(),
  held: z.int().min(0).optional(),
});

/** @throws ConnectorError `invalid_query` for anything but a part that a plan has made */
export function partOf(split: Split): ToyPart {
  const { data } = splitSchema.safeParse(split);
  if (!data) throw new ConnectorError('invalid_query', 'The split is not one of this source.');
  return JSON.parse(JSON.stringify(data)) as ToyPart;
}

/** Parts of a table. The last has what is added, unless all are of one state. */
export async function splitsOf(ask: Ask, from: { table: string }, request: ReadRequest) {
  const { parts, consistency, since, split } = request;
  const { rows } = await ask({ verb: 'size', ...from });
  const [start, count] = [Number(since ?? 0), Number(rows)];
  if (split !== undefined) return { splits: [partOf(split)], count };
  const held = consistency === 'snapshot' ? { held: Number((await ask({ verb: 'hold' }))['held']) } : {};
  if (parts === undefined) return { splits: [{ from: start, to: count, ...held }], count };
  const each = Math.max(1, Math.ceil((count - start) / parts));
  const splits = Array.from({ length: Math.max(1, Math.ceil((count - start) / each)) }, (_, at) => {
    const end = start + (at + 1) * each;
    return { from: start + at * each, ...(end < count ? { to: end } : {}), ...held };
  });
  return { splits, count };
}
