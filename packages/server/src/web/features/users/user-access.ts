import type { Authenticator } from '../../../core/access/authenticate.js';
import type { Caller } from '../../../core/access/caller.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import type { Offboarding } from '../../../core/credentials/records.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import type { UserTable } from '../../../core/store/tables.js';
import { loadUser, unknownUser } from './user-store.js';

export interface UsersDependencies {
  store: Store;
  authenticator: Authenticator;
  offboarding: Offboarding;
  publicUrl: () => string;
  /** Longest read; 0: no limit. */
  readSeconds: number;
}

export function assertAdministrator(caller: Caller): void {
  if (!isAdministratorOf(caller, 'personal')) {
    throw new AppError('ACCESS-DENIED', 'Only tenant administrators may add, change or delete users.');
  }
}

/** @throws AppError NOT-FOUND */
export async function findUser({ db }: Store, caller: Caller, id: string): Promise<UserTable> {
  const row = await loadUser(db, caller.tenantId, { id: id.toLowerCase() });
  if (!row) throw unknownUser();
  return row;
}

/** @throws AppError CONFLICT */
export function assertNotMachine({ client_id }: UserTable): void {
  if (client_id === null) return;
  throw new AppError('CONFLICT', 'This is the machine user of an OAuth client. Delete the client instead.');
}
