import type { Logger } from 'pino';
import type { Db } from '../store/queryable.js';
import type { RecordKeeper } from './keeper.js';

export interface SigningDependencies {
  db: Db;
  keeper: RecordKeeper;
  log: Logger;
  /** Interval between signatures, in milliseconds. */
  checkpointMs: number;
}

const checkpointRecords = 1_000;

export type Signing = ReturnType<typeof createSigning>;

/** Signs new records: at intervals, and after a number of records of one tenant. */
export function createSigning({ db, keeper, log, checkpointMs }: SigningDependencies) {
  const unsigned = new Map<string, number>();
  const appended = new Set<string>();

  const sign = async (tenantId: string): Promise<void> => {
    unsigned.delete(tenantId);
    await keeper.checkpoint(await keeper.recordOf(tenantId));
  };
  const signedLater = (tenantId?: string) => (error: unknown) =>
    log.warn({ err: error, tenantId }, 'usage log could not be signed and will be retried');
  const tenantIds = async () => (await db.selectFrom('tenant').select('id').execute()).map(({ id }) => id);

  /** Of all tenants, because another node may have ended before it could sign what it recorded. */
  const signAll = async (): Promise<void> => {
    for (const id of await tenantIds()) await sign(id).catch(signedLater(id));
  };
  let signing: Promise<void> | undefined;
  const timer = setInterval(() => {
    signing ??= signAll()
      .catch(signedLater())
      .finally(() => {
        signing = undefined;
      });
  }, checkpointMs).unref();

  return {
    noteAppended(tenantId: string, records: number): void {
      const count = (unsigned.get(tenantId) ?? 0) + records;
      unsigned.set(tenantId, count);
      appended.add(tenantId);
      if (count >= checkpointRecords) void sign(tenantId).catch(signedLater(tenantId));
    },
    /** Signs the records of all tenants. */
    async open(): Promise<void> {
      for (const id of await tenantIds()) await sign(id);
    },
    /** Signs what this process has recorded. */
    async close(): Promise<void> {
      clearInterval(timer);
      await signing;
      for (const tenantId of appended) await sign(tenantId).catch(signedLater(tenantId));
    },
  };
}
