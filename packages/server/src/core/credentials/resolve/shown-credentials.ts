import { type Argument, compileOnce } from '../../store/compile-once.js';
import type { Queryable } from '../../store/queryable.js';
import type { ConnectionTable } from '../../store/tables.js';

export interface ShownCredential {
  id: string;
  name: string;
}

type Connection = Pick<ConnectionTable, 'id' | 'tenant_id' | 'separated' | 'suspended_at'>;

type ConnectionKey = { tenantId: string; connectionId: string };

const embeddedIn = compileOnce((db, argument: Argument<ConnectionKey>) =>
  db
    .selectFrom('credential')
    .select(['id', 'name'])
    .where('tenant_id', '=', argument('tenantId'))
    .where('connection_id', '=', argument('connectionId')),
);

const linkedBy = compileOnce((db, argument: Argument<ConnectionKey & { userId: string }>) =>
  linked(db)
    .where('credential_link.tenant_id', '=', argument('tenantId'))
    .where('credential_link.connection_id', '=', argument('connectionId'))
    .where('credential_link.user_id', '=', argument('userId'))
    .where('credential.owner_id', '=', argument('userId')),
);

/** Separated credentials that are linked to a connection and may be used at its destination. */
const linked = (db: Queryable) =>
  db
    .selectFrom('credential_link')
    .innerJoin('connection', (join) =>
      join
        .onRef('connection.id', '=', 'credential_link.connection_id')
        .onRef('connection.tenant_id', '=', 'credential_link.tenant_id'),
    )
    .innerJoin('credential', 'credential.id', 'credential_link.credential_id')
    .innerJoin('credential_destination', (join) =>
      join
        .onRef('credential_destination.credential_id', '=', 'credential.id')
        .onRef('credential_destination.destination', '=', 'connection.destination'),
    )
    .select(['credential.id', 'credential.name', 'credential_link.connection_id']);

/** The credential that one connection shows to this user; see {@link credentialsShownTo}. */
export async function credentialShownTo(
  db: Queryable,
  userId: string,
  { id: connectionId, tenant_id: tenantId, separated, suspended_at }: Connection,
): Promise<ShownCredential | undefined> {
  if (suspended_at !== null) return undefined;
  const key = { tenantId, connectionId };
  const [found] = separated === 1 ? await linkedBy(db, { ...key, userId }) : await embeddedIn(db, key);
  return found && { id: found.id, name: found.name };
}

const chunkSize = 400;

/**
 * The credential that each connection of the tenant shows to this user: the embedded one, or the user's own linked one that
 * may be used at the connection's destination. Connections without one, and suspended ones, are absent.
 */
export async function credentialsShownTo(
  db: Queryable,
  { userId, tenantId }: { userId: string; tenantId: string },
  connections: readonly Connection[],
): Promise<Map<string, ShownCredential>> {
  const shown = new Map<string, ShownCredential>();
  const usable = connections.filter(({ suspended_at }) => suspended_at === null);
  for (let start = 0; start < usable.length; start += chunkSize) {
    const chunk = usable.slice(start, start + chunkSize);
    const separated = chunk
      .filter((connection) => connection.separated === 1)
      .map((connection) => connection.id);
    const embedded = chunk
      .filter((connection) => connection.separated === 0)
      .map((connection) => connection.id);
    if (embedded.length > 0) {
      const rows = await db
        .selectFrom('credential')
        .select(['id', 'name', 'connection_id'])
        .where('tenant_id', '=', tenantId)
        .where('connection_id', 'in', embedded)
        .execute();
      for (const row of rows)
        if (row.connection_id) shown.set(row.connection_id, { id: row.id, name: row.name });
    }
    if (separated.length > 0) {
      const rows = await linked(db)
        .where('credential_link.tenant_id', '=', tenantId)
        .where('credential_link.connection_id', 'in', separated)
        .where('credential_link.user_id', '=', userId)
        .where('credential.owner_id', '=', userId)
        .execute();
      for (const row of rows) shown.set(row.connection_id, { id: row.id, name: row.name });
    }
  }
  return shown;
}
