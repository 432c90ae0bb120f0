import { connectionSecretNames, destinationOf } from '@mooring/connectors/kit/properties';
import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import {
  confirmConnectionCredential,
  deleteConnectionCredential,
  getConnectionCredential,
  putConnectionCredential,
} from '@mooring/contract/routes/connection-credential';
import type { Caller } from '../../../core/access/caller.js';
import type { AccessibleConnection } from '../../../core/access/connection-access.js';
import { findConnection, mayNotUse } from '../../../core/access/find-connection.js';
import { mayTakeOver } from '../../../core/access/owner-left.js';
import { recordConnection, recordCredential } from '../../../core/audit/record.js';
import type { RecordRefusedDestination } from '../../../core/audit/refused-destinations.js';
import { type Catalogue, splitProperties } from '../../../core/catalogue/catalogue.js';
import { endOfGrant } from '../../../core/credentials/grants.js';
import {
  allowDestination,
  assertKeptParts,
  assertNameFree,
  assertReaches,
  assertReachesKept,
  type Bringing,
  type BringRequest,
  confirmedDestinations,
  filledUp,
  giversOf,
  keptLogin,
  linkCredential,
  openConnectionSecretsOrRefuse,
  resumeLogin,
  storeBrought,
  unlinkCredentials,
} from '../../../core/credentials/records.js';
import {
  chooseCredential,
  type Resolution,
  resolveCredential,
  resolveForUse,
} from '../../../core/credentials/resolve.js';
import { signInErrorToldCoarsely } from '../../../core/credentials/sign-ins.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { Store } from '../../../core/store/store.js';
import { afterChange, isUniqueViolation } from '../../../core/store/store-error.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { Vault } from '../../../core/vault/envelope.js';
import { type BoundRoute, bind, type RequestScope } from '../../http/handler.js';

export interface ConnectionCredentialDependencies {
  store: Store;
  vault: Vault;
  catalogue: Catalogue;
  bringing: Bringing;
  destinationRefused: RecordRefusedDestination;
  /** Time limit of a test: when it is told that a sign-in does not work, to who may not edit the connection. */
  testSeconds: number;
  now?: () => Date;
}

const movedMeanwhile = () =>
  new AppError(
    'CONFLICT',
    'suspendedAt: must be the one of the state as it is. Somebody else moved the connection: look where it is now before you confirm.',
  );
const givenBySeveral = () =>
  new AppError(
    'CONFLICT',
    'Somebody else gave a part of this login. Enter that part again with PATCH of the connection.',
  );

/** My credential on a connection: its state, choosing or bringing one, confirming a destination, unlinking. */
export function createConnectionCredentialFeature(deps: ConnectionCredentialDependencies): BoundRoute[] {
  const { store, vault, catalogue, bringing } = deps;
  const now = () => (deps.now ?? (() => new Date()))().toISOString();

  const found = async (caller: Caller, id: string): Promise<AccessibleConnection> => {
    const connection = await findConnection(store.db, caller, id);
    if (!connection.mayUse) throw mayNotUse();
    return connection;
  };
  const usable = async (caller: Caller, id: string) => (await found(caller, id)).row;

  const assertSeparated = (connection: ConnectionTable): void => {
    if (connection.separated === 1) return;
    throw new InvalidRequest([
      {
        field: 'qID',
        message: 'this connection has an embedded credential, which serves everyone who may use it',
      },
    ]);
  };

  const state = async (caller: Caller, connection: ConnectionTable) => {
    const manifest = catalogue.get(connection.source_id);
    const resolution = await resolveForUse(store.db, caller, connection, manifest);
    const credential = isShown(resolution, caller) ? resolution.credential : undefined;
    const confirmed = credential ? await confirmedDestinations(store.db, credential) : [];
    const signInEndsAt = credential && (await endOfGrant(store.db, credential));
    const isGiver =
      connection.suspended_at !== null &&
      giversOf(await keptLogin(store.db, connection)).includes(caller.userId);
    const isOrphan = resolution.state === 'missing' && (await mayTakeOver(store.db, caller, connection));
    return {
      connectionId: connection.id,
      dataSourceId: connection.source_id,
      state: resolution.state,
      separated: connection.separated === 1,
      destination: connection.destination,
      signInMethods: manifest.signIns.map((method) => method.id),
      ...(credential
        ? {
            credentialId: credential.id,
            credentialsName: credential.name,
            confirmedDestinations: confirmed,
            updatedAt: credential.updated_at,
            ...(signInEndsAt === undefined ? {} : { signInEndsAt }),
          }
        : {}),
      ...(isGiver ? { suspendedAt: connection.suspended_at, suspendedBy: connection.suspended_by } : {}),
      ...(isOrphan ? { ownerLeft: true } : {}),
    };
  };

  const splitFor = (
    connection: ConnectionTable,
    manifest: SourceManifest,
    given: Record<string, unknown>,
  ) => {
    const definition = definitionOf(connection);
    const split = splitProperties(manifest, { ...definition, ...given }, connectionSecretNames(manifest));
    if (destinationOf(manifest, split.definition) !== connection.destination) {
      throw new InvalidRequest([
        {
          field: 'connectionProperties',
          message:
            "may hold only your credential here; the connection's own properties cannot be changed with it",
        },
      ]);
    }
    return split;
  };

  /** What the oracle rule makes of a failure at a provider; undefined for people who may edit the connection. */
  const coarseFor = (
    { row, privileges }: AccessibleConnection,
    { caller, signal, traceId }: Pick<RequestScope, 'caller' | 'signal' | 'traceId'>,
  ): Pick<BringRequest, 'toldCoarsely'> => {
    if (privileges.includes('update')) return {};
    const since = performance.now();
    return {
      async toldCoarsely(error) {
        // Put on record before the wait, so that it does not show in the time.
        if (error instanceof ConnectorError && error.kind === 'egress_refused') {
          const operation = putConnectionCredential.id;
          await deps.destinationRefused({ by: caller, operation, traceId, connectionId: row.id });
        }
        return signInErrorToldCoarsely(error, { since, seconds: deps.testSeconds, left: signal });
      },
    };
  };

  const bring = async (
    caller: Caller,
    connection: ConnectionTable,
    {
      given,
      name,
      ...told
    }: Pick<BringRequest, 'toldCoarsely'> & {
      given: Record<string, unknown>;
      name: string | undefined;
    },
  ) => {
    const manifest = catalogue.get(connection.source_id);
    const split = splitFor(connection, manifest, given);
    const { destination } = connection;
    const current = await resolveCredential(store.db, caller, connection);
    const wantedName = name ?? split.choice.credentialsName;
    const replaced =
      wantedName === undefined || wantedName === current.credential?.name ? current.credential : undefined;
    // A sign-in is one part of a login: what stands beside it stays where its user has allowed it.
    const isRenewed = split.choice.authCode !== undefined && current.state !== 'needs_confirmation';
    const filled = isRenewed
      ? await filledUp(store.db, vault, caller, { manifest, split, replaced })
      : { split };
    const request = {
      caller,
      manifest,
      split: filled.split,
      connectionSecrets: await openConnectionSecretsOrRefuse(store.db, vault, caller, connection),
      destination,
      connection: { id: connection.id, name: connection.name },
      ...told,
    };
    const newName = wantedName ?? connection.name;
    if (!replaced) await assertNameFree(store.db, caller, newName);
    const brought = await bringing.complete({ ...request, ...(replaced ? { replaces: replaced } : {}) });
    await storeBrought(store, brought, async (tx) => {
      const target = { caller, manifest, signIn: split.signIn.id, destination, name: newName };
      if (replaced) await assertKeptParts(tx, replaced, filled.versionRead);
      if (replaced) await bringing.replace(tx, replaced, target, brought);
      else
        await linkCredential(tx, connection, caller.userId, await bringing.store(tx, target, brought), now());
    });
  };

  const confirm = async (
    caller: Caller,
    connection: ConnectionTable,
    seen: { destination: string; suspendedAt?: string | undefined },
  ): Promise<void> => {
    if (seen.destination !== connection.destination) {
      throw new AppError(
        'CONFLICT',
        'destination: the connection now points elsewhere. Look at its state again before you confirm.',
      );
    }
    const manifest = catalogue.get(connection.source_id);
    await store.transaction(async (tx) => {
      const kept = connection.suspended_at === null ? undefined : await keptLogin(tx, connection);
      const givers = kept ? giversOf(kept) : [];
      const isGiver = givers.includes(caller.userId);
      if (kept && isGiver) {
        assertReachesKept(caller, connection, kept);
        if (seen.suspendedAt !== connection.suspended_at || !(await resumeLogin(tx, connection, now())))
          throw movedMeanwhile();
        if (givers.some((giver) => giver !== caller.userId)) throw givenBySeveral();
        await recordConnection(tx, 'updated', caller, connection);
      }
      const { credential } = await resolveForUse(tx, caller, connection, manifest);
      if (credential?.owner_id === caller.userId) {
        assertReaches(caller, credential);
        await allowDestination(tx, credential, connection.destination, now());
        await recordCredential(tx, 'updated', credential, caller);
      } else if (!isGiver) throw new AppError('NOT-FOUND', 'You have no credential on this connection.');
    });
  };

  const put = bind(putConnectionCredential, async ({ params, body }, scope) => {
    const { caller } = scope;
    const accessible = await found(caller, params.qID);
    const { row: connection, privileges } = accessible;
    const told = coarseFor(accessible, scope);
    // A sign-in for an embedded credential begins here too, and is completed where the connection is changed.
    const beginsForEmbedded =
      body.authUrlOnly && body.credentialId === undefined && privileges.includes('update');
    if (!beginsForEmbedded) assertSeparated(connection);
    const manifest = await catalogue.enabled(caller.tenantId, connection.source_id);
    if (body.credentialId !== undefined) {
      if (body.connectionProperties) {
        throw new InvalidRequest([
          { field: 'credentialId', message: 'and connectionProperties cannot both be given' },
        ]);
      }
      const { credentialId } = body;
      await store.transaction((tx) =>
        chooseCredential(tx, caller, { manifest, connection, credentialId, at: now() }),
      );
    } else if (body.authUrlOnly) {
      const split = splitFor(connection, manifest, body.connectionProperties ?? {});
      const { credential: renewed } = await resolveCredential(store.db, caller, connection);
      const begun = await bringing.begin({
        ...(renewed?.owner_id === caller.userId ? { replaces: renewed } : {}),
        caller,
        manifest,
        split,
        connectionSecrets: await openConnectionSecretsOrRefuse(store.db, vault, caller, connection),
        destination: connection.destination,
        connection: { id: connection.id, name: connection.name },
        ...(body.redirectUri === undefined ? {} : { loopbackRedirect: body.redirectUri }),
        ...(body.device ? { device: true } : {}),
        ...told,
      });
      return { status: 200, body: begun };
    } else if (body.connectionProperties) {
      try {
        const { connectionProperties: given, credentialsName: name } = body;
        await bring(caller, connection, { given, name, ...told });
      } catch (error) {
        if (isUniqueViolation(error))
          throw new AppError('CONFLICT', 'credentialsName: you have a credential of this name.');
        throw error;
      }
    } else {
      throw new InvalidRequest([
        { field: 'body', message: 'needs one of credentialId, connectionProperties or authUrlOnly' },
      ]);
    }
    return { status: 200, body: await afterChange(() => state(caller, connection)) };
  });

  return [
    bind(getConnectionCredential, async ({ params }, { caller }) => ({
      status: 200,
      body: await state(caller, await usable(caller, params.qID)),
    })),
    put,
    bind(deleteConnectionCredential, async ({ params }, { caller }) => {
      const connection = await usable(caller, params.qID);
      assertSeparated(connection);
      await unlinkCredentials(store.db, connection, caller.userId);
      return { status: 204 };
    }),
    bind(confirmConnectionCredential, async ({ params, body }, { caller }) => {
      const connection = await usable(caller, params.qID);
      await confirm(caller, connection, body);
      return {
        status: 200,
        body: await afterChange(async () => state(caller, await usable(caller, params.qID))),
      };
    }),
  ];
}

/** An embedded credential is named only to its owner. */
const isShown = (resolution: Resolution, caller: Caller): boolean =>
  !resolution.isEmbedded || resolution.credential?.owner_id === caller.userId;
