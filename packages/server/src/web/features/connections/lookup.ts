import type { Caller } from '../../../core/access/caller.js';
import {
  type AccessibleConnection,
  connectionsNamed,
  loadConnection,
} from '../../../core/access/connection-access.js';
import { unknownConnection } from '../../../core/access/find-connection.js';
import { nameKey } from '../../../core/credentials/records.js';
import { invalidField } from '../../../core/errors/app-error.js';
import { parseUuid } from '../../../core/input/uuid.js';
import type { Db } from '../../../core/store/queryable.js';
import type { RevisedBy } from '../../http/revision.js';
import type { ConnectionDependencies } from './connection-dependencies.js';

interface LookupQuery {
  type?: string | undefined;
  spaceId?: string | undefined;
}

async function named(
  db: Db,
  caller: Caller,
  name: string,
  spaceId: string | undefined,
): Promise<AccessibleConnection | undefined> {
  const key = nameKey(name);
  const scope = spaceId ? `space:${spaceId}` : `user:${caller.userId}`;
  const scoped = await loadConnection(db, caller, { scope, nameKey: key });
  if (scoped || spaceId) return scoped;
  // Without a space, the name must be unique among the connections that the caller can see.
  const visible = await connectionsNamed(db, caller, key);
  if (visible.length > 1)
    throw invalidField('spaceId', 'is required: several spaces have a connection of this name');
  return visible[0];
}

/**
 * The connection that a path names, by id, or with `type=connectionname` by name, with what the caller may do to it.
 * Notes its revision.
 * @throws AppError NOT-FOUND, PRECONDITION-FAILED; InvalidRequest also for an ambiguous name
 */
export async function lookUp(
  { store: { db } }: ConnectionDependencies,
  { caller, revision }: RevisedBy<'connection'>,
  qID: string,
  { type, spaceId }: LookupQuery = {},
): Promise<AccessibleConnection> {
  const isName = type === 'connectionname';
  const id = isName ? undefined : parseUuid(qID);
  if (!isName && id === undefined)
    throw invalidField('qID', 'must be a UUID; to look up by name add type=connectionname');
  const found = await (id === undefined
    ? named(db, caller, qID, spaceId)
    : loadConnection(db, caller, { id }));
  if (!found) throw unknownConnection();
  revision.note(found.row);
  return found;
}
