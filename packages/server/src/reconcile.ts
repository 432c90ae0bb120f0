import type { Logger } from 'pino';
import { endSignIn } from './sign-ins/sign-in-store.js';
import type { Store } from './store/store.js';

/**
 * Settles what a crash left open. A code that was being redeemed may have been spent, and its tokens are lost
 * with the process, so that sign-in has failed and the person begins again. A refresh that was under way keeps
 * the stored grant: the next use tries once more, and the provider's answer decides.
 */
export async function reconcile(store: Store, log: Logger): Promise<void> {
  const intents = await store.db.selectFrom('intent').selectAll().execute();
  for (const intent of intents) {
    await store.transaction(async (tx) => {
      if (intent.kind === 'redeem') {
        const row = await tx
          .selectFrom('sign_in')
          .selectAll()
          .where('id', '=', intent.record_id)
          .executeTakeFirst();
        if (row?.status === 'redeeming') await endSignIn(tx, row, 'failed', 'interrupted');
      }
      await tx.deleteFrom('intent').where('id', '=', intent.id).execute();
    });
    log.warn({ kind: intent.kind, recordId: intent.record_id }, 'an interrupted exchange was settled');
  }
}
