import type { Logger } from 'pino';
import type { FoldedRefusals } from './folded-refusals.js';
import type { AuditEvent } from './record.js';

/** A request that asked for a destination which the network policy closes. */
export interface RefusedDestination {
  by: AuditEvent['by'];
  /** Operation id of the contract. */
  operation: string;
  traceId: string;
  /** Absent where the destination is of no saved connection. */
  connectionId?: string | undefined;
}

/** Never rejects: the answer is a refusal whether or not it can be put on record. */
export type RecordRefusedDestination = (refused: RefusedDestination) => Promise<void>;

/**
 * Puts it on record who asked for a destination that the gate refused. The record holds no reason and no address: its
 * readers may make connections too, and would learn from it what lies behind the gate. The operator's log has both
 * reason and port.
 */
export function createRefusalRecord(refusals: FoldedRefusals, log: Logger): RecordRefusedDestination {
  return async ({ by, operation, traceId, connectionId }) => {
    const event = {
      name: 'destination.refused',
      by,
      resourceId: connectionId ?? by.userId,
      ownerId: by.userId,
      data: { operation, traceId },
    } as const;
    await refusals
      .record(event, operation)
      .catch((error: unknown) =>
        log.error({ err: error, traceId }, 'a refused destination could not be put on record'),
      );
  };
}
