import type { Caller } from '../../../core/access/caller.js';
import { spaceFacts } from '../../../core/access/connection-access.js';
import { grantIn } from '../../../core/access/matrix.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';

/**
 * @param isAdministrator may move connections to spaces without being a member
 * @throws AppError NOT-FOUND for a space that the caller may not know, ACCESS-DENIED without a role that may create
 */
export async function assertMayCreateIn(
  store: Store,
  caller: Caller,
  spaceId: string | undefined,
  isAdministrator = false,
): Promise<void> {
  if (spaceId === undefined) return;
  const space = await spaceFacts(store.db, caller, spaceId);
  if (space && isAdministrator) return;
  const isMember = space && (space.ownerId === caller.userId || space.rolesOfCaller.length > 0);
  if (!space || !isMember) {
    throw new AppError('NOT-FOUND', 'space: there is no such space, or you are not a member of it.');
  }
  if (!grantIn(caller, space).create) {
    throw new AppError('ACCESS-DENIED', 'space: your roles in this space do not let you create connections.');
  }
}
