import type { confirmConnectionCredential as confirmRoute } from '@mooring/contract/routes/connection-credential';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { recordConnection, recordCredential } from '../../../core/audit/record.js';
import {
  allowDestination,
  assertReaches,
  assertReachesKept,
  giversOf,
  keptLogin,
  resumeLogin,
} from '../../../core/credentials/records.js';
import { resolveForUse } from '../../../core/credentials/resolve.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Tx } from '../../../core/store/queryable.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { ConnectionCredentialDependencies } from './provide-credential.js';

const movedAgain = () =>
  new AppError(
    'CONFLICT',
    'suspendedAt: does not match the current state, because another user moved the connection again. Check where it is now before you confirm.',
  );
const givenBySeveral = () =>
  new AppError(
    'CONFLICT',
    'Another user entered a part of this login. Enter that part again with PATCH of the connection.',
  );

/**
 * Ends the suspension of the login that the connection keeps, for the user who entered it.
 * @returns whether the caller is that user
 */
async function resumeKeptLogin(
  tx: Tx,
  caller: Caller,
  connection: ConnectionTable,
  { suspendedAt, at }: { suspendedAt: string | undefined; at: string },
): Promise<boolean> {
  if (connection.suspended_at === null) return false;
  const kept = await keptLogin(tx, connection);
  const givers = giversOf(kept);
  if (!givers.includes(caller.userId)) return false;
  assertReachesKept(caller, connection, kept);
  if (suspendedAt !== connection.suspended_at || !(await resumeLogin(tx, connection, at))) throw movedAgain();
  if (givers.some((giver) => giver !== caller.userId)) throw givenBySeveral();
  await recordConnection(tx, 'updated', caller, connection);
  return true;
}

/**
 * Allows the caller's credential at the destination that the connection has now.
 * @param seen what the user saw when they confirmed
 * @throws AppError CONFLICT unless that is what they saw; NOT-FOUND when they have no credential there
 */
export async function confirmCredential(
  { store, catalogue }: ConnectionCredentialDependencies,
  caller: Caller,
  connection: ConnectionTable,
  seen: z.output<typeof confirmRoute.body>,
): Promise<void> {
  if (seen.destination !== connection.destination) {
    throw new AppError(
      'CONFLICT',
      'destination: the connection now points elsewhere. Check its state again before you confirm.',
    );
  }
  const manifest = catalogue.get(connection.source_id);
  await store.transaction(async (tx) => {
    const at = store.clock.iso();
    const resumes = await resumeKeptLogin(tx, caller, connection, { suspendedAt: seen.suspendedAt, at });
    const { credential } = await resolveForUse(tx, caller, connection, manifest);
    if (credential?.owner_id === caller.userId) {
      assertReaches(caller, credential);
      await allowDestination(tx, credential, connection.destination, at);
      await recordCredential(tx, 'updated', credential, caller);
    } else if (!resumes) throw new AppError('NOT-FOUND', 'You have no credential on this connection.');
  });
}
