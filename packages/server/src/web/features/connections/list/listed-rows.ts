import { type ErrorItem, errorTable } from '@mooring/contract/errors';
import type { ConnectionReply } from '@mooring/contract/routes/data-connections';
import type { Caller } from '../../../../core/access/caller.js';
import { decideForAll } from '../../../../core/access/connection-access.js';
import { credentialsShownTo } from '../../../../core/credentials/resolve.js';
import { AppError } from '../../../../core/errors/app-error.js';
import type { Queryable } from '../../../../core/store/queryable.js';
import type { ConnectionTable } from '../../../../core/store/tables.js';
import type { ConnectionDependencies } from '../connection-dependencies.js';
import { presentConnection } from '../connection-presenter.js';
import { orphansOf } from '../presented-connections.js';
import { listCollated } from './collated-names.js';
import { listConnectionRows, type Page } from './connection-store.js';
import type { ListQuery } from './list-query.js';
import { countMax } from './selected-rows.js';
import type { Selection } from './selection.js';

export const metaOf = (count: number) => (count > countMax ? {} : { count });

export const rowsOf = (db: Queryable, selection: Selection, page: Page): Promise<ConnectionTable[]> =>
  typeof page.order.collation === 'object'
    ? listCollated(db, selection, page, page.order.collation.locale)
    : listConnectionRows(db, selection, page);

/** Why the list leaves the connection out, for `errors`: one broken connection must not fail the list. */
function problemOf(row: ConnectionTable, error: unknown): ErrorItem {
  const isUnknown = error instanceof AppError && error.code === 'DCAAS-2001';
  const code = isUnknown ? 'DCAAS-2001' : 'SOURCE-CONFIGURATION-INVALID';
  const reason = isUnknown
    ? `there is no data source ${JSON.stringify(row.source_id.slice(0, 64))} here`
    : 'its stored properties cannot be read';
  const { status, title } = errorTable[code];
  return { code, title, detail: `Connection ${row.id} is left out: ${reason}.`, status };
}

/** What the caller sees of the rows, loaded for all of them at once, and why some are left out. */
export async function presentRows(
  { store: { db }, catalogue, publicUrl }: ConnectionDependencies,
  caller: Caller,
  rows: readonly ConnectionTable[],
  { includeQris }: ListQuery,
): Promise<{ data: ConnectionReply[]; errors: ErrorItem[] }> {
  const decisions = await decideForAll(db, caller, rows);
  const credentials = await credentialsShownTo(db, caller, rows);
  const orphans = await orphansOf(db, rows, (row) => credentials.has(row.id));
  const data: ConnectionReply[] = [];
  const errors: ErrorItem[] = [];
  for (const row of rows) {
    try {
      const manifest = catalogue.get(row.source_id);
      const privileges = decisions.get(row)?.privileges ?? [];
      const ownerLeft = orphans.has(row);
      const connection = { row, manifest, privileges, credential: credentials.get(row.id), ownerLeft };
      const { qri, ...reply } = presentConnection(connection, `${publicUrl()}/api`, { isListed: true });
      data.push(includeQris && qri !== undefined ? { ...reply, qri } : reply);
    } catch (error) {
      errors.push(problemOf(row, error));
    }
  }
  return { data, errors };
}
