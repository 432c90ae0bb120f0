import { destinationOf } from '@mooring/connectors/kit/properties';
import { isInteractive } from '@mooring/connectors/spec/sign-in';
import type { createCredential as createRoute } from '@mooring/contract/routes/data-credentials';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { type Catalogue, splitProperties } from '../../../core/catalogue/catalogue.js';
import { assertNameFree, type CredentialEntry, storeEntered } from '../../../core/credentials/records.js';
import type { BegunSignIn } from '../../../core/credentials/sign-ins.js';
import { invalidField } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import { isUniqueViolation } from '../../../core/store/store-error.js';
import { credentialNameTaken } from './update-credential.js';

/**
 * Stores a separated credential; with `authUrlOnly` it begins a sign-in instead, and stores nothing.
 * @throws InvalidRequest; AppError CONFLICT when the name is taken
 */
export async function createCredential(
  {
    store,
    catalogue,
    credentialEntry,
  }: { store: Store; catalogue: Catalogue; credentialEntry: CredentialEntry },
  caller: Caller,
  body: z.output<typeof createRoute.body>,
): Promise<{ begun: BegunSignIn } | { id: string }> {
  const manifest = await catalogue.enabled(caller.tenantId, body.datasourceID);
  const split = splitProperties(manifest, body.connectionProperties);
  const name = body.qName ?? split.choice.credentialsName;
  const destination = destinationOf(manifest, split.definition);
  const request = { caller, manifest, split, connectionSecrets: split.connectionSecrets, destination };
  if (body.authUrlOnly && isInteractive(split.signIn.oauth))
    return { begun: await credentialEntry.begin(request) };
  if (name === undefined) throw invalidField('qName', 'is required');
  await assertNameFree(store.db, caller, name);
  const brought = await credentialEntry.complete(request);
  const target = { caller, manifest, signIn: split.signIn.id, destination, name };
  try {
    return { id: await storeEntered(store, brought, (tx) => credentialEntry.store(tx, target, brought)) };
  } catch (error) {
    if (isUniqueViolation(error)) throw credentialNameTaken();
    throw error;
  }
}
