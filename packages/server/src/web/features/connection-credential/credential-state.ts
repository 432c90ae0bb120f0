import type { Caller } from '../../../core/access/caller.js';
import { mayTakeOver } from '../../../core/access/owner-left.js';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import { endOfGrant } from '../../../core/credentials/grants.js';
import { confirmedDestinations, giversOf, keptLogin } from '../../../core/credentials/records.js';
import { type Resolution, resolveForUse } from '../../../core/credentials/resolve.js';
import type { Store } from '../../../core/store/store.js';
import type { ConnectionTable } from '../../../core/store/tables.js';

/** An embedded credential is named only to its owner. */
const isShown = (resolution: Resolution, caller: Caller): boolean =>
  !resolution.isEmbedded || resolution.credential?.owner_id === caller.userId;

/** The caller's credential on a connection, as GET, PUT and confirm answer it. */
export async function credentialState(
  { store, catalogue }: { store: Store; catalogue: Catalogue },
  caller: Caller,
  connection: ConnectionTable,
) {
  const manifest = catalogue.get(connection.source_id);
  const resolution = await resolveForUse(store.db, caller, connection, manifest);
  const credential = isShown(resolution, caller) ? resolution.credential : undefined;
  const confirmed = credential ? await confirmedDestinations(store.db, credential) : [];
  const signInEndsAt = credential && (await endOfGrant(store.db, credential));
  const isGiver =
    connection.suspended_at !== null &&
    giversOf(await keptLogin(store.db, connection)).includes(caller.userId);
  const isOrphan = resolution.state === 'missing' && (await mayTakeOver(store.db, caller, connection));
  return {
    connectionId: connection.id,
    dataSourceId: connection.source_id,
    state: resolution.state,
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
