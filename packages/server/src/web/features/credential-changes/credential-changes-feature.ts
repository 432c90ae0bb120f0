import {
  type ChangeBody,
  type ChangeReport,
  changeCredentials,
  getCredentialChange,
  listCredentialChanges,
  rehearseCredentialChange,
  undoCredentialChange,
} from '@mooring/contract/routes/credential-changes';
import type { Caller } from '../../../core/access/caller.js';
import { loginPair } from '../../../core/credentials/records.js';
import { AppError } from '../../../core/errors/app-error.js';
import { afterChange } from '../../../core/store/store-error.js';
import type { CredentialChangeTable } from '../../../core/store/tables.js';
import { type BoundRoute, bind, type RequestScope } from '../../http/handler.js';
import { affectedBy } from './affected-connections.js';
import type { CredentialChangesDependencies } from './change-dependencies.js';
import { ownChanges, presentChange } from './change-store.js';
import { type RehearsalResult, rehearse } from './rehearsal.js';
import { switchLogins, undoChange } from './switch-logins.js';

/** @param operation id in the contract, for the audit log */
async function rehearseChange(
  deps: CredentialChangesDependencies,
  operation: string,
  body: ChangeBody,
  { caller, signal, traceId }: RequestScope,
): Promise<{ report: ChangeReport; result: RehearsalResult }> {
  const affected = await affectedBy(deps, caller, body);
  const run = { caller, signal, request: { operation, traceId } };
  const result = await rehearse(deps, run, affected, loginPair(body));
  const { ok, connections } = result;
  return { report: { ok, credentialCount: affected.length, connections }, result };
}

/** One new secret for many of the caller's credentials: rehearsed, switched together, undone together. */
export function createCredentialChangesFeature(deps: CredentialChangesDependencies): BoundRoute[] {
  const { db } = deps.store;

  const find = async (caller: Caller, id: string): Promise<CredentialChangeTable> => {
    const [change] = await ownChanges(db, caller, { id });
    if (!change) throw new AppError('NOT-FOUND', 'You have made no such change.');
    return change;
  };
  const presented = async (caller: Caller, id: string) => presentChange(db, await find(caller, id));

  return [
    bind(rehearseCredentialChange, async ({ body }, scope) => {
      const { report } = await rehearseChange(deps, rehearseCredentialChange.id, body, scope);
      return { status: 200, body: report };
    }),
    bind(changeCredentials, async ({ body }, scope) => {
      const { report, result } = await rehearseChange(deps, changeCredentials.id, body, scope);
      if (!result.ok) return { status: 200, body: report };
      return { status: 200, body: { ...report, ...(await switchLogins(deps, scope.caller, result)) } };
    }),
    bind(listCredentialChanges, async ({ query }, { caller }) => {
      const { limit } = query;
      const rows = await ownChanges(db, caller, limit === undefined ? {} : { limit });
      return { status: 200, body: { data: await Promise.all(rows.map((row) => presentChange(db, row))) } };
    }),
    bind(getCredentialChange, async ({ params }, { caller }) => ({
      status: 200,
      body: await presented(caller, params.id),
    })),
    bind(undoCredentialChange, async ({ params }, { caller }) => {
      const change = await find(caller, params.id);
      await undoChange(deps, caller, change);
      return { status: 200, body: await afterChange(() => presented(caller, change.id)) };
    }),
  ];
}
