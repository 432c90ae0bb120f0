import type { Logger } from 'pino';
import { newUuid } from '../../crypto/random.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import type { Store } from '../../store/store.js';
import type { RevocationJobTable } from '../../store/tables.js';
import { countCredentialsIn, type EndScope } from '../records/end-scope.js';
import type { Revoker } from './revoker.js';

// The end of all that is sealed of many, as a job: on record with the first of it that ends, worked on in short
// transactions by one node at a time, and taken up by another when that one dies.

export type RevocationScope = Pick<EndScope, 'tenantId' | 'userId' | 'sourceId'>;

export interface RevocationJobs {
  /**
   * Puts a job on record and does its first part, in the transaction that says who asked for it; `kick` afterwards.
   * @returns its id
   */
  add(tx: Tx, scope: RevocationScope): Promise<string>;
  /** Works on what there is, without holding anybody up. */
  kick(): void;
  /** Resolves when what was begun here has ended. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export interface RevocationJobDependencies {
  store: Store;
  revoker: Pick<Revoker, 'end' | 'kick'>;
  log: Logger;
  /** Called when some of it has ended. */
  onEnded(): Promise<void>;
}

/** Short ones, so that others get their turn in between. */
const perTransaction = 50;
const leaseMs = 15_000;
const lookMs = 5_000;

/** What is brought after it was asked for is not meant. */
const scopeOf = (job: RevocationJobTable): EndScope => ({
  tenantId: job.tenant_id,
  until: job.created_at,
  ...(job.owner_id === null ? {} : { userId: job.owner_id }),
  ...(job.source_id === null ? {} : { sourceId: job.source_id }),
});

export function createRevocationJobs({
  store,
  revoker,
  log,
  onEnded,
}: RevocationJobDependencies): RevocationJobs {
  /** Takes the job, or goes on holding it; false while another node has it. */
  const take = async (
    tx: Queryable,
    job: RevocationJobTable,
    held: string | null,
  ): Promise<string | undefined> => {
    const until = store.clock.iso(leaseMs);
    const taken = await tx
      .updateTable('revocation_job')
      .set({ lease_until: until })
      .where('id', '=', job.id)
      .where('tenant_id', '=', job.tenant_id)
      .where('status', '=', 'running')
      .where((eb) =>
        eb.or([
          eb('lease_until', 'is', null),
          eb('lease_until', '<=', store.clock.iso()),
          ...(held === null ? [] : [eb('lease_until', '=', held)]),
        ]),
      )
      .executeTakeFirst();
    return taken.numUpdatedRows === 1n ? until : undefined;
  };

  /** @returns how many records have ended: fewer than `perTransaction` when nothing is left */
  const endNext = (tx: Tx, job: RevocationJobTable): Promise<number> =>
    revoker.end(tx, scopeOf(job), { batchId: job.id, limit: perTransaction });

  /** Ends the next ones. @returns what the lease is now; undefined when the job is over or another's */
  const batch = (job: RevocationJobTable, held: string | null): Promise<string | undefined> =>
    store.transaction(async (tx) => {
      const until = await take(tx, job, held);
      if (until === undefined) return undefined;
      if ((await endNext(tx, job)) === perTransaction) return until;
      await tx
        .updateTable('revocation_job')
        .set({ status: 'done', lease_until: null, ended_at: store.clock.iso() })
        .where('id', '=', job.id)
        .where('tenant_id', '=', job.tenant_id)
        .execute();
      return undefined;
    });

  let isClosed = false;
  const perform = async (job: RevocationJobTable): Promise<void> => {
    let held: string | null | undefined = null;
    while (held !== undefined && !isClosed) {
      held = await batch(job, held);
      await onEnded();
      revoker.kick();
    }
    await store.checkpoint();
  };

  const work = async (): Promise<void> => {
    const jobs = await store.db
      .selectFrom('revocation_job')
      .selectAll()
      .where('status', '=', 'running')
      .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<=', store.clock.iso())]))
      .orderBy('created_at')
      .execute();
    for (const job of jobs) if (!isClosed) await perform(job);
  };
  let working: Promise<void> | undefined;
  let isAskedAgain = false;
  const kick = (): void => {
    isAskedAgain = working !== undefined;
    working ??= work()
      .catch((error: unknown) =>
        log.warn({ err: error }, 'a revocation could not be worked on; it goes on later'),
      )
      .finally(() => {
        working = undefined;
        if (isAskedAgain && !isClosed) kick();
      });
  };
  const looking = setInterval(kick, lookMs).unref();

  return {
    async add(tx, scope) {
      const { tenantId, userId, sourceId } = scope;
      const job: RevocationJobTable = {
        ...{ id: newUuid(), tenant_id: tenantId, owner_id: userId ?? null, source_id: sourceId ?? null },
        ...{ status: 'running', total: 0, lease_until: null, created_at: store.clock.iso(), ended_at: null },
      };
      // All that is there, whatever a node's clock said when it was brought.
      const total = await countCredentialsIn(tx, scope);
      await tx
        .insertInto('revocation_job')
        .values({ ...job, total })
        .execute();
      // At once, sign-ins first: one that were completed before the job's turn would leave a credential behind.
      await revoker.end(tx, scope, { batchId: job.id, limit: perTransaction });
      return job.id;
    },
    kick,
    async settled() {
      kick();
      await working;
    },
    async close() {
      isClosed = true;
      clearInterval(looking);
      await working;
    },
  };
}
