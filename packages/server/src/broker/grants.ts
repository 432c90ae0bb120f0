import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { Network } from '@mooring/connectors/spec/network';
import type { Logger } from 'pino';
import { egressRefused } from '../egress/failure.js';
import { requestClientCredentials } from '../oauth/client-credentials-grant.js';
import { OAuthError } from '../oauth/oauth-error.js';
import { refreshGrant } from '../oauth/refresh-grant.js';
import { revokeToken } from '../oauth/revocation.js';
import type { TokenSet } from '../oauth/types.js';
import type { Store } from '../store/store.js';
import type { CredentialTable } from '../store/tables.js';
import type { Vault } from '../vault/envelope.js';
import { newUuid } from '../vault/random.js';
import { replaceSecret, sealContext } from './credential-records.js';
import { recordRenewedGrant, type StoredGrant, storedGrant } from './grant-state.js';
import type { OAuthSetup } from './oauth-setup.js';

type CredentialRef = Pick<CredentialTable, 'id' | 'tenant_id' | 'owner_id' | 'version'>;

export interface TokenOptions {
  /** The token that the source refused. A newer one is given without asking the provider again. */
  refused?: string;
}

export interface Grants {
  /**
   * A valid access token of this credential's grant. Refreshes at most once at a time per credential; a rotated
   * refresh token is stored before the new access token is used.
   * @throws ConnectorError `auth_failed` only when the grant is proven dead; the credential then needs a sign-in.
   */
  accessToken(credential: CredentialRef, setup: OAuthSetup, options?: TokenOptions): Promise<string>;
  /**
   * Proves that the stored grant, if there is one, can be opened.
   * @throws UnreadableError
   */
  assertReadable(credential: CredentialRef): Promise<void>;
  /** A token of the connection's own client (RFC 6749 section 4.4); kept in memory only. */
  clientToken(credential: CredentialRef, setup: OAuthSetup, options?: TokenOptions): Promise<string>;
}

export interface GrantDependencies {
  store: Store;
  vault: Vault;
  network: Network;
  log: Logger;
  now?: () => number;
}

const lifetimeAssumedMs = 3600_000;

/** Renew this long before the end: five minutes, or a fifth of the life of a short-lived token. */
const marginMs = (tokens: TokenSet, issuedAt: number): number =>
  Math.min(300_000, 0.2 * ((tokens.expiresAt ?? issuedAt + lifetimeAssumedMs) - issuedAt));

function signInAgain(cause: unknown): ConnectorError {
  return new ConnectorError('auth_failed', 'The sign-in to the source is no longer valid.', {
    remedy: 'Sign in again.',
    cause,
  });
}

function providerTrouble(error: unknown): unknown {
  if (!(error instanceof OAuthError)) return error;
  if (error.kind === 'egress_refused') return egressRefused();
  const kind = error.kind === 'rate_limited' ? 'rate_limited' : 'unreachable';
  return new ConnectorError(kind, 'The identity provider did not renew the sign-in. Nothing was lost.', {
    remedy: 'Try again in a moment.',
    retryable: true,
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
    cause: error,
  });
}

export function createGrants({ store, vault, network, log, now = Date.now }: GrantDependencies): Grants {
  const refreshing = new Map<string, Promise<string>>();
  const clientTokens = new Map<string, Promise<StoredGrant>>();

  const find = async (
    credential: CredentialRef,
  ): Promise<{ grant: StoredGrant; version: number } | undefined> => {
    const row = await store.db
      .selectFrom('secret')
      .selectAll()
      .where('record_kind', '=', 'credential')
      .where('record_id', '=', credential.id)
      .where('tenant_id', '=', credential.tenant_id)
      .where('owner_id', '=', credential.owner_id)
      .where('field', '=', 'grant')
      .executeTakeFirst();
    if (!row) return undefined;
    const sealed = { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
    return {
      grant: vault.open(sealed, sealContext(credential, 'grant', row.version)) as StoredGrant,
      version: row.version,
    };
  };

  const load = async (credential: CredentialRef) => {
    const found = await find(credential);
    if (!found) throw signInAgain(undefined);
    return found;
  };

  const isFresh = ({ tokens, issuedAt }: StoredGrant): boolean =>
    (tokens.expiresAt ?? issuedAt + lifetimeAssumedMs) - marginMs(tokens, issuedAt) > now();

  const isUsable = (grant: StoredGrant, refused: string | undefined): boolean =>
    isFresh(grant) && grant.tokens.accessToken !== refused;

  /** Only while the grant that was proven dead is still the stored one: a newer sign-in must not suffer for it. */
  const markDead = (credential: CredentialRef, version: number): Promise<void> =>
    store.transaction(async (tx) => {
      const row = await tx
        .selectFrom('secret')
        .select('version')
        .where('record_kind', '=', 'credential')
        .where('record_id', '=', credential.id)
        .where('field', '=', 'grant')
        .executeTakeFirst();
      if (row?.version !== version) return;
      await tx
        .updateTable('credential')
        .set({ state: 'needs_sign_in', updated_at: new Date(now()).toISOString() })
        .where('id', '=', credential.id)
        .where('tenant_id', '=', credential.tenant_id)
        .execute();
    });

  const storeRenewed = async (
    credential: CredentialRef,
    version: number,
    grant: StoredGrant,
    intentId: string,
  ) =>
    store.transaction(async (tx) => {
      const isStored = await replaceSecret(tx, vault, credential, 'grant', version, grant);
      await tx.deleteFrom('intent').where('id', '=', intentId).execute();
      if (isStored) await recordRenewedGrant(tx, credential, grant);
      return isStored;
    });

  const refresh = async (
    credential: CredentialRef,
    setup: OAuthSetup,
    refused: string | undefined,
  ): Promise<string> => {
    const { grant, version } = await load(credential);
    // Somebody may have refreshed while this caller waited for its turn.
    if (isUsable(grant, refused)) return grant.tokens.accessToken;
    const { refreshToken } = grant.tokens;
    const stillValid =
      grant.tokens.accessToken !== refused && (grant.tokens.expiresAt ?? Number.POSITIVE_INFINITY) > now();
    if (refreshToken === undefined) {
      if (stillValid) return grant.tokens.accessToken;
      await markDead(credential, version);
      throw signInAgain(undefined);
    }
    const intentId = newUuid();
    const createdAt = new Date(now()).toISOString();
    await store.db
      .insertInto('intent')
      .values({
        id: intentId,
        tenant_id: credential.tenant_id,
        kind: 'refresh',
        record_id: credential.id,
        created_at: createdAt,
      })
      .execute();
    try {
      const tokens = await refreshGrant({ ...setup, refreshToken, network, now });
      const renewed = storedGrant({ ...grant.tokens, ...tokens }, now(), setup.preset);
      if (await storeRenewed(credential, version, renewed, intentId)) return renewed.tokens.accessToken;
      // The grant was deleted or replaced by a newer sign-in meanwhile: what was just issued must not live on.
      await revokeToken({ ...setup, token: tokens.refreshToken ?? tokens.accessToken, network });
      return (await load(credential)).grant.tokens.accessToken;
    } catch (error) {
      await store.db.deleteFrom('intent').where('id', '=', intentId).execute();
      if (error instanceof OAuthError && error.kind === 'grant_dead') {
        await markDead(credential, version);
        throw signInAgain(error);
      }
      log.warn(
        { credentialId: credential.id, kind: error instanceof OAuthError ? error.kind : 'unknown' },
        'refresh failed',
      );
      if (stillValid && error instanceof OAuthError) return grant.tokens.accessToken;
      throw providerTrouble(error);
    }
  };

  return {
    async assertReadable(credential) {
      await find(credential);
    },
    async accessToken(credential, setup, options = {}) {
      const { grant } = await load(credential);
      if (isUsable(grant, options.refused)) return grant.tokens.accessToken;
      const running = refreshing.get(credential.id);
      if (running) return running;
      const attempt = refresh(credential, setup, options.refused).finally(() =>
        refreshing.delete(credential.id),
      );
      refreshing.set(credential.id, attempt);
      return attempt;
    },
    async clientToken(credential, setup, options = {}) {
      const key = `${credential.id}:${credential.version}`;
      const current = clientTokens.get(key);
      const grant = await current?.catch(() => undefined);
      if (grant && isUsable(grant, options.refused)) return grant.tokens.accessToken;
      // Whoever comes first replaces the token; the others wait for the same one.
      if (clientTokens.get(key) === current) {
        const fetched = requestClientCredentials({ ...setup, network, now });
        clientTokens.set(
          key,
          fetched.then((tokens) => storedGrant(tokens, now())),
        );
      }
      try {
        const fresh = await clientTokens.get(key);
        if (!fresh) throw new Error('the client token was dropped while it was awaited');
        return fresh.tokens.accessToken;
      } catch (error) {
        clientTokens.delete(key);
        const isRefused =
          error instanceof OAuthError && (error.kind === 'client_refused' || error.kind === 'grant_dead');
        throw isRefused ? signInAgain(error) : providerTrouble(error);
      }
    },
  };
}
