import { getRevocation, revokeCredentials } from '@mooring/contract/routes/revocations';
import { record } from '../../audit/record.js';
import type { EndScope } from '../../broker/end-scope.js';
import type { Revoker } from '../../broker/revoker.js';
import { AppError, InvalidRequest } from '../../http/app-error.js';
import { type BoundRoute, bind, type Caller } from '../../http/handler.js';
import type { RunningUses } from '../../sessions/running-uses.js';
import type { Store } from '../../store/store.js';
import { afterChange } from '../../store/store-error.js';
import { newUuid } from '../../vault/random.js';

export interface RevocationsDependencies {
  store: Store;
  revoker: Revoker;
  runningUses: RunningUses;
}

type Scope = Pick<EndScope, 'userId' | 'sourceId'>;

/** Credentials and sign-ins ended in one transaction: short ones, so that others get their turn in between. */
const perTransaction = 50;
/** How long the answer waits for providers that are quick. */
const providersMs = 1_500;

function assertAdministrator(caller: Caller): void {
  if (caller.roles.includes('TenantAdmin')) return;
  throw new AppError('ACCESS-DENIED', 'This is for people with the role TenantAdmin.');
}

/** Revoke everything of a person, of a source, or all there is. */
export function createRevocationsFeature(deps: RevocationsDependencies): BoundRoute[] {
  const { store, revoker, runningUses } = deps;

  const personOf = async (caller: Caller, idOrSubject: string): Promise<string> => {
    const person = await store.db
      .selectFrom('user')
      .select('id')
      .where('tenant_id', '=', caller.tenantId)
      .where((eb) => eb.or([eb('id', '=', idOrSubject), eb('subject', '=', idOrSubject)]))
      .executeTakeFirst();
    if (!person) throw new AppError('NOT-FOUND', 'userId: there is no such person.');
    return person.id;
  };

  const scopeOf = async (caller: Caller, body: Record<string, unknown>): Promise<Scope> => {
    const given = ['userId', 'dataSourceId', 'all'].filter((name) => body[name] !== undefined);
    if (given.length !== 1) {
      throw new InvalidRequest([
        { field: given[1] ?? 'body', message: 'give exactly one of userId, dataSourceId and all' },
      ]);
    }
    if (body['userId'] !== undefined) return { userId: await personOf(caller, String(body['userId'])) };
    if (body['dataSourceId'] !== undefined) return { sourceId: String(body['dataSourceId']) };
    if (body['all'] !== caller.tenantId) {
      throw new InvalidRequest([
        { field: 'all', message: "must be the tenant's id: see GET /api/v1/tenants/me" },
      ]);
    }
    return {};
  };

  const reportOf = async (caller: Caller, id: string) => {
    const rows = await store.db
      .selectFrom('revocation')
      .selectAll()
      .where('tenant_id', '=', caller.tenantId)
      .where('batch_id', '=', id)
      .orderBy('id')
      .execute();
    const counts: Partial<Record<(typeof rows)[number]['status'], number>> = {};
    for (const { status } of rows) counts[status] = (counts[status] ?? 0) + 1;
    return {
      id,
      total: rows.length,
      counts,
      data: rows.map((row) => ({
        credentialId: row.credential_id,
        qName: row.credential_name,
        userId: row.owner_id,
        datasourceID: row.source_id,
        status: row.status,
        ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
      })),
    };
  };

  return [
    bind(revokeCredentials, async ({ body }, { caller }) => {
      assertAdministrator(caller);
      const scope = await scopeOf(caller, body);
      const batchId = newUuid();
      await record(store.db, {
        name: 'data-credential.revoked',
        by: caller,
        resourceId: batchId,
        data: { scope: body },
      });
      const report = await afterChange(async () => {
        let ended: number;
        do {
          ended = await store.transaction((tx) =>
            revoker.end(tx, { ...scope, tenantId: caller.tenantId }, { batchId, limit: perTransaction }),
          );
        } while (ended > 0);
        await store.checkpoint();
        await runningUses.look();
        await Promise.race([
          revoker.settled(),
          new Promise((resolve) => setTimeout(resolve, providersMs).unref()),
        ]);
        return reportOf(caller, batchId);
      });
      return { status: 200, body: report };
    }),
    bind(getRevocation, async ({ params }, { caller }) => {
      assertAdministrator(caller);
      const report = await reportOf(caller, params.id);
      if (report.total === 0) throw new AppError('NOT-FOUND', 'There is no such revocation.');
      return { status: 200, body: report };
    }),
  ];
}
