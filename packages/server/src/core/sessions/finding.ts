import type { RowStream } from '@mooring/connectors/spec/connector';
import type { ProbeStage } from '../egress/probe.js';

export type SessionStage = Pick<ProbeStage, 'ok' | 'ms' | 'code' | 'message' | 'remedy'> & { name: string };

/** What is found out on the way, each as it happens. */
export type Finding =
  /** The driver is loaded, and the work on the source begins: whatever this side took for it is over. */
  | { kind: 'begun' }
  /** A connection to the source stands. */
  | { kind: 'connected' }
  /** The connector has opened its session. */
  | { kind: 'opened' }
  /** The session is open, and the source has said something. */
  | { kind: 'proven' }
  /** What a read will have; told before its first row. */
  | ({ kind: 'described' } & Pick<RowStream, 'columns' | 'file'>)
  /** A probe did not reach the source. */
  | { kind: 'missed' }
  /** A stage of a test is over. */
  | { kind: 'staged'; stage: SessionStage };
