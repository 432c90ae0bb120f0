import type { Column, Row } from '../../interface/data-types.js';
import type { ReadPlan, ReadRequest } from '../../interface/plan.js';
import { batchRowsMax } from '../../kit/columns.js';
import { throwIfAborted } from '../../kit/deadline.js';
import { shapeRows } from '../../kit/json/columns.js';
import type { Place } from '../../kit/json/failures.js';
import type { JsonSpan } from '../../kit/json/spans.js';
import { createTurns } from '../../kit/turns.js';
import type { Listing } from './ask.js';
import { type Field, shapeFields } from './fields.js';
import {
  assertRow,
  firstPage,
  nextPage,
  openPages,
  type Page,
  placeOf,
  recordAt,
  spansOf,
  type Walk,
} from './pages.js';

/** JSON of one batch in bytes, beyond its first row. */
const batchBytesMax = 1024 * 1024;

/** A read whose first page is there. */
interface Begun {
  walk: Walk;
  page: Page;
  columns: readonly Column[];
  toRow(span: JsonSpan, place: Place): Row;
}

async function begin(
  listing: Listing,
  fields: readonly Field[] | undefined,
  { columns: wanted, asText, limit }: ReadRequest,
): Promise<Begun> {
  if (fields) {
    const { columns, toRow } = shapeFields(fields, { wanted, asText });
    const checked = (span: JsonSpan, place: Place) => {
      assertRow(span, place, listing.caps);
      return toRow(span, place);
    };
    return { ...(await firstPage(listing)), columns, toRow: checked };
  }
  const { walk, page, found, isSampled } = await openPages(listing, limit ?? Number.POSITIVE_INFINITY);
  const shape = shapeRows(found, { wanted, asText, isSampled });
  const toRow = (span: JsonSpan, place: Place) => shape.toRow(recordAt(span, place, listing.caps), place);
  return { walk, page, columns: shape.columns, toRow };
}

async function* readBatches(
  { walk, page: begun, columns, toRow }: Begun,
  batchRows: number,
  limit: number,
): AsyncGenerator<readonly Row[]> {
  const { signal } = walk.listing.exchange;
  const rowsMax = Math.min(batchRows, batchRowsMax(columns));
  const turns = createTurns();
  let left = limit;
  for (let page: Page | undefined = begun; page && left > 0; ) {
    let rowCount = 0;
    let batch: Row[] = [];
    let bytes = 0;
    for (const span of spansOf(page)) {
      throwIfAborted(signal);
      rowCount += 1;
      bytes += span.end - span.start;
      batch.push(toRow(span, placeOf(page, rowCount)));
      if (batch.length < Math.min(rowsMax, left) && bytes < batchBytesMax) continue;
      left -= batch.length;
      yield batch;
      if (left === 0) return;
      batch = [];
      bytes = 0;
      await turns();
    }
    left -= batch.length;
    if (batch.length > 0) yield batch;
    page = await nextPage(walk, page, rowCount);
  }
}

/**
 * Reads a list from its first page on.
 * @param fields declared columns; absent: those of the first page with rows
 */
export async function planList(
  listing: Listing,
  fields: readonly Field[] | undefined,
  request: ReadRequest,
): Promise<ReadPlan> {
  const begun = await begin(listing, fields, request);
  const { limit } = request;
  return {
    columns: begun.columns,
    done: { columns: true, limit: limit !== undefined, order: false, asText: true, filter: 'none' },
    splits: [null],
    async *open(_split, { batchRows }) {
      const batches = readBatches(
        begun,
        Math.min(batchRows, limit ?? batchRows),
        limit ?? Number.POSITIVE_INFINITY,
      );
      for await (const rows of batches) yield { rows };
    },
    close: async () => undefined,
  };
}
