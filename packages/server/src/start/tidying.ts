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
import { forgetUses } from '../core/use-record/retention.js';
import type { App } from './app.js';

// What has had its time is ended, destroyed or forgotten: once a minute, by one node at a time. Each step stands by
// itself, so that one which fails keeps no other from its work.

export interface TidyingStep {
  /** Label of the metrics. */
  name: string;
  /** @param until of `performance.now()`: what is left then is left for the next round */
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
/** Name of the setting that says until when a round belongs to whom. */
const settingName = 'tidying';

/** In the order of what must not wait: grants and former secrets first. */
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
    // The embedded store has no other node: what a crash left was settled at the start.
    ...(store.kind === 'sqlite' ? [] : [{ name: 'interrupted', run: () => reconcile(store, log) }]),
    { name: 'tallies', run: (until) => foldTallies(store, until) },
    { name: 'idempotency', run: (until) => app.idempotency.purge(now(), until) },
    { name: 'audit-events', run: (until) => purgeAuditEvents(store.db, now(), auditDays, until) },
    { name: 'revocations', run: (until) => purgeRevocations(store, auditDays, until) },
    { name: 'uses', run: () => forgetUses({ store, keeper: app.keeper }, { now: now(), days: useDays }) },
    { name: 'checkpoint', run: () => store.checkpoint() },
  ];
}

/** Tidies now and once a minute, until `close`. */
export function startTidying({ store, log, steps, failed }: TidyingDependencies): Tidying {
  const node = newUuid();
  let held = '';
  let isClosed = false;

  /** Takes the round, or goes on holding it; false while another node has it. Instants sort as text. */
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
        if (!(await take())) return log.debug('another node tidies the store');
        await run(performance.now() + stepMs);
      } catch (error) {
        failed(name);
        log.warn({ step: name, err: error }, 'a step of tidying the store failed; the others go on');
      }
    }
    log.debug('the store was tidied');
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
      // Not kept from the others, nor from this node when it starts again.
      await store.db
        .deleteFrom('setting')
        .where('name', '=', settingName)
        .where('value', '=', held)
        .execute()
        .catch(() => undefined);
    },
  };
}
