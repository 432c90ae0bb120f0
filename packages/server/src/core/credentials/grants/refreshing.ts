import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { Network } from '@mooring/connectors/spec/network';
import { Secret } from '@mooring/connectors/spec/secret';
import type { Logger } from 'pino';
import { OAuthError, type OAuthErrorKind } from '../../oauth/oauth-error.js';
import { refreshGrant } from '../../oauth/refresh-grant.js';
import type { Clock } from '../../store/clock.js';
import type { GrantStateTable } from '../../store/tables.js';
import { UnreadableError } from '../../vault/envelope.js';
import type { CredentialRef, GrantRecords, VersionedGrant } from './grant-records.js';
import { type StoredGrant, storedGrant } from './grant-state.js';
import type { KeptGrant, KeptTokens } from './kept-tokens.js';
import type { OAuthSetup } from './oauth-setup.js';
import { type ProviderHealth, probeMs } from './provider-health.js';
import type { Lease, Passing, RefreshLeases, SeenLease } from './refresh-lease.js';
import { isOutcomeUnknown, notKnownYet, pauseOf, providerTrouble, signInAgain } from './renewal-failures.js';
import { type RenewalTimes, stopwatch } from './renewal-times.js';
import type { Revoker } from './revoker.js';

// One renewal of one grant, from the lease to its end: docs/reference/grant-lifecycle.md.

const lookMs = { first: 50, most: 500 };
/** Starts in a row that came too late to send anything. */
const lateMost = 3;

export interface RefreshDependencies {
  records: GrantRecords;
  leases: RefreshLeases;
  keptTokens: KeptTokens;
  health: ProviderHealth;
  network: Network;
  /** Tokens that were issued for a credential that is gone. */
  endTokens: Revoker['endTokens'];
  times: RenewalTimes;
  /** What is not stored then stays for the next start. */
  isClosing: () => boolean;
  clock: Clock;
  log: Logger;
}

export interface RefreshRequest {
  credential: CredentialRef;
  setup: OAuthSetup;
  /** True for a grant that needs no renewal. */
  isGood: (grant: StoredGrant) => boolean;
  /** Told when the provider has answered and only the store is waited for. */
  onAnswer: () => void;
}

/** Only the user can go on. */
const needsUser: readonly OAuthErrorKind[] = ['grant_dead', 'consent_required'];

const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * A grant that is good. Of all processes one asks the provider; the others wait for what it stores.
 * @throws ConnectorError, StoreUnavailableError
 */
export async function refresh(deps: RefreshDependencies, request: RefreshRequest): Promise<StoredGrant> {
  const { records, leases, clock, times } = deps;
  const { credential } = request;
  const waited = stopwatch();
  const watch = createWatch(deps, credential);
  let passing: Passing = {};
  let late = 0;
  for (let look = lookMs.first; ; look = Math.min(look * 2, lookMs.most)) {
    const found = await records.find(credential);
    if (!found) throw signInAgain(undefined);
    if (request.isGood(found.grant)) return found.grant;
    // Whoever was told so has said it to the store, and asking the provider again helps nobody.
    if (found.isDead) throw signInAgain(undefined);
    if (found.grant.tokens.refreshToken === undefined) {
      await records.markDead(credential, found.version, clock.iso());
      throw signInAgain(undefined);
    }
    const lease = await leases.take(credential, found.version, passing);
    passing = {};
    if (lease) {
      const ended = await underLease(deps, request, found, lease);
      if (ended === 'late' && ++late === lateMost) throw providerTrouble(undefined, { waitMs: lookMs.most });
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

/** @throws ConnectorError while the provider is to be left alone */
function passBackOff(
  { clock, health }: RefreshDependencies,
  { setup }: RefreshRequest,
  notBefore: string,
  backedOffAt: string | null,
): Passing {
  const waitMs = Date.parse(notBefore) - clock.now();
  if (waitMs <= 0) return {};
  if (backedOffAt === null) throw providerTrouble(undefined, { waitMs });
  if (health.mayTry(setup, Date.parse(backedOffAt))) return { backOff: true };
  throw providerTrouble(undefined, { waitMs: Math.min(waitMs, probeMs) });
}

/**
 * Looks at somebody else's lease. One that is over may be of a holder that was cut off, and has new tokens to store:
 * it gets the grace period for that, in which the store must be seen to take writes all the while.
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
    // A pause of this process is time in which it saw nothing.
    const watchedMs = seen && isSame ? seen.watchedMs + Math.min(at - seen.at, 2 * lookMs.most) : 0;
    seen = { ...lease, watchedMs, at };
    return watchedMs >= times.graceMs ? { over: lease } : {};
  };
}

type Outcome =
  | { kind: 'tokens'; grant: StoredGrant }
  | { kind: 'dead'; error: OAuthError }
  | { kind: 'failed'; error: OAuthError; isUnknown: boolean }
  /** So much time went by before anything could be sent that another may have taken over. */
  | { kind: 'late' };

/** @returns `changed` when somebody else has changed the grant meanwhile, `late` when nothing was sent */
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
      throw providerTrouble(error, { setup: request.setup, isUnknown, waitMs });
    }
  }
}

/** Listens for as long as an answer may take, whoever still waits for it. */
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
      if (isLate) throw new ConnectorError('cancelled', 'The lease is too old to begin with it.');
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
      return { kind: 'failed', error, isUnknown: isOutcomeUnknown(error, isSent) };
    health.answered(setup);
    return { kind: 'dead', error };
  }
}

/**
 * Waits for a store that is away, for as long as it takes: of what is under a lease of ours nobody else can know.
 * @throws what the store last said, when the process ends first; UnreadableError
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

/** Stores what was issued: it may be the only copy of a rotated refresh token. */
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
      log.warn({ credentialId: credential.id, err: error }, 'renewed tokens wait, sealed, for the store');
    } catch (cause) {
      log.error({ credentialId: credential.id, err: cause }, 'renewed tokens wait in memory for the store');
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
 * By version, not by lease: a late answer is kept while nothing newer is stored.
 * A newer sign-in is left alone: some providers end every grant of an account with any one of them.
 */
export async function storeTokens(
  { records, endTokens }: Pick<RefreshDependencies, 'records' | 'endTokens'>,
  { credential, version, formerIssuedAt, grant, setup }: KeptGrant,
): Promise<'stored' | 'gone' | 'newer'> {
  const outcome = await records.replace(credential, { version, issuedAt: formerIssuedAt }, grant);
  if (outcome === 'gone') await endTokens(credential, setup, grant.tokens);
  return outcome;
}

async function endGrant(
  deps: RefreshDependencies,
  { credential }: RefreshRequest,
  version: number,
  { lease, error }: { lease: Lease; error: OAuthError },
): Promise<'changed'> {
  const { records, leases, clock } = deps;
  const isMarked = await patiently(deps, () => records.markDead(credential, version, clock.iso()));
  if (isMarked) throw signInAgain(error);
  // Whoever signed in anew while the old grant was being found dead is served by that.
  await patiently(deps, () => leases.giveBack(credential, lease));
  return 'changed';
}
