import type { Abilities } from '@mooring/connectors/interface/abilities';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { Caller } from '../../../core/access/caller.js';
import {
  type ConnectionToUse,
  findConnectionToUse,
  mayNotUse,
} from '../../../core/access/find-connection.js';
import { loadUse, resolutionForUse } from '../../../core/credentials/resolve.js';
import { type CoarseUse, coarseError, coarseSeconds, coarseUseSeconds } from '../../../core/errors/coarse.js';
import { errorCode } from '../../../core/errors/error-answer.js';
import type { Entry } from '../../../core/sessions/sessions.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { RequestScope } from '../../http/handler.js';
import { credentialsRequired, recordRefusal, refuseIfGrantEnded } from './credentials-required.js';
import type { PreparedUse, UsableConnection, UseDependencies } from './prepared-use.js';

export type UseScope = Pick<RequestScope, 'caller' | 'signal' | 'traceId'>;

export interface UseRequest extends UseScope {
  qID: string;
  action: 'test' | 'browse' | 'describe' | 'preview' | 'read';
  /** Operation id of the contract, for the audit log. */
  operation: string;
  /** Path or query, for the usage log, which keeps its keyed hash. */
  what?: unknown;
  /** @throws InvalidRequest when the source lacks the ability that the request needs */
  check?: (abilities: Abilities) => void;
}

export interface FinishedUse<Result> {
  value: Result;
  /** Outcome for the usage log. */
  outcome: string;
  given?: { rows: number; bytes: number };
}

/** What a use is called in the usage log: `cancelled`, or the code of the error. */
export const outcomeOf = (error: unknown): string =>
  error instanceof ConnectorError && error.kind === 'cancelled' ? 'cancelled' : errorCode(error);

/** @throws AppError ACCESS-DENIED when the caller has lost the right to the use */
export function assertStillAllowed({ watch }: Pick<PreparedUse, 'watch'>): void {
  if (watch.signal.aborted) throw watch.signal.reason;
}

/** @throws AppError ACCESS-DENIED, DCAAS-2001 */
export async function assertUsable(
  { catalogue, refusals }: UseDependencies,
  caller: Caller,
  { row, mayUse, privileges, isSourceDisabled }: ConnectionToUse,
): Promise<UsableConnection> {
  if (!mayUse) {
    await recordRefusal({ refusals }, caller, row, 'role');
    throw mayNotUse();
  }
  return {
    connection: row,
    manifest: catalogue.unlessDisabled(row.source_id, isSourceDisabled),
    mayEdit: privileges.includes('update'),
  };
}

/** Logs the use and opens its login. @param since when the request arrived, by `performance.now()` */
async function prepareUse(
  deps: UseDependencies,
  { caller, action, what }: UseRequest,
  { id, entry, since }: { id: string; entry: Entry; since: number },
): Promise<PreparedUse> {
  const { store, uses, runningUses, openForUse } = deps;
  // Reload: access may have changed while the request queued for a slot.
  await runningUses.assertAlive(caller, since);
  const loaded = await loadUse(store.db, caller, id);
  const usable = await assertUsable(deps, caller, loaded);
  const { connection, manifest, mayEdit } = usable;
  const resolution = resolutionForUse(caller, loaded, manifest);
  const { credential } = resolution;
  // The use is opened as it was loaded: what is revoked while it is being recorded shows here.
  const watch = runningUses.watch({ caller, connectionId: id, credentialId: credential?.id });
  try {
    const ticket = await uses.begin({ caller, connection, credential, action, what });
    const opened = await openForUse(loaded, manifest, resolution).catch(async (error: unknown) => {
      await ticket.finish(outcomeOf(error));
      throw error;
    });
    if (!opened.ok) {
      await ticket.finish(`CREDENTIALS-REQUIRED ${opened.resolution.state}`);
      throw await credentialsRequired(deps, { ...usable, caller, resolution: opened.resolution });
    }
    if (watch.signal.aborted) await ticket.finish('revoked');
    assertStillAllowed({ watch });
    return {
      ...usable,
      caller,
      properties: definitionOf(connection),
      login: opened.login,
      assertAlive: opened.assertAlive,
      isOwnLogin: credential?.owner_id === caller.userId,
      ...(mayEdit || action === 'test' ? {} : { provenWithinMs: coarseSeconds(coarseUseSeconds) * 1000 }),
      entry,
      watch,
      ticket: {
        async finish(result, given) {
          watch.end();
          await ticket.finish(watch.signal.aborted ? 'revoked' : result, given);
        },
      },
    };
  } catch (error) {
    watch.end();
    throw error;
  }
}

/**
 * Runs the work of a use and logs its outcome, so that a use is finished exactly once. After a failure, a lost right
 * and an ended grant take precedence over what the source reported.
 * @throws AppError ACCESS-DENIED, CREDENTIALS-REQUIRED; else what `work` throws
 */
async function finishing<Result>(
  deps: UseDependencies,
  use: PreparedUse,
  work: (use: PreparedUse) => Promise<FinishedUse<Result>>,
): Promise<Result> {
  try {
    const { value, outcome, given } = await work(use);
    await use.ticket.finish(outcome, given);
    return value;
  } catch (error) {
    await use.ticket.finish(outcomeOf(error));
    assertStillAllowed(use);
    if (error instanceof ConnectorError && error.kind === 'auth_failed') await refuseIfGrantEnded(deps, use);
    throw error;
  }
}

/**
 * Runs `work` on a prepared use, within the concurrency limits of its source and tenant. What users who may not edit
 * the connection learn of a failure, and when, follows the oracle rule (`errors/coarse`).
 * @throws AppError CREDENTIALS-REQUIRED when the caller must provide, confirm or renew a credential first; BUSY or
 * SOURCE-PAUSED when the use was not begun
 */
export async function runUse<Result>(
  deps: UseDependencies,
  request: UseRequest,
  work: (use: PreparedUse) => Promise<FinishedUse<Result>>,
): Promise<Result> {
  const { caller, action, signal } = request;
  const since = performance.now();
  const found = await findConnectionToUse(deps.store.db, caller, request.qID);
  const { connection, manifest, mayEdit } = await assertUsable(deps, caller, found);
  request.check?.(manifest.abilities);
  const isTest = action === 'test';
  const coarse: CoarseUse = {
    since,
    left: signal,
    isOwnLogin: false,
    isSignedIn: false,
    seconds: isTest ? deps.config.limits.testSeconds : coarseUseSeconds,
    bring: `/api/v1/data-connections/${connection.id}/credential`,
  };
  let mayKnow = mayEdit;
  const visit = {
    tenantId: caller.tenantId,
    destination: connection.destination,
    userId: caller.userId,
    spaceId: connection.space_id,
    isTest,
  };
  const act = async (entry: Entry) => {
    coarse.since = performance.now();
    const use = await prepareUse(deps, request, { id: connection.id, entry, since });
    mayKnow = use.mayEdit;
    coarse.isOwnLogin = use.isOwnLogin;
    return finishing(deps, use, work).catch((error: unknown) => {
      coarse.isSignedIn = entry.isProven();
      coarse.since = entry.begunAt() ?? coarse.since;
      throw error;
    });
  };
  return deps.sessions.enter(visit, signal, act).catch(async (error: unknown) => {
    if (mayKnow) throw error;
    // Recorded before the wait, so that the time it takes does not show.
    if (error instanceof ConnectorError && error.kind === 'egress_refused') {
      const { operation, traceId } = request;
      await deps.destinationRefused({ by: caller, operation, traceId, connectionId: connection.id });
    }
    throw await coarseError(error, coarse);
  });
}
