import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { Network } from '@mooring/connectors/spec/network';
import type { Logger } from 'pino';
import { egressRefused } from '../egress/failure.js';
import { OAuthError, type OAuthErrorKind } from '../oauth/oauth-error.js';
import { refreshGrant } from '../oauth/refresh-grant.js';
import { revokeToken } from '../oauth/revocation.js';
import type { TokenSet } from '../oauth/types.js';
import type { Clock } from '../store/clock.js';
import type { CredentialRef, GrantRecords, VersionedGrant } from './grant-records.js';
import { type StoredGrant, storedGrant } from './grant-state.js';
import type { OAuthSetup } from './oauth-setup.js';
import type { Lease, RefreshLeases } from './refresh-lease.js';

// One renewal of one grant, from the lease to its end: docs/reference/grant-lifecycle.md.

/** Longer than a lease: whoever waits for an answer keeps the lease alive. */
const tokenTimeoutMs = 20_000;
/** Tokens that were issued and cannot be stored are kept in memory so long; then they are revoked. */
const storeMs = 30_000;
const lookMs = { first: 50, most: 500 };

export interface RefreshDependencies {
  records: GrantRecords;
  leases: RefreshLeases;
  network: Network;
  /** Tokens that were issued for a credential that is gone. */
  endTokens(credential: CredentialRef, setup: OAuthSetup, tokens: TokenSet): Promise<void>;
  clock: Clock;
  log: Logger;
}

/** The person has to sign in again, and only they can. */
export function signInAgain(cause: unknown): ConnectorError {
  return new ConnectorError('auth_failed', 'The sign-in to the source is no longer valid.', {
    remedy: 'Sign in again.',
    cause,
  });
}

/** The provider failed; the grant is as it was. */
export function providerTrouble(error: unknown, waitMs?: number): unknown {
  const failure = error instanceof OAuthError ? error : undefined;
  if (error !== undefined && !failure) return error;
  if (failure?.kind === 'egress_refused') return egressRefused();
  const seconds = failure?.retryAfterSeconds ?? (waitMs === undefined ? undefined : Math.ceil(waitMs / 1000));
  const more = { retryable: true, ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }) };
  if (failure?.kind === 'client_refused') {
    return new ConnectorError(
      'unreachable',
      "The identity provider does not accept this server's OAuth client.",
      {
        ...more,
        remedy: 'Nothing was lost. Ask your operator to look at the OAuth client of this provider.',
        cause: error,
      },
    );
  }
  const kind = failure?.kind === 'rate_limited' ? 'rate_limited' : 'unreachable';
  return new ConnectorError(kind, 'The identity provider did not renew the sign-in. Nothing was lost.', {
    ...more,
    remedy: seconds === undefined ? 'Try again in a moment.' : `Try again in ${seconds} s.`,
    cause: error,
  });
}

/** The provider may have used the refresh token up, although no new one arrived. */
const mayHaveActed: readonly OAuthErrorKind[] = ['unavailable', 'nonsense'];
/** Only the person can go on. */
const needsPerson: readonly OAuthErrorKind[] = ['grant_dead', 'consent_required'];

const pause = { firstMs: 1_000, mostMs: 300_000, clientMs: 60_000 };

/** Doubles with every failure, spread by a quarter so that many grants do not come back at once. */
function pauseMs(error: OAuthError, failures: number): number {
  if (error.retryAfterSeconds !== undefined) return error.retryAfterSeconds * 1000;
  const first = error.kind === 'client_refused' ? pause.clientMs : pause.firstMs;
  return Math.min(first * 2 ** Math.min(failures, 20), pause.mostMs) * (0.75 + Math.random() / 4);
}

const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export interface RefreshRequest {
  credential: CredentialRef;
  setup: OAuthSetup;
  /** True for a grant that needs no renewal. */
  isGood: (grant: StoredGrant) => boolean;
}

/**
 * A grant that is good. Of all processes one asks the provider; the others wait for what it stores.
 * @throws ConnectorError
 */
export async function refresh(deps: RefreshDependencies, request: RefreshRequest): Promise<StoredGrant> {
  const { records, leases, clock } = deps;
  const { credential } = request;
  const until = clock.now() + tokenTimeoutMs + storeMs;
  let look = lookMs.first;
  for (;;) {
    const found = await records.find(credential);
    if (!found) throw signInAgain(undefined);
    if (request.isGood(found.grant)) return found.grant;
    if (found.grant.tokens.refreshToken === undefined) {
      await records.markDead(credential, found.version, clock.iso());
      throw signInAgain(undefined);
    }
    const lease = await leases.take(credential, found.version);
    if (lease) {
      const ended = await underLease(deps, request, found, lease).finally(() => lease.release());
      if (ended) return ended;
      continue;
    }
    const row = await leases.look(credential);
    const waitMs = row?.not_before ? Date.parse(row.not_before) - clock.now() : 0;
    const isHeld = row?.lease_until ? Date.parse(row.lease_until) > clock.now() : false;
    if (!isHeld && waitMs > 0) throw providerTrouble(undefined, waitMs);
    if (clock.now() > until) throw providerTrouble(undefined, lookMs.most);
    await after(look);
    look = Math.min(look * 2, lookMs.most);
  }
}

/** @returns undefined when somebody else has changed the grant meanwhile */
async function underLease(
  deps: RefreshDependencies,
  request: RefreshRequest,
  taken: VersionedGrant,
  lease: Lease,
): Promise<StoredGrant | undefined> {
  const { records, leases, network, clock, log } = deps;
  const { credential, setup } = request;
  const found = await records.find(credential);
  if (!found || found.version !== taken.version) {
    await leases.fail(credential, lease, { isOutcomeUnknown: false, pauseMs: 0 });
    return undefined;
  }
  const { tokens } = found.grant;
  const refreshToken = tokens.refreshToken ?? '';
  try {
    const issued = await refreshGrant({ ...setup, refreshToken, network, tokenTimeoutMs, now: clock.now });
    const renewed = storedGrant({ ...tokens, ...issued }, clock.now(), setup.preset);
    return (await keep(deps, request, found, renewed)) ? renewed : undefined;
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    log.warn(
      {
        credentialId: credential.id,
        kind: error.kind,
        reason: error.reason,
        code: error.providerCode,
        attempts: lease.attempts,
      },
      'refresh failed',
    );
    if (needsPerson.includes(error.kind)) {
      await records.markDead(credential, found.version, clock.iso());
      // Whoever signed in anew while the old grant was being found dead is served by that.
      const newer = await records.find(credential);
      if (newer && newer.version !== found.version) return undefined;
      throw signInAgain(error);
    }
    const waitMs = pauseMs(error, lease.failures);
    await leases.fail(credential, lease, {
      isOutcomeUnknown: mayHaveActed.includes(error.kind),
      pauseMs: waitMs,
    });
    throw providerTrouble(error, waitMs);
  }
}

/**
 * Stores what was issued, patiently: it may be the only copy of a rotated refresh token.
 * @returns false when the grant is another by now
 */
async function keep(
  { records, network, clock, log, endTokens }: RefreshDependencies,
  { credential, setup }: RefreshRequest,
  found: VersionedGrant,
  renewed: StoredGrant,
): Promise<boolean> {
  const token = renewed.tokens.refreshToken ?? renewed.tokens.accessToken;
  const until = clock.now() + storeMs;
  for (let wait = lookMs.first; ; wait = Math.min(wait * 2, lookMs.most)) {
    try {
      const outcome = await records.replace(credential, found.version, renewed);
      // A newer sign-in is left alone: some providers end every grant of an account with any one of them.
      if (outcome === 'gone') {
        await endTokens(credential, setup, renewed.tokens);
        throw signInAgain(undefined);
      }
      return outcome === 'stored';
    } catch (error) {
      if (error instanceof ConnectorError) throw error;
      if (clock.now() > until) {
        log.error({ credentialId: credential.id, err: error }, 'renewed tokens could not be stored');
        // Not rotated: the stored refresh token is this very one and still good.
        if (token !== found.grant.tokens.refreshToken) await revokeToken({ ...setup, token, network });
        throw error;
      }
      await after(wait);
    }
  }
}
