import {
  connectionSecretNames,
  destinationOf,
  type SplitProperties,
} from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { putConnectionCredential } from '@mooring/contract/routes/connection-credential';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
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
import { isUniqueViolation } from '../../../core/store/store-error.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { Vault } from '../../../core/vault/envelope.js';

export interface ProvideDependencies {
  store: Store;
  vault: Vault;
  catalogue: Catalogue;
  credentialEntry: CredentialEntry;
}

type PutBody = z.output<typeof putConnectionCredential.body>;

/** For a caller who may not edit the connection: what they learn of failures at a provider. */
type Told = Pick<EntryRequest, 'toldCoarsely'>;

/** The connection's definition with the caller's secrets. @throws InvalidRequest when they change the destination */
function splitFor(
  connection: ConnectionTable,
  manifest: SourceManifest,
  given: Record<string, unknown>,
): SplitProperties {
  const properties = { ...definitionOf(connection), ...given };
  const split = splitProperties(manifest, properties, connectionSecretNames(manifest));
  if (destinationOf(manifest, split.definition) !== connection.destination) {
    throw invalidField('connectionProperties', "may hold only your credential here; update the connection to change the connection's own properties");
  }
  return split;
}

/** Begins an interactive sign-in for the connection. */
export async function beginSignIn(
  { store, vault, catalogue, credentialEntry }: ProvideDependencies,
  caller: Caller,
  connection: ConnectionTable,
  { body, ...told }: Told & { body: PutBody },
) {
  const manifest = catalogue.get(connection.source_id);
  const split = splitFor(connection, manifest, body.connectionProperties ?? {});
  const { credential: renewed } = await resolveCredential(store.db, caller, connection);
  return credentialEntry.begin({
    ...(renewed?.owner_id === caller.userId ? { replaces: renewed } : {}),
    caller,
    manifest,
    split,
    connectionSecrets: await openConnectionSecretsOrRefuse(store.db, vault, caller, connection),
    destination: connection.destination,
    connection: { id: connection.id, name: connection.name },
    ...(body.redirectUri === undefined ? {} : { loopbackRedirect: body.redirectUri }),
    ...(body.device ? { device: true } : {}),
    ...told,
  });
}

/** Stores the secrets as the caller's separated credential: in place of the one they have there, or under a new name. */
async function provide(
  { store, vault, catalogue, credentialEntry }: ProvideDependencies,
  caller: Caller,
  connection: ConnectionTable,
  { given, name, ...told }: Told & { given: Record<string, unknown>; name: string | undefined },
): Promise<void> {
  const manifest = catalogue.get(connection.source_id);
  const split = splitFor(connection, manifest, given);
  const { destination } = connection;
  const current = await resolveCredential(store.db, caller, connection);
  const wantedName = name ?? split.choice.credentialsName;
  const replaced =
    wantedName === undefined || wantedName === current.credential?.name ? current.credential : undefined;
  // A sign-in is one part of a login. The other parts are kept where their user has allowed the destination.
  const isRenewed = split.choice.authCode !== undefined && current.state !== 'needs_confirmation';
  const filled = isRenewed
    ? await filledUp(store.db, vault, caller, { manifest, split, replaced })
    : { split };
  const request = {
    caller,
    manifest,
    split: filled.split,
    connectionSecrets: await openConnectionSecretsOrRefuse(store.db, vault, caller, connection),
    destination,
    connection: { id: connection.id, name: connection.name },
    ...told,
  };
  const newName = wantedName ?? connection.name;
  if (!replaced) await assertNameFree(store.db, caller, newName);
  const brought = await credentialEntry.complete({ ...request, ...(replaced ? { replaces: replaced } : {}) });
  await storeEntered(store, brought, async (tx) => {
    const target = { caller, manifest, signIn: split.signIn.id, destination, name: newName };
    if (replaced) {
      await assertKeptParts(tx, replaced, filled.versionRead);
      return credentialEntry.replace(tx, replaced, target, brought);
    }
    const id = await credentialEntry.store(tx, target, brought);
    await linkCredential(tx, connection, { userId: caller.userId, credentialId: id, at: store.clock.iso() });
  });
}

/** @throws AppError CONFLICT when the name is taken; InvalidRequest naming each missing property */
export async function provideCredential(...asked: Parameters<typeof provide>): Promise<void> {
  try {
    await provide(...asked);
  } catch (error) {
    if (isUniqueViolation(error))
      throw new AppError('CONFLICT', 'credentialsName: you already have a credential of this name.');
    throw error;
  }
}
