import { connectionSecretNames, destinationOf } from '@mooring/connectors/kit/properties';
import type { putConnectionCredential } from '@mooring/contract/routes/connection-credential';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import type { RecordRefusedDestination } from '../../../core/audit/refused-destinations.js';
import { type Catalogue, splitProperties } from '../../../core/catalogue/catalogue.js';
import {
  assertKeptParts,
  assertNameFree,
  type CredentialEntry,
  type EntryRequest,
  filledUp,
  linkCredential,
  openConnectionSecretsOrRefuse,
  storeEntered,
} from '../../../core/credentials/records.js';
import { resolveCredential } from '../../../core/credentials/resolve.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { Store } from '../../../core/store/store.js';
import { ifTaken } from '../../../core/store/store-error.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { Vault } from '../../../core/vault/envelope.js';

export interface ConnectionCredentialDependencies {
  store: Store;
  vault: Vault;
  catalogue: Catalogue;
  credentialEntry: CredentialEntry;
  destinationRefused: RecordRefusedDestination;
  /** Timeout of a test: when a caller who may not edit the connection learns that a sign-in does not work. */
  testSeconds: number;
}

type PutBody = z.output<typeof putConnectionCredential.body>;

/** For a caller who may not edit the connection: what they learn of failures at a provider. */
type Coarse = Pick<EntryRequest, 'coarseError'>;

/** The connection's definition with the caller's secrets. @throws InvalidRequest when they change the destination */
function entryRequest(
  { catalogue }: ConnectionCredentialDependencies,
  caller: Caller,
  connection: ConnectionTable,
  { given, ...coarse }: Coarse & { given: Record<string, unknown> },
) {
  const { id, name, destination } = connection;
  const manifest = catalogue.get(connection.source_id);
  const properties = { ...definitionOf(connection), ...given };
  const split = splitProperties(manifest, properties, connectionSecretNames(manifest));
  if (destinationOf(manifest, split.definition) !== destination)
    throw invalidField(
      'connectionProperties',
      "may hold only your credential here; update the connection to change the connection's own properties",
    );
  return { caller, manifest, split, destination, connection: { id, name }, ...coarse };
}

/** Begins an interactive sign-in for the connection. */
export async function beginSignIn(
  deps: ConnectionCredentialDependencies,
  caller: Caller,
  connection: ConnectionTable,
  { body, ...coarse }: Coarse & { body: PutBody },
) {
  const { store, vault, credentialEntry } = deps;
  const given = body.connectionProperties ?? {};
  const request = entryRequest(deps, caller, connection, { given, ...coarse });
  const { credential } = await resolveCredential(store.db, caller, connection);
  return credentialEntry.begin({
    ...request,
    connectionSecrets: await openConnectionSecretsOrRefuse(store.db, vault, caller, connection),
    ...(credential?.owner_id === caller.userId ? { replaces: credential } : {}),
    ...(body.redirectUri === undefined ? {} : { loopbackRedirect: body.redirectUri }),
    ...(body.device ? { device: true } : {}),
  });
}

const nameTaken = () =>
  new AppError('CONFLICT', 'credentialsName: you already have a credential of this name.');

/**
 * Stores the secrets as the caller's separated credential: in place of the one they have there, or under a new name.
 * @throws AppError CONFLICT when the name is taken; InvalidRequest naming each missing property
 */
export async function provideCredential(
  deps: ConnectionCredentialDependencies,
  caller: Caller,
  connection: ConnectionTable,
  { name: wanted, ...asked }: Coarse & { given: Record<string, unknown>; name: string | undefined },
): Promise<void> {
  const { store, vault, credentialEntry } = deps;
  const request = entryRequest(deps, caller, connection, asked);
  const { manifest, split, destination } = request;
  const current = await resolveCredential(store.db, caller, connection);
  const wantedName = wanted ?? split.choice.credentialsName;
  const replaced =
    wantedName === undefined || wantedName === current.credential?.name ? current.credential : undefined;
  // A sign-in is one part of a login. The other parts are kept where their user has allowed the destination.
  const isRenewed = split.choice.authCode !== undefined && current.state !== 'needs_confirmation';
  const filled = isRenewed
    ? await filledUp(store.db, vault, caller, { manifest, split, replaced })
    : { split };
  const connectionSecrets = await openConnectionSecretsOrRefuse(store.db, vault, caller, connection);
  const name = wantedName ?? connection.name;
  if (!replaced) await assertNameFree(store.db, caller, name);
  const entered = await credentialEntry.complete({
    ...request,
    connectionSecrets,
    split: filled.split,
    ...(replaced ? { replaces: replaced } : {}),
  });
  await storeEntered(store, entered, async (tx) => {
    const target = { caller, manifest, signIn: split.signIn.id, destination, name };
    if (replaced) {
      await assertKeptParts(tx, replaced, filled.versionRead);
      return credentialEntry.replace(tx, replaced, target, entered);
    }
    const credentialId = await credentialEntry.store(tx, target, entered);
    await linkCredential(tx, connection, { userId: caller.userId, credentialId, at: store.clock.iso() });
  }).catch(ifTaken(nameTaken));
}
