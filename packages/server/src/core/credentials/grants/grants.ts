import type { Network } from '@mooring/connectors/spec/network';
import type { Secret } from '@mooring/connectors/spec/secret';
import type { Logger } from 'pino';
import type { Clock } from '../../store/clock.js';
import { openNodeFolder } from '../../store/node-folder.js';
import type { Store } from '../../store/store.js';
import type { Vault } from '../../vault/envelope.js';
import { accessToken, assertAlive, refreshIdle, type UsedToken } from './access-token.js';
import type { ClientConfiguration } from './client-configuration.js';
import { createClientTokens } from './client-tokens.js';
import { type CredentialRef, createGrantRecords } from './grant-records.js';
import { createKeptTokens } from './kept-tokens.js';
import { createProviderHealth } from './provider-health.js';
import { recover } from './recover.js';
import { createRefreshFlights } from './refresh-flights.js';
import { createRefreshLeases } from './refresh-lease.js';
import { type RefreshTimes, refreshTimes } from './refresh-times.js';
import type { RefreshDependencies } from './refreshing.js';
import type { Revoker } from './revoker.js';
import { createTokenLife, type TokenOptions } from './token-life.js';

export interface Grants {
  /**
   * A valid access token of this credential's grant. Of all processes on the store one at a time refreshes it; a
   * rotated refresh token is stored before the new access token is used. A caller waits for 20 s at most; the refresh
   * continues without them.
   * @throws ConnectorError `auth_failed` only if the grant is proven dead; the credential then needs a sign-in
   * @throws StoreUnavailableError
   */
  accessToken(
    credential: CredentialRef,
    setup: ClientConfiguration,
    options?: TokenOptions,
  ): Promise<Secret<string>>;
  /**
   * Refreshes an idle grant, so that its provider does not end it.
   * @throws ConnectorError as `accessToken`
   */
  refreshIdle(credential: CredentialRef, setup: ClientConfiguration): Promise<void>;
  /**
   * Proves that the stored grant, if any, can be opened.
   * @throws UnreadableError
   */
  assertReadable(credential: CredentialRef): Promise<void>;
  /** A token of the connection's own client (RFC 6749 section 4.4); kept in memory only. @throws ConnectorError */
  clientToken(
    credential: CredentialRef,
    setup: ClientConfiguration,
    options?: TokenOptions,
  ): Promise<Secret<string>>;
  /**
   * For a use that the source refused: a token that was stored before may belong to a grant that has ended since, which only
   * its provider knows.
   * @throws ConnectorError `auth_failed` if it has, another kind if the use should be tried again;
   * StoreUnavailableError
   */
  assertAlive(credential: CredentialRef, setup: ClientConfiguration, used: UsedToken): Promise<void>;
  /** Before anything else: stores the tokens that a former process of this data folder could not, and frees its leases. */
  recover(): Promise<void>;
  /** Resolves when every running refresh has ended. */
  settled(): Promise<void>;
  /**
   * As `settled`, and no refresh begins any more. What the store does not take stays, sealed, for the next start of the
   * data folder. Takes as long as a running call.
   */
  close(): Promise<void>;
}

export interface GrantDependencies {
  store: Store;
  vault: Vault;
  network: Network;
  /** For tokens that were issued for a credential that is gone. */
  revokeTokens: Revoker['revokeTokens'];
  log: Logger;
  clock: Clock;
  /** Seals, in the data folder of this process, what waits for the store. */
  ownVault: Vault;
  dataFolder: string;
  /** Id of the running kernel. */
  boot?: string;
  times?: RefreshTimes;
}

export function createGrants(given: GrantDependencies): Grants {
  const { store, vault, network, revokeTokens, log, clock, dataFolder, times = refreshTimes } = given;
  const folder = openNodeFolder(dataFolder, given.boot);
  const records = createGrantRecords(store, vault);
  const leases = createRefreshLeases({ store, clock, folder, times });
  const keptTokens = createKeptTokens(dataFolder, given.ownVault);
  const health = createProviderHealth(clock.now);
  const clientTokens = createClientTokens({ network, clock, health });
  let isClosing = false;
  const refreshing: RefreshDependencies = {
    ...{ records, leases, keptTokens, health, network, revokeTokens, times, clock, log },
    isClosing: () => isClosing,
  };
  const flights = createRefreshFlights(refreshing);
  const life = createTokenLife(clock);
  const tokens = { records, flights, life, log };

  return {
    async assertReadable(credential) {
      await records.find(credential);
    },
    accessToken: (credential, setup, options = {}) => accessToken(tokens, credential, setup, options),
    refreshIdle: (credential, setup) => refreshIdle(tokens, credential, setup),
    assertAlive: (credential, setup, used) => assertAlive(tokens, credential, setup, used),

    async clientToken(credential, setup, options = {}) {
      const isGood = life.goodFor(credential, options);
      return (await clientTokens.get(credential, setup, isGood)).tokens.accessToken;
    },

    recover: () => recover({ ...refreshing, folder, dataFolder }),
    settled: flights.settled,

    async close() {
      isClosing = true;
      await flights.settled();
      folder.close();
    },
  };
}
