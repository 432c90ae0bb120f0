import type { Call } from '../../interface/call.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Batch } from '../../interface/plan.js';
import type { PagedRows, RowsPage } from './service.js';

/** Values to ask for in one page: few enough to be parsed at once, many enough to be worth a request. */
const pageCells = 65_536;
/** Consecutive pages without rows, after which a result counts as endless. */
const emptyPagesMax = 1_000;

/** Rows to ask for in one page. @param limit rows that are still wanted */
export const pageRows = (columns: number, limit = Number.POSITIVE_INFINITY): number =>
  Math.max(1, Math.min(Math.floor(pageCells / Math.max(1, columns)), limit));

const endless = (problem: string) => new ConnectorError('protocol_error', `The source ${problem}.`);

/** The rows of a result, each page requested when its rows are. */
export async function* readPages(
  { columns, toRow, first, page }: PagedRows,
  limit: number | undefined,
  call: Call,
): AsyncGenerator<Batch, void, undefined> {
  let left = limit ?? Number.POSITIVE_INFINITY;
  let emptyPages = 0;
  for (let held: RowsPage = first; ; ) {
    const rows = held.rows.slice(0, left);
    left -= rows.length;
    emptyPages = rows.length === 0 ? emptyPages + 1 : 0;
    if (emptyPages > emptyPagesMax) throw endless('keeps sending pages without rows');
    if (rows.length > 0) yield { rows: rows.map(toRow) };
    const token = held.next;
    if (token === undefined || left === 0) return;
    held = await page(token, pageRows(columns.length, left), call);
    if (held.next === token) throw endless('sent the same page twice');
  }
}
