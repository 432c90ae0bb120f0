import { InvalidRequest } from '../../../core/errors/app-error.js';
import { parseUuid } from '../../../core/input/uuid.js';
import type { ConnectionLookup } from './connection-service.js';

/** Which connection a path means: an id, or with `type=connectionname` a name. */
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
