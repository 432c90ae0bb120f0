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
import { record, recordCredential } from '../../../core/audit/record.js';
import type { RecordRefusedDestination } from '../../../core/audit/refused-destinations.js';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import type { Config } from '../../../core/config/config.js';
import { assertReaches, type LoginChanges, loginPair } from '../../../core/credentials/records.js';
import { newUuid } from '../../../core/crypto/random.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { RunningUses } from '../../../core/sessions/running-uses.js';
import type { Sessions } from '../../../core/sessions/sessions.js';
import type { Tx } from '../../../core/store/queryable.js';
import type { Store } from '../../../core/store/store.js';
import { afterChange } from '../../../core/store/store-error.js';
import type { CredentialTable } from '../../../core/store/tables.js';
import type { UseLog } from '../../../core/use-record/log.js';
import { UnreadableError } from '../../../core/vault/envelope.js';
import { type BoundRoute, bind, type RequestScope } from '../../http/handler.js';
import { type Affected, affectedBy } from './affected-connections.js';
import { type ChangeRow, claimUndo, itemsOf, ownChanges, presentChange } from './change-store.js';
import { type RehearsalResult, rehearse } from './rehearsal.js';

export interface CredentialChangesDependencies {
  store: Store;
  logins: LoginChanges;
  catalogue: Catalogue;
  sessions: Sessions;
  runningUses: RunningUses;
  uses: UseLog;
  config: Config;
  destinationRefused: RecordRefusedDestination;
  now?: () => Date;
}

const changedMeanwhile = (name: string) =>
  new AppError(
    'CONFLICT',
    `The credential ${JSON.stringify(name)} was changed or deleted by another request meanwhile, so none was changed.`,
  );

/** One new secret for many of one's own credentials: rehearsed, switched together, undone together. */
export function createCredentialChangesFeature(deps: CredentialChangesDependencies): BoundRoute[] {
  const { store, catalogue, logins, config } = deps;
  const now = deps.now ?? (() => new Date());
  const test = { catalogue, settings: config.sources };

  const tryOut = async (operation: string, body: ChangeBody, scope: RequestScope) => {
    const { caller, signal, traceId } = scope;
    const affected = await affectedBy({ db: store.db, catalogue, settings: config.sources }, caller, body);
    const pair = loginPair(body);
    const { uses, runningUses, sessions, destinationRefused } = deps;
    const rehearsal = {
      ...{ db: store.db, logins, uses, runningUses, sessions, test, limits: config.limits },
      ...{ destinationRefused, request: { operation, traceId } },
    };
    return { affected, result: await rehearse(rehearsal, caller, affected, pair, signal) };
  };

  const report = (affected: readonly Affected[], { ok, connections }: RehearsalResult): ChangeReport => ({
    ok,
    credentialCount: affected.length,
    connections,
  });

  const switchAll = async (caller: Caller, { prepared, connections }: RehearsalResult) => {
    const at = now();
    const change = {
      id: newUuid(),
      tenant_id: caller.tenantId,
      user_id: caller.userId,
      status: 'switched' as const,
      report: JSON.stringify(connections),
      created_at: at.toISOString(),
      undo_until: new Date(at.getTime() + config.limits.undoHours * 3_600_000).toISOString(),
    };
    const entered = { by: caller, at: change.created_at };
    await store.transaction(async (tx) => {
      await tx.insertInto('credential_change').values(change).execute();
      for (const one of prepared) {
        const { credential, versionRead } = one;
        if (!(await logins.switchLogin(tx, one, entered))) throw changedMeanwhile(credential.name);
        const item = {
          tenant_id: caller.tenantId,
          change_id: change.id,
          credential_id: credential.id,
          version_before: versionRead,
        };
        await tx.insertInto('credential_change_item').values(item).execute();
        await recordCredential(tx, 'updated', credential, caller);
      }
      await record(tx, {
        name: 'data-credential-change.created',
        by: caller,
        resourceId: change.id,
        ownerId: caller.userId,
        data: { credentialCount: prepared.length },
      });
    });
    return { changeId: change.id, undoUntil: change.undo_until };
  };

  const find = async (caller: Caller, id: string): Promise<ChangeRow> => {
    const [change] = await ownChanges(store.db, caller, { id });
    if (!change) throw new AppError('NOT-FOUND', 'You have made no such change.');
    return change;
  };

  const ownCredential = (tx: Tx, caller: Caller, id: string): Promise<CredentialTable | undefined> =>
    tx
      .selectFrom('credential')
      .selectAll()
      .where('id', '=', id)
      .where('tenant_id', '=', caller.tenantId)
      .where('owner_id', '=', caller.userId)
      .executeTakeFirst();

  const undo = async (caller: Caller, change: ChangeRow): Promise<void> => {
    const at = now().toISOString();
    await store.transaction(async (tx) => {
      if (!(await claimUndo(tx, change, at))) {
        throw new AppError(
          'CONFLICT',
          'This change can no longer be undone: it was undone before, or its time is over.',
        );
      }
      for (const { credential_id: id, version_before: before } of await itemsOf(tx, change)) {
        const credential = await ownCredential(tx, caller, id);
        if (credential) assertReaches(caller, credential);
        if (!credential || !(await logins.restore(tx, credential, before, at)))
          throw changedMeanwhile(credential?.name ?? id);
        await recordCredential(tx, 'updated', credential, caller);
      }
      await record(tx, {
        name: 'data-credential-change.undone',
        by: caller,
        resourceId: change.id,
        ownerId: caller.userId,
      });
    });
  };

  return [
    bind(rehearseCredentialChange, async ({ body }, scope) => {
      const { affected, result } = await tryOut(rehearseCredentialChange.id, body, scope);
      return { status: 200, body: report(affected, result) };
    }),
    bind(changeCredentials, async ({ body }, scope) => {
      const { affected, result } = await tryOut(changeCredentials.id, body, scope);
      const answer = report(affected, result);
      if (!result.ok) return { status: 200, body: answer };
      return { status: 200, body: { ...answer, ...(await switchAll(scope.caller, result)) } };
    }),
    bind(listCredentialChanges, async ({ query }, { caller }) => {
      const rows = await ownChanges(store.db, caller, {
        ...(query.limit === undefined ? {} : { limit: query.limit }),
      });
      return {
        status: 200,
        body: { data: await Promise.all(rows.map((row) => presentChange(store.db, row))) },
      };
    }),
    bind(getCredentialChange, async ({ params }, { caller }) => ({
      status: 200,
      body: await presentChange(store.db, await find(caller, params.id)),
    })),
    bind(undoCredentialChange, async ({ params }, { caller }) => {
      const change = await find(caller, params.id);
      try {
        await undo(caller, change);
      } catch (error) {
        if (!(error instanceof UnreadableError)) throw error;
        throw new AppError(
          'CONFLICT',
          'A former secret cannot be opened any more, so none was put back. Bring it again instead.',
          { cause: error },
        );
      }
      const undone = async () => presentChange(store.db, await find(caller, change.id));
      return { status: 200, body: await afterChange(undone) };
    }),
  ];
}
