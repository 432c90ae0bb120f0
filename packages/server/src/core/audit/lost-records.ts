import type { Queryable } from '../store/queryable.js';
import { record } from './record.js';

/** Actor of events that no user caused. */
const service = 'system';

export interface LostRecords {
  /** Empty: of the whole store; every tenant gets the event. */
  tenantId: string;
  /** Kind of record, for instance `signing-key`. */
  kind: string;
  count: number;
}

/** Records that sealed records no longer open, in the transaction that ends them. */
export async function recordLost(tx: Queryable, { tenantId, kind, count }: LostRecords): Promise<void> {
  const tenants =
    tenantId === '' ? (await tx.selectFrom('tenant').select('id').execute()).map(({ id }) => id) : [tenantId];
  for (const id of tenants) {
    await record(tx, {
      name: 'sealed-record.lost',
      by: { tenantId: id, userId: service },
      resourceId: kind,
      data: { kind, count },
    });
  }
}
