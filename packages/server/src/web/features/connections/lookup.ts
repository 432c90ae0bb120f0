import type { Caller } from '../../../core/access/caller.js';
import {
  type AccessibleConnection,
  connectionsNamed,
  loadConnection,
} from '../../../core/access/connection-access.js';
import { unknownConnection } from '../../../core/access/find-connection.js';
import { nameKey } from '../../../core/credentials/records.js';
import { InvalidRequest } from '../../../core/errors/app-error.js';
import { parseUuid } from '../../../core/input/uuid.js';
import type { Store } from '../../../core/store/store.js';
import type { RevisedBy } from '../../http/revision.js';

/** How a request names a connection: by id, or by name in a scope. */
export type ConnectionLookup = { id: string } | { name: string; spaceId?: string };

/**
 * The connection that a path names: an id, or with `type=connectionname` a name.
 * @throws InvalidRequest
 */
export function lookupOf(
  qID: string,
  query: { type?: string | undefined; spaceId?: string | undefined } = {},
): ConnectionLookup {
  if (query.type === 'connectionname')
    return { name: qID, ...(query.spaceId ? { spaceId: query.spaceId } : {}) };
  const id = parseUuid(qID);
  if (id !== undefined) return { id };
  throw new InvalidRequest([
    { field: 'qID', message: 'must be a UUID; to look up by name add type=connectionname' },
  ]);
}

async function search(
  { store }: { store: Store },
  caller: Caller,
  lookup: ConnectionLookup,
): Promise<AccessibleConnection> {
  if ('id' in lookup) {
    const found = await loadConnection(store.db, caller, { id: lookup.id });
    if (!found) throw unknownConnection();
    return found;
  }
  const scope = lookup.spaceId ? `space:${lookup.spaceId}` : `user:${caller.userId}`;
  const scoped = await loadConnection(store.db, caller, { scope, nameKey: nameKey(lookup.name) });
  if (scoped) return scoped;
  if (lookup.spaceId) throw unknownConnection();
  // Without a space the name is looked up wherever the caller can see connections, and must be unique there.
  const visible = await connectionsNamed(store.db, caller, nameKey(lookup.name));
  if (visible.length > 1) {
    throw new InvalidRequest([
      { field: 'spaceId', message: 'is required: several spaces have a connection of this name' },
    ]);
  }
  const [only] = visible;
  if (!only) throw unknownConnection();
  return only;
}

/**
 * The connection with what the caller may do to it; notes its revision.
 * @throws AppError NOT-FOUND, PRECONDITION-FAILED; InvalidRequest for an ambiguous name
 */
export async function lookUp(
  deps: { store: Store },
  { caller, revision }: RevisedBy<'connection'>,
  lookup: ConnectionLookup,
): Promise<AccessibleConnection> {
  const found = await search(deps, caller, lookup);
  revision.note(found.row);
  return found;
}
