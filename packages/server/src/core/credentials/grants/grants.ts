import type { Network } from '@mooring/connectors/spec/network';
import type { Secret } from '@mooring/connectors/spec/secret';
import type { Logger } from 'pino';
import type { Clock } from '../../store/clock.js';
import { openNodeFolder } from '../../store/node-folder.js';
import type { Store } from '../../store/store.js';
import { OutcomeUnknownError, StoreUnavailableError } from '../../store/store-error.js';
import type { Vault } from '../../vault/envelope.js';
import { createClientTokens } from './client-tokens.js';
import { type CredentialRef, createGrantRecords } from './grant-records.js';
import type { StoredGrant } from './grant-state.js';
import { createKeptTokens } from './kept-tokens.js';
import type { OAuthSetup } from './oauth-setup.js';
import { createProviderHealth } from './provider-health.js';
import { createRefreshLeases } from './refresh-lease.js';
import { type RefreshDependencies, refresh, storeTokens } from './refreshing.js';
import { notKnownYet, renewedMeanwhile, signInAgain } from './renewal-failures.js';
import { type RenewalTimes, renewalTimes } from './renewal-times.js';
import type { Revoker } from './revoker.js';

export interface TokenOptions {
  /** The token that the source refused. A newer one is given without asking the provider again. */
  refused?: Secret<string>;
}

export interface Grants {
  /**
   * A valid access token of this credential's grant. Of all processes on the store one at a time renews it; a
   * rotated refresh token is stored before the new access token is used. A caller waits for 20 s at the most; the
   * renewal goes on without them.
   * @throws ConnectorError `auth_failed` only when the grant is proven dead; the credential then needs a sign-in.
   * @throws StoreUnavailableError
   */
  accessToken(credential: CredentialRef, setup: OAuthSetup, options?: TokenOptions): Promise<Secret<string>>;
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
  clientToken(credential: CredentialRef, setup: OAuthSetup, options?: TokenOptions): Promise<Secret<string>>;
  /**
   * For a use that was refused: a token that was found, not issued, may be of a grant that has ended meanwhile, which
   * only its provider knows.
   * @throws ConnectorError `auth_failed` when it has, another kind when the use should be tried again;
   * StoreUnavailableError
   */
  assertAlive(credential: CredentialRef, setup: OAuthSetup, used: UsedToken): Promise<void>;
  /** Before anything else: stores what an earlier process of this data folder could not, and frees what it held. */
  recover(): Promise<void>;
  /** Resolves when every renewal that was begun has ended. */
  settled(): Promise<void>;
  /**
   * As `settled`, and no renewal begins any more; what the store does not take then stays, sealed, for the next start
   * of the data folder. Takes as long as a call that is under way.
   */
  close(): Promise<void>;
}

export interface UsedToken {
  /** The last one; undefined when there was none to be had. */
  handedOut: Secret<string> | undefined;
  /** When it was asked for: milliseconds since the epoch, by the store's clock. */
  askedAt: number;
}

export interface GrantDependencies {
  store: Store;
  vault: Vault;
  network: Network;
  /** Tokens that were issued for a credential that is gone are ended at the provider. */
  endTokens: Revoker['endTokens'];
  log: Logger;
  clock: Clock;
  /** Seals what waits for the store, in the data folder of this process. */
  ownVault: Vault;
  dataFolder: string;
  /** Of the kernel that this process runs on. */
  boot?: string;
  times?: RenewalTimes;
}

interface Renewal {
  outcome: Promise<StoredGrant>;
  /** The provider has answered, and only the store is waited for. */
  isAnswered: boolean;
}

const lifetimeAssumedMs = 3600_000;
/** With so much left, a token is used while its successor is fetched. */
const enoughLeftMs = 30_000;

/** Of a token that nothing could renew only the source can tell the end: a guess would cost the grant. */
const endOf = ({ tokens, issuedAt }: StoredGrant): number =>
  tokens.expiresAt ??
  (tokens.refreshToken === undefined ? Number.POSITIVE_INFINITY : issuedAt + lifetimeAssumedMs);

export function createGrants(given: GrantDependencies): Grants {
  const { store, vault, network, endTokens, log, clock, times = renewalTimes } = given;
  const folder = openNodeFolder(given.dataFolder, given.boot);
  const records = createGrantRecords(store, vault);
  const leases = createRefreshLeases({ store, clock, folder, times });
  const keptTokens = createKeptTokens(given.dataFolder, given.ownVault);
  const health = createProviderHealth(clock.now);
  const clientTokens = createClientTokens({ network, clock, health });
  const refreshing = new Map<string, Renewal>();
  let isClosing = false;
  const deps: RefreshDependencies = {
    ...{ records, leases, keptTokens, health, network, endTokens, times, clock, log },
    isClosing: () => isClosing,
  };
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
      !grant.tokens.accessToken.equals(refused) && endOf(grant) - marginMs(grant, credential) > clock.now();

  /** How long the token will still be taken, as far as anybody knows. */
  const leftMs = ({ tokens }: StoredGrant, refused: Secret<string> | undefined): number =>
    tokens.accessToken.equals(refused) ? 0 : (tokens.expiresAt ?? Number.POSITIVE_INFINITY) - clock.now();

  const load = async (credential: CredentialRef): Promise<StoredGrant> => {
    const found = await records.find(credential);
    if (!found) throw signInAgain(undefined);
    // A use goes on with what is on record, not with what somebody has signed in for meanwhile.
    if (found.credentialVersion !== credential.version) throw renewedMeanwhile();
    return found.grant;
  };

  /** One renewal at a time for each credential in this process; who comes later gets the same one's outcome. */
  const renewOnce = (
    credential: CredentialRef,
    setup: OAuthSetup,
    isGood: (grant: StoredGrant) => boolean,
  ): Renewal => {
    const running = refreshing.get(credential.id);
    if (running) return running;
    if (isClosing) throw new StoreUnavailableError('The service is stopping.');
    const onAnswer = () => {
      begun.isAnswered = true;
    };
    const begun: Renewal = {
      isAnswered: false,
      outcome: refresh(deps, { credential, setup, isGood, onAnswer })
        .catch((error: unknown) => {
          // Of a change that nobody asked for there is nothing to look after.
          if (!(error instanceof OutcomeUnknownError)) throw error;
          throw new StoreUnavailableError('The store went away during a renewal.', { cause: error });
        })
        .finally(() => refreshing.delete(credential.id)),
    };
    refreshing.set(credential.id, begun);
    return begun;
  };

  /** What the renewal brings, for a caller, who does not wait for ever. */
  const waitFor = async (renewal: Renewal): Promise<StoredGrant> => {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            renewal.isAnswered
              ? new StoreUnavailableError('The renewed tokens cannot be stored yet.')
              : notKnownYet(),
          ),
        times.waitMs,
      );
    });
    try {
      return await Promise.race([renewal.outcome, patience]);
    } finally {
      clearTimeout(timer);
      renewal.outcome.catch(() => undefined);
    }
  };

  const settled = async (): Promise<void> => {
    await Promise.allSettled([...refreshing.values()].map(({ outcome }) => outcome));
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
        renewing.outcome.catch((error: unknown) =>
          log.debug({ credentialId: credential.id, err: error }, 'renewal put off'),
        );
        return grant.tokens.accessToken;
      }
      try {
        const renewed = await waitFor(renewing);
        // What others asked for may be the token that this caller's source has refused.
        if (!renewed.tokens.accessToken.equals(options.refused)) return renewed.tokens.accessToken;
        return (await waitFor(renewOnce(credential, setup, isGood))).tokens.accessToken;
      } catch (error) {
        const now = await load(credential);
        const isDead = (error as { kind?: unknown }).kind === 'auth_failed';
        if (!isDead && leftMs(now, options.refused) > 0) return now.tokens.accessToken;
        throw error;
      }
    },

    async renewIdle(credential, setup) {
      const before = await load(credential);
      await renewOnce(credential, setup, (grant) => grant.issuedAt !== before.issuedAt).outcome;
    },

    async clientToken(credential, setup, options = {}) {
      const { tokens } = await clientTokens.get(credential, setup, goodFor(credential, options));
      return tokens.accessToken;
    },

    async assertAlive(credential, setup, { handedOut, askedAt }) {
      const found = await records.find(credential);
      if (!found || found.isDead) throw signInAgain(undefined);
      const { tokens, issuedAt } = found.grant;
      if (handedOut === undefined || !tokens.accessToken.equals(handedOut)) throw renewedMeanwhile();
      if (issuedAt >= askedAt) return;
      await waitFor(renewOnce(credential, setup, goodFor(credential, { refused: handedOut })));
    },

    async recover() {
      const found = await keptTokens.all((file, error) =>
        log.error({ file, err: error }, 'renewed tokens that waited for the store cannot be opened'),
      );
      for (const kept of found) {
        const outcome = await storeTokens(deps, kept);
        await keptTokens.drop(kept);
        log.warn({ credentialId: kept.credential.id, outcome }, 'renewed tokens had waited for the store');
      }
      if (folder.prefix === undefined) {
        log.warn(
          { dataFolder: given.dataFolder },
          'another process uses this data folder; give each its own',
        );
      }
      await leases.freeFormer();
    },

    settled,

    async close() {
      isClosing = true;
      await settled();
      folder.close();
    },
  };
}
