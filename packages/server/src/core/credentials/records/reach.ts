import type { Caller } from '../../access/caller.js';
import { AppError } from '../../errors/app-error.js';
import type { ConnectionTable, CredentialTable } from '../../store/tables.js';

// The reach of a key that came from an invitation to an existing user. An administrator could hold it, so until another key
// of the user approves it, it opens nothing older than itself.

export type Reaching = Pick<Caller, 'userId' | 'wayIn'>;

type Entered = Pick<CredentialTable, 'owner_id' | 'entered_at' | 'entered_with'>;

/**
 * Of the user's own credentials: those whose secret was entered with this invitation's key, at any time, since the user may
 * enter one with an earlier key and not know of this key. Of others' embedded logins: those that are newer.
 */
export function reaches({ userId, wayIn }: Reaching, credential: Entered): boolean {
  if (wayIn?.reachesSince === undefined) return true;
  return credential.owner_id === userId
    ? credential.entered_with === wayIn.invitationId
    : credential.entered_at >= wayIn.reachesSince;
}

/** Columns of a credential about who entered its secret. */
export const enteredBy = (
  { wayIn }: Reaching,
  at: string,
): Pick<CredentialTable, 'entered_at' | 'entered_with'> => ({
  entered_at: at,
  entered_with: wayIn?.reachesSince === undefined ? null : wayIn.invitationId,
});

/** @throws AppError ACCESS-DENIED */
export function assertReaches(caller: Reaching, credential: Entered): void {
  if (reaches(caller, credential)) return;
  throw new AppError(
    'ACCESS-DENIED',
    'Your API key came from an invitation and does not reach credentials from before it. Approve it with an earlier key of yours (POST /api/v1/api-keys/{id}/actions/approve), or enter the secret again.',
  );
}

type SecretsEntered = Pick<ConnectionTable, 'secrets_entered_at' | 'secrets_entered_with'>;

/** Columns of a connection about who entered its own secrets. */
export function secretsEnteredBy(who: Reaching, at: string): SecretsEntered {
  const { entered_at, entered_with } = enteredBy(who, at);
  return { secrets_entered_at: entered_at, secrets_entered_with: entered_with };
}

const enteredSecrets = (connection: SecretsEntered, ownerId: string): Entered => ({
  owner_id: ownerId,
  entered_at: connection.secrets_entered_at ?? '',
  entered_with: connection.secrets_entered_with,
});

/** For the secrets of a connection that `ownerId` entered. */
export const reachesSecretsOf = (who: Reaching, connection: SecretsEntered, ownerId: string): boolean =>
  reaches(who, enteredSecrets(connection, ownerId));

/**
 * For requests that put the login of a connection to another use: another definition, space or owner, a copy, or the end
 * of its suspension.
 * @param kept the parts that the same request does not enter again
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
