import type { Caller } from '../../access/caller.js';
import { AppError } from '../../errors/app-error.js';
import type { ConnectionTable, CredentialTable } from '../../store/tables.js';

// How far a key reaches that came from an invitation to a user who was there already. An administrator could hold it,
// so until another key of the user approves it, it opens nothing that was there before it.

export type Reaching = Pick<Caller, 'userId' | 'wayIn'>;

type Entered = Pick<CredentialTable, 'owner_id' | 'entered_at' | 'entered_with'>;

/**
 * Of the user's own credentials those whose secret was entered with this way in, whenever that was: the user may bring
 * one with an earlier key and not know of this one. Of others' embedded logins those that are newer.
 */
export function reaches({ userId, wayIn }: Reaching, credential: Entered): boolean {
  if (wayIn?.reachesSince === undefined) return true;
  return credential.owner_id === userId
    ? credential.entered_with === wayIn.invitationId
    : credential.entered_at >= wayIn.reachesSince;
}

/** What a credential keeps of who enters its secret. */
export const enteredBy = (
  { wayIn }: Reaching,
  at: string,
): Pick<CredentialTable, 'entered_at' | 'entered_with'> => ({
  entered_at: at,
  entered_with: wayIn?.reachesSince === undefined ? null : wayIn.invitationId,
});

export const outOfReach = (): AppError =>
  new AppError(
    'ACCESS-DENIED',
    'Your API key came from an invitation and does not reach credentials from before it. Approve it with an earlier key of yours (POST /api/v1/api-keys/{id}/actions/approve), or enter the secret again.',
  );

/** @throws AppError ACCESS-DENIED */
export function assertReaches(caller: Reaching, credential: Entered): void {
  if (!reaches(caller, credential)) throw outOfReach();
}

type SecretsEntered = Pick<ConnectionTable, 'secrets_entered_at' | 'secrets_entered_with'>;

/** What a connection keeps of who enters its own secrets. */
export function secretsEnteredBy(who: Reaching, at: string): SecretsEntered {
  const { entered_at, entered_with } = enteredBy(who, at);
  return { secrets_entered_at: entered_at, secrets_entered_with: entered_with };
}

const enteredSecrets = (connection: SecretsEntered, ownerId: string): Entered => ({
  owner_id: ownerId,
  entered_at: connection.secrets_entered_at ?? '',
  entered_with: connection.secrets_entered_with,
});

/** Of the secrets of a connection that `ownerId` gave. */
export const reachesSecretsOf = (who: Reaching, connection: SecretsEntered, ownerId: string): boolean =>
  reaches(who, enteredSecrets(connection, ownerId));

/**
 * For what would put the login that a connection keeps to another use: another definition, space or owner, a copy, or
 * the end of its suspension.
 * @param kept those parts that are not entered again with the same request
 * @throws AppError ACCESS-DENIED
 */
export function assertReachesKept(
  caller: Reaching,
  connection: SecretsEntered,
  { credential, secretsOwnerId }: { credential?: Entered | undefined; secretsOwnerId?: string | undefined },
): void {
  if (credential) assertReaches(caller, credential);
  if (secretsOwnerId !== undefined) assertReaches(caller, enteredSecrets(connection, secretsOwnerId));
}
