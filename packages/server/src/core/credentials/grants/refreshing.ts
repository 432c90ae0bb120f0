import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { Network } from '@mooring/connectors/interface/network';
import { Secret } from '@mooring/connectors/interface/secret';
import type { Logger } from 'pino';
import { OAuthError, type OAuthErrorKind } from '../../oauth/oauth-error.js';
import { refreshGrant } from '../../oauth/refresh-grant.js';
import type { Clock } from '../../store/clock.js';
import type { GrantStateTable } from '../../store/tables.js';
import { UnreadableError } from '../../vault/envelope.js';
import type { ClientConfiguration } from './client-configuration.js';
import type { CredentialRef, GrantRecords, VersionedGrant } from './grant-records.js';
import { type StoredGrant, storedGrant } from './grant-state.js';
import type { KeptGrant, KeptTokens } from './kept-tokens.js';
import { notKnownYet, refreshFailure, signInAgain } from './oauth-failures.js';
import { type ProviderHealth, pauseOf, probeMs } from './provider-health.js';
import {
  type Lease,
  type Passing,
  type RefreshLeases,
  type RefreshTimes,
  type SeenLease,
  stopwatch,
} from './refresh-lease.js';
import type { Revoker } from './revoker.js';

// One refresh of one grant, from the lease to its end: docs/reference/grant-lifecycle.md.

const lookMs = { first: 50, most: 500 };
/** Consecutive starts that were too late to send anything. */
const lateMost = 3;

export interface RefreshDependencies {
  records: GrantRecords;
  leases: RefreshLeases;
  keptTokens: KeptTokens;
  health: ProviderHealth;
  network: Network;
  /** For tokens that were issued for a credential that is gone. */
  revokeTokens: Revoker['revokeTokens'];
  times: RefreshTimes;
  /** What is not stored by then stays for the next start. */
  isClosing: () => boolean;
  clock: Clock;
  log: Logger;
}

export interface RefreshRequest {
  credential: CredentialRef;
  setup: ClientConfiguration;
  /** True for a grant that needs no refresh. */
  isGood: (grant: StoredGrant) => boolean;
  /** Called when the provider has answered and only the store is waited for. */
  onAnswer: () => void;
}

/** Only the user can continue. */
const needsUser: readonly OAuthErrorKind[] = ['grant_dead', 'consent_required'];
/** The provider may have used up the refresh token, although no new one arrived. */
const mayHaveActed: readonly OAuthErrorKind[] = ['unavailable', 'nonsense'];

const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Of all processes one calls the provider; the others wait for what it stores.
 * @returns a grant that is good
 * @throws ConnectorError, StoreUnavailableError
 */
export async function refresh(deps: RefreshDependencies, request: RefreshRequest): Promise<StoredGrant> {
  const { records, leases, times } = deps;
  const { credential } = request;
  const waited = stopwatch();
  const watch = createWatch(deps, credential);
  let passing: Passing = {};
  let late = 0;
  for (let look = lookMs.first; ; look = Math.min(look * 2, lookMs.most)) {
    const found = await records.find(credential);
    if (!found) throw signInAgain(undefined);
    if (request.isGood(found.grant)) return found.grant;
    // The store knows it from the process that the provider told; calling the provider again changes nothing.
    if (found.isDead) throw signInAgain(undefined);
    if (found.grant.tokens.refreshToken === undefined) {
      await records.markDead(credential, found.version);
      throw signInAgain(undefined);
    }
    const lease = await leases.take(credential, found.version, passing);
    passing = {};
    if (lease) {
      const ended = await underLease(deps, request, found, lease);
      if (ended === 'late' && ++late === lateMost) throw refreshFailure(undefined, { waitMs: lookMs.most });
      if (ended !== 'late' && ended !== 'changed') return ended;
      continue;
    }
    const row = await leases.look(credential);
    if (row?.holder) {
      passing = await watch(row);
      if (waited() > times.waitMs) throw notKnownYet();
      await after(look);
    } else if (row?.not_before) passing = passBackOff(deps, request, row.not_before, row.backed_off_at);
  }
}

/** @throws ConnectorError within a pause of the provider */
function passBackOff(
  { clock, health }: RefreshDependencies,
  { setup }: RefreshRequest,
  notBefore: string,
  backedOffAt: string | null,
): Passing {
  const waitMs = Date.parse(notBefore) - clock.now();
  if (waitMs <= 0) return {};
  if (backedOffAt === null) throw refreshFailure(undefined, { waitMs });
  if (health.mayTry(setup, Date.parse(backedOffAt))) return { backOff: true };
  throw refreshFailure(undefined, { waitMs: Math.min(waitMs, probeMs) });
}

/**
 * Watches another process's lease. The holder of an expired one may have been cut off with new tokens to store: it gets
 * the grace period, in which the store must be seen to take writes all the time.
 */
function createWatch({ leases, clock, times }: RefreshDependencies, credential: CredentialRef) {
  let seen: (SeenLease & { watchedMs: number; at: number }) | undefined;
  return async (row: GrantStateTable): Promise<Passing> => {
    const lease = { holder: row.holder, fence: row.fence };
    const isOver = row.lease_until === null || Date.parse(row.lease_until) <= clock.now();
    if (!isOver || !(await leases.isUnchanged(credential, lease))) {
      seen = undefined;
      return {};
    }
    const at = performance.now();
    const isSame = seen?.holder === lease.holder && seen.fence === lease.fence;
    // While this process was suspended it saw nothing.
    const watchedMs = seen && isSame ? seen.watchedMs + Math.min(at - seen.at, 2 * lookMs.most) : 0;
    seen = { ...lease, watchedMs, at };
    return watchedMs >= times.graceMs ? { over: lease } : {};
  };
}

type Outcome =
  | { kind: 'tokens'; grant: StoredGrant }
  | { kind: 'dead'; error: OAuthError }
  | { kind: 'failed'; error: OAuthError; isUnknown: boolean }
  /** So much time passed before anything was sent that another process may have taken over. */
  | { kind: 'late' };

/** @returns `changed` if the grant has changed, `late` if nothing was sent */
async function underLease(
  deps: RefreshDependencies,
  request: RefreshRequest,
  taken: VersionedGrant,
  lease: Lease,
): Promise<StoredGrant | 'changed' | 'late'> {
  const { records, leases } = deps;
  const { credential } = request;
  const found = await patiently(deps, () => records.find(credential));
  if (!found || found.isDead || found.version !== taken.version) {
    await patiently(deps, () => leases.giveBack(credential, lease));
    return 'changed';
  }
  const outcome = await callProvider(deps, request, found.grant, lease);
  request.onAnswer();
  switch (outcome.kind) {
    case 'tokens':
      return keep(deps, request, found, { lease, grant: outcome.grant });
    case 'dead':
      return endGrant(deps, request, found.version, { lease, error: outcome.error });
    case 'late':
      await patiently(deps, () => leases.giveBack(credential, lease));
      return 'late';
    case 'failed': {
      const { error, isUnknown } = outcome;
      const { pauseMs, isBackOff } = pauseOf(error, lease.failures);
      const failed = { isOutcomeUnknown: isUnknown, pauseMs, isBackOff };
      await patiently(deps, () => leases.fail(credential, lease, failed));
      const waitMs = isBackOff ? Math.min(pauseMs, probeMs) : pauseMs;
      throw refreshFailure(error, { setup: request.setup, isUnknown, waitMs });
    }
  }
}

/** Waits as long as an answer may take, whether a caller still waits or not. */
async function callProvider(
  { network, health, times, clock, log }: RefreshDependencies,
  { credential, setup }: RefreshRequest,
  { tokens }: StoredGrant,
  lease: Lease,
): Promise<Outcome> {
  let isSent = false;
  let isLate = false;
  const call = {
    ...{ ...setup, network, now: clock.now },
    refreshToken: tokens.refreshToken ?? new Secret(''),
    tokenTimeoutMs: times.callMs,
    beforeSend() {
      isLate = !lease.mayBegin();
      if (isLate) throw new ConnectorError('cancelled', 'The lease is too old to begin a call.');
      isSent = true;
    },
  };
  try {
    const issued = await refreshGrant(call);
    health.answered(setup);
    return { kind: 'tokens', grant: storedGrant({ ...tokens, ...issued }, clock.now(), setup.preset) };
  } catch (error) {
    if (isLate) return { kind: 'late' };
    if (!(error instanceof OAuthError)) throw error;
    const { kind, reason, providerCode: code } = error;
    log.warn({ credentialId: credential.id, kind, reason, code, attempts: lease.attempts }, 'refresh failed');
    if (!needsUser.includes(kind))
      return { kind: 'failed', error, isUnknown: isSent && mayHaveActed.includes(kind) };
    health.answered(setup);
    return { kind: 'dead', error };
  }
}

/**
 * Retries while the store is unavailable, for as long as it takes: only this process knows what happens under its lease.
 * @throws the last error of the store if the process closes first; UnreadableError
 */
async function patiently<Result>(
  { isClosing }: RefreshDependencies,
  work: () => Promise<Result>,
  onFailure?: (error: unknown) => Promise<void>,
): Promise<Result> {
  for (let wait = lookMs.first; ; wait = Math.min(wait * 2, lookMs.most)) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof UnreadableError) throw error;
      await onFailure?.(error);
      if (isClosing()) throw error;
      await after(wait);
    }
  }
}

/** Stores the issued tokens: they may be the only copy of a rotated refresh token. */
async function keep(
  deps: RefreshDependencies,
  { credential, setup }: RefreshRequest,
  { version, grant: former }: VersionedGrant,
  { lease, grant }: { lease: Lease; grant: StoredGrant },
): Promise<StoredGrant | 'changed'> {
  const { leases, keptTokens, log } = deps;
  const kept: KeptGrant = { credential, version, formerIssuedAt: former.issuedAt, grant, setup };
  let isSealed = false;
  const onFailure = async (error: unknown) => {
    if (isSealed) return;
    try {
      await keptTokens.keep(kept);
      isSealed = true;
      log.warn({ credentialId: credential.id, err: error }, 'refreshed tokens wait, sealed, for the store');
    } catch (cause) {
      log.error({ credentialId: credential.id, err: cause }, 'refreshed tokens wait in memory for the store');
    }
  };
  const outcome = await patiently(deps, () => storeTokens(deps, kept), onFailure);
  if (isSealed) await keptTokens.drop(kept).catch(() => undefined);
  if (outcome === 'stored') return grant;
  if (outcome === 'gone') throw signInAgain(undefined);
  await leases.giveBack(credential, lease).catch(() => undefined);
  return 'changed';
}

/**
 * By version, not by lease: a late answer is kept unless something newer is stored. Then it is not revoked either: some
 * providers end all grants of an account when one of them is revoked.
 */
export async function storeTokens(
  { records, revokeTokens }: Pick<RefreshDependencies, 'records' | 'revokeTokens'>,
  { credential, version, formerIssuedAt, grant, setup }: KeptGrant,
): Promise<'stored' | 'gone' | 'newer'> {
  const outcome = await records.replace(credential, { version, issuedAt: formerIssuedAt }, grant);
  if (outcome === 'gone') await revokeTokens(credential, setup, grant.tokens);
  return outcome;
}

async function endGrant(
  deps: RefreshDependencies,
  { credential }: RefreshRequest,
  version: number,
  { lease, error }: { lease: Lease; error: OAuthError },
): Promise<'changed'> {
  const { records, leases } = deps;
  const isMarked = await patiently(deps, () => records.markDead(credential, version));
  if (isMarked) throw signInAgain(error);
  // The user signed in again while the old grant was found dead: that grant serves the caller.
  await patiently(deps, () => leases.giveBack(credential, lease));
  return 'changed';
}
