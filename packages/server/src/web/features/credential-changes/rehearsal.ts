import { timeLimit } from '@mooring/connectors/kit/deadline';
import { lackingOf } from '@mooring/connectors/kit/login-parts';
import { selectSignIn } from '@mooring/connectors/kit/properties';
import type { Rehearsal } from '@mooring/contract/routes/credential-changes';
import type { Caller } from '../../../core/access/caller.js';
import { type AccessibleConnection, loadConnection } from '../../../core/access/connection-access.js';
import type { LoginPair, PreparedLogin } from '../../../core/credentials/records.js';
import { resolveCredential } from '../../../core/credentials/resolve.js';
import { AppError } from '../../../core/errors/app-error.js';
import { coarseSeconds, untilInstant } from '../../../core/errors/coarse.js';
import { isRefusedSignIn } from '../../../core/sessions/coarse-test.js';
import { type TestAnswer, testInStages } from '../../../core/sessions/staged-test.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import { UnreadableError } from '../../../core/vault/envelope.js';
import { type Affected, placeOf } from './affected-connections.js';
import type { CredentialChangesDependencies } from './change-dependencies.js';

/** One rehearsal, over all its connections. */
interface RehearsalRun {
  caller: Caller;
  signal: AbortSignal;
  /** Of the request, for the audit log. */
  request: { operation: string; traceId: string };
  /** Failed sign-ins by account, that is host, port and user name. */
  refusals: Map<string, number>;
  /** Accounts of which the caller knows that the source refuses them. */
  toldRefused: Set<string>;
}

/** A new login on one of its connections. */
interface Trial {
  affected: Affected;
  login: PreparedLogin;
  found: AccessibleConnection;
  account: string;
  /** When it began, by `performance.now()`. */
  since: number;
  named: Omit<Rehearsal, 'outcome' | 'reason'>;
}

const refusedSignIn = 'SOURCE-SIGN-IN-FAILED';

const coarseReason = 'The new secret does not work on this connection.';

const notUsable = {
  missing: 'Your credential is no longer linked to this connection.',
  needs_confirmation: 'You have not confirmed where this connection points now.',
  needs_approval: 'Your API key came from an invitation and does not reach the login of this connection.',
  unreadable: 'The stored credential cannot be decrypted.',
} as const;

/** Why the login is not tested on the connection; undefined when it is. */
async function reasonNotToTest(
  { store }: CredentialChangesDependencies,
  { caller }: RehearsalRun,
  { credential, method, manifest }: Affected,
  { login, row }: { login: PreparedLogin; row: ConnectionTable },
): Promise<string | undefined> {
  const resolution = await resolveCredential(store.db, caller, row);
  if (resolution.credential?.id !== credential.id) return notUsable.missing;
  // `needs_sign_in` is about the former secret; the rehearsal tries the new one.
  const { state } = resolution;
  if (state === 'needs_confirmation' || state === 'needs_approval' || state === 'unreadable')
    return notUsable[state];
  const properties = definitionOf(row);
  if (selectSignIn(manifest, properties).id !== method.id)
    return 'The connection and this credential use different sign-in methods.';
  if (lackingOf(method, properties, login.login.fields).length > 0)
    return 'The connection needs more than this login holds.';
  return undefined;
}

/** Oracle rule: only users who may edit the connection learn what the network looks like from here. */
async function coarseOutcome(
  { config }: CredentialChangesDependencies,
  { signal }: RehearsalRun,
  { since, named }: Trial,
): Promise<Rehearsal> {
  await untilInstant({ since, seconds: config.limits.testSeconds, left: signal });
  return { ...named, outcome: 'failed', reason: coarseReason };
}

/**
 * Tests as a use, which is logged.
 * @returns undefined for a circuit breaker that the caller may not know of
 */
async function testTrial(
  deps: CredentialChangesDependencies,
  { caller, signal, request }: RehearsalRun,
  { affected, login, found }: Trial,
): Promise<TestAnswer | undefined> {
  const { row } = found;
  const mayEdit = found.privileges.includes('update');
  const { testSeconds } = deps.config.limits;
  const use = { caller, connection: row, credential: login.credential, action: 'rehearse-change' };
  const ticket = await deps.uses.begin(use);
  const credentialId = affected.credential.id;
  const watch = deps.runningUses.watch({ caller, connectionId: row.id, credentialId });
  const limit = timeLimit((mayEdit ? testSeconds : coarseSeconds(testSeconds)) * 1000);
  const within = AbortSignal.any([signal, watch.signal, limit]);
  const visit = {
    tenantId: caller.tenantId,
    destination: row.destination,
    userId: caller.userId,
    spaceId: row.space_id,
    isTest: true,
  };
  const { manifest } = affected;
  const session = { manifest, properties: definitionOf(row), login: login.login, signal: within };
  const tested = await deps.sessions
    .enter(visit, within, (entry) => testInStages(session, entry))
    .catch(async (error: unknown) => {
      await ticket.finish(error instanceof AppError ? error.code : 'INTERNAL');
      if (!mayEdit && error instanceof AppError && error.code === 'SOURCE-PAUSED') return undefined;
      throw error;
    })
    .finally(() => watch.end());
  if (!tested) return undefined;
  const code = tested.stages.at(-1)?.code;
  await ticket.finish(watch.signal.aborted ? 'revoked' : tested.ok ? 'ok' : (code ?? 'failed'));
  if (code === 'EGRESS-REFUSED') {
    await deps.destinationRefused({ by: caller, ...request, connectionId: row.id });
  }
  if (watch.signal.aborted) throw watch.signal.reason;
  return tested;
}

/** What the caller learns of a tested connection; counts failed sign-ins. */
async function outcomeOf(
  deps: CredentialChangesDependencies,
  run: RehearsalRun,
  trial: Trial,
  { ok, stages }: TestAnswer,
): Promise<Rehearsal> {
  const { named, account, found } = trial;
  const mayEdit = found.privileges.includes('update');
  if (ok) return { ...named, outcome: 'passed' };
  const last = stages.at(-1);
  // The source may have counted any failure in this stage.
  if (last?.name === 'signIn' || last?.code === refusedSignIn)
    run.refusals.set(account, (run.refusals.get(account) ?? 0) + 1);
  const failed = { ...named, outcome: 'failed' as const };
  // Users always learn that their own secret was refused.
  const isRefused = isRefusedSignIn({ ok, stages });
  if (isRefused || mayEdit) run.toldRefused.add(account);
  if (!mayEdit)
    return isRefused
      ? { ...failed, code: refusedSignIn, reason: coarseReason }
      : coarseOutcome(deps, run, trial);
  return {
    ...failed,
    ...(last?.code ? { code: last.code } : {}),
    ...(last ? { stage: last.name } : {}),
    reason: [last?.message, last?.remedy].filter(Boolean).join(' '),
  };
}

/** Tries the new login on one of the connections of its credential. */
async function rehearseConnection(
  deps: CredentialChangesDependencies,
  run: RehearsalRun,
  affected: Affected,
  { login, listed }: { login: PreparedLogin; listed: ConnectionTable },
): Promise<Rehearsal> {
  const { credential, manifest } = affected;
  const about = {
    connectionId: listed.id,
    credentialId: credential.id,
    credentialsName: credential.name,
    datasourceID: credential.source_id,
  };
  // Reload, so that properties, destination and access are consistent.
  const found = await loadConnection(deps.store.db, run.caller, { id: listed.id });
  if (!found?.mayUse) {
    return { ...about, outcome: 'not_tested', reason: 'You may no longer use this connection.' };
  }
  const { row } = found;
  const named = { ...about, connectionName: row.name, destination: row.destination };
  const reason = await reasonNotToTest(deps, run, affected, { login, row });
  if (reason !== undefined) return { ...named, outcome: 'not_tested', reason };
  const { place } = placeOf(deps, manifest, row);
  const account = JSON.stringify([place, login.userName]);
  const trial = { affected, login, found, account, since: performance.now(), named };
  if ((run.refusals.get(account) ?? 0) >= deps.config.limits.refusedSignIns) {
    // A refused sign-in would reveal that a server listens there.
    if (!found.privileges.includes('update') && !run.toldRefused.has(account))
      return coarseOutcome(deps, run, trial);
    return {
      ...named,
      outcome: 'not_tried',
      reason: 'The source already refused the new login; another attempt could lock the account.',
    };
  }
  const tested = await testTrial(deps, run, trial);
  return tested ? outcomeOf(deps, run, trial, tested) : coarseOutcome(deps, run, trial);
}

export interface RehearsalResult {
  connections: Rehearsal[];
  prepared: PreparedLogin[];
  ok: boolean;
}

async function prepareAll(
  { logins }: CredentialChangesDependencies,
  affected: readonly Affected[],
  pair: LoginPair,
): Promise<PreparedLogin[]> {
  const prepared: PreparedLogin[] = [];
  for (const { credential, manifest, method } of affected) {
    try {
      prepared.push(await logins.prepare(credential, manifest, method, pair));
    } catch (cause) {
      if (!(cause instanceof UnreadableError)) throw cause;
      throw new AppError(
        'CREDENTIALS-REQUIRED',
        `The stored credential ${JSON.stringify(credential.name)} cannot be decrypted. Enter it again, or leave it out with qIDs.`,
        { meta: { reason: 'unreadable', credentialId: credential.id }, cause },
      );
    }
  }
  return prepared;
}

/** Tests the connections one by one, so that a login is not sent again to a source that refused it. */
export async function rehearse(
  deps: CredentialChangesDependencies,
  scope: Omit<RehearsalRun, 'refusals' | 'toldRefused'>,
  affected: readonly Affected[],
  pair: LoginPair,
): Promise<RehearsalResult> {
  const prepared = await prepareAll(deps, affected, pair);
  const run = { ...scope, refusals: new Map<string, number>(), toldRefused: new Set<string>() };
  const connections: Rehearsal[] = [];
  for (const [index, one] of affected.entries()) {
    const login = prepared[index] as PreparedLogin;
    for (const listed of one.connections)
      connections.push(await rehearseConnection(deps, run, one, { login, listed }));
  }
  const has = (...outcomes: Rehearsal['outcome'][]) =>
    connections.some(({ outcome }) => outcomes.includes(outcome));
  return { connections, prepared, ok: has('passed') && !has('failed', 'not_tried') };
}
