import type { UseReply } from '@mooring/contract/routes/uses';
import type { Caller } from '../../../core/access/caller.js';
import { decideForAll } from '../../../core/access/connection-access.js';
import { isTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import { coarseEnd, coarseUseSeconds } from '../../../core/errors/coarse.js';
import type { Store } from '../../../core/store/store.js';
import type { RecordKeeper } from '../../../core/usage-log/keeper.js';
import type { ListedUse } from '../../../core/usage-log/list.js';

// What of the usage log a caller sees.

export interface UsesDependencies {
  store: Store;
  keeper: RecordKeeper;
  publicUrl: () => string;
  /** Timeout of a test: when users who may not edit the connection learn that it failed. */
  testSeconds: number;
}

export const isAuditor = (caller: Caller): boolean =>
  isTenantAdministrator(caller) || caller.roles.includes('AuditAdmin');

type ShownEnd = Pick<ListedUse, 'rowsGiven' | 'bytesGiven'> & { result: string };

/** The hash of path or query is only for users who know them: others could test their guesses against it. */
function presented(row: ListedUse, caller: Caller, { result, rowsGiven, bytesGiven }: ShownEnd): UseReply {
  const isTheirs = row.user_id === caller.userId || row.credential_owner_id === caller.userId;
  const optional = {
    clientId: row.client_id,
    via: row.via_kind === null || row.via_id === null ? null : { kind: row.via_kind, id: row.via_id },
    keyId: row.via_id,
    invitedBy: row.invited_by,
    spaceId: row.space_id,
    credentialId: row.credential_id,
    credentialOwnerId: row.credential_owner_id,
    credentialVersion: row.credential_version,
    rows: rowsGiven,
    bytes: bytesGiven,
    whatHash: isTheirs ? row.what_hash : null,
  };
  return {
    at: row.at,
    userId: row.user_id ?? '',
    connectionId: row.connection_id ?? '',
    action: row.action ?? '',
    result,
    ...(Object.fromEntries(
      Object.entries(optional).filter(([, value]) => value !== null),
    ) as Partial<UseReply>),
  };
}

const whole = ({ outcome, rowsGiven, bytesGiven }: ListedUse): ShownEnd => ({
  result: outcome ?? 'started',
  rowsGiven,
  bytesGiven,
});

/** Users who may not edit a connection learn no more from the log, and no earlier, than from the use itself. */
function coarseEndOf({ store, testSeconds }: UsesDependencies, row: ListedUse, caller: Caller): ShownEnd {
  const end = whole(row);
  const hasGiven = Number(row.rowsGiven ?? 0) + Number(row.bytesGiven ?? 0) > 0;
  const isTest = row.action === 'test' || row.action === 'rehearse-change';
  const reportedAt = Date.parse(row.at) + (isTest ? testSeconds : coarseUseSeconds) * 1000;
  const isOwnLogin = row.credential_owner_id === caller.userId;
  const isReported = reportedAt <= store.clock.now();
  const result = coarseEnd({ result: end.result, hasGiven, isOwnLogin, isReported });
  if (result === end.result) return end;
  const given = result !== undefined && hasGiven ? end : { rowsGiven: null, bytesGiven: null };
  return { ...given, result: result ?? 'started' };
}

export async function presentUses(
  deps: UsesDependencies,
  caller: Caller,
  rows: readonly ListedUse[],
): Promise<UseReply[]> {
  if (rows.length === 0) return [];
  if (isAuditor(caller)) return rows.map((row) => presented(row, caller, whole(row)));
  const { db } = deps.store;
  const ids = [...new Set(rows.flatMap((row) => row.connection_id ?? []))];
  const connections = await db
    .selectFrom('connection')
    .select(['id', 'owner_id', 'space_id'])
    .where('tenant_id', '=', caller.tenantId)
    .where('id', 'in', ids)
    .execute();
  const decisions = await decideForAll(db, caller, connections);
  const edited = new Set(
    connections.filter((row) => decisions.get(row)?.privileges.includes('update')).map(({ id }) => id),
  );
  return rows.map((row) => {
    const end = edited.has(row.connection_id ?? '') ? whole(row) : coarseEndOf(deps, row, caller);
    return presented(row, caller, end);
  });
}
