import type { Call } from '../../interface/call.js';
import type { ConnectorError } from '../../interface/errors.js';
import type { Session } from '../../interface/session.js';

export interface CallOptions {
  /** Ends this work; the session remains usable if its source stops in time. */
  signal: AbortSignal;
  /** A preview or a test: far lower caps apply to what the source sends. */
  isPreview?: boolean;
  /** For the whole work, including the batches of a read. */
  timeoutMs?: number;
}

export interface WorkOptions extends CallOptions {
  /**
   * The user's own statement. It may leave something behind, which the next work must not meet; and its author may see
   * what the server says about it.
   */
  query?: string | undefined;
}

/** A piece of work that occupies its session until it is finished, has failed or is left. */
export interface Work {
  readonly call: Call;
  /**
   * Runs a part of the work, one at a time. Rejects at once when the work ends before the part does; what the part
   * gives later is dropped.
   */
  step<Result>(part: (session: Session) => Result | Promise<Result>): Promise<Result>;
  /** Adds what frees something at the source, to be called once. */
  hold(release: () => unknown): void;
  /** Begins an iteration at the source. Absent: it has ended by itself. @param leave ends it early */
  iterates(leave?: () => unknown): void;
  /** All of it is done. */
  finish(): Promise<void>;
  /** A part has failed, or its result is unusable. @returns the failure for the caller */
  fail(error: unknown): Promise<ConnectorError>;
  /** Why it has ended before it was done. */
  failure(): ConnectorError | undefined;
  /** The rest is not wanted: stops the source, or cuts it off. */
  leave(): Promise<void>;
}

/** A piece of work as its session sees it. */
export interface Held {
  readonly controller: AbortController;
  readonly query: string | undefined;
  /** Why it ended before it was done. */
  failure?: ConnectorError;
  /** The part at which the source works. */
  pending?: { settled: Promise<void>; reject(failure: ConnectorError): void } | undefined;
  /** Ends an iteration that the source has not ended. */
  leave?: (() => unknown) | undefined;
  readonly releases: (() => unknown)[];
  /** What a late part brings is freed at once. */
  isOver: boolean;
  forget(): void;
}
