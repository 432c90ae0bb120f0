import { connectionSecretNames, selectSignIn } from '@mooring/connectors/kit/properties';
import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Logger } from 'pino';
import type { Caller } from '../../../core/access/caller.js';
import { findConnection, mayNotUse } from '../../../core/access/find-connection.js';
import { mayTakeOver } from '../../../core/access/owner-left.js';
import type { FoldedRefusals } from '../../../core/audit/folded-refusals.js';
import type { RecordRefusedDestination } from '../../../core/audit/refused-destinations.js';
import { type Catalogue, splitProperties } from '../../../core/catalogue/catalogue.js';
import {
  type Bringing,
  confirmedDestinations,
  giversOf,
  keptLogin,
  openConnectionSecrets,
} from '../../../core/credentials/records.js';
import type { Broker, Resolution } from '../../../core/credentials/resolve.js';
import { AppError } from '../../../core/errors/app-error.js';
import {
  type CoarseUse,
  coarseSeconds,
  coarseUseSeconds,
  errorToldCoarsely,
} from '../../../core/errors/coarse.js';
import { errorCode } from '../../../core/errors/error-answer.js';
import type { RunningUses, WatchedUse } from '../../../core/sessions/running-uses.js';
import type { Task } from '../../../core/sessions/session-work.js';
import type { Entry, SessionRequest, Sessions } from '../../../core/sessions/sessions.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { Store } from '../../../core/store/store.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import { collect } from '../../../core/streams/encoded-rows.js';
import type { UseLog, UseTicket } from '../../../core/use-record/log.js';
import type { Vault } from '../../../core/vault/envelope.js';
import { explain, ownerLeft } from './explanations.js';

export interface UseServiceDependencies {
  store: Store;
  vault: Vault;
  catalogue: Catalogue;
  broker: Broker;
  bringing: Bringing;
  sessions: Sessions;
  runningUses: RunningUses;
  uses: UseLog;
  log: Logger;
  refusals: FoldedRefusals;
  destinationRefused: RecordRefusedDestination;
  /** Time limit of a test. */
  testSeconds: number;
}

/** A use that may go ahead: the right was checked and the use is on record. */
export interface PreparedUse {
  caller: Caller;
  connection: ConnectionTable;
  manifest: SourceManifest;
  properties: Record<string, unknown>;
  login: SessionRequest['login'];
  ticket: UseTicket;
  mayEdit: boolean;
  /** The credential is the caller's own, and not the connection's. */
  isOwnLogin: boolean;
  /** For people who may not edit the connection: the source must have signed us in by then. */
  provenWithinMs?: number;
  entry: Entry;
  /** As `Grants.assertAlive`; absent where there is no grant. */
  assertAlive: (() => Promise<void>) | undefined;
  /** Ends with the right to the use. Whoever prepared it ends it, through `finish`. */
  watch: WatchedUse;
}

export interface UseToBegin {
  caller: Caller;
  qID: string;
  action: string;
  /** For the record of refused destinations: operation id of the contract, and the request. */
  operation: string;
  traceId: string;
  /** For the record of uses, as a keyed hash. */
  what?: unknown;
  signal: AbortSignal;
  /** Throws when the source cannot do what is asked. */
  check?: (manifest: SourceManifest) => void;
}

export interface UsableConnection {
  connection: ConnectionTable;
  manifest: SourceManifest;
  mayEdit: boolean;
}

export interface UseService {
  usable(caller: Caller, qID: string): Promise<UsableConnection>;
  /**
   * Hands a use that may go ahead to `work`, within the budgets of its source and tenant. What people who may not edit
   * the connection are told of a failure, and when, follows the oracle rule (`sessions/coarse`).
   * @throws AppError CREDENTIALS-REQUIRED when the caller must bring, confirm or renew a credential first; BUSY or
   * SOURCE-PAUSED when the use was not even begun
   */
  enter<Result>(begin: UseToBegin, work: (use: PreparedUse) => Promise<Result>): Promise<Result>;
  /** Works in a session of the caller's own login and records the outcome before the answer, which is JSON. */
  answer(prepared: PreparedUse, signal: AbortSignal, task: Task): Promise<Uint8Array>;
  /** A grant that proved dead during the use: the person gets the way back in, not a refused login. */
  refuseIfEnded(prepared: PreparedUse): Promise<void>;
}

/** What the outcome is called in the record of uses. */
export function outcomeOf(error: unknown): string {
  return error instanceof ConnectorError && error.kind === 'cancelled' ? 'cancelled' : errorCode(error);
}

/** @throws AppError ACCESS-DENIED when the right to the use is gone by now */
export function throwIfTakenAway({ watch }: Pick<PreparedUse, 'watch'>): void {
  if (watch.signal.aborted) throw watch.signal.reason;
}

export function createUseService(deps: UseServiceDependencies): UseService {
  const { store, vault, catalogue, broker } = deps;

  const recordRefusal = (caller: Caller, connection: ConnectionTable, reason: string) =>
    deps.refusals.record(
      {
        name: 'data-use.refused',
        by: caller,
        resourceId: connection.id,
        ownerId: connection.owner_id,
        spaceId: connection.space_id,
        data: { reason },
      },
      reason,
    );

  const usable = async (caller: Caller, qID: string): Promise<UsableConnection> => {
    const found = await findConnection(store.db, caller, qID);
    if (!found.mayUse) {
      await recordRefusal(caller, found.row, 'role');
      throw mayNotUse();
    }
    return {
      connection: found.row,
      manifest: await catalogue.enabled(caller.tenantId, found.row.source_id),
      mayEdit: found.privileges.includes('update'),
    };
  };

  /** A fresh sign-in link, where the person can renew the credential by signing in. */
  const signInLink = async (
    caller: Caller,
    connection: ConnectionTable,
    manifest: SourceManifest,
    resolution: Resolution,
    mayEdit: boolean,
  ) => {
    // An embedded credential is renewed by somebody who may change the connection, with PATCH and qlik-auth-code.
    if (resolution.isEmbedded && !mayEdit) return undefined;
    if (resolution.state === 'needs_confirmation' || resolution.state === 'needs_approval') return undefined;
    const definition = definitionOf(connection);
    if (selectSignIn(manifest, definition).oauth?.grant !== 'authorization_code') return undefined;
    try {
      const split = splitProperties(manifest, definition, connectionSecretNames(manifest));
      const request = {
        caller,
        manifest,
        split,
        connectionSecrets: await openConnectionSecrets(store.db, vault, caller, connection),
        destination: connection.destination,
        connection: { id: connection.id, name: connection.name },
        ...(resolution.credential?.owner_id === caller.userId ? { replaces: resolution.credential } : {}),
      };
      // Whether there is a link, and how late, would tell who may not edit what is there: they begin where they bring.
      if (!mayEdit && deps.bringing.beginsAtOwnersHost(request)) return undefined;
      const { authUrl, signInId, expiresAt } = await deps.bringing.begin(request);
      return { authUrl, signInId, expiresAt, poll: `/api/v1/sign-ins/${signInId}` };
    } catch (error) {
      // The refusal itself must reach the person even when the operator's OAuth client is not configured.
      deps.log.warn({ connectionId: connection.id, err: error }, 'no sign-in link could be made');
      return undefined;
    }
  };

  const refuse = async (
    caller: Caller,
    connection: ConnectionTable,
    manifest: SourceManifest,
    resolution: Resolution,
    mayEdit: boolean,
  ): Promise<AppError> => {
    const isOrphan = resolution.state === 'missing' && (await mayTakeOver(store.db, caller, connection));
    const signIn = await signInLink(caller, connection, manifest, resolution, mayEdit || isOrphan);
    const suspendedAt =
      resolution.isSuspended && giversOf(await keptLogin(store.db, connection)).includes(caller.userId)
        ? connection.suspended_at
        : undefined;
    const isTheirs = !resolution.isEmbedded || resolution.credential?.owner_id === caller.userId;
    await recordRefusal(caller, connection, resolution.state);
    const confirmed =
      resolution.state === 'needs_confirmation' &&
      resolution.credential &&
      isTheirs &&
      (!resolution.isSuspended || suspendedAt)
        ? await confirmedDestinations(store.db, resolution.credential)
        : undefined;
    return new AppError('CREDENTIALS-REQUIRED', isOrphan ? ownerLeft : explain(resolution), {
      meta: {
        reason: resolution.state,
        connectionId: connection.id,
        dataSourceId: connection.source_id,
        ...(resolution.credential && isTheirs ? { credentialId: resolution.credential.id } : {}),
        ...(signIn ? { signIn } : {}),
        ...(resolution.state === 'needs_approval'
          ? { approve: `/api/v1/api-keys/${caller.keyId}/actions/approve` }
          : {}),
        // Old and new, so that the person can be asked without another request.
        ...(isOrphan ? { ownerLeft: true } : {}),
        ...(suspendedAt ? { suspendedAt, suspendedBy: connection.suspended_by } : {}),
        ...(confirmed
          ? {
              confirm: `/api/v1/data-connections/${connection.id}/credential/actions/confirm`,
              destination: connection.destination,
              confirmedDestinations: confirmed,
            }
          : {}),
        bring: resolution.isEmbedded
          ? `/api/v1/data-connections/${connection.id}`
          : `/api/v1/data-connections/${connection.id}/credential`,
      },
    });
  };

  /** A grant that proved dead during the use: the person gets the way back in, not a refused login. */
  const refuseIfEnded = async (prepared: PreparedUse): Promise<void> => {
    const { caller, connection, manifest, mayEdit } = prepared;
    await prepared.assertAlive?.().catch((error: unknown) => {
      // A dead grant shows below, with the way back in.
      if (!(error instanceof ConnectorError && error.kind === 'auth_failed')) throw error;
    });
    const resolution = await broker.resolve(caller, connection, manifest);
    if (resolution.state !== 'ready') throw await refuse(caller, connection, manifest, resolution, mayEdit);
  };

  const prepare = async (
    { caller, qID, action, what }: UseToBegin,
    entry: Entry,
    since: number,
  ): Promise<PreparedUse> => {
    // Loaded anew, because this may have waited for its turn.
    await deps.runningUses.assertAlive(caller, since);
    const { connection, manifest, mayEdit } = await usable(caller, qID);
    const resolution = await broker.resolve(caller, connection, manifest);
    const { credential } = resolution;
    const ticket = await deps.uses.begin({ caller, connection, credential, action, what });
    const opened = await broker
      .open(caller, connection, manifest, resolution)
      .catch(async (error: unknown) => {
        await ticket.finish(outcomeOf(error));
        throw error;
      });
    if (!opened.ok) {
      await ticket.finish(`CREDENTIALS-REQUIRED ${opened.resolution.state}`);
      throw await refuse(caller, connection, manifest, opened.resolution, mayEdit);
    }
    const properties = definitionOf(connection);
    const watch = deps.runningUses.watch({
      caller,
      connectionId: connection.id,
      credentialId: credential?.id,
    });
    return {
      ...{ caller, connection, manifest, properties, login: opened.login, mayEdit, watch },
      assertAlive: opened.assertAlive,
      isOwnLogin: resolution.credential?.owner_id === caller.userId,
      ...(mayEdit || action === 'test' ? {} : { provenWithinMs: coarseSeconds(coarseUseSeconds) * 1000 }),
      entry,
      ticket: {
        async finish(result, given) {
          watch.end();
          await ticket.finish(watch.signal.aborted ? 'revoked' : result, given);
        },
      },
    };
  };

  return {
    usable,
    refuseIfEnded,
    async enter(begin, work) {
      const { caller, action, signal } = begin;
      const since = performance.now();
      const { connection, manifest, mayEdit } = await usable(caller, begin.qID);
      begin.check?.(manifest);
      const coarse: CoarseUse = {
        ...{ since, left: signal, isOwnLogin: false, isSignedIn: false },
        seconds: action === 'test' ? deps.testSeconds : coarseUseSeconds,
        bring: `/api/v1/data-connections/${connection.id}/credential`,
      };
      let isTold = mayEdit;
      const visit = {
        tenantId: caller.tenantId,
        destination: connection.destination,
        userId: caller.userId,
        spaceId: connection.space_id,
        isTest: action === 'test',
      };
      const act = async (entry: Entry) => {
        coarse.since = performance.now();
        const use = await prepare(begin, entry, since);
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
        // Put on record before the wait, so that it does not show in the time.
        if (error instanceof ConnectorError && error.kind === 'egress_refused') {
          const { operation, traceId } = begin;
          await deps.destinationRefused({ by: caller, operation, traceId, connectionId: connection.id });
        }
        throw await errorToldCoarsely(error, coarse);
      });
    },

    async answer(prepared, signal, task) {
      const { manifest, properties, login, entry, ticket, connection, provenWithinMs } = prepared;
      try {
        const watched = AbortSignal.any([signal, prepared.watch.signal]);
        const proof = provenWithinMs === undefined ? {} : { provenWithinMs };
        const request = { manifest, properties, login, signal: watched, ...proof };
        const answer = await collect(entry.work(request, task));
        throwIfTakenAway(prepared);
        await ticket.finish('ok');
        return answer;
      } catch (error) {
        await ticket.finish(outcomeOf(error));
        throwIfTakenAway(prepared);
        if (error instanceof ConnectorError && error.kind === 'auth_failed') await refuseIfEnded(prepared);
        if (error instanceof ConnectorError) {
          deps.log.info(
            { connectionId: connection.id, kind: error.kind, nativeCode: error.nativeCode },
            'source failed',
          );
        }
        throw error;
      }
    },
  };
}
