import { newUuid } from '../../crypto/random.js';
import type { Tx } from '../../store/queryable.js';
import type { RevocationJobTable } from '../../store/tables.js';
import type { CredentialDependencies } from '../dependencies.js';
import { countCredentialsIn, type EndScope } from '../records/end-scope.js';
import type { Revoker } from './revoker.js';

// Ends many credentials as a job: recorded with the first batch, worked on in short transactions by one node at a time,
// and taken over by another node if that one dies.

export type RevocationScope = Pick<EndScope, 'tenantId' | 'userId' | 'sourceId'>;

export interface RevocationJobDependencies extends Pick<CredentialDependencies, 'store' | 'log'> {
  revoker: Pick<Revoker, 'end' | 'kick'>;
  /** Called after each batch. */
  onEnded(): Promise<void>;
}

/** Short transactions, so that others get their turn in between. */
const perTransaction = 50;
const leaseMs = 15_000;
const lookMs = 5_000;

/** Credentials that were entered after the job was created are not meant. */
const scopeOf = (job: RevocationJobTable): EndScope => ({
  tenantId: job.tenant_id,
  until: job.created_at,
  ...(job.owner_id === null ? {} : { userId: job.owner_id }),
  ...(job.source_id === null ? {} : { sourceId: job.source_id }),
});

/**
 * Takes the job, or extends the lease of this node.
 * @param held the lease that this node has
 * @returns the lease; undefined while another node has it
 */
async function take(
  { store }: RevocationJobDependencies,
  tx: Tx,
  job: RevocationJobTable,
  held: string | null,
): Promise<string | undefined> {
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
}

/**
 * Ends the next batch.
 * @returns the lease; undefined if the job is done or another node has it
 */
const endBatch = (
  deps: RevocationJobDependencies,
  job: RevocationJobTable,
  held: string | null,
): Promise<string | undefined> =>
  deps.store.transaction(async (tx) => {
    const until = await take(deps, tx, job, held);
    if (until === undefined) return undefined;
    const options = { batchId: job.id, limit: perTransaction };
    // Fewer than the limit: nothing is left.
    if ((await deps.revoker.end(tx, scopeOf(job), options)) === perTransaction) return until;
    await tx
      .updateTable('revocation_job')
      .set({ status: 'done', lease_until: null, ended_at: deps.store.clock.iso() })
      .where('id', '=', job.id)
      .where('tenant_id', '=', job.tenant_id)
      .execute();
    return undefined;
  });

async function addJob(
  { store, revoker }: RevocationJobDependencies,
  tx: Tx,
  scope: RevocationScope,
): Promise<string> {
  const { tenantId, userId, sourceId } = scope;
  const job: RevocationJobTable = {
    ...{ id: newUuid(), tenant_id: tenantId, owner_id: userId ?? null, source_id: sourceId ?? null },
    ...{ status: 'running', total: 0, lease_until: null, created_at: store.clock.iso(), ended_at: null },
  };
  // Without the job's time limit: counts all that exist, whatever a node's clock said when they were entered.
  const total = await countCredentialsIn(tx, scope);
  await tx
    .insertInto('revocation_job')
    .values({ ...job, total })
    .execute();
  // At once, sign-ins first: one that completes before the job's turn would leave a credential behind.
  await revoker.end(tx, scope, { batchId: job.id, limit: perTransaction });
  return job.id;
}

export type RevocationJobs = ReturnType<typeof createRevocationJobs>;

export function createRevocationJobs(deps: RevocationJobDependencies) {
  const { store, revoker, log, onEnded } = deps;
  let isClosed = false;
  const perform = async (job: RevocationJobTable): Promise<void> => {
    let held: string | null | undefined = null;
    while (held !== undefined && !isClosed) {
      held = await endBatch(deps, job, held);
      await onEnded();
      revoker.kick();
    }
    await store.checkpoint();
  };
  const work = async (): Promise<void> => {
    const running = await store.db
      .selectFrom('revocation_job')
      .selectAll()
      .where('status', '=', 'running')
      .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<=', store.clock.iso())]))
      .orderBy('created_at')
      .execute();
    for (const job of running) if (!isClosed) await perform(job);
  };
  let working: Promise<void> | undefined;
  let isAskedAgain = false;
  const kick = (): void => {
    isAskedAgain = working !== undefined;
    working ??= work()
      .catch((error: unknown) => log.warn({ err: error }, 'a revocation job failed; it is retried'))
      .finally(() => {
        working = undefined;
        if (isAskedAgain && !isClosed) kick();
      });
  };
  const looking = setInterval(kick, lookMs).unref();

  return {
    /**
     * Records a job and does its first batch, in the transaction that says who asked for it. Call `kick()` after commit.
     * @returns its id
     */
    add: (tx: Tx, scope: RevocationScope) => addJob(deps, tx, scope),
    /** Works on the jobs in the background. */
    kick,
    /** Resolves when the jobs that run here have ended. */
    async settled(): Promise<void> {
      kick();
      await working;
    },
    async close(): Promise<void> {
      isClosed = true;
      clearInterval(looking);
      await working;
    },
  };
}
