import type { Logger } from 'pino';
import { purgeAuditEvents } from '../core/audit/record.js';
import type { Config } from '../core/config/config.js';
import { purgeRevocations } from '../core/credentials/grants.js';
import { purgeUndoCopies } from '../core/credentials/records.js';
import { purgeSignIns } from '../core/credentials/sign-ins.js';
import { newUuid } from '../core/crypto/random.js';
import { reconcile } from '../core/opening/reconcile.js';
import { foldTallies } from '../core/store/connection-tally.js';
import type { Store } from '../core/store/store.js';
import { forgetUses } from '../core/usage-log/retention.js';
import type { App } from './app.js';

// Periodic clean-up: once a minute, on one node at a time, ends, destroys or deletes whatever has expired. A step that
// fails does not keep the others from running.

export interface TidyingStep {
  /** Label of the metrics. */
  name: string;
  /** @param until deadline, of `performance.now()`; the rest is left for the next round */
  run(until: number): Promise<unknown>;
}

export interface Tidying {
  close(): Promise<void>;
}

export interface TidyingDependencies {
  store: Store;
  log: Logger;
  steps: readonly TidyingStep[];
  failed(step: string): void;
}

const roundMs = 60_000;
const stepMs = 10_000;
/** Setting that holds the lease of a round: its end and its node. */
const settingName = 'tidying';

/** Most urgent first: grants and former secrets. */
export function tidyingSteps(
  app: App,
  store: Store,
  log: Logger,
  { auditDays, useDays }: Pick<Config['limits'], 'auditDays' | 'useDays'>,
): TidyingStep[] {
  const now = () => new Date(store.clock.now());
  return [
    { name: 'unclaimed-sign-ins', run: () => app.signIns.endUnclaimed() },
    { name: 'parked-grants', run: () => app.parked.expire() },
    { name: 'undo-copies', run: () => purgeUndoCopies(store, now()) },
    { name: 'sign-ins', run: (until) => purgeSignIns(store.db, now(), until) },
    { name: 'orphans', run: () => app.sweepOrphans() },
    // The embedded store has only one node, and its start has reconciled what a crash left.
    ...(store.kind === 'sqlite' ? [] : [{ name: 'interrupted', run: () => reconcile(store, log) }]),
    { name: 'tallies', run: (until) => foldTallies(store, until) },
    { name: 'idempotency', run: (until) => app.idempotency.purge(now(), until) },
    { name: 'audit-events', run: (until) => purgeAuditEvents(store.db, now(), auditDays, until) },
    { name: 'revocations', run: (until) => purgeRevocations(store, auditDays, until) },
    { name: 'uses', run: () => forgetUses({ store, keeper: app.keeper }, { now: now(), days: useDays }) },
    { name: 'checkpoint', run: () => store.checkpoint() },
  ];
}

/** Runs a round now and once a minute, until `close`. */
export function startTidying({ store, log, steps, failed }: TidyingDependencies): Tidying {
  const node = newUuid();
  let held = '';
  let isClosed = false;

  /** Takes or extends the lease; false while another node holds it. Timestamps sort as text. */
  const take = async (): Promise<boolean> => {
    const next = `${store.clock.iso(roundMs)} ${node}`;
    const taken = await store.db
      .insertInto('setting')
      .values({ name: settingName, value: next })
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet({ value: next })
          .where((eb) =>
            eb.or([eb('setting.value', '<=', store.clock.iso()), eb('setting.value', '=', held)]),
          ),
      )
      .executeTakeFirst();
    if (taken.numInsertedOrUpdatedRows !== 1n) return false;
    held = next;
    return true;
  };

  const round = async (): Promise<void> => {
    for (const { name, run } of steps) {
      try {
        if (isClosed) return;
        if (!(await take())) return log.debug('another node is cleaning up the store');
        await run(performance.now() + stepMs);
      } catch (error) {
        failed(name);
        log.warn({ step: name, err: error }, 'a clean-up step failed; the others continue');
      }
    }
    log.debug('the store was cleaned up');
  };

  let working = round();
  const timer = setInterval(() => {
    working = working.then(round);
  }, roundMs).unref();

  return {
    async close() {
      isClosed = true;
      clearInterval(timer);
      await working;
      // Releases the lease for other nodes, and for this one when it starts again.
      await store.db
        .deleteFrom('setting')
        .where('name', '=', settingName)
        .where('value', '=', held)
        .execute()
        .catch(() => undefined);
    },
  };
}
