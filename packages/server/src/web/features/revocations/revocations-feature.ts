import { getRevocation, revokeCredentials } from '@mooring/contract/routes/revocations';
import type { Caller } from '../../../core/access/caller.js';
import { record } from '../../../core/audit/record.js';
import type { RevocationJobs, RevocationScope, Revoker } from '../../../core/credentials/grants.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import { afterChange } from '../../../core/store/store-error.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { type ListOrder, type ListQuery, readList, turnPage } from '../../http/keyset.js';

export interface RevocationsDependencies {
  store: Store;
  revoker: Revoker;
  jobs: RevocationJobs;
  publicUrl: () => string;
}

/** How long the answer waits for a revocation that is quick, and for providers that are. */
const quickMs = 1_500;

const lineOrder: ListOrder = {
  ...{ sorts: {}, idColumn: 'revocation.id', sortDefault: '+id', limitDefault: 100 },
};

function assertAdministrator(caller: Caller): void {
  if (caller.roles.includes('TenantAdmin')) return;
  throw new AppError('ACCESS-DENIED', 'This is for people with the role TenantAdmin.');
}

/** Revoke everything of a person, of a source, or all there is. */
export function createRevocationsFeature(deps: RevocationsDependencies): BoundRoute[] {
  const { store, revoker, jobs, publicUrl } = deps;

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

  const scopeOf = async (caller: Caller, body: Record<string, unknown>): Promise<RevocationScope> => {
    const given = ['userId', 'dataSourceId', 'all'].filter((name) => body[name] !== undefined);
    if (given.length !== 1) {
      throw new InvalidRequest([
        { field: given[1] ?? 'body', message: 'give exactly one of userId, dataSourceId and all' },
      ]);
    }
    const { tenantId } = caller;
    if (body['userId'] !== undefined)
      return { tenantId, userId: await personOf(caller, String(body['userId'])) };
    if (body['dataSourceId'] !== undefined) return { tenantId, sourceId: String(body['dataSourceId']) };
    if (body['all'] !== tenantId) {
      throw new InvalidRequest([
        { field: 'all', message: "must be the tenant's id: see GET /api/v1/tenants/me" },
      ]);
    }
    return { tenantId };
  };

  const linesOf = (caller: Caller, id: string) =>
    store.db.selectFrom('revocation').where('tenant_id', '=', caller.tenantId).where('batch_id', '=', id);

  const reportOf = async (caller: Caller, id: string, requestUrl: string, query: ListQuery) => {
    const job = await store.db
      .selectFrom('revocation_job')
      .selectAll()
      .where('tenant_id', '=', caller.tenantId)
      .where('id', '=', id)
      .executeTakeFirst();
    if (!job) throw new AppError('NOT-FOUND', 'There is no such revocation.');
    const counted = await linesOf(caller, id)
      .select(['status', (eb) => eb.fn.countAll<number>().as('count')])
      .groupBy('status')
      .execute();
    const counts = Object.fromEntries(counted.map(({ status, count }) => [status, Number(count)]));
    const ended = counted.reduce((sum, { count }) => sum + Number(count), 0);
    const page = readList(query, lineOrder);
    const rows = await linesOf(caller, id)
      .selectAll()
      .where(page.condition)
      .orderBy(page.order)
      .limit(page.fetch)
      .execute();
    const { shown, links } = turnPage(page, rows, publicUrl(), requestUrl);
    return {
      id,
      status: job.status,
      total: Math.max(Number(job.total), ended),
      ended,
      counts,
      data: shown.map((row) => ({
        credentialId: row.credential_id,
        qName: row.credential_name,
        userId: row.owner_id,
        datasourceID: row.source_id,
        status: row.status,
        ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
      })),
      links,
    };
  };

  return [
    bind(revokeCredentials, async ({ body }, { caller }) => {
      assertAdministrator(caller);
      const scope = await scopeOf(caller, body);
      const id = await store.transaction(async (tx) => {
        const jobId = await jobs.add(tx, scope);
        const data = { scope: scope.userId === undefined ? body : { userId: scope.userId } };
        await record(tx, { name: 'data-credential.revoked', by: caller, resourceId: jobId, data });
        return jobId;
      });
      const report = await afterChange(async () => {
        const working = jobs.settled().then(() => revoker.settled());
        await Promise.race([working, new Promise((resolve) => setTimeout(resolve, quickMs).unref())]);
        return reportOf(caller, id, `/api/v1/data-credentials/revocations/${id}`, {});
      });
      return { status: report.status === 'done' ? 200 : 202, body: report };
    }),
    bind(getRevocation, async ({ params, query }, { caller, request }) => {
      assertAdministrator(caller);
      return { status: 200, body: await reportOf(caller, params.id, request.url, query) };
    }),
  ];
}
