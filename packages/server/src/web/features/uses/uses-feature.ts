import { exportUses, listCredentialUses, listUses, verifyUses } from '@mooring/contract/routes/uses';
import { AppError } from '../../../core/errors/app-error.js';
import type { RecordKeeper } from '../../../core/use-record/keeper.js';
import { type BoundRoute, bind, handled } from '../../http/handler.js';
import { exportedUses, filterFor, type ListUsesDependencies, usePage } from './list-uses.js';
import { sendLines } from './send-lines.js';
import { verifyLog } from './verify-log.js';

export interface UsesDependencies extends ListUsesDependencies {
  keeper: RecordKeeper;
}

/** The usage log: who used what, for the users it concerns; and the proof that it is intact. */
export function createUsesFeature(deps: UsesDependencies): BoundRoute[] {
  const { store } = deps;
  return [
    bind(listUses, async ({ query }, { caller, request }) => {
      const filter = await filterFor(store, caller, query);
      return {
        status: 200,
        body: await usePage(deps, caller, filter, { ...query, requestUrl: request.url }),
      };
    }),
    bind(exportUses, async ({ query }, { caller, reply }) => {
      const filter = await filterFor(store, caller, query);
      await sendLines(reply, exportedUses(deps, caller, filter));
      return handled;
    }),
    bind(listCredentialUses, async ({ params, query }, { caller, request }) => {
      const credential = await store.db
        .selectFrom('credential')
        .select('id')
        .where('id', '=', params.qID.toLowerCase())
        .where('tenant_id', '=', caller.tenantId)
        .where('owner_id', '=', caller.userId)
        .executeTakeFirst();
      if (!credential) throw new AppError('NOT-FOUND', 'You have no such credential.');
      const filter = { tenantId: caller.tenantId, credentialId: credential.id };
      return {
        status: 200,
        body: await usePage(deps, caller, filter, { ...query, requestUrl: request.url }),
      };
    }),
    bind(verifyUses, async ({ body }, { caller }) => ({
      status: 200,
      body: await verifyLog(deps, caller, body),
    })),
  ];
}
