import { sql } from 'kysely';
import { newUuid } from '../crypto/random.js';
import { deleteInBatches } from '../store/batches.js';
import { insertOnce } from '../store/compile-once.js';
import type { Db, Queryable } from '../store/queryable.js';
import type { ConnectionTable, CredentialTable } from '../store/tables.js';
import { type AuditEventName, type AuditKind, eventTypeOf, sourceOf } from './event-types.js';

export interface AuditEvent {
  /** Set by a caller that updates the event later. */
  id?: string;
  name: AuditEventName;
  /** Actor. */
  by: { tenantId: string; userId: string; wayIn?: { invitedBy: string } };
  /** Id of the resource. */
  resourceId: string;
  ownerId?: string | null;
  spaceId?: string | null;
  /** Id of what contains the resource, for instance the space of an assignment. */
  parentId?: string;
  /** Names, ids and flags; never a value that could be a secret. */
  data?: Record<string, unknown>;
}

const insertEvent = insertOnce('audit_event');

/** Writes an audit event. Called in the transaction of the change, so that neither exists without the other. */
export async function record(tx: Queryable, event: AuditEvent): Promise<void> {
  await insertEvent(tx, {
    id: event.id ?? newUuid(),
    tenant_id: event.by.tenantId,
    at: tx.clock.iso(),
    type: eventTypeOf(event.name),
    source: sourceOf(event.name.slice(0, event.name.indexOf('.')) as AuditKind),
    user_id: event.by.userId,
    resource_id: event.resourceId,
    owner_id: event.ownerId ?? null,
    space_id: event.spaceId ?? null,
    top_level_id: event.parentId ?? null,
    data: JSON.stringify({
      ...event.data,
      ...(event.by.wayIn ? { invitedBy: event.by.wayIn.invitedBy } : {}),
    }),
  });
}

type What = 'created' | 'updated' | 'deleted';

export async function recordConnection(
  tx: Queryable,
  what: What,
  by: AuditEvent['by'],
  row: Pick<ConnectionTable, 'id' | 'name' | 'source_id' | 'owner_id' | 'space_id'>,
): Promise<void> {
  await record(tx, {
    name: `data-connection.${what}`,
    by,
    resourceId: row.id,
    ownerId: row.owner_id,
    spaceId: row.space_id,
    data: { qName: row.name, datasourceID: row.source_id },
  });
}

/** @param by the actor, where it is not the owner of the credential */
export async function recordCredential(
  tx: Queryable,
  what: What,
  row: Pick<CredentialTable, 'id' | 'name' | 'source_id' | 'owner_id' | 'tenant_id' | 'connection_id'>,
  by: AuditEvent['by'] = { tenantId: row.tenant_id, userId: row.owner_id },
): Promise<void> {
  await record(tx, {
    name: `data-credential.${what}`,
    by,
    resourceId: row.id,
    ownerId: row.owner_id,
    ...(row.connection_id === null ? {} : { parentId: row.connection_id }),
    data: { qName: row.name, datasourceID: row.source_id },
  });
}

/** Deletes events older than the retention period. */
export async function purgeAuditEvents(db: Db, now: Date, days: number, until?: number): Promise<void> {
  const oldest = new Date(now.getTime() - days * 86_400_000).toISOString();
  await deleteInBatches(db, { table: 'audit_event', key: 'id', where: sql`at < ${oldest}` }, until);
}
