import { AppError, InvalidRequest } from '../errors/app-error.js';
import { parseUuid } from '../input/uuid.js';
import { compileOnce } from '../store/compile-once.js';
import type { Queryable } from '../store/queryable.js';
import type { Caller } from './caller.js';
import {
  type AccessibleConnection,
  folded,
  isAccessible,
  loadConnection,
  standingOf,
  withSource,
} from './connection-access.js';

/** The same for a connection that does not exist and for one that the caller may not see. */
export const unknownConnection = () =>
  new AppError('NOT-FOUND', 'There is no such connection, or you may not see it.');

export const mayNotUse = () =>
  new AppError('ACCESS-DENIED', 'Your roles do not let you use data through this connection.');

/**
 * @param field name of `id` in the request
 * @throws InvalidRequest when `id` is not a UUID
 */
function connectionUuid(id: string, field = 'qID'): string {
  const uuid = parseUuid(id);
  if (uuid === undefined) throw new InvalidRequest([{ field, message: 'must be a UUID' }]);
  return uuid;
}

/** @throws InvalidRequest as {@link connectionUuid}; AppError NOT-FOUND */
export async function findConnection(
  db: Queryable,
  caller: Caller,
  id: string,
  field = 'qID',
): Promise<AccessibleConnection> {
  const found = await loadConnection(db, caller, { id: connectionUuid(id, field) });
  if (!found) throw unknownConnection();
  return found;
}

export interface ConnectionToUse extends AccessibleConnection {
  isSourceDisabled: boolean;
}

const byIdWithSource = compileOnce(withSource);

/** As {@link findConnection}, for a use. */
export async function findConnectionToUse(
  db: Queryable,
  caller: Caller,
  qID: string,
): Promise<ConnectionToUse> {
  const found = folded(caller, await byIdWithSource(db, { ...standingOf(caller), id: connectionUuid(qID) }));
  if (!found || !isAccessible(found)) throw unknownConnection();
  const { sourceDisabled, ...row } = found.row;
  return { ...found, row, isSourceDisabled: sourceDisabled === 1 };
}
