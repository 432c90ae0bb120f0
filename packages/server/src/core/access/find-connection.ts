import { AppError, InvalidRequest } from '../errors/app-error.js';
import { parseUuid } from '../input/uuid.js';
import type { Queryable } from '../store/queryable.js';
import type { Caller } from './caller.js';
import { type AccessibleConnection, loadConnection } from './connection-access.js';

/** The same for a connection that does not exist and for one that the caller may not see. */
export const unknownConnection = () =>
  new AppError('NOT-FOUND', 'There is no such connection, or you may not see it.');

export const mayNotUse = () =>
  new AppError('ACCESS-DENIED', 'Your roles do not let you use data through this connection.');

/**
 * @param field name of `id` in the request
 * @throws InvalidRequest when `id` is not a UUID; AppError NOT-FOUND
 */
export async function findConnection(
  db: Queryable,
  caller: Caller,
  id: string,
  field = 'qID',
): Promise<AccessibleConnection> {
  const uuid = parseUuid(id);
  if (uuid === undefined) throw new InvalidRequest([{ field, message: 'must be a UUID' }]);
  const found = await loadConnection(db, caller, { id: uuid });
  if (!found) throw unknownConnection();
  return found;
}
