import type { Queryable } from '../store/queryable.js';
import { record } from './record.js';

/** Who did what nobody asked for. */
const service = 'system';

export interface LostRecords {
  /** Empty: of the whole store, so that every tenant is told. */
  tenantId: string;
  /** What they were, for instance `signing-key`. */
  kind: string;
  count: number;
}

/** Puts on record that sealed records opened no more, in the transaction that ends them. */
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
