import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import type { Caller } from '../../access/caller.js';
import { recordCredential } from '../../audit/record.js';
import { AppError } from '../../errors/app-error.js';
import type { Tx } from '../../store/queryable.js';
import type { ConnectionTable } from '../../store/tables.js';
import { allowDestination } from '../records/credential-records.js';
import { linkCredential } from '../records/links.js';
import { ownSeparatedCredential } from '../records/separated-credentials.js';

/** A user's choice: a separated credential of their own, for one connection that the same request names. */
export interface Choice {
  manifest: SourceManifest;
  /** As the request read it, or as this transaction writes it. */
  connection: Pick<ConnectionTable, 'id' | 'tenant_id' | 'destination'>;
  credentialId: string;
  at: string;
}

/**
 * Links the credential and allows it where the connection points: a choice that names both confirms that one destination.
 * No other way to a link does, and users choose for themselves only.
 * @throws AppError NOT-FOUND for a credential that is not the caller's, ACCESS-DENIED for one out of their reach, CONFLICT
 * if the connection points elsewhere meanwhile
 */
export async function linkAndConfirm(
  tx: Tx,
  caller: Caller,
  { manifest, connection, credentialId, at }: Choice,
): Promise<void> {
  const credential = await ownSeparatedCredential(tx, caller, manifest, credentialId);
  const pointsThere = await tx
    .selectFrom('connection')
    .select('id')
    .where('id', '=', connection.id)
    .where('tenant_id', '=', caller.tenantId)
    .where('source_id', '=', manifest.id)
    .where('separated', '=', 1)
    .where('destination', '=', connection.destination)
    .executeTakeFirst();
  if (!pointsThere)
    throw new AppError('CONFLICT', 'The connection has changed. Look where it points now, and choose again.');
  await linkCredential(tx, connection, { userId: caller.userId, credentialId: credential.id, at });
  await allowDestination(tx, credential, connection.destination, at);
  await recordCredential(tx, 'updated', credential, caller);
}
