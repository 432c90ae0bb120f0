import type { Logger } from 'pino';
import { changeWhile, dropIntent, endSignIn } from '../credentials/sign-ins.js';
import { eachByItself } from '../store/batches.js';
import type { Store } from '../store/store.js';

/** Longer than the timeouts of a code exchange and of storing its result. */
const exchangeMaxMs = 120_000;

/**
 * Settles what a crash left open. A code that was being redeemed may be used up, and its tokens are lost with the
 * process, so the sign-in has failed and the user starts again. An interrupted refresh has its own trace
 * (`grant_state`); the next use settles it.
 *
 * On a shared store other nodes are running: anything younger than the longest exchange may be theirs.
 */
export async function reconcile(store: Store, log: Logger): Promise<void> {
  const oldest = store.kind === 'sqlite' ? store.clock.iso() : store.clock.iso(-exchangeMaxMs);
  const intents = await store.db.selectFrom('intent').selectAll().where('created_at', '<=', oldest).execute();
  await eachByItself(intents, async (intent) => {
    await store.transaction(async (tx) => {
      // No user: an intent names only its sign-in.
      const row = await tx
        .selectFrom('sign_in')
        .selectAll()
        .where('id', '=', intent.record_id)
        .where('tenant_id', '=', intent.tenant_id)
        .executeTakeFirst();
      // The tokens of a device sign-in are still sealed with it: it can be completed again.
      if (row?.status === 'redeeming' && row.device_next_at !== null) {
        await changeWhile(tx, row, 'redeeming', { status: 'arrived' });
      } else if (row?.status === 'redeeming') await endSignIn(tx, row, 'failed', 'interrupted');
      await dropIntent(tx, intent, intent.id);
    });
    log.warn({ kind: intent.kind, recordId: intent.record_id }, 'interrupted code exchange settled');
  });
}
