import { exportUses, listCredentialUses, listUses, verifyUses } from '@mooring/contract/routes/uses';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import { positionOf } from '../../../core/usage-log/proof.js';
import { hasHead, verifyUses as verifyLog } from '../../../core/usage-log/verify.js';
import { type BoundRoute, bind, handled } from '../../http/handler.js';
import { exportedUses, filterFor, usePage } from './list-uses.js';
import { sendLines } from './send-lines.js';
import { isAuditor, type UsesDependencies } from './use-presenter.js';

/** Time that one request spends on verifying. */
const verifyMs = 1_500;

/** Verifies a part of the usage log, and that it contains the head that the caller kept. */
const verify = ({ store, keeper }: UsesDependencies) =>
  bind(verifyUses, async ({ body }, { caller }) => {
    if (!isAuditor(caller)) {
      throw new AppError(
        'ACCESS-DENIED',
        'Only users with the role TenantAdmin or AuditAdmin may verify the log.',
      );
    }
    const next = body?.next === undefined ? undefined : positionOf(body.next);
    if (body?.next !== undefined && !next) {
      throw invalidField('next', 'is not the `next` of an earlier answer');
    }
    const kept = await keeper.recordOf(caller.tenantId);
    const isUpToDate = await keeper.catchUp(kept);
    // A checkpoint first, so that the reported head covers every use until now.
    if (isUpToDate && !next) await keeper.checkpoint(kept);
    const keyOf = keeper.keyOf(caller.tenantId);
    const report = await verifyLog({ db: store.db, kept, keyOf, isUpToDate, withinMs: verifyMs, next });
    const known = body?.head;
    if (!report.ok || !known || known.seq === 0) return { status: 200, body: report };
    const found = await hasHead(store.db, kept, known);
    if (found === 'no longer kept') {
      throw invalidField(
        'head',
        `is older than the usage log, which begins with checkpoint ${kept.checkpoint.keptFrom}`,
      );
    }
    if (found) return { status: 200, body: report };
    const broken = { seq: known.seq, problem: 'not the record of this head' };
    return { status: 200, body: { ...report, ok: false, done: true, broken } };
  });

/** The usage log: who used what, for the users it concerns; and the proof that it is intact. */
export function createUsesFeature(deps: UsesDependencies): BoundRoute[] {
  const { store } = deps;
  return [
    bind(listUses, async ({ query }, { caller, request }) => {
      const filter = await filterFor(store, caller, query);
      return usePage(deps, caller, filter, { ...query, self: deps.publicUrl() + request.url });
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
      return usePage(deps, caller, filter, { ...query, self: deps.publicUrl() + request.url });
    }),
    verify(deps),
  ];
}
