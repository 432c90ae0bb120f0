import type { Network } from '@mooring/connectors/spec/network';
import type { Logger } from 'pino';
import type { Clock } from '../store/clock.js';
import type { Store } from '../store/store.js';
import type { Vault } from '../vault/envelope.js';
import { createClientTokens } from './client-tokens.js';
import { type CredentialRef, createGrantRecords } from './grant-records.js';
import type { StoredGrant } from './grant-state.js';
import type { OAuthSetup } from './oauth-setup.js';
import { createRefreshLeases } from './refresh-lease.js';
import { refresh, signInAgain } from './refreshing.js';
import type { Revoker } from './revoker.js';

export interface TokenOptions {
  /** The token that the source refused. A newer one is given without asking the provider again. */
  refused?: string;
}

export interface Grants {
  /**
   * A valid access token of this credential's grant. Of all processes on the store one at a time renews it; a
   * rotated refresh token is stored before the new access token is used.
   * @throws ConnectorError `auth_failed` only when the grant is proven dead; the credential then needs a sign-in.
   */
  accessToken(credential: CredentialRef, setup: OAuthSetup, options?: TokenOptions): Promise<string>;
  /**
   * Renews a grant that nobody uses, so that its provider does not end it.
   * @throws ConnectorError as `accessToken`
   */
  renewIdle(credential: CredentialRef, setup: OAuthSetup): Promise<void>;
  /**
   * Proves that the stored grant, if there is one, can be opened.
   * @throws UnreadableError
   */
  assertReadable(credential: CredentialRef): Promise<void>;
  /** A token of the connection's own client (RFC 6749 section 4.4); kept in memory only. */
  clientToken(credential: CredentialRef, setup: OAuthSetup, options?: TokenOptions): Promise<string>;
  /** On a store that only this process has, before anything else: what dead processes held is free at once. */
  freeLeases(): Promise<void>;
  /** Resolves when every renewal that was begun has ended. */
  settled(): Promise<void>;
}

export interface GrantDependencies {
  store: Store;
  vault: Vault;
  network: Network;
  /** Tokens that were issued for a credential that is gone are ended at the provider. */
  endTokens: Revoker['endTokens'];
  log: Logger;
  clock: Clock;
}

const lifetimeAssumedMs = 3600_000;
/** With so much left, a token is used while its successor is fetched. */
const enoughLeftMs = 30_000;

/** Of a token that nothing could renew only the source can tell the end: a guess would cost the grant. */
const endOf = ({ tokens, issuedAt }: StoredGrant): number =>
  tokens.expiresAt ??
  (tokens.refreshToken === undefined ? Number.POSITIVE_INFINITY : issuedAt + lifetimeAssumedMs);

export function createGrants({ store, vault, network, endTokens, log, clock }: GrantDependencies): Grants {
  const records = createGrantRecords(store, vault);
  const leases = createRefreshLeases(store, clock);
  const clientTokens = createClientTokens(network, clock);
  const refreshing = new Map<string, Promise<StoredGrant>>();
  /** Differs by process, so that they do not all find one token due at the same moment. */
  const spread = Math.random();

  /** Renew this long before the end: five minutes, or a fifth of a short life; a quarter less for some. */
  const marginMs = (grant: StoredGrant, credential: CredentialRef): number => {
    const place = (Number.parseInt(credential.id.slice(0, 4), 16) / 0xffff + spread) % 1;
    return Math.min(300_000, 0.2 * (endOf(grant) - grant.issuedAt)) * (0.75 + 0.25 * place);
  };

  const goodFor =
    (credential: CredentialRef, { refused }: TokenOptions) =>
    (grant: StoredGrant): boolean =>
      grant.tokens.accessToken !== refused && endOf(grant) - marginMs(grant, credential) > clock.now();

  /** How long the token will still be taken, as far as anybody knows. */
  const leftMs = ({ tokens }: StoredGrant, refused: string | undefined): number =>
    tokens.accessToken === refused ? 0 : (tokens.expiresAt ?? Number.POSITIVE_INFINITY) - clock.now();

  const load = async (credential: CredentialRef): Promise<StoredGrant> => {
    const found = await records.find(credential);
    if (!found) throw signInAgain(undefined);
    return found.grant;
  };

  /** One renewal at a time for each credential in this process; who comes later gets the same one's outcome. */
  const renewOnce = (
    credential: CredentialRef,
    setup: OAuthSetup,
    isGood: (grant: StoredGrant) => boolean,
  ): Promise<StoredGrant> => {
    const running = refreshing.get(credential.id);
    if (running) return running;
    const begun = refresh(
      { records, leases, network, endTokens, clock, log },
      { credential, setup, isGood },
    ).finally(() => refreshing.delete(credential.id));
    refreshing.set(credential.id, begun);
    return begun;
  };

  return {
    async assertReadable(credential) {
      await records.find(credential);
    },

    async accessToken(credential, setup, options = {}) {
      const isGood = goodFor(credential, options);
      const grant = await load(credential);
      if (isGood(grant)) return grant.tokens.accessToken;
      const renewing = renewOnce(credential, setup, isGood);
      if (leftMs(grant, options.refused) > enoughLeftMs) {
        renewing.catch((error: unknown) =>
          log.debug({ credentialId: credential.id, err: error }, 'renewal put off'),
        );
        return grant.tokens.accessToken;
      }
      try {
        const renewed = await renewing;
        // What others asked for may be the token that this caller's source has refused.
        if (renewed.tokens.accessToken !== options.refused) return renewed.tokens.accessToken;
        return (await renewOnce(credential, setup, isGood)).tokens.accessToken;
      } catch (error) {
        const now = await load(credential);
        const isDead = (error as { kind?: unknown }).kind === 'auth_failed';
        if (!isDead && leftMs(now, options.refused) > 0) return now.tokens.accessToken;
        throw error;
      }
    },

    async renewIdle(credential, setup) {
      const before = await load(credential);
      await renewOnce(credential, setup, (grant) => grant.issuedAt !== before.issuedAt);
    },

    async clientToken(credential, setup, options = {}) {
      const { tokens } = await clientTokens.get(credential, setup, goodFor(credential, options));
      return tokens.accessToken;
    },

    freeLeases: leases.freeAll,

    async settled() {
      await Promise.allSettled(refreshing.values());
    },
  };
}
