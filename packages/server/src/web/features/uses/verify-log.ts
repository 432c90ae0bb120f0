import type { verifyUses as verifyRoute } from '@mooring/contract/routes/uses';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import { hasHead } from '../../../core/use-record/has-head.js';
import type { RecordKeeper } from '../../../core/use-record/keeper.js';
import { positionOf } from '../../../core/use-record/proof.js';
import { verifyUses } from '../../../core/use-record/verify.js';

/** Time that one request spends on verifying. */
const verifyMs = 1_500;

/**
 * Verifies a part of the usage log, and that it contains the head that the caller kept.
 * @throws AppError ACCESS-DENIED; InvalidRequest
 */
export async function verifyLog(
  { store, keeper }: { store: Store; keeper: RecordKeeper },
  caller: Caller,
  body: z.output<typeof verifyRoute.body>,
) {
  if (!caller.roles.includes('TenantAdmin') && !caller.roles.includes('AuditAdmin')) {
    throw new AppError(
      'ACCESS-DENIED',
      'Only users with the role TenantAdmin or AuditAdmin may verify the log.',
    );
  }
  const next = body?.next === undefined ? undefined : positionOf(body.next);
  if (body?.next !== undefined && !next) {
    throw new InvalidRequest([{ field: 'next', message: 'is not the `next` of an earlier answer' }]);
  }
  const kept = await keeper.recordOf(caller.tenantId);
  const isUpToDate = await keeper.catchUp(kept);
  // A checkpoint first, so that the reported head covers every use until now.
  if (isUpToDate && !next) await keeper.checkpoint(kept);
  const keyOf = keeper.keyOf(caller.tenantId);
  const report = await verifyUses({ db: store.db, kept, keyOf, isUpToDate, withinMs: verifyMs, next });
  const known = body?.head;
  if (!report.ok || !known || known.seq === 0) return report;
  const found = await hasHead(store.db, kept, known);
  if (found === 'no longer kept') {
    throw new InvalidRequest([
      {
        field: 'head',
        message: `is older than the usage log, which begins with checkpoint ${kept.checkpoint.keptFrom}`,
      },
    ]);
  }
  if (found) return report;
  const broken = { seq: known.seq, problem: 'not the record of this head' };
  return { ...report, ok: false, done: true, broken };
}
