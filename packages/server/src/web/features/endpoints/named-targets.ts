import type { Caller } from '../../../core/access/caller.js';
import { type AccessibleConnection, loadConnection } from '../../../core/access/connection-access.js';
import { unknownConnection } from '../../../core/access/find-connection.js';
import { type Catalogue, splitProperties } from '../../../core/catalogue/catalogue.js';
import { propertiesOfStatement, sourceNamedIn } from '../../../core/catalogue/connect-statement.js';
import { nameKey } from '../../../core/credentials/records.js';
import { invalidField } from '../../../core/errors/app-error.js';
import type { Queryable } from '../../../core/store/queryable.js';
import type { ConnectionTable } from '../../../core/store/tables.js';

// What requests name: a connection by the name that Qlik's load scripts use (`Space:Name`, `:Name` in the current
// space, or a bare name), or a data source and its properties by a connect statement.

/**
 * Without a space in the text, the name is looked up in the given space, or in the caller's personal one.
 * @throws AppError NOT-FOUND
 */
export async function connectionByName(
  db: Queryable,
  caller: Caller,
  text: string,
  spaceId: string | undefined,
): Promise<AccessibleConnection> {
  const within = (scope: string, name: string) =>
    loadConnection(db, caller, { scope, nameKey: nameKey(name) });
  const here = spaceId ? `space:${spaceId}` : `user:${caller.userId}`;
  const colon = text.indexOf(':');
  // A colon may also be part of a bare name.
  const bare = await within(here, colon === 0 ? text.slice(1) : text);
  if (bare) return bare;
  if (colon <= 0) throw unknownConnection();
  const space = await db
    .selectFrom('space')
    .select('id')
    .where('tenant_id', '=', caller.tenantId)
    .where('name_key', '=', nameKey(text.slice(0, colon)).toLowerCase())
    .executeTakeFirst();
  // Queried even when the space does not exist, so that timing does not reveal spaces of other users.
  const found = await within(`space:${space?.id ?? ''}`, text.slice(colon + 1));
  if (!found) throw unknownConnection();
  return found;
}

/** The name as a load script would write it. */
export async function qualifiedName(
  db: Queryable,
  row: Pick<ConnectionTable, 'name' | 'space_id' | 'tenant_id'>,
): Promise<string> {
  if (row.space_id === null) return `:${row.name}`;
  const space = await db
    .selectFrom('space')
    .select('name')
    .where('id', '=', row.space_id)
    .where('tenant_id', '=', row.tenant_id)
    .executeTakeFirst();
  return `${space?.name ?? ''}:${row.name}`;
}

/**
 * What a connect statement describes, with the names of the properties that it sets.
 * @param dataSourceId required when the statement does not name its data source
 * @throws InvalidRequest, AppError DCAAS-2001
 */
export async function describedBy(
  catalogue: Catalogue,
  caller: Caller,
  statement: string,
  dataSourceId: string | undefined,
) {
  const id = dataSourceId || sourceNamedIn(catalogue, statement);
  if (id === undefined) {
    throw invalidField('dataSourceId', 'is required: the connect statement does not name its data source');
  }
  const manifest = await catalogue.enabled(caller.tenantId, id);
  const { definition, set } = splitProperties(manifest, propertiesOfStatement(manifest, statement));
  return { manifest, definition, set };
}
