import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { selectSignIn } from '@mooring/connectors/kit/properties';
import type { CredentialState } from '@mooring/contract/routes/connection-credential';
import type { Caller } from '../../access/caller.js';
import { definitionOf } from '../../store/decoded-rows.js';
import type { Queryable } from '../../store/queryable.js';
import type { ConnectionTable, CredentialTable } from '../../store/tables.js';
import { type Reaching, reaches, reachesSecretsOf } from '../records/reach.js';
import { type LoadedConnection, loadCredential } from './load-use.js';

/** Which credential a user would use on a connection, or why there is none. Without secrets. */
export interface Resolution {
  state: CredentialState;
  credential?: CredentialTable;
  /** The credential belongs to the connection and serves everyone who may use it. */
  isEmbedded: boolean;
  /** The login of the connection is suspended: `state` is `needs_confirmation`. */
  isSuspended?: true;
}

type Found = Pick<LoadedConnection, 'row' | 'credential' | 'isConfirmed' | 'secretsOwnerId'>;

export function resolutionOf(
  who: Reaching,
  { row, credential, isConfirmed, secretsOwnerId }: Found,
): Resolution {
  const isEmbedded = row.separated === 0;
  if (!credential) return { state: 'missing', isEmbedded };
  // The connection's own secrets may be all that signs in, whatever credential the user has.
  const reachesAll =
    reaches(who, credential) && (secretsOwnerId === undefined || reachesSecretsOf(who, row, secretsOwnerId));
  if (!reachesAll) return { state: 'needs_approval', credential, isEmbedded };
  if (row.suspended_at !== null)
    return { state: 'needs_confirmation', credential, isEmbedded, isSuspended: true };
  if (!isConfirmed) return { state: 'needs_confirmation', credential, isEmbedded };
  return { state: credential.state, credential, isEmbedded };
}

/**
 * As {@link resolutionOf}, for a use: `missing` also if the connection now asks for another sign-in method than the
 * credential's, once its user has confirmed the new destination.
 */
export function resolutionForUse(who: Reaching, found: Found, manifest: SourceManifest): Resolution {
  const resolution = resolutionOf(who, found);
  if (resolution.state === 'needs_confirmation' || resolution.state === 'needs_approval') return resolution;
  const isOfSignIn = resolution.credential?.sign_in === selectSignIn(manifest, definitionOf(found.row)).id;
  return isOfSignIn ? resolution : { state: 'missing', isEmbedded: resolution.isEmbedded };
}

/**
 * Reload: the credential on a connection that the caller has loaded before. If it has changed since, none of the other
 * kind is found, and none is confirmed for another destination than the one the caller knows.
 */
async function reloaded(db: Queryable, caller: Caller, known: ConnectionTable): Promise<Found> {
  const now = await loadCredential(db, caller, known.id);
  if (!now || now.row.separated !== known.separated)
    return { row: known, credential: undefined, isConfirmed: false, secretsOwnerId: undefined };
  return { ...now, isConfirmed: now.isConfirmed && now.row.destination === known.destination };
}

export const resolveCredential = async (db: Queryable, caller: Caller, connection: ConnectionTable) =>
  resolutionOf(caller, await reloaded(db, caller, connection));

export const resolveForUse = async (
  db: Queryable,
  caller: Caller,
  connection: ConnectionTable,
  manifest: SourceManifest,
) => resolutionForUse(caller, await reloaded(db, caller, connection), manifest);
