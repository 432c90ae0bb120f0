import type { FileOptions } from '@mooring/contract/file-options';
import type { Abilities } from '../../interface/abilities.js';
import type { Column, Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Filter } from '../../interface/filter.js';
import type { Batch, Cursor, ReadPlan, ReadRequest, Split } from '../../interface/plan.js';
import { lengthOf } from '../batch.js';
import { checkFilter, compileFilter } from '../filter.js';
import { createTurns } from '../turns.js';
import { pullsOf, started, streamOf } from './pulls.js';
import type { SessionRunner } from './run-session.js';
import { type Shape, shapeOf } from './shape-batches.js';
import type { CallOptions, Work } from './work.js';

/** A read as the API asks for it: `limit` counts the rows of the answer, `split` is one of an earlier read's. */
export interface ApiRead extends Omit<ReadRequest, 'matches' | 'lanes'> {
  /** Maximum rows per batch of rows. */
  batchRows: number;
  /** What the reader can use, best first; default: rows. */
  lanes?: ReadRequest['lanes'];
}

/** Batches in the pace of their reader. Can be iterated once; `return()` ends the work at the source. */
export interface RowStream {
  columns: readonly Column[];
  /** How the file is read: the requested and the detected options. A request with these returns the same rows. */
  file?: FileOptions;
  batches: AsyncIterable<Batch>;
  /** Where a later read continues; only once all rows have been read. */
  cursor(): Cursor | undefined;
  /** Parts of this read, for other sessions; `batches` has the rows of all of them. */
  splits: readonly Split[];
}

const splitBytesMax = 4_096;

const unsupported = (message: string, remedy?: string) =>
  new ConnectorError('unsupported', message, remedy === undefined ? {} : { remedy });

/** @throws ConnectorError `unsupported` for what the source cannot do; nothing has been sent then */
function assertAble(abilities: Abilities, request: ApiRead): void {
  const { target, orderBy, where, since, split, consistency } = request;
  const isQuery = 'query' in target;
  if (isQuery && !abilities.query)
    throw unsupported('This data source has no query language.', 'Use "path" instead of "query".');
  if (isQuery && target.parameters !== undefined && abilities.query?.parameters === 'none')
    throw unsupported('This data source has no query parameters.', 'Write the values into the query.');
  if (isQuery && (where || orderBy))
    throw unsupported(
      'A query cannot be filtered or sorted from outside.',
      'Write the condition into the query.',
    );
  if (orderBy && !abilities.pushdown.order) throw notSorted();
  if (since !== undefined && !abilities.incremental)
    throw unsupported('This data source cannot continue an earlier read.');
  if ((split !== undefined || consistency === 'snapshot') && !abilities.splits)
    throw unsupported('This data source cannot be read in parts.');
}

const notSorted = () =>
  unsupported('orderBy is not supported by this data source.', 'Leave it out, or use a query.');

const columnsIn = (filter: Filter): string[] => {
  if ('and' in filter) return filter.and.flatMap(columnsIn);
  if ('or' in filter) return filter.or.flatMap(columnsIn);
  return 'not' in filter ? columnsIn(filter.not) : [filter.column];
};

/** The request as the source gets it. */
function requestOf(request: ApiRead): ReadRequest {
  const { batchRows: _, lanes = ['rows'], limit, columns, ...rest } = request;
  const { where } = request;
  return {
    ...rest,
    lanes,
    // What the kit may have to check must arrive.
    ...(columns ? { columns: where ? [...new Set([...columns, ...columnsIn(where)])] : columns } : {}),
    // Only the plan knows whether the source does the whole filter, and it may stop only after rows that match.
    ...(limit === undefined ? {} : where ? { matches: limit } : { limit }),
  };
}

/** The filter that the source has left to the kit. */
function restOf({ done }: ReadPlan, { where }: ApiRead): Filter | undefined {
  if (!where || done.filter === 'all') return undefined;
  return done.filter === 'none' ? where : done.filter;
}

function assertPlan(plan: ReadPlan, request: ApiRead): void {
  if (request.orderBy && !plan.done.order) throw notSorted();
  if (request.consistency === 'snapshot' && plan.consistency !== 'snapshot')
    throw unsupported('This data source cannot read all parts in one state.');
  const sizes = plan.splits.map((split) => Buffer.byteLength(JSON.stringify(split)));
  if (sizes.length === 0 || sizes.some((size) => size > splitBytesMax))
    throw new ConnectorError('protocol_error', 'The parts of the read cannot be described.');
}

function keepsOf(plan: ReadPlan, request: ApiRead): ((row: Row) => boolean) | undefined {
  const rest = restOf(plan, request);
  if (!rest) return undefined;
  const asText = new Set(plan.done.asText ? request.asText : []);
  const both = columnsIn(rest).find((name) => asText.has(name));
  if (both !== undefined) {
    throw unsupported(
      `Column ${JSON.stringify(both.slice(0, 128))} cannot be compared by "where" while "asText" reads it as text.`,
      'Leave it out of "asText".',
    );
  }
  return compileFilter(rest, plan.columns);
}

/** Reads a target: plans it, and does what the source does not. */
export async function runRead(
  runner: SessionRunner,
  abilities: Abilities,
  request: ApiRead,
  options: CallOptions,
): Promise<RowStream> {
  assertAble(abilities, request);
  const { target, where, columns, asText = [], batchRows } = request;
  const asked = requestOf(request);
  const work = await runner.begin({ ...options, query: 'query' in target ? target.query : undefined });
  try {
    const plan = await work.step(async (session) => {
      const made = await session.plan(asked, work.call);
      work.hold(() => made.close());
      return made;
    });
    if (where) checkFilter(where, plan.columns, abilities.pushdown.filter);
    assertPlan(plan, request);
    const keeps = keepsOf(plan, request);
    const shape = shapeOf(plan, {
      columns,
      asText,
      batchRows,
      keeps,
      takesArrow: asked.lanes.includes('arrow'),
    });
    const { file, splits } = plan;
    const reading = readingOf(work, plan, shape, request);
    return { columns: shape.columns, ...(file ? { file } : {}), ...reading, splits };
  } catch (error) {
    throw await work.fail(error);
  }
}

function readingOf(
  work: Work,
  plan: ReadPlan,
  shape: Shape,
  { limit, split, where }: ApiRead,
): Pick<RowStream, 'batches' | 'cursor'> {
  const how = { batchRows: shape.batchRows };
  const endsItself = plan.done.limit && (!where || plan.done.filter === 'all');
  /** The source has ended by itself. */
  let isComplete = false;

  async function* batches(): AsyncGenerator<Batch, void, undefined> {
    const turns = createTurns();
    let left = limit ?? Number.POSITIVE_INFINITY;
    for (const each of split === undefined ? plan.splits : [split]) {
      if (left === 0) return work.leave();
      const pull = pullsOf(work, await work.step(() => started(work, plan.open(each, how, work.call))));
      for (let batch = await pull(); batch; batch = await pull()) {
        // A source that keeps to the limit itself has one more pull to end.
        if (left === 0) return work.leave();
        for (const piece of shape.cut(batch, left)) {
          left -= lengthOf(piece);
          yield piece;
        }
        if (left === 0 && !endsItself) return work.leave();
        await turns();
      }
    }
    isComplete = true;
  }
  return {
    batches: streamOf(work, batches()),
    cursor: () => (isComplete ? plan.cursor?.() : undefined),
  };
}
