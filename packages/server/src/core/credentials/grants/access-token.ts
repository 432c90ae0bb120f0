import type { Secret } from '@mooring/connectors/interface/secret';
import type { Logger } from 'pino';
import type { TokenSet } from '../../oauth/types.js';
import type { Clock } from '../../store/clock.js';
import type { ClientConfiguration } from './client-configuration.js';
import type { CredentialRef, GrantRecords } from './grant-records.js';
import type { StoredGrant } from './grant-state.js';
import { renewedMeanwhile, signInAgain } from './oauth-failures.js';
import type { RefreshFlights } from './refresh-flights.js';

export interface TokenOptions {
  /** The token that the source refused. A newer one is returned without asking the provider again. */
  refused?: Secret<string>;
}

/** A token, and the API that was named with it. */
export type IssuedToken = Pick<TokenSet, 'accessToken' | 'apiUrl'>;

export interface UsedToken {
  /** The last one; undefined if there was none. */
  handedOut: Secret<string> | undefined;
  /** When it was asked for: milliseconds since the epoch, by the store's clock. */
  askedAt: number;
}

export interface TokenDependencies {
  records: GrantRecords;
  flights: RefreshFlights;
  life: TokenLife;
  log: Logger;
}

/** With so much life left, a token is used while its successor is fetched. */
const enoughLeftMs = 30_000;
const lifetimeAssumedMs = 3600_000;

/** Only the source can tell the end of a token that cannot be refreshed: a guess would cost the grant. */
const endOf = ({ tokens, issuedAt }: StoredGrant): number =>
  tokens.expiresAt ??
  (tokens.refreshToken === undefined ? Number.POSITIVE_INFINITY : issuedAt + lifetimeAssumedMs);

export type TokenLife = ReturnType<typeof createTokenLife>;

export function createTokenLife(clock: Clock) {
  /** Differs by process, so that not all of them find one token due at the same moment. */
  const spread = Math.random();

  /** Refresh this long before the end: five minutes, or a fifth of a short life; up to a quarter less for some. */
  const marginMs = (grant: StoredGrant, credential: CredentialRef): number => {
    const place = (Number.parseInt(credential.id.slice(0, 4), 16) / 0xffff + spread) % 1;
    return Math.min(300_000, 0.2 * (endOf(grant) - grant.issuedAt)) * (0.75 + 0.25 * place);
  };

  return {
    /** @returns whether a grant needs no refresh */
    goodFor:
      (credential: CredentialRef, { refused }: TokenOptions) =>
      (grant: StoredGrant): boolean =>
        !grant.tokens.accessToken.equals(refused) && endOf(grant) - marginMs(grant, credential) > clock.now(),
    /** How long the source will still accept the token, to our knowledge: milliseconds. */
    leftMs: ({ tokens }: StoredGrant, { refused }: TokenOptions): number =>
      tokens.accessToken.equals(refused) ? 0 : (tokens.expiresAt ?? Number.POSITIVE_INFINITY) - clock.now(),
  };
}

async function load({ records }: TokenDependencies, credential: CredentialRef): Promise<StoredGrant> {
  const found = await records.find(credential);
  if (!found) throw signInAgain(undefined);
  // A use continues with the credential that it recorded, not with one that its user has entered since.
  if (found.credentialVersion !== credential.version) throw renewedMeanwhile();
  return found.grant;
}

/** See `Grants.accessToken`. */
export async function accessToken(
  deps: TokenDependencies,
  credential: CredentialRef,
  setup: ClientConfiguration,
  options: TokenOptions,
): Promise<IssuedToken> {
  const { flights, life, log } = deps;
  const isGood = life.goodFor(credential, options);
  const grant = await load(deps, credential);
  if (isGood(grant)) return grant.tokens;
  const flight = flights.join(credential, setup, isGood);
  if (life.leftMs(grant, options) > enoughLeftMs) {
    flight.outcome.catch((error: unknown) =>
      log.debug({ credentialId: credential.id, err: error }, 'early refresh failed'),
    );
    return grant.tokens;
  }
  try {
    const refreshed = await flights.wait(flight);
    // The flight of others may have returned the very token that this caller's source refused.
    if (!refreshed.tokens.accessToken.equals(options.refused)) return refreshed.tokens;
    return (await flights.wait(flights.join(credential, setup, isGood))).tokens;
  } catch (error) {
    const now = await load(deps, credential);
    const isDead = (error as { kind?: unknown }).kind === 'auth_failed';
    if (!isDead && life.leftMs(now, options) > 0) return now.tokens;
    throw error;
  }
}

/** See `Grants.refreshIdle`. */
export async function refreshIdle(
  deps: TokenDependencies,
  credential: CredentialRef,
  setup: ClientConfiguration,
): Promise<void> {
  const before = await load(deps, credential);
  await deps.flights.join(credential, setup, (grant) => grant.issuedAt !== before.issuedAt).outcome;
}

/** See `Grants.assertAlive`. */
export async function assertAlive(
  { records, flights, life }: TokenDependencies,
  credential: CredentialRef,
  setup: ClientConfiguration,
  { handedOut, askedAt }: UsedToken,
): Promise<void> {
  const found = await records.find(credential);
  if (!found || found.isDead) throw signInAgain(undefined);
  const { tokens, issuedAt } = found.grant;
  if (handedOut === undefined || !tokens.accessToken.equals(handedOut)) throw renewedMeanwhile();
  if (issuedAt >= askedAt) return;
  const isGood = life.goodFor(credential, { refused: handedOut });
  await flights.wait(flights.join(credential, setup, isGood));
}
