import { getRevocation, revokeCredentials } from '@mooring/contract/routes/revocations';
import type { Caller } from '../../../core/access/caller.js';
import { record } from '../../../core/audit/record.js';
import type { RevocationJobs, RevocationScope, Revoker } from '../../../core/credentials/grants.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import { afterChange } from '../../../core/store/store-error.js';
import { type BoundRoute, bind, type Handler } from '../../http/handler.js';
import { reportOf } from './revocation-report.js';

export interface RevocationsDependencies {
  store: Store;
  revoker: Revoker;
  jobs: RevocationJobs;
  publicUrl: () => string;
}

/** How long the response waits for the revocation, and for providers. */
const quickMs = 1_500;

function assertAdministrator(caller: Caller): void {
  if (caller.roles.includes('TenantAdmin')) return;
  throw new AppError('ACCESS-DENIED', 'Only users with the role TenantAdmin may do this.');
}

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
    throw new InvalidRequest([
      { field: given[1] ?? 'body', message: 'give exactly one of userId, dataSourceId and all' },
    ]);
  }
  const { tenantId } = caller;
  if (body['userId'] !== undefined)
    return { tenantId, userId: await userIdOf(store, caller, String(body['userId'])) };
  if (body['dataSourceId'] !== undefined) return { tenantId, sourceId: String(body['dataSourceId']) };
  if (body['all'] !== tenantId) {
    throw new InvalidRequest([
      { field: 'all', message: "must be the tenant's id: see GET /api/v1/tenants/me" },
    ]);
  }
  return { tenantId };
}

const revoke =
  ({ store, revoker, jobs, publicUrl }: RevocationsDependencies): Handler<typeof revokeCredentials> =>
  async ({ body }, { caller }) => {
    assertAdministrator(caller);
    const scope = await scopeOf(store, caller, body);
    const id = await store.transaction(async (tx) => {
      const jobId = await jobs.add(tx, scope);
      const data = { scope: scope.userId === undefined ? body : { userId: scope.userId } };
      await record(tx, { name: 'data-credential.revoked', by: caller, resourceId: jobId, data });
      return jobId;
    });
    const report = await afterChange(async () => {
      const working = jobs.settled().then(() => revoker.settled());
      await Promise.race([working, new Promise((resolve) => setTimeout(resolve, quickMs).unref())]);
      const requestUrl = `/api/v1/data-credentials/revocations/${id}`;
      return reportOf(store, publicUrl(), { caller, id, requestUrl, query: {} });
    });
    return { status: report.status === 'done' ? 200 : 202, body: report };
  };

/** Revokes every credential of a user, of a data source, or of the tenant. */
export function createRevocationsFeature(deps: RevocationsDependencies): BoundRoute[] {
  const { store, publicUrl } = deps;
  return [
    bind(revokeCredentials, revoke(deps)),
    bind(getRevocation, async ({ params, query }, { caller, request }) => {
      assertAdministrator(caller);
      const asked = { caller, id: params.id, requestUrl: request.url, query };
      return { status: 200, body: await reportOf(store, publicUrl(), asked) };
    }),
  ];
}
