import type { Logger } from 'pino';
import type { RefusalEvent } from '../egress/gate.js';
import { type Asking, whoAsks } from '../http/asking.js';
import type { Db } from '../store/store.js';
import { record } from './record.js';

/**
 * Puts it on record when the gate refuses a destination: for the operator in the log, with the reason, and for
 * auditors who asked for it. The record holds no reason and no address: its readers may make connections too, and
 * would learn from it what lies behind the gate. One event a request, however often its driver tries.
 */
export function createRefusalRecord(db: Db, log: Logger): (refusal: RefusalEvent) => void {
  const recorded = new WeakSet<Asking>();
  return (refusal) => {
    const asking = whoAsks();
    log.warn({ ...refusal, ...(asking ? { traceId: asking.traceId } : {}) }, 'egress refused');
    if (!asking || recorded.has(asking)) return;
    recorded.add(asking);
    const { caller, operation, connectionId, traceId } = asking;
    const event = {
      name: 'destination.refused',
      by: caller,
      resourceId: connectionId ?? caller.userId,
      ownerId: caller.userId,
      data: { operation, traceId },
    } as const;
    asking.before(
      record(db, event).catch((error: unknown) =>
        log.error({ err: error, traceId }, 'a refused destination could not be put on record'),
      ),
    );
  };
}
