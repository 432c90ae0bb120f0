import type { Network } from '@mooring/connectors/interface/network';
import { revealedJson } from '@mooring/connectors/interface/secret';
import { sha256 } from '../../crypto/digest.js';
import { requestClientCredentials } from '../../oauth/client-credentials-grant.js';
import { requestJwtBearer } from '../../oauth/jwt-bearer-grant.js';
import { OAuthError } from '../../oauth/oauth-error.js';
import type { ProviderCall } from '../../oauth/types.js';
import type { Clock } from '../../store/clock.js';
import type { ClientConfiguration } from './client-configuration.js';
import type { CredentialRef } from './grant-records.js';
import { type StoredGrant, storedGrant } from './grant-state.js';
import { clientTokenFailure } from './oauth-failures.js';
import { type ProviderHealth, pauseOf, probeMs } from './provider-health.js';

// Tokens of a connection's own client (RFC 6749 section 4.4) and of service accounts (RFC 7523). A lost one is requested
// again, so they stay in memory, together with the pauses after failures.

export interface ClientTokenDependencies {
  network: Network;
  clock: Clock;
  health: ProviderHealth;
  /** Credentials whose token is cached, least recently used dropped first. Default 10,000. */
  keptMax?: number;
}

interface Kept {
  grant?: StoredGrant;
  /** The one call that all callers wait for. */
  running?: Promise<StoredGrant>;
  failures: number;
  /** Milliseconds since the epoch. */
  pause?: { error: OAuthError; until: number; backedOffAt?: number };
}

/** A changed client or key gets neither the token nor the pauses of the one before. */
const keyOf = ({ id, version }: CredentialRef, { preset, client, assertion }: ClientConfiguration): string =>
  `${id}:${version}:${sha256(revealedJson([preset, client, assertion]))}`;

const ask = ({ assertion, ...call }: ClientConfiguration & ProviderCall) =>
  assertion ? requestJwtBearer(call, assertion) : requestClientCredentials(call);

export function createClientTokens({ network, clock, health, keptMax = 10_000 }: ClientTokenDependencies) {
  const kept = new Map<string, Kept>();

  const entry = (key: string): Kept => {
    const found = kept.get(key) ?? { failures: 0 };
    kept.delete(key);
    kept.set(key, found);
    const [oldest] = kept.keys();
    if (kept.size > keptMax && oldest !== undefined) kept.delete(oldest);
    return found;
  };

  const begin = async (one: Kept, setup: ClientConfiguration): Promise<StoredGrant> => {
    try {
      const tokens = await ask({ ...setup, network, now: clock.now });
      health.answered(setup);
      one.grant = storedGrant(tokens, clock.now());
      one.failures = 0;
      delete one.pause;
      return one.grant;
    } catch (error) {
      delete one.grant;
      if (!(error instanceof OAuthError)) throw error;
      const { pauseMs, isBackOff } = pauseOf(error, one.failures);
      const now = clock.now();
      one.failures += 1;
      one.pause = { error, until: now + pauseMs, ...(isBackOff ? { backedOffAt: now } : {}) };
      throw clientTokenFailure(error, setup, isBackOff ? Math.min(pauseMs, probeMs) : pauseMs);
    } finally {
      delete one.running;
    }
  };

  /** @throws ConnectorError within a pause of the provider */
  const respectPause = ({ pause }: Kept, setup: ClientConfiguration): void => {
    const waitMs = pause ? pause.until - clock.now() : 0;
    if (!pause || waitMs <= 0) return;
    const { error, backedOffAt } = pause;
    if (backedOffAt !== undefined && health.mayTry(setup, backedOffAt)) return;
    const { kind, providerCode, detail } = error;
    // Without its Retry-After: the remaining time counts, not the original one.
    const left = new OAuthError(kind, {
      ...(providerCode === undefined ? {} : { providerCode }),
      ...(detail === undefined ? {} : { detail }),
      cause: error,
    });
    throw clientTokenFailure(left, setup, backedOffAt === undefined ? waitMs : Math.min(waitMs, probeMs));
  };

  return {
    /** @throws ConnectorError */
    async get(
      credential: CredentialRef,
      setup: ClientConfiguration,
      isGood: (grant: StoredGrant) => boolean,
    ): Promise<StoredGrant> {
      const one = entry(keyOf(credential, setup));
      if (one.grant && isGood(one.grant)) return one.grant;
      if (!one.running) {
        respectPause(one, setup);
        one.running = begin(one, setup);
      }
      return one.running;
    },
  };
}
