import type { Logger } from 'pino';
import type { FoldedRefusals } from './folded-refusals.js';
import type { AuditEvent } from './record.js';

/** A request for a destination that the network policy denies. */
export interface RefusedDestination {
  by: AuditEvent['by'];
  /** Operation id of the contract. */
  operation: string;
  traceId: string;
  /** Absent for a destination that no saved connection has. */
  connectionId?: string | undefined;
}

/** Never rejects: the request is refused whether or not the event can be stored. */
export type RecordRefusedDestination = (refused: RefusedDestination) => Promise<void>;

/**
 * Records who requested a destination that the gate refused. The event has neither reason nor address: its readers
 * may create connections too, and would learn what lies behind the gate. The operator's log has both reason and port.
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
        log.error({ err: error, traceId }, 'refused destination could not be written to the audit log'),
      );
  };
}
