import { selectSignIn } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { CredentialState } from '@mooring/contract/routes/connection-credential';
import { definitionOf } from '../../store/decoded-rows.js';
import type { Queryable } from '../../store/queryable.js';
import type { ConnectionTable, CredentialTable } from '../../store/tables.js';
import { reachesSecrets } from '../records/connection-secrets.js';
import { type Reaching, reaches } from '../records/reach.js';

/** Which credential a user would use on a connection, or why there is none. Without secrets. */
export interface Resolution {
  state: CredentialState;
  credential?: CredentialTable;
  /** The credential belongs to the connection and serves everyone who may use it. */
  isEmbedded: boolean;
  /** The login of the connection is suspended: `state` is `needs_confirmation`. */
  isSuspended?: true;
}

type ConnectionRef = Pick<
  ConnectionTable,
  | 'id'
  | 'tenant_id'
  | 'separated'
  | 'destination'
  | 'source_id'
  | 'suspended_at'
  | 'secrets_entered_at'
  | 'secrets_entered_with'
>;

/**
 * Separated: the user's own linked credential and no other. Embedded: the connection's.
 * Ownership is part of the statement that loads the row; there is no fallback identity.
 */
export async function resolveCredential(
  db: Queryable,
  who: Reaching,
  connection: ConnectionRef,
): Promise<Resolution> {
  const { userId } = who;
  const isEmbedded = connection.separated === 0;
  const base = db
    .selectFrom('credential')
    .leftJoin('credential_destination', (join) =>
      join
        .onRef('credential_destination.credential_id', '=', 'credential.id')
        .on('credential_destination.destination', '=', connection.destination),
    )
    .selectAll('credential')
    .select('credential_destination.confirmed_at')
    .where('credential.tenant_id', '=', connection.tenant_id)
    .where('credential.source_id', '=', connection.source_id);
  const row = isEmbedded
    ? await base.where('credential.connection_id', '=', connection.id).executeTakeFirst()
    : await base
        .innerJoin('credential_link', 'credential_link.credential_id', 'credential.id')
        .where('credential_link.tenant_id', '=', connection.tenant_id)
        .where('credential_link.connection_id', '=', connection.id)
        .where('credential_link.user_id', '=', userId)
        .where('credential.owner_id', '=', userId)
        .where('credential.separated', '=', 1)
        .executeTakeFirst();
  if (!row) return { state: 'missing', isEmbedded };
  const { confirmed_at, ...credential } = row;
  if (!reaches(who, credential) || !(await reachesSecrets(db, who, connection)))
    return { state: 'needs_approval', credential, isEmbedded };
  if (connection.suspended_at !== null)
    return { state: 'needs_confirmation', credential, isEmbedded, isSuspended: true };
  if (confirmed_at === null) return { state: 'needs_confirmation', credential, isEmbedded };
  return { state: credential.state, credential, isEmbedded };
}

/**
 * As {@link resolveCredential}, for a use: `missing` also if the connection now asks for another sign-in method than the
 * credential's, once its user has confirmed the new destination.
 */
export async function resolveForUse(
  db: Queryable,
  who: Reaching,
  connection: ConnectionRef & Pick<ConnectionTable, 'properties'>,
  manifest: SourceManifest,
): Promise<Resolution> {
  const resolution = await resolveCredential(db, who, connection);
  if (resolution.state === 'needs_confirmation' || resolution.state === 'needs_approval') return resolution;
  const definition = definitionOf(connection);
  const isOfSignIn = resolution.credential?.sign_in === selectSignIn(manifest, definition).id;
  return isOfSignIn ? resolution : { state: 'missing', isEmbedded: resolution.isEmbedded };
}
