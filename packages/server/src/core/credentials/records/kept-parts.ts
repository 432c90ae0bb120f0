import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { lackingOf, withKeptParts } from '@mooring/connectors/kit/login-parts';
import type { ConnectionProperties } from '@mooring/connectors/qlik/separated';
import type { Caller } from '../../access/caller.js';
import { AppError } from '../../errors/app-error.js';
import type { Queryable } from '../../store/queryable.js';
import type { CredentialTable } from '../../store/tables.js';
import { UnreadableError, type Vault } from '../../vault/envelope.js';
import { assertReaches } from './reach.js';
import { loadSecret, openLogin } from './sealed-secrets.js';

// A request enters one part of a login and the rest stays: a password without its user name, a secret key without its id.

/** A login, completed from the one it replaces. */
export interface FilledLogin {
  split: ConnectionProperties;
  /** Version of the sealed login that the rest is from. */
  versionRead?: number;
}

export interface Filling {
  manifest: SourceManifest;
  split: ConnectionProperties;
  /** The login that is replaced, which is allowed at the new one's destination. */
  replaced: CredentialTable | undefined;
}

/** A login that cannot be opened has to be entered completely. */
function openedOrNone(...login: Parameters<typeof openLogin>): Record<string, unknown> | undefined {
  try {
    return openLogin(...login);
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}

/**
 * Completes the entered parts from the caller's own login of the same sign-in method, never from another user's.
 * @throws AppError ACCESS-DENIED for a login out of the caller's reach
 */
export async function filledUp(
  db: Queryable,
  vault: Vault,
  caller: Caller,
  { manifest, split, replaced }: Filling,
): Promise<FilledLogin> {
  const isPart =
    (Object.keys(split.credential).length > 0 || split.choice.authCode !== undefined) &&
    lackingOf(split.signIn, split.definition, split.credential).length > 0;
  if (!isPart || !replaced) return { split };
  if (replaced.owner_id !== caller.userId || replaced.sign_in !== split.signIn.id) return { split };
  const row = await loadSecret(db, replaced, 'login');
  if (!row) return { split };
  assertReaches(caller, replaced);
  const kept = openedOrNone(vault, replaced, row, manifest);
  if (!kept) return { split };
  return {
    split: { ...split, credential: withKeptParts(manifest, kept, split.credential) },
    versionRead: row.version,
  };
}

/** In the transaction that stores it. @throws AppError CONFLICT if the rest has changed since */
export async function assertKeptParts(
  tx: Queryable,
  replaced: CredentialTable,
  versionRead: number | undefined,
): Promise<void> {
  if (versionRead === undefined) return;
  const row = await loadSecret(tx, replaced, 'login');
  if (row?.version !== versionRead)
    throw new AppError('CONFLICT', 'Another request has changed the credential since. Repeat the change.');
}
