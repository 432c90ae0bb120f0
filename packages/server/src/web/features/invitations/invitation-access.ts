import type { Caller } from '../../../core/access/caller.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { GuessGuard } from '../../../core/rates/guess-guard.js';
import type { Store } from '../../../core/store/store.js';
import type { HashToken } from '../../../core/vault/token-hashes.js';

export interface InvitationsDependencies {
  store: Store;
  guesses: GuessGuard;
  hashToken: HashToken;
  publicUrl: () => string;
}

export function assertAdministrator(caller: Caller): void {
  if (!isAdministratorOf(caller, 'personal')) {
    throw new AppError('ACCESS-DENIED', 'Only tenant administrators may invite users.');
  }
}
