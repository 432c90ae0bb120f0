// Sits between a connection and its driver's parser. Drivers trust their server: they believe lengths, search for
// terminators without limit, and buffer what arrives. Here a server's bytes are counted from the first one and cut into
// frames, and each frame is checked before the driver sees it.
import { ConnectorError } from '../interface/errors.js';

/** How a wire protocol frames its bytes. One object per connection. */
export interface FrameFormat {
  /** Bytes at the start of a frame that determine its size. */
  readonly headBytes: number;
  /** Size of the frame whose head starts at `at`, including the head. @throws ConnectorError for an invalid head */
  sizeAt(bytes: Buffer, at: number): number;
  /**
   * Inspects a complete frame; each frame once and in order.
   * @throws ConnectorError for one that the driver's parser must not see
   */
  check(bytes: Buffer, at: number, end: number): void;
}

/** How much a server may send until it has completed what it was asked for. */
export interface WireBudget {
  /** Maximum frame size in bytes. */
  readonly frameBytesMax: number;
  /** Counts what has arrived. @throws ConnectorError `too_large` when that exceeds the budget */
  received(bytes: number, frames: number): void;
}

export interface FrameGuard {
  /** Passes on the complete frames of the chunk and buffers the rest. Never throws. */
  receive(chunk: Buffer): void;
  /** Sets the budget from here on. */
  allow(budget: WireBudget): void;
}

export interface FrameGuardOptions {
  format: FrameFormat;
  budget: WireBudget;
  /** The driver's parser: takes one or more complete frames. */
  deliver(frames: Buffer): void;
  /** Called once, with a refusal or with the driver's error; nothing is delivered after it. */
  fail(error: unknown): void;
}

const MEBIBYTE = 1_048_576;
const FRAME_BYTES_MAX = MEBIBYTE;
/** Greeting, server settings, sign-in. */
const SIGN_IN = { bytesMax: 2 * MEBIBYTE, framesMax: 1_000 };
/**
 * The response to one of our statements, or the description of a result: some thousand columns, or a page of the system
 * catalog.
 */
const STATEMENT = { bytesMax: 8 * MEBIBYTE, framesMax: 20_000 };

function countedBudget({ bytesMax, framesMax }: { bytesMax: number; framesMax: number }): WireBudget {
  let bytesLeft = bytesMax;
  let framesLeft = framesMax;
  return {
    frameBytesMax: FRAME_BYTES_MAX,
    received(bytes, frames) {
      bytesLeft -= bytes;
      framesLeft -= frames;
      if (bytesLeft < 0 || framesLeft < 0) throw tooMuch();
    },
  };
}

/** For one sign-in. */
export const signInBudget = (): WireBudget => countedBudget(SIGN_IN);

/** For one of our statements, and for the time until the next one. */
export const statementBudget = (): WireBudget => countedBudget(STATEMENT);

function tooMuch(): ConnectorError {
  return new ConnectorError('too_large', 'The server sent a larger response than the request allows.', {
    remedy: 'Check that host and port point to the database server.',
  });
}

/** The server violates its protocol. After that, anything may follow on its connection. */
export class ProtocolViolation extends ConnectorError {}

/** For a frame that the protocol does not define. */
export function brokenFrame(): ProtocolViolation {
  return new ProtocolViolation('protocol_error', 'The server sent a message that violates its protocol.', {
    remedy: 'Check that host and port point to the database server.',
  });
}

export function createFrameGuard({ format, deliver, fail, ...options }: FrameGuardOptions): FrameGuard {
  const { headBytes } = format;
  const head = Buffer.alloc(headBytes);
  let { budget } = options;
  /** The current incomplete frame, once its size is known. */
  let begun: Buffer | undefined;
  /** Bytes of it, or of its head, received so far. */
  let filled = 0;
  let isOver = false;

  const sizeAt = (bytes: Buffer, at: number) => {
    const size = format.sizeAt(bytes, at);
    if (size > budget.frameBytesMax) throw tooMuch();
    return size;
  };
  const fill = (target: Buffer, chunk: Buffer, from: number) => {
    const copied = chunk.copy(target, filled, from);
    filled += copied;
    return from + copied;
  };
  /**
   * Continues the incomplete frame. @returns where the next one starts in the chunk, and the frame if it is complete
   */
  const complete = (chunk: Buffer): { at: number; whole?: Buffer } => {
    let at = 0;
    if (!begun) {
      at = fill(head, chunk, at);
      if (filled < headBytes) return { at };
      begun = Buffer.allocUnsafe(sizeAt(head, 0));
      head.copy(begun);
    }
    at = fill(begun, chunk, at);
    if (filled < begun.length) return { at };
    const whole = begun;
    begun = undefined;
    filled = 0;
    format.check(whole, 0, whole.length);
    return { at, whole };
  };
  const keep = (chunk: Buffer, from: number) => {
    if (chunk.length - from >= headBytes) begun = Buffer.allocUnsafe(sizeAt(chunk, from));
    fill(begun ?? head, chunk, from);
  };
  const receive = (chunk: Buffer) => {
    const { at, whole } = filled > 0 ? complete(chunk) : { at: 0 };
    let frames = whole ? 1 : 0;
    let end = at;
    while (chunk.length - end >= headBytes) {
      const next = end + sizeAt(chunk, end);
      if (next > chunk.length) break;
      format.check(chunk, end, next);
      end = next;
      frames += 1;
    }
    if (end < chunk.length) keep(chunk, end);
    budget.received(chunk.length, frames);
    if (whole) deliver(whole);
    if (end > at) deliver(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
  };

  return {
    receive(chunk) {
      if (isOver) return;
      try {
        receive(chunk);
      } catch (error) {
        isOver = true;
        fail(error);
      }
    },
    allow(next) {
      budget = next;
    },
  };
}
