import type { ByteStream, Findings } from '@mooring/connectors/interface/session';
import type { RowStream } from '@mooring/connectors/kit/session/open-use';
import type { ProbeStage } from '../egress/probe.js';

export type SessionStage = Pick<ProbeStage, 'ok' | 'ms' | 'code' | 'message' | 'remedy'> & { name: string };

/** Events of a session, as they happen. */
export type Finding =
  /** The driver is loaded and the session starts: the time before is not the source's. */
  | { kind: 'begun' }
  /** A connection to the source is established. */
  | { kind: 'connected' }
  /** The connector has opened its session. */
  | { kind: 'opened' }
  /** The session is open, and the source has sent something. */
  | { kind: 'proven' }
  /** Columns of a read; reported before its first row. */
  | ({ kind: 'described' } & Pick<RowStream, 'columns' | 'file'>)
  /** The file whose bytes are read; reported before the first of them. */
  | ({ kind: 'stored' } & Omit<ByteStream, 'chunks'>)
  /** What the source has said about itself. */
  | { kind: 'identified'; findings: Findings }
  /** A probe did not reach the source. */
  | { kind: 'missed' }
  /** A stage of a test is over. */
  | { kind: 'staged'; stage: SessionStage };
