import { ConnectorError } from '@mooring/connectors/interface/errors';
import { connectionSecretNames, selectSignIn } from '@mooring/connectors/kit/properties';
import type { Caller } from '../../../core/access/caller.js';
import { mayTakeOver } from '../../../core/access/owner-left.js';
import { splitProperties } from '../../../core/catalogue/catalogue.js';
import {
  confirmedDestinations as destinationsOf,
  giversOf,
  keptLogin,
  openConnectionSecrets,
} from '../../../core/credentials/records.js';
import { type Resolution, resolveForUse } from '../../../core/credentials/resolve.js';
import { AppError } from '../../../core/errors/app-error.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { PreparedUse, UsableConnection, UseDependencies } from './prepared-use.js';

// CREDENTIALS-REQUIRED: what the caller lacks, and every way to provide it.

const separated: Record<Resolution['state'], string> = {
  ready: 'A credential is ready.',
  missing: 'You have no credential on this connection. Add one, or choose one of yours.',
  needs_confirmation:
    'The connection points to a destination you have not allowed for your credential. Confirm it, or add a credential.',
  needs_sign_in: 'The sign-in behind your credential has ended. Sign in again.',
  unreadable: 'The stored credential cannot be decrypted. Enter it again.',
  needs_approval:
    'Your API key came from an invitation and does not reach this older credential. Approve the key with an earlier one, or enter the credential again.',
};

const embedded: Record<Resolution['state'], string> = {
  ...separated,
  missing: "The connection's own credential is missing. Ask its owner to enter it.",
  needs_sign_in:
    "The sign-in behind the connection's own credential has ended. Ask its owner to sign in again.",
  unreadable: "The connection's own credential cannot be decrypted. Ask its owner to enter it again.",
  needs_approval:
    "Your API key came from an invitation and does not reach the connection's own credential, which is older. Approve the key with an earlier one of yours.",
};

const suspended =
  'Another user moved this connection, so its login is suspended. The user who entered the login must confirm it, or a user who may edit the connection must enter it again.';

const ownerLeft =
  'The owner of this connection has left, and its login was deleted. Take the connection over: PATCH /user to yourself together with the whole login.';

export const explain = (resolution: Resolution): string =>
  resolution.isSuspended ? suspended : (resolution.isEmbedded ? embedded : separated)[resolution.state];

interface UnresolvedUse extends UsableConnection {
  caller: Caller;
  resolution: Resolution;
}

/** Records in the audit log that the caller may not use the connection. */
export const recordRefusal = (
  { refusals }: Pick<UseDependencies, 'refusals'>,
  caller: Caller,
  connection: ConnectionTable,
  reason: string,
) =>
  refusals.record(
    {
      name: 'data-use.refused',
      by: caller,
      resourceId: connection.id,
      ownerId: connection.owner_id,
      spaceId: connection.space_id,
      data: { reason },
    },
    reason,
  );

/** A new sign-in that the caller can complete, where signing in renews the credential. */
async function signInLink(
  { store, vault, credentialEntry, log }: UseDependencies,
  { caller, connection, manifest, resolution, mayEdit }: UnresolvedUse,
) {
  // An embedded credential is renewed by a user who may edit the connection, with PATCH and qlik-auth-code.
  if (resolution.isEmbedded && !mayEdit) return undefined;
  if (resolution.state === 'needs_confirmation' || resolution.state === 'needs_approval') return undefined;
  const definition = definitionOf(connection);
  if (selectSignIn(manifest, definition).oauth?.grant !== 'authorization_code') return undefined;
  try {
    const request = {
      caller,
      manifest,
      split: splitProperties(manifest, definition, connectionSecretNames(manifest)),
      connectionSecrets: await openConnectionSecrets(store.db, vault, caller, connection),
      destination: connection.destination,
      connection: { id: connection.id, name: connection.name },
      ...(resolution.credential?.owner_id === caller.userId ? { replaces: resolution.credential } : {}),
    };
    // Oracle rule: whether there is a link, and how long it takes, depends on a host that the connection's owner chose.
    // Users who may not edit the connection begin the sign-in themselves, at the `bring` address.
    if (!mayEdit && credentialEntry.beginsAtOwnersHost(request)) return undefined;
    const { authUrl, signInId, expiresAt } = await credentialEntry.begin(request);
    return { authUrl, signInId, expiresAt, poll: `/api/v1/sign-ins/${signInId}` };
  } catch (error) {
    // The refusal must reach the caller even when the operator has not configured the OAuth client.
    log.warn({ connectionId: connection.id, err: error }, 'could not create a sign-in link');
    return undefined;
  }
}

/** The error for a use without a usable credential; the refusal is in the audit log when this resolves. */
export async function credentialsRequired(deps: UseDependencies, use: UnresolvedUse): Promise<AppError> {
  const { store } = deps;
  const { caller, connection, resolution, mayEdit } = use;
  const { credential, isEmbedded, isSuspended, state } = resolution;
  const isOrphan = state === 'missing' && (await mayTakeOver(store.db, caller, connection));
  const signIn = await signInLink(deps, { ...use, mayEdit: mayEdit || isOrphan });
  const suspendedAt =
    isSuspended && giversOf(await keptLogin(store.db, connection)).includes(caller.userId)
      ? connection.suspended_at
      : undefined;
  const isShown = !isEmbedded || credential?.owner_id === caller.userId;
  await recordRefusal(deps, caller, connection, state);
  const mayConfirm = state === 'needs_confirmation' && isShown && (!isSuspended || suspendedAt);
  const confirmedDestinations = mayConfirm && credential && (await destinationsOf(store.db, credential));
  const { destination } = connection;
  const path = `/api/v1/data-connections/${connection.id}`;
  return new AppError('CREDENTIALS-REQUIRED', isOrphan ? ownerLeft : explain(resolution), {
    meta: {
      reason: state,
      connectionId: connection.id,
      dataSourceId: connection.source_id,
      ...(credential && isShown ? { credentialId: credential.id } : {}),
      ...(signIn ? { signIn } : {}),
      ...(state === 'needs_approval' ? { approve: `/api/v1/api-keys/${caller.keyId}/actions/approve` } : {}),
      ...(isOrphan ? { ownerLeft: true } : {}),
      ...(suspendedAt ? { suspendedAt, suspendedBy: connection.suspended_by } : {}),
      // Old and new destination, so that a client can ask its user to confirm without another request.
      ...(confirmedDestinations
        ? { confirm: `${path}/credential/actions/confirm`, destination, confirmedDestinations }
        : {}),
      bring: isEmbedded ? path : `${path}/credential`,
    },
  });
}

/** For a use that the source refused: reports an ended grant as such, with the way to sign in again. */
export async function refuseIfGrantEnded(deps: UseDependencies, use: PreparedUse): Promise<void> {
  await use.assertAlive?.().catch((error: unknown) => {
    // An ended grant shows in the resolution below.
    if (!(error instanceof ConnectorError && error.kind === 'auth_failed')) throw error;
  });
  const resolution = await resolveForUse(deps.store.db, use.caller, use.connection, use.manifest);
  if (resolution.state !== 'ready') throw await credentialsRequired(deps, { ...use, resolution });
}
