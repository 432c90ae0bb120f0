import type { Clock } from '../../store/clock.js';
import { type NodeFolder, openNodeFolder } from '../../store/node-folder.js';
import type { Vault } from '../../vault/envelope.js';
import type { CredentialDependencies } from '../dependencies.js';
import {
  accessToken,
  assertAlive,
  createTokenLife,
  type IssuedToken,
  refreshIdle,
  type TokenOptions,
  type UsedToken,
} from './access-token.js';
import type { ClientConfiguration } from './client-configuration.js';
import { createClientTokens } from './client-tokens.js';
import { type CredentialRef, createGrantRecords } from './grant-records.js';
import { createKeptTokens } from './kept-tokens.js';
import { createProviderHealth } from './provider-health.js';
import { createRefreshFlights } from './refresh-flights.js';
import { createRefreshLeases, type RefreshTimes, refreshTimes } from './refresh-lease.js';
import { type RefreshDependencies, storeTokens } from './refreshing.js';
import type { Revoker } from './revoker.js';

export interface GrantDependencies
  extends Pick<CredentialDependencies, 'store' | 'vault' | 'network' | 'log'> {
  /** For tokens that were issued for a credential that is gone. */
  revokeTokens: Revoker['revokeTokens'];
  clock: Clock;
  /** Seals, in the data folder of this process, what waits for the store. */
  ownVault: Vault;
  dataFolder: string;
  /** Id of the running kernel. */
  boot?: string;
  times?: RefreshTimes;
}

export type Grants = ReturnType<typeof createGrants>;

export function createGrants(given: GrantDependencies) {
  const { store, vault, network, revokeTokens, log, clock, dataFolder, times = refreshTimes } = given;
  const folder = openNodeFolder(dataFolder, given.boot);
  const records = createGrantRecords(store, vault);
  const health = createProviderHealth(clock.now);
  const clientTokens = createClientTokens({ network, clock, health });
  let isClosing = false;
  const refreshing: RefreshDependencies = {
    ...{ records, health, network, revokeTokens, times, clock, log },
    leases: createRefreshLeases({ store, clock, folder, times }),
    keptTokens: createKeptTokens(dataFolder, given.ownVault),
    isClosing: () => isClosing,
  };
  const flights = createRefreshFlights(refreshing);
  const life = createTokenLife(clock);
  const tokens = { records, flights, life, log };

  return {
    /**
     * Proves that the stored grant, if any, can be opened.
     * @throws UnreadableError
     */
    async assertReadable(credential: CredentialRef): Promise<void> {
      await records.find(credential);
    },
    /**
     * A valid access token of this credential's grant. Of all processes on the store one at a time refreshes it; a
     * rotated refresh token is stored before the new access token is used. A caller waits for 20 s at most; the refresh
     * continues without them.
     * @throws ConnectorError `auth_failed` only if the grant is proven dead; the credential then needs a sign-in
     * @throws StoreUnavailableError
     */
    accessToken: (credential: CredentialRef, setup: ClientConfiguration, options: TokenOptions = {}) =>
      accessToken(tokens, credential, setup, options),
    /**
     * Refreshes an idle grant, so that its provider does not end it.
     * @throws ConnectorError as `accessToken`
     */
    refreshIdle: (credential: CredentialRef, setup: ClientConfiguration) =>
      refreshIdle(tokens, credential, setup),
    /**
     * For a use that the source refused: a token that was stored before may belong to a grant that has ended since, which
     * only its provider knows.
     * @throws ConnectorError `auth_failed` if it has, another kind if the use should be tried again;
     * StoreUnavailableError
     */
    assertAlive: (credential: CredentialRef, setup: ClientConfiguration, used: UsedToken) =>
      assertAlive(tokens, credential, setup, used),
    /** A token of the connection's own client (RFC 6749 section 4.4); kept in memory only. @throws ConnectorError */
    async clientToken(
      credential: CredentialRef,
      setup: ClientConfiguration,
      options: TokenOptions = {},
    ): Promise<IssuedToken> {
      const isGood = life.goodFor(credential, options);
      return (await clientTokens.get(credential, setup, isGood)).tokens;
    },
    /** Before anything else: stores the tokens that a former process of this data folder could not, and frees its leases. */
    recover: () => recover(refreshing, folder, dataFolder),
    /** Resolves when every running refresh has ended. */
    settled: flights.settled,
    /**
     * As `settled`, and no refresh begins any more. What the store does not take stays, sealed, for the next start of the
     * data folder. Takes as long as a running call.
     */
    async close(): Promise<void> {
      isClosing = true;
      await flights.settled();
      folder.close();
    },
  };
}

async function recover(deps: RefreshDependencies, folder: NodeFolder, dataFolder: string): Promise<void> {
  const { keptTokens, leases, log } = deps;
  const found = await keptTokens.all((file, error) =>
    log.error({ file, err: error }, 'refreshed tokens that waited for the store cannot be opened'),
  );
  for (const kept of found) {
    const outcome = await storeTokens(deps, kept);
    await keptTokens.drop(kept);
    log.warn({ credentialId: kept.credential.id, outcome }, 'refreshed tokens had waited for the store');
  }
  if (folder.prefix === undefined) {
    log.warn({ dataFolder }, 'another process uses this data folder; give each process its own');
  }
  await leases.freeFormer();
}
