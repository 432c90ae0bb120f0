import { record } from '../audit/record.js';
import type { Store } from '../store/store.js';

type Actor = { tenantId: string; userId: string };

export type SourceSettings = ReturnType<typeof createSourceSettings>;

/** Which data sources a tenant has switched off. Nothing else about them changes. */
export function createSourceSettings(store: Store) {
  const disabled = (tenantId: string) =>
    store.db
      .selectFrom('source_setting')
      .select('source_id')
      .where('tenant_id', '=', tenantId)
      .where('disabled', '=', 1);
  return {
    async isDisabled(tenantId: string, sourceId: string): Promise<boolean> {
      return (await disabled(tenantId).where('source_id', '=', sourceId).executeTakeFirst()) !== undefined;
    },
    async disabledIn(tenantId: string): Promise<ReadonlySet<string>> {
      const rows = await disabled(tenantId).execute();
      return new Set(rows.map((row) => row.source_id));
    },
    async set({ tenantId, userId }: Actor, sourceId: string, isDisabled: boolean): Promise<void> {
      const values = {
        disabled: isDisabled ? 1 : 0,
        updated_at: store.clock.iso(),
        updated_by: userId,
      };
      await store.transaction(async (tx) => {
        await tx
          .insertInto('source_setting')
          .values({ tenant_id: tenantId, source_id: sourceId, ...values })
          .onConflict((conflict) => conflict.columns(['tenant_id', 'source_id']).doUpdateSet(values))
          .execute();
        await record(tx, {
          name: 'data-source.updated',
          by: { tenantId, userId },
          resourceId: sourceId,
          data: { disabled: isDisabled },
        });
      });
    },
  };
}
