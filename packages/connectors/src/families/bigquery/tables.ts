import type { Call } from '../../interface/call.js';
import type { ReadRequest } from '../../interface/plan.js';
import { columnPositions } from '../../kit/columns.js';
import { pageRows } from '../jobs/read-pages.js';
import type { PagedRows, RowsPage } from '../jobs/service.js';
import type { Field } from './data-types.js';
import { QueryJob } from './job.js';
import { fieldsOf, type Project, quotedName, tablePath } from './project.js';
import { pageOf, selectionOf } from './rows.js';

/** Commas and dots have a meaning in selectedFields. */
const isPlain = ({ name }: Field): boolean => /^[\p{L}\p{N}_ -]+$/u.test(name);

/**
 * A plain table with tabledata.list, which is free, and everything else (views, external tables) with a `SELECT`.
 * @param place dataset and table
 */
export async function readTable(
  project: Project,
  place: readonly [dataset: string, table: string],
  request: ReadRequest,
  call: Call,
): Promise<QueryJob | PagedRows> {
  const path = tablePath(...place);
  const metadata = await project.api({ path }, call);
  const all = fieldsOf(metadata);
  const names = all.map(({ name }) => name);
  const wanted = columnPositions(names, request.columns).map((position) => all[position] as Field);
  if (metadata['type'] !== 'TABLE') {
    const columns = request.columns ? wanted.map(({ name }) => quotedName(name)).join(', ') : '*';
    const from = [project.id, ...place].map(quotedName).join('.');
    const tail = request.limit === undefined ? '' : ` LIMIT ${request.limit}`;
    return new QueryJob(project, { query: `SELECT ${columns} FROM ${from}${tail}` }, request, wanted.length);
  }
  const canSelect = request.columns !== undefined && wanted.every(isPlain);
  const fields = canSelect ? all.filter((field) => wanted.includes(field)) : all;
  const selectedFields = canSelect ? fields.map(({ name }) => name).join(',') : undefined;
  const selection = selectionOf(fields, request);
  const page = async (pageToken: string | undefined, maxResults: number, during: Call): Promise<RowsPage> => {
    const query = { maxResults, pageToken, selectedFields, 'formatOptions.useInt64Timestamp': true };
    return pageOf(await project.api({ path: `${path}/data`, query }, during));
  };
  const first = await page(undefined, pageRows(fields.length, request.limit), call);
  return { ...selection, first, page };
}
