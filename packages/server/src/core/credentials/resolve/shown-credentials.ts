import type { RawBuilder } from 'kysely';
import { type Argument, compileOnce } from '../../store/compile-once.js';
import type { Queryable } from '../../store/queryable.js';
import type { ConnectionTable } from '../../store/tables.js';

export interface ShownCredential {
  id: string;
  name: string;
}

type Connection = Pick<ConnectionTable, 'id' | 'tenant_id' | 'separated' | 'suspended_at'>;

type ConnectionKey = { tenantId: string; connectionId: string };

type Value = string | RawBuilder<string>;

const embedded = (db: Queryable, tenantId: Value) =>
  db.selectFrom('credential').select(['id', 'name', 'connection_id']).where('tenant_id', '=', tenantId);

/** Separated credentials of a user that are linked to a connection and may be used at its destination. */
const linked = (db: Queryable, tenantId: Value, userId: Value) =>
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
    .select(['credential.id', 'credential.name', 'credential_link.connection_id'])
    .where('credential_link.tenant_id', '=', tenantId)
    .where('credential_link.user_id', '=', userId)
    .where('credential.owner_id', '=', userId);

const embeddedIn = compileOnce((db, argument: Argument<ConnectionKey>) =>
  embedded(db, argument('tenantId')).where('connection_id', '=', argument('connectionId')),
);

const linkedBy = compileOnce((db, argument: Argument<ConnectionKey & { userId: string }>) =>
  linked(db, argument('tenantId'), argument('userId')).where(
    'credential_link.connection_id',
    '=',
    argument('connectionId'),
  ),
);

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
    const idsOf = (separated: number) =>
      chunk.filter((one) => one.separated === separated).map(({ id }) => id);
    const [ofEmbedded, ofSeparated] = [idsOf(0), idsOf(1)];
    const found = [
      ofEmbedded.length > 0 && embedded(db, tenantId).where('connection_id', 'in', ofEmbedded),
      ofSeparated.length > 0 &&
        linked(db, tenantId, userId).where('credential_link.connection_id', 'in', ofSeparated),
    ];
    for (const statement of found)
      for (const { connection_id, id, name } of (statement && (await statement.execute())) || [])
        if (connection_id !== null) shown.set(connection_id, { id, name });
  }
  return shown;
}
