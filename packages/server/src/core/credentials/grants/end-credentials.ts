import { type AuditEvent, recordCredential } from '../../audit/record.js';
import { mayRevoke } from '../../oauth/revocation.js';
import type { TokenSet } from '../../oauth/types.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import { StoreUnavailableError } from '../../store/store-error.js';
import type { ConnectionTable, CredentialTable, SignInTable } from '../../store/tables.js';
import { UnreadableError } from '../../vault/envelope.js';
import type { CredentialDependencies } from '../dependencies.js';
import { shredCredential } from '../records/credential-records.js';
import { credentialsIn, type EndScope, openSignInsIn } from '../records/end-scope.js';
import { loadSecret, openGrant } from '../records/sealed-secrets.js';
import { configurationToRevoke } from '../resolve/credential-configuration.js';
import { sealedGrantOf } from '../sign-ins/sealed-grants.js';
import { endSignIn } from '../sign-ins/sign-in-store.js';
import type { ClientConfiguration } from './client-configuration.js';
import { credentialOfSignIn, enqueue, type RevokedCredential, tokenToRevoke } from './revocation-queue.js';

// The end of credentials: the key to their secrets is destroyed in the transaction that deletes them, and the same
// transaction queues their revocations.

export interface EndOptions {
  /** Credentials with one id make one report; without an id, only those with something to revoke are queued. */
  batchId?: string | undefined;
  /** Who ends it, for the audit log; absent: its owner. */
  by?: AuditEvent['by'];
  /** The connection as it was, if the same transaction changes it. */
  connection?: ConnectionTable;
  /** Records at most, so that others get their turn in between. Default: all. */
  limit?: number;
}

/** Tokens to be revoked, and the client to do it with. */
export interface TokensToRevoke extends Pick<EndOptions, 'batchId'> {
  setup: ClientConfiguration;
  tokens: TokenSet;
}

export type EndDependencies = Omit<CredentialDependencies, 'network'>;

/** See `Revoker.end`. */
export async function endCredentials(
  deps: EndDependencies,
  tx: Tx,
  scope: EndScope,
  options: EndOptions,
): Promise<number> {
  const { limit } = options;
  // Sign-ins first: one that completes could still add a credential.
  const signIns = await openSignInsIn(tx, scope, limit);
  for (const signIn of signIns) await endOpenSignIn(deps, tx, signIn, options);
  const left = limit === undefined ? undefined : limit - signIns.length;
  const credentials = left === 0 ? [] : await credentialsIn(tx, scope, left);
  for (const credential of credentials) await endCredential(deps, tx, credential, options);
  return credentials.length + signIns.length;
}

/** See `Revoker.queueRevocation`. */
export async function queueRevocation(
  { store, vault }: Pick<EndDependencies, 'store' | 'vault'>,
  tx: Tx,
  credential: RevokedCredential,
  { setup, tokens, batchId }: TokensToRevoke,
): Promise<void> {
  const sealed = mayRevoke(setup.preset) ? { setup, token: tokenToRevoke(tokens) } : undefined;
  if (sealed || batchId !== undefined)
    await enqueue(tx, store, vault, { credential, batchId, sealed, status: 'unsupported' });
}

/** What to tell the provider of a stored grant; a status if there is nothing to tell. */
async function revocationOf(
  deps: EndDependencies,
  tx: Queryable,
  credential: CredentialTable,
  connection?: ConnectionTable,
) {
  const row = await loadSecret(tx, credential, 'grant');
  if (!row) return { status: 'none' as const };
  try {
    const { tokens } = openGrant(deps.vault, credential, row);
    const setup = await configurationToRevoke(tx, deps, credential, connection);
    if (!setup || !mayRevoke(setup.preset)) return { status: 'unsupported' as const };
    return { sealed: { setup, token: tokenToRevoke(tokens) } };
  } catch (error) {
    // Its key may be one that this node has yet to learn.
    if (error instanceof StoreUnavailableError) throw error;
    // An unreadable grant or a client that is no longer configured must not keep a user from deleting.
    deps.log.warn({ credentialId: credential.id }, 'grant cannot be revoked at the provider');
    return {
      status: error instanceof UnreadableError ? ('unreadable' as const) : ('unsupported' as const),
    };
  }
}

async function endCredential(
  deps: EndDependencies,
  tx: Tx,
  credential: CredentialTable,
  { batchId, by, connection }: EndOptions,
): Promise<void> {
  const found = await revocationOf(deps, tx, credential, connection);
  if (batchId !== undefined || found.sealed)
    await enqueue(tx, deps.store, deps.vault, { credential, batchId, ...found });
  await shredCredential(tx, credential);
  // A batch has one event, and a report that names each credential.
  if (batchId === undefined) await recordCredential(tx, 'deleted', credential, by);
}

async function endOpenSignIn(
  deps: EndDependencies,
  tx: Tx,
  row: SignInTable,
  { batchId }: EndOptions,
): Promise<void> {
  const found = await sealedGrantOf(tx, deps.vault, row);
  if (found) await queueRevocation(deps, tx, credentialOfSignIn(row), { ...found, batchId });
  await endSignIn(tx, row, 'failed', 'ended');
}
