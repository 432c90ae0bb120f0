import type { Logger } from 'pino';
import { changeWhile, dropIntent, endSignIn } from '../credentials/sign-ins.js';
import { eachByItself } from '../store/batches.js';
import type { Store } from '../store/store.js';

/** Longer than the time limits of a code exchange and of storing what it gave. */
const exchangeMaxMs = 120_000;

/**
 * Settles what a crash left open. A code that was being redeemed may have been spent, and its tokens are lost
 * with the process, so that sign-in has failed and the person begins again. A refresh that was under way keeps
 * its own trace (`grant_state`) and is settled by the next use.
 *
 * On a shared store other nodes are at work: theirs is what is younger than any exchange can be.
 */
export async function reconcile(store: Store, log: Logger): Promise<void> {
  const oldest = store.kind === 'sqlite' ? store.clock.iso() : store.clock.iso(-exchangeMaxMs);
  const intents = await store.db.selectFrom('intent').selectAll().where('created_at', '<=', oldest).execute();
  await eachByItself(intents, async (intent) => {
    await store.transaction(async (tx) => {
      // No user: an intent names its sign-in alone.
      const row = await tx
        .selectFrom('sign_in')
        .selectAll()
        .where('id', '=', intent.record_id)
        .where('tenant_id', '=', intent.tenant_id)
        .executeTakeFirst();
      // The tokens of another device are sealed with the sign-in still: it can be completed again.
      if (row?.status === 'redeeming' && row.device_next_at !== null) {
        await changeWhile(tx, row, 'redeeming', { status: 'arrived' });
      } else if (row?.status === 'redeeming') await endSignIn(tx, row, 'failed', 'interrupted');
      await dropIntent(tx, intent, intent.id);
    });
    log.warn({ kind: intent.kind, recordId: intent.record_id }, 'an interrupted exchange was settled');
  });
}
