import { sleep } from '@mooring/connectors/kit/deadline';
import { getRevocation, revokeCredentials } from '@mooring/contract/routes/revocations';
import type { Caller } from '../../../core/access/caller.js';
import { assertTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import { record } from '../../../core/audit/record.js';
import type { RevocationJobs, RevocationScope, Revoker } from '../../../core/credentials/grants.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import { afterChange } from '../../../core/store/store-error.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { fetchPage, type ListOrder, type ListQuery } from '../../http/keyset.js';

export interface RevocationsDependencies {
  store: Store;
  revoker: Revoker;
  revocationJobs: RevocationJobs;
  publicUrl: () => string;
}

/** How long the response waits for the revocation, and for providers. */
const quickMs = 1_500;

const assertAdministrator = (caller: Caller): void =>
  assertTenantAdministrator(caller, 'revoke the credentials of others');

async function userIdOf({ db }: Store, caller: Caller, idOrSubject: string): Promise<string> {
  const user = await db
    .selectFrom('user')
    .select('id')
    .where('tenant_id', '=', caller.tenantId)
    .where((eb) => eb.or([eb('id', '=', idOrSubject), eb('subject', '=', idOrSubject)]))
    .executeTakeFirst();
  if (!user) throw new AppError('NOT-FOUND', 'userId: there is no such user.');
  return user.id;
}

async function scopeOf(
  store: Store,
  caller: Caller,
  body: Record<string, unknown>,
): Promise<RevocationScope> {
  const given = ['userId', 'dataSourceId', 'all'].filter((name) => body[name] !== undefined);
  if (given.length !== 1) {
    throw invalidField(given[1] ?? 'body', 'give exactly one of userId, dataSourceId and all');
  }
  const { tenantId } = caller;
  if (body['userId'] !== undefined)
    return { tenantId, userId: await userIdOf(store, caller, String(body['userId'])) };
  if (body['dataSourceId'] !== undefined) return { tenantId, sourceId: String(body['dataSourceId']) };
  if (body['all'] !== tenantId) {
    throw invalidField('all', "must be the tenant's id: see GET /api/v1/tenants/me");
  }
  return { tenantId };
}

const lineOrder: ListOrder = {
  sorts: {},
  idColumn: 'revocation.id',
};

const linesOf = ({ db }: Store, caller: Caller, id: string) =>
  db.selectFrom('revocation').where('tenant_id', '=', caller.tenantId).where('batch_id', '=', id);

interface ReportRequest {
  caller: Caller;
  /** Of the revocation. */
  id: string;
  /** Absolute URL of the report. */
  self: string;
  query: ListQuery;
}

/** What a revocation has ended so far. @throws AppError NOT-FOUND */
async function reportOf(store: Store, { caller, id, self, query }: ReportRequest) {
  const job = await store.db
    .selectFrom('revocation_job')
    .selectAll()
    .where('tenant_id', '=', caller.tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  if (!job) throw new AppError('NOT-FOUND', 'There is no such revocation.');
  const counted = await linesOf(store, caller, id)
    .select(['status', (eb) => eb.fn.countAll<number>().as('count')])
    .groupBy('status')
    .execute();
  const counts = Object.fromEntries(counted.map(({ status, count }) => [status, Number(count)]));
  const ended = counted.reduce((sum, { count }) => sum + Number(count), 0);
  const { shown, links } = await fetchPage(linesOf(store, caller, id).selectAll(), query, lineOrder, self);
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
}

const revoke = ({ store, revoker, revocationJobs, publicUrl }: RevocationsDependencies) =>
  bind(revokeCredentials, async ({ body }, { caller }) => {
    assertAdministrator(caller);
    const scope = await scopeOf(store, caller, body);
    const id = await store.transaction(async (tx) => {
      const jobId = await revocationJobs.add(tx, scope);
      const data = { scope: scope.userId === undefined ? body : { userId: scope.userId } };
      await record(tx, { name: 'data-credential.revoked', by: caller, resourceId: jobId, data });
      return jobId;
    });
    const report = await afterChange(async () => {
      const working = revocationJobs.settled().then(() => revoker.settled());
      await Promise.race([working, sleep(quickMs, { unref: true })]);
      const self = `${publicUrl()}/api/v1/data-credentials/revocations/${id}`;
      return reportOf(store, { caller, id, self, query: {} });
    });
    return { status: report.status === 'done' ? 200 : 202, body: report };
  });

/** Revokes every credential of a user, of a data source, or of the tenant. */
export function createRevocationsFeature(deps: RevocationsDependencies): BoundRoute[] {
  const { store, publicUrl } = deps;
  return [
    revoke(deps),
    bind(getRevocation, async ({ params, query }, { caller, request }) => {
      assertAdministrator(caller);
      const asked = { caller, id: params.id, self: publicUrl() + request.url, query };
      return { status: 200, body: await reportOf(store, asked) };
    }),
  ];
}
