import { type ErrorItem, errorTable } from '@mooring/contract/errors';
import type { ConnectionReply } from '@mooring/contract/routes/data-connections';
import type { Caller } from '../../../../core/access/caller.js';
import type { Catalogue } from '../../../../core/catalogue/catalogue.js';
import { AppError } from '../../../../core/errors/app-error.js';
import type { Db } from '../../../../core/store/queryable.js';
import type { Store } from '../../../../core/store/store.js';
import type { ConnectionTable } from '../../../../core/store/tables.js';
import { presentConnection } from '../connection-presenter.js';
import { presenterFor } from '../presented-connections.js';
import { listCollated } from './collated-names.js';
import { listConnectionRows, type Page } from './connection-store.js';
import type { Selection } from './selection.js';

export interface ListedRowsDependencies {
  store: Store;
  catalogue: Catalogue;
  publicUrl: () => string;
  selfUrl: (id: string) => string;
}

export const rowsOf = (db: Db, selection: Selection, page: Page): Promise<ConnectionTable[]> =>
  typeof page.order.collation === 'object'
    ? listCollated(db, selection, page, page.order.collation.locale)
    : listConnectionRows(db, selection, page);

/** Why the list leaves the connection out, for `errors`: one broken connection must not fail the list. */
function problemOf(row: ConnectionTable, error: unknown): ErrorItem {
  const code =
    error instanceof AppError && error.code === 'DCAAS-2001'
      ? 'DCAAS-2001'
      : ('SOURCE-CONFIGURATION-INVALID' as const);
  const reason =
    code === 'DCAAS-2001'
      ? `there is no data source ${JSON.stringify(row.source_id.slice(0, 64))} here`
      : 'its stored properties cannot be read';
  const { status, title } = errorTable[code];
  return { code, title, detail: `Connection ${row.id} is left out: ${reason}.`, status };
}

/** What the caller sees of the rows, and why some are left out. */
export async function presentRows(
  deps: ListedRowsDependencies,
  caller: Caller,
  rows: readonly ConnectionTable[],
  withQri: boolean,
): Promise<{ data: ConnectionReply[]; errors: ErrorItem[] }> {
  const presented = await presenterFor(deps, caller, rows);
  const data: ConnectionReply[] = [];
  const errors: ErrorItem[] = [];
  for (const row of rows) {
    try {
      const { qri, ...reply } = presentConnection(presented(row), deps.selfUrl(row.id), { isListed: true });
      data.push(withQri && qri !== undefined ? { ...reply, qri } : reply);
    } catch (error) {
      errors.push(problemOf(row, error));
    }
  }
  return { data, errors };
}
