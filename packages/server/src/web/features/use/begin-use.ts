import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Caller } from '../../../core/access/caller.js';
import { findConnection, mayNotUse } from '../../../core/access/find-connection.js';
import {
  type CoarseUse,
  coarseSeconds,
  coarseUseSeconds,
  errorToldCoarsely,
} from '../../../core/errors/coarse.js';
import type { Entry } from '../../../core/sessions/sessions.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import { credentialsRequired, recordRefusal } from './credentials-required.js';
import { outcomeOf } from './finish-use.js';
import type { PreparedUse, UsableConnection, UseDependencies } from './prepared-use.js';

export interface UseRequest {
  caller: Caller;
  qID: string;
  action: 'test' | 'browse' | 'preview' | 'read';
  /** Operation id of the contract, for the audit log. */
  operation: string;
  traceId: string;
  /** Path or query, for the usage log, which keeps its keyed hash. */
  what?: unknown;
  signal: AbortSignal;
  /** @throws InvalidRequest when the source lacks the capability that the request needs */
  check?: (manifest: SourceManifest) => void;
}

/** @throws InvalidRequest, AppError NOT-FOUND, ACCESS-DENIED */
export async function usableConnection(
  { store, catalogue, refusals }: UseDependencies,
  caller: Caller,
  qID: string,
): Promise<UsableConnection> {
  const found = await findConnection(store.db, caller, qID);
  if (!found.mayUse) {
    await recordRefusal({ refusals }, caller, found.row, 'role');
    throw mayNotUse();
  }
  return {
    connection: found.row,
    manifest: await catalogue.enabled(caller.tenantId, found.row.source_id),
    mayEdit: found.privileges.includes('update'),
  };
}

/** Logs the use and opens its login. @param since when the request arrived, by `performance.now()` */
async function prepareUse(
  deps: UseDependencies,
  { caller, qID, action, what }: UseRequest,
  entry: Entry,
  since: number,
): Promise<PreparedUse> {
  const { resolver, uses, runningUses } = deps;
  // Reload: access may have changed while the request queued for a slot.
  await runningUses.assertAlive(caller, since);
  const usable = await usableConnection(deps, caller, qID);
  const { connection, manifest, mayEdit } = usable;
  const resolution = await resolver.resolve(caller, connection, manifest);
  const { credential } = resolution;
  const ticket = await uses.begin({ caller, connection, credential, action, what });
  const opened = await resolver
    .open(caller, connection, manifest, resolution)
    .catch(async (error: unknown) => {
      await ticket.finish(outcomeOf(error));
      throw error;
    });
  if (!opened.ok) {
    await ticket.finish(`CREDENTIALS-REQUIRED ${opened.resolution.state}`);
    throw await credentialsRequired(deps, { ...usable, caller, resolution: opened.resolution });
  }
  const watch = runningUses.watch({ caller, connectionId: connection.id, credentialId: credential?.id });
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
}

/**
 * Runs `work` on a prepared use, within the concurrency limits of its source and tenant. What users who may not edit
 * the connection learn of a failure, and when, follows the oracle rule (`errors/coarse`).
 * @throws AppError CREDENTIALS-REQUIRED when the caller must provide, confirm or renew a credential first; BUSY or
 * SOURCE-PAUSED when the use was not begun
 */
export async function beginUse<Result>(
  deps: UseDependencies,
  request: UseRequest,
  work: (use: PreparedUse) => Promise<Result>,
): Promise<Result> {
  const { caller, action, signal } = request;
  const since = performance.now();
  const { connection, manifest, mayEdit } = await usableConnection(deps, caller, request.qID);
  request.check?.(manifest);
  const isTest = action === 'test';
  const coarse: CoarseUse = {
    since,
    left: signal,
    isOwnLogin: false,
    isSignedIn: false,
    seconds: isTest ? deps.config.limits.testSeconds : coarseUseSeconds,
    bring: `/api/v1/data-connections/${connection.id}/credential`,
  };
  let isTold = mayEdit;
  const visit = {
    tenantId: caller.tenantId,
    destination: connection.destination,
    userId: caller.userId,
    spaceId: connection.space_id,
    isTest,
  };
  const act = async (entry: Entry) => {
    coarse.since = performance.now();
    const use = await prepareUse(deps, request, entry, since);
    isTold = use.mayEdit;
    coarse.isOwnLogin = use.isOwnLogin;
    return work(use).catch((error: unknown) => {
      coarse.isSignedIn = entry.isProven();
      coarse.since = entry.begunAt() ?? coarse.since;
      throw error;
    });
  };
  return deps.sessions.enter(visit, signal, act).catch(async (error: unknown) => {
    if (isTold) throw error;
    // Recorded before the wait, so that the time it takes does not show.
    if (error instanceof ConnectorError && error.kind === 'egress_refused') {
      const { operation, traceId } = request;
      await deps.destinationRefused({ by: caller, operation, traceId, connectionId: connection.id });
    }
    throw await errorToldCoarsely(error, coarse);
  });
}
