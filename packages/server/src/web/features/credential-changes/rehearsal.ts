import { timeLimit } from '@mooring/connectors/kit/deadline';
import { lackingOf } from '@mooring/connectors/kit/login-parts';
import { selectSignIn } from '@mooring/connectors/kit/properties';
import type { Rehearsal } from '@mooring/contract/routes/credential-changes';
import type { Caller } from '../../../core/access/caller.js';
import { loadConnection } from '../../../core/access/connection-access.js';
import type { RecordRefusedDestination } from '../../../core/audit/refused-destinations.js';
import type { Limits } from '../../../core/config/config.js';
import type { LoginChanges, LoginPair, PreparedLogin } from '../../../core/credentials/records.js';
import { resolveCredential } from '../../../core/credentials/resolve.js';
import { AppError } from '../../../core/errors/app-error.js';
import { coarseSeconds, untilInstant } from '../../../core/errors/coarse.js';
import { isRefusedSignIn } from '../../../core/sessions/coarse-test.js';
import type { RunningUses } from '../../../core/sessions/running-uses.js';
import type { Sessions } from '../../../core/sessions/sessions.js';
import { testInStages } from '../../../core/sessions/staged-test.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { Db } from '../../../core/store/queryable.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { UseLog } from '../../../core/use-record/log.js';
import { UnreadableError } from '../../../core/vault/envelope.js';
import { type Affected, type AffectedDependencies, placeOf } from './affected-connections.js';

export interface RehearsalDependencies {
  db: Db;
  logins: LoginChanges;
  uses: UseLog;
  runningUses: RunningUses;
  sessions: Sessions;
  test: Pick<AffectedDependencies, 'catalogue' | 'settings'>;
  limits: Limits;
  destinationRefused: RecordRefusedDestination;
  /** Of the request, for the record. */
  request: { operation: string; traceId: string };
}

export interface RehearsalResult {
  connections: Rehearsal[];
  prepared: PreparedLogin[];
  ok: boolean;
}

const refusedSignIn = 'SOURCE-SIGN-IN-FAILED';

const coarseReason = 'The new secret does not work on this connection.';

const notUsable = {
  missing: 'Your credential is not linked to this connection any more.',
  needs_confirmation: 'You have not confirmed where this connection points now.',
  needs_approval: 'Your API key came from an invitation and does not reach what this connection keeps.',
  needs_sign_in: 'The sign-in of this connection has ended.',
  unreadable: 'The stored credential cannot be opened.',
} as const;

async function prepareAll(
  { logins }: RehearsalDependencies,
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
        `The stored credential ${JSON.stringify(credential.name)} cannot be opened. Bring it again, or leave it out with qIDs.`,
        { meta: { reason: 'unreadable', credentialId: credential.id }, cause },
      );
    }
  }
  return prepared;
}

/** One after another, so that a refused login is not sent on to the same place while it is being refused. */
export async function rehearse(
  deps: RehearsalDependencies,
  caller: Caller,
  affected: readonly Affected[],
  pair: LoginPair,
  signal: AbortSignal,
): Promise<RehearsalResult> {
  const prepared = await prepareAll(deps, affected, pair);
  const refusals = new Map<string, number>();
  /** Accounts of which the user was told that the source refuses them. */
  const toldRefused = new Set<string>();

  const testOne = async (
    { credential, manifest, method }: Affected,
    login: PreparedLogin,
    listed: ConnectionTable,
  ): Promise<Rehearsal> => {
    const about = {
      connectionId: listed.id,
      credentialId: credential.id,
      credentialsName: credential.name,
      datasourceID: credential.source_id,
    };
    // Loaded anew: properties, destination and the caller's right are of one moment.
    const found = await loadConnection(deps.db, caller, { id: listed.id });
    if (!found?.mayUse) {
      const reason = 'You may not use this connection any more.';
      return { ...about, outcome: 'not_tested', reason };
    }
    const { row } = found;
    const named = { ...about, connectionName: row.name, destination: row.destination };
    const notTested = (reason: string): Rehearsal => ({ ...named, outcome: 'not_tested', reason });
    const resolution = await resolveCredential(deps.db, caller, row);
    if (resolution.credential?.id !== credential.id) return notTested(notUsable.missing);
    // `needs_sign_in` is of the former secret; the new one is what is tried.
    const { state } = resolution;
    if (state === 'needs_confirmation' || state === 'needs_approval' || state === 'unreadable')
      return notTested(notUsable[state]);
    const properties = definitionOf(row);
    if (selectSignIn(manifest, properties).id !== method.id)
      return notTested('The connection signs in by another method than this credential.');
    if (lackingOf(method, properties, login.login.fields).length > 0)
      return notTested('The login lacks something that the connection needs.');
    const { place } = await placeOf(deps.test, manifest, row);
    const account = JSON.stringify([place, login.userName]);
    const mayEdit = found.privileges.includes('update');
    const { testSeconds } = deps.limits;
    const since = performance.now();
    // As with a test: what the network looks like from here is for people who may edit the connection.
    const toldCoarsely = async (): Promise<Rehearsal> => {
      await untilInstant({ since, seconds: testSeconds, left: signal });
      return { ...named, outcome: 'failed', reason: coarseReason };
    };
    if ((refusals.get(account) ?? 0) >= deps.limits.refusedSignIns) {
      // That something there took a sign-in at all is of the network too.
      if (!mayEdit && !toldRefused.has(account)) return toldCoarsely();
      const reason = 'The new login was refused there already; another try could lock the account.';
      return { ...named, outcome: 'not_tried', reason };
    }
    const use = { caller, connection: row, credential: login.credential, action: 'rehearse-change' };
    const ticket = await deps.uses.begin(use);
    const watch = deps.runningUses.watch({ caller, connectionId: row.id, credentialId: credential.id });
    const limit = timeLimit((mayEdit ? testSeconds : coarseSeconds(testSeconds)) * 1000);
    const within = AbortSignal.any([signal, watch.signal, limit]);
    const visit = {
      tenantId: caller.tenantId,
      destination: row.destination,
      userId: caller.userId,
      spaceId: row.space_id,
      isTest: true,
    };
    const request = { manifest, properties, login: login.login, signal: within };
    const tested = await deps.sessions
      .enter(visit, within, (entry) => testInStages(request, entry))
      .catch(async (error: unknown) => {
        await ticket.finish(error instanceof AppError ? error.code : 'INTERNAL');
        if (!mayEdit && error instanceof AppError && error.code === 'SOURCE-PAUSED') return undefined;
        throw error;
      })
      .finally(() => watch.end());
    if (!tested) return toldCoarsely();
    const { ok, stages } = tested;
    const last = stages.at(-1);
    await ticket.finish(watch.signal.aborted ? 'revoked' : ok ? 'ok' : (last?.code ?? 'failed'));
    if (last?.code === 'EGRESS-REFUSED') {
      await deps.destinationRefused({ by: caller, ...deps.request, connectionId: row.id });
    }
    if (watch.signal.aborted) throw watch.signal.reason;
    if (ok) return { ...named, outcome: 'passed' };
    // Whatever failed in the sign-in may have been counted by the source.
    if (last?.name === 'signIn' || last?.code === refusedSignIn)
      refusals.set(account, (refusals.get(account) ?? 0) + 1);
    const failed = { ...named, outcome: 'failed' as const };
    // That their own secret was refused is for them.
    const isRefused = isRefusedSignIn({ ok, stages });
    if (isRefused || mayEdit) toldRefused.add(account);
    if (!mayEdit)
      return isRefused ? { ...failed, code: refusedSignIn, reason: coarseReason } : toldCoarsely();
    return {
      ...failed,
      ...(last?.code ? { code: last.code } : {}),
      ...(last ? { stage: last.name } : {}),
      reason: [last?.message, last?.remedy].filter(Boolean).join(' '),
    };
  };

  const connections: Rehearsal[] = [];
  for (const [index, one] of affected.entries()) {
    const login = prepared[index] as PreparedLogin;
    for (const connection of one.connections) connections.push(await testOne(one, login, connection));
  }
  const has = (...outcomes: Rehearsal['outcome'][]) =>
    connections.some(({ outcome }) => outcomes.includes(outcome));
  return { connections, prepared, ok: has('passed') && !has('failed', 'not_tried') };
}
