import type { Caller } from '../../../core/access/caller.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import { type ListOrder, type ListQuery, readList, turnPage } from '../../http/keyset.js';

const lineOrder: ListOrder = {
  ...{ sorts: {}, idColumn: 'revocation.id', sortDefault: '+id', limitDefault: 100 },
};

const linesOf = ({ db }: Store, caller: Caller, id: string) =>
  db.selectFrom('revocation').where('tenant_id', '=', caller.tenantId).where('batch_id', '=', id);

export interface ReportRequest {
  caller: Caller;
  /** Of the revocation. */
  id: string;
  requestUrl: string;
  query: ListQuery;
}

/** What a revocation has ended so far. @throws AppError NOT-FOUND */
export async function reportOf(
  store: Store,
  publicUrl: string,
  { caller, id, requestUrl, query }: ReportRequest,
) {
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
  const page = readList(query, lineOrder);
  const rows = await linesOf(store, caller, id)
    .selectAll()
    .where(page.condition)
    .orderBy(page.order)
    .limit(page.fetch)
    .execute();
  const { shown, links } = turnPage(page, rows, publicUrl, requestUrl);
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
