import type { Caller } from '../../../core/access/caller.js';
import { mayTakeOver } from '../../../core/access/owner-left.js';
import { endOfGrant } from '../../../core/credentials/grants.js';
import { confirmedDestinations, giversOf, keptLogin } from '../../../core/credentials/records.js';
import { resolveForUse } from '../../../core/credentials/resolve.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { ConnectionCredentialDependencies } from './provide-credential.js';

/** The caller's credential on a connection, as GET, PUT and confirm answer it. */
export async function credentialState(
  { store, catalogue }: ConnectionCredentialDependencies,
  caller: Caller,
  connection: ConnectionTable,
) {
  const manifest = catalogue.get(connection.source_id);
  const { state, isEmbedded, ...used } = await resolveForUse(store.db, caller, connection, manifest);
  // An embedded credential is named only to its owner.
  const isShown = !isEmbedded || used.credential?.owner_id === caller.userId;
  const credential = isShown ? used.credential : undefined;
  const confirmed = credential ? await confirmedDestinations(store.db, credential) : [];
  const signInEndsAt = credential && (await endOfGrant(store.db, credential));
  const isGiver =
    connection.suspended_at !== null &&
    giversOf(await keptLogin(store.db, connection)).includes(caller.userId);
  const isOrphan = state === 'missing' && (await mayTakeOver(store.db, caller, connection));
  return {
    connectionId: connection.id,
    dataSourceId: connection.source_id,
    state,
    separated: connection.separated === 1,
    destination: connection.destination,
    signInMethods: manifest.signIns.map((method) => method.id),
    ...(credential
      ? {
          credentialId: credential.id,
          credentialsName: credential.name,
          confirmedDestinations: confirmed,
          updatedAt: credential.updated_at,
          ...(signInEndsAt === undefined ? {} : { signInEndsAt }),
        }
      : {}),
    ...(isGiver ? { suspendedAt: connection.suspended_at, suspendedBy: connection.suspended_by } : {}),
    ...(isOrphan ? { ownerLeft: true } : {}),
  };
}
