import { InvalidRequest } from '../../../core/errors/app-error.js';
import type { ConnectionLookup } from './connection-service.js';

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Which connection a path means: an id, or with `type=connectionname` a name. */
export function lookupOf(
  qID: string,
  query: { type?: string | undefined; spaceId?: string | undefined } = {},
): ConnectionLookup {
  if (query.type === 'connectionname')
    return { name: qID, ...(query.spaceId ? { spaceId: query.spaceId } : {}) };
  if (uuidPattern.test(qID)) return { id: qID.toLowerCase() };
  throw new InvalidRequest([
    { field: 'qID', message: 'must be a UUID; to look up by name add type=connectionname' },
  ]);
}
