// Stands between a connection and the parser of its driver. Drivers trust their server: a length is believed, an end
// is looked for until it is found, and what arrives is kept. Here the bytes of a server are counted from the first
// one, cut into frames, and each frame is checked before the driver sees it.
import { ConnectorError } from '../spec/errors.js';

/** How one wire protocol cuts its bytes into frames. One object serves one connection. */
export interface FrameFormat {
  /** Bytes at the beginning of a frame that tell its size. */
  readonly headBytes: number;
  /** Bytes of the frame whose head begins at `at`, the head included. @throws ConnectorError for a head that no frame has. */
  sizeAt(bytes: Buffer, at: number): number;
  /**
   * Looks at a whole frame, each once and in order.
   * @throws ConnectorError for one that the driver's parser must not see.
   */
  check(bytes: Buffer, at: number, end: number): void;
}

/** How much a server may send until it has done what it was asked for. */
export interface WireBudget {
  /** Longest frame, in bytes. */
  readonly frameBytesMax: number;
  /** So much has arrived. @throws ConnectorError `too_large` when that is more than allowed. */
  received(bytes: number, frames: number): void;
}

export interface FrameGuard {
  /** Hands the whole frames of the chunk on, and keeps the rest. Never throws. */
  receive(chunk: Buffer): void;
  /** What may arrive from here on. */
  allow(budget: WireBudget): void;
}

export interface FrameGuardOptions {
  format: FrameFormat;
  budget: WireBudget;
  /** The driver's parser: takes one or more whole frames. */
  deliver(frames: Buffer): void;
  /** Called once, with a refusal or with whatever the driver threw; nothing is delivered from then on. */
  fail(error: unknown): void;
}

const MEBIBYTE = 1_048_576;
const FRAME_BYTES_MAX = MEBIBYTE;
/** Greeting, settings of the server, sign-in. */
const SIGN_IN = { bytesMax: 2 * MEBIBYTE, framesMax: 1_000 };
/** The answer to one statement of ours, or the description of a result: some thousand columns, or a page of a catalogue. */
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

/** For one statement of ours, and for the time until the next one. */
export const statementBudget = (): WireBudget => countedBudget(STATEMENT);

function tooMuch(): ConnectorError {
  return new ConnectorError(
    'too_large',
    'The server sent more than an answer to what it was asked may hold.',
    {
      remedy: 'Check that host and port are those of the database server.',
    },
  );
}

/** For a frame that its protocol does not have. */
export function brokenFrame(): ConnectorError {
  return new ConnectorError('protocol_error', 'The server sent a message that its protocol does not have.', {
    remedy: 'Check that host and port are those of the database server.',
  });
}

export function createFrameGuard({ format, deliver, fail, ...options }: FrameGuardOptions): FrameGuard {
  const { headBytes } = format;
  const head = Buffer.alloc(headBytes);
  let { budget } = options;
  /** The frame that has begun, once its size is known. */
  let begun: Buffer | undefined;
  /** Bytes of it, or of its head, that are here. */
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
  /** Goes on with the frame that has begun. @returns where the next one begins in the chunk, and the frame when it is whole. */
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
