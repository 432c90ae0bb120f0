import type { Caller } from '../../../core/access/caller.js';
import { nameKey } from '../../../core/credentials/records.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import { parseUuid } from '../../../core/input/uuid.js';
import type { Db } from '../../../core/store/queryable.js';
import type { CredentialTable } from '../../../core/store/tables.js';
import type { RevisedBy } from '../../http/revision.js';

type Owner = Pick<Caller, 'userId' | 'tenantId'>;

/** Credentials of one user; who owns them is part of the statement. */
export function credentialsOf(db: Db, owner: Owner, sourceId: string | undefined) {
  const statement = db
    .selectFrom('credential')
    .selectAll()
    .where('tenant_id', '=', owner.tenantId)
    .where('owner_id', '=', owner.userId);
  return sourceId ? statement.where('source_id', '=', sourceId) : statement;
}

/** How a request names a credential: by id, or with `byCredentialName` by name. */
interface CredentialQuery {
  byCredentialName?: boolean | undefined;
  datasourceID?: string | undefined;
}

/**
 * A credential of the caller by id or name. `others` have the same name for another data source, which 0.1 allowed;
 * `row` is the newest.
 * @throws InvalidRequest, AppError NOT-FOUND
 */
export async function findCredentials(
  db: Db,
  caller: Caller,
  idOrName: string,
  { byCredentialName, datasourceID }: CredentialQuery,
): Promise<{ row: CredentialTable; others: CredentialTable[] }> {
  const id = byCredentialName ? undefined : parseUuid(idOrName);
  if (!byCredentialName && id === undefined)
    throw invalidField('qID', 'must be a UUID; to look up by name add byCredentialName=true');
  const rows = await credentialsOf(db, caller, datasourceID)
    .where(id === undefined ? 'name_key' : 'id', '=', id ?? nameKey(idOrName))
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  // Users name separated credentials; an embedded one has the name of its connection.
  const separated = rows.filter((row) => row.separated === 1);
  const candidates = separated.length > 0 ? separated : rows;
  const row = candidates.at(-1);
  if (!row) throw new AppError('NOT-FOUND', 'You have no such credential.');
  return { row, others: candidates.slice(0, -1) };
}

/**
 * The credential to update or delete; notes its revision.
 * @throws InvalidRequest also for an ambiguous name; AppError NOT-FOUND, PRECONDITION-FAILED
 */
export async function findCredential(
  db: Db,
  { caller, revision }: RevisedBy<'credential'>,
  idOrName: string,
  query: CredentialQuery,
): Promise<CredentialTable> {
  const { row, others } = await findCredentials(db, caller, idOrName, query);
  if (others.length > 0) {
    const ids = [row, ...others].map(({ id, source_id }) => `${id} for ${source_id}`).join(', ');
    throw invalidField('qID', `must be an id: several of your credentials have this name (${ids})`);
  }
  revision.note(row);
  return row;
}

/** Number of connections by credential: one for an embedded credential, for a separated one those its user linked. */
export async function connectionCounts(
  db: Db,
  rows: readonly CredentialTable[],
): Promise<Map<string, number>> {
  const counts = new Map(rows.filter((row) => row.connection_id !== null).map((row) => [row.id, 1]));
  const separated = rows.filter((row) => row.separated === 1).map((row) => row.id);
  for (let start = 0; start < separated.length; start += 400) {
    const linked = await db
      .selectFrom('credential_link')
      .select(['credential_id', (eb) => eb.fn.countAll<number>().as('count')])
      .where('credential_id', 'in', separated.slice(start, start + 400))
      .groupBy('credential_id')
      .execute();
    for (const row of linked) counts.set(row.credential_id, Number(row.count));
  }
  return counts;
}

/** Credentials that no connection uses, of the caller or of every user of the tenant. */
export async function orphanedCredentials(
  db: Db,
  caller: Owner,
  ofEveryone: boolean,
  { datasourceID, qSeparated }: { datasourceID?: string | undefined; qSeparated?: number | undefined },
): Promise<CredentialTable[]> {
  let statement = db
    .selectFrom('credential')
    .leftJoin('credential_link', 'credential_link.credential_id', 'credential.id')
    .selectAll('credential')
    .where('credential.tenant_id', '=', caller.tenantId)
    .where('credential.connection_id', 'is', null)
    .where('credential_link.credential_id', 'is', null);
  if (!ofEveryone) statement = statement.where('credential.owner_id', '=', caller.userId);
  if (datasourceID !== undefined) statement = statement.where('credential.source_id', '=', datasourceID);
  if (qSeparated !== undefined) statement = statement.where('credential.separated', '=', qSeparated);
  return statement.orderBy('credential.created_at').orderBy('credential.id').execute();
}
