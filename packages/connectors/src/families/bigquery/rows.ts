import type { ReadRequest } from '../../interface/plan.js';
import { columnPositions } from '../../kit/columns.js';
import { type JsonObject, textIn } from '../google/members.js';
import type { PagedRows, RowsPage } from '../jobs/service.js';
import { createRowMaker, type Field } from './data-types.js';

/** A page of tabledata.list or getQueryResults. */
export function pageOf(answer: JsonObject): RowsPage {
  const { rows } = answer;
  const next = textIn(answer, 'pageToken');
  return { rows: Array.isArray(rows) ? rows : [], ...(next === undefined ? {} : { next }) };
}

/** What is wanted of each row. @param fields that rows have @throws ConnectorError `invalid_query` for an unknown column */
export function selectionOf(
  fields: readonly Field[],
  { columns: wanted, asText }: Pick<ReadRequest, 'columns' | 'asText'>,
): Pick<PagedRows, 'columns' | 'toRow'> {
  const names = fields.map(({ name }) => name);
  return createRowMaker(fields, columnPositions(names, wanted), asText);
}
