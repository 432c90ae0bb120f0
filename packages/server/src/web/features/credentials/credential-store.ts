import type { Db } from '../../../core/store/queryable.js';
import type { CredentialTable } from '../../../core/store/tables.js';

interface Owner {
  userId: string;
  tenantId: string;
}

/** Credentials of one user; who owns them is part of the statement. */
export function credentialsOf(db: Db, owner: Owner, sourceId: string | undefined) {
  const statement = db
    .selectFrom('credential')
    .selectAll()
    .where('tenant_id', '=', owner.tenantId)
    .where('owner_id', '=', owner.userId);
  return sourceId ? statement.where('source_id', '=', sourceId) : statement;
}

/** Credentials of one user by id or name, oldest first. */
export async function ownCredentials(
  db: Db,
  owner: Owner,
  where: { id?: string; nameKey?: string; sourceId?: string },
): Promise<CredentialTable[]> {
  let statement = credentialsOf(db, owner, where.sourceId);
  if (where.id !== undefined) statement = statement.where('id', '=', where.id);
  if (where.nameKey !== undefined) statement = statement.where('name_key', '=', where.nameKey);
  return statement.orderBy('created_at').orderBy('id').execute();
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
  where: { sourceId?: string; separated?: number },
): Promise<CredentialTable[]> {
  let statement = db
    .selectFrom('credential')
    .leftJoin('credential_link', 'credential_link.credential_id', 'credential.id')
    .selectAll('credential')
    .where('credential.tenant_id', '=', caller.tenantId)
    .where('credential.connection_id', 'is', null)
    .where('credential_link.credential_id', 'is', null);
  if (!ofEveryone) statement = statement.where('credential.owner_id', '=', caller.userId);
  if (where.sourceId !== undefined) statement = statement.where('credential.source_id', '=', where.sourceId);
  if (where.separated !== undefined)
    statement = statement.where('credential.separated', '=', where.separated);
  return statement.orderBy('credential.created_at').orderBy('credential.id').execute();
}
