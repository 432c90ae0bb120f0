import { ConnectorError } from '@mooring/connectors/interface/errors';
import {
  confirmConnectionCredential,
  deleteConnectionCredential,
  getConnectionCredential,
  putConnectionCredential,
} from '@mooring/contract/routes/connection-credential';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import type { AccessibleConnection } from '../../../core/access/connection-access.js';
import { findConnection, mayNotUse } from '../../../core/access/find-connection.js';
import { type EntryRequest, unlinkCredentials } from '../../../core/credentials/records.js';
import { linkAndConfirm } from '../../../core/credentials/resolve.js';
import { coarseSignInError } from '../../../core/credentials/sign-ins.js';
import { invalidField } from '../../../core/errors/app-error.js';
import { afterChange } from '../../../core/store/store-error.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import { type BoundRoute, bind, type RequestScope } from '../../http/handler.js';
import { confirmCredential } from './confirm-credential.js';
import { credentialState } from './credential-state.js';
import {
  beginSignIn,
  type ConnectionCredentialDependencies,
  provideCredential,
} from './provide-credential.js';

type Scope = Pick<RequestScope, 'caller' | 'signal' | 'traceId'>;

/** @throws InvalidRequest, AppError NOT-FOUND, ACCESS-DENIED */
async function findUsable(
  { store }: ConnectionCredentialDependencies,
  caller: Caller,
  id: string,
): Promise<AccessibleConnection> {
  const found = await findConnection(store.db, caller, id);
  if (!found.mayUse) throw mayNotUse();
  return found;
}

function assertSeparated(connection: ConnectionTable): void {
  if (connection.separated === 1) return;
  throw invalidField(
    'qID',
    'this connection has an embedded credential, which serves everyone who may use it',
  );
}

/** Oracle rule: coarse answers for failures at a provider; none for callers who may edit the connection. */
function coarseErrorOf(
  { destinationRefused, testSeconds }: ConnectionCredentialDependencies,
  { row, privileges }: AccessibleConnection,
  { caller, signal, traceId }: Scope,
): Pick<EntryRequest, 'coarseError'> {
  if (privileges.includes('update')) return {};
  const since = performance.now();
  const refused = { by: caller, operation: putConnectionCredential.id, traceId, connectionId: row.id };
  return {
    async coarseError(error) {
      // Recorded before the wait, which hides the time that it takes.
      if (error instanceof ConnectorError && error.kind === 'egress_refused')
        await destinationRefused(refused);
      return coarseSignInError(error, { since, seconds: testSeconds, left: signal });
    },
  };
}

/** Chooses one of the caller's credentials, stores a new one, or begins a sign-in. */
async function putCredential(
  deps: ConnectionCredentialDependencies,
  qID: string,
  body: z.output<typeof putConnectionCredential.body>,
  scope: Scope,
) {
  const { caller } = scope;
  const { store, catalogue } = deps;
  const found = await findUsable(deps, caller, qID);
  const { row: connection, privileges } = found;
  const coarse = coarseErrorOf(deps, found, scope);
  const { credentialId, connectionProperties: given, credentialsName: name } = body;
  // A sign-in for an embedded credential also begins here; PATCH of the connection completes it.
  const beginsForEmbedded = body.authUrlOnly && credentialId === undefined && privileges.includes('update');
  if (!beginsForEmbedded) assertSeparated(connection);
  const manifest = await catalogue.enabled(caller.tenantId, connection.source_id);
  if (credentialId !== undefined) {
    if (given) throw invalidField('credentialId', 'and connectionProperties cannot both be given');
    const at = store.clock.iso();
    await store.transaction((tx) => linkAndConfirm(tx, caller, { manifest, connection, credentialId, at }));
  } else if (body.authUrlOnly) {
    return beginSignIn(deps, caller, connection, { body, ...coarse });
  } else if (given) {
    await provideCredential(deps, caller, connection, { given, name, ...coarse });
  } else {
    throw invalidField('body', 'needs one of credentialId, connectionProperties or authUrlOnly');
  }
  return afterChange(() => credentialState(deps, caller, connection));
}

/** The caller's credential on a connection: its state, choosing or adding one, confirming a destination, unlinking. */
export function createConnectionCredentialFeature(deps: ConnectionCredentialDependencies): BoundRoute[] {
  const stateOf = async (caller: Caller, qID: string) =>
    credentialState(deps, caller, (await findUsable(deps, caller, qID)).row);
  return [
    bind(getConnectionCredential, async ({ params }, { caller }) => ({
      status: 200,
      body: await stateOf(caller, params.qID),
    })),
    bind(putConnectionCredential, async ({ params, body }, scope) => ({
      status: 200,
      body: await putCredential(deps, params.qID, body, scope),
    })),
    bind(deleteConnectionCredential, async ({ params }, { caller }) => {
      const { row } = await findUsable(deps, caller, params.qID);
      assertSeparated(row);
      await unlinkCredentials(deps.store.db, row, caller.userId);
      return { status: 204 };
    }),
    bind(confirmConnectionCredential, async ({ params, body }, { caller }) => {
      const { row } = await findUsable(deps, caller, params.qID);
      await confirmCredential(deps, caller, row, body);
      return { status: 200, body: await afterChange(() => stateOf(caller, params.qID)) };
    }),
  ];
}
