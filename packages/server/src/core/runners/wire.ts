import type { Duplex } from 'node:stream';
import {
  ConnectorError,
  type ConnectorErrorKind,
  type ConnectorErrorOptions,
} from '@mooring/connectors/interface/errors';
import { revealedJson, type Secret } from '@mooring/connectors/interface/secret';
import type { RefusalEvent } from '../egress/gate.js';
import type { EgressSettings } from '../egress/policy.js';
import { framesOf } from '../errors/error-frames.js';
import type { Finding } from '../sessions/finding.js';
import type { Plan } from '../sessions/session-work.js';
import type { StreamOutcome } from '../streams/caps.js';

// Protocol between the server and a runner, over one pipe. A frame is a 16-byte header (length of the payload, type,
// number of the use, a value) and the payload.

/** From the server. `Secret` values travel revealed, and are wrapped again on arrival. */
export type Order =
  | { kind: 'start'; use: number; plan: Plan; egress: EgressSettings; hasTokens: boolean }
  | { kind: 'cancel'; use: number; reason: SentError }
  | ({ kind: 'answer'; use: number; call: number } & (
      | { value: { token: Secret<string>; apiOrigin?: string | undefined } | boolean }
      | { error: SentError }
    ));

/** Requests of a runner that the server answers. */
export type Question = { kind: 'token'; renew: boolean } | { kind: 'retry'; origin: string };

/** From a runner. */
export type Report =
  /** It accepts uses; sent once. */
  | { kind: 'ready' }
  /** Its event loop turns; sent repeatedly while it has uses. */
  | { kind: 'turned' }
  /** A driver has thrown outside of any call. Its session is over; other uses continue, and no further one should begin. */
  | { kind: 'strayed' }
  | { kind: 'found'; use: number; finding: Finding }
  | { kind: 'refused'; refusal: RefusalEvent }
  | { kind: 'asked'; use: number; call: number; question: Question }
  /** An unused retry, or a request that succeeded. */
  | { kind: 'retries'; change: 'giveBack' | 'earn'; origin: string }
  | { kind: 'ended'; use: number; outcome: StreamOutcome }
  | { kind: 'failed'; use: number; error: SentError };

/** An error as it travels. Without a kind it is not a failure of a source, and its message is dropped. */
export interface SentError extends Omit<ConnectorErrorOptions, 'cause'> {
  name: string;
  message: string;
  kind?: ConnectorErrorKind;
  frames?: string[];
}

export const framesMax = 20;

export function packError(error: unknown): SentError {
  if (error instanceof ConnectorError) {
    const { name, message, kind, nativeCode, server, remedy, retryAfterSeconds } = error;
    return {
      ...{ name, message, kind, retryable: error.isRetryable },
      ...(nativeCode === undefined ? {} : { nativeCode }),
      ...(server === undefined ? {} : { server }),
      ...(remedy === undefined ? {} : { remedy }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    };
  }
  const name = error instanceof Error && error.name === 'TimeoutError' ? error.name : 'Error';
  return { name, message: 'The use failed.', frames: framesOf(error).slice(0, framesMax) };
}

export function unpackError({ kind, message, name, frames, ...options }: SentError): Error {
  if (kind !== undefined) return new ConnectorError(kind, message, options);
  // A timeout is recognized by its name (`kit/deadline`).
  if (name === 'TimeoutError') return new DOMException(message, name);
  const error = new Error(message);
  error.stack = [`Error: ${message}`, ...(frames ?? []).map((frame) => `    ${frame}`)].join('\n');
  return error;
}

/** File descriptor of the pipe in a runner. */
export const pipeFd = 3;
/** How often a runner with uses reports that its event loop turns. */
export const turnedMs = 250;

const headerBytes = 16;
const frameTypes = { message: 0, chunk: 1, credit: 2 } as const;
/** Longest message. A longer one is not valid. */
const messageBytesMax = 8 * 1024 * 1024;

/** Bytes of one use that may be sent and not yet taken by its reader. */
export const windowBytes = 1024 * 1024;
/** Bytes sent between two checks of the window. */
export const pieceBytes = 64 * 1024;

export interface WireHandlers {
  message(message: unknown): void;
  /** @param rows number of rows encoded up to the end of the chunk */
  chunk?(use: number, piece: Buffer, rows: number): void;
  credit?(use: number, bytes: number): void;
}

export type Wire = ReturnType<typeof speak>;

function header(type: number, length: number, use = 0, value = 0): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt32LE(type, 4);
  bytes.writeUInt32LE(use, 8);
  bytes.writeUInt32LE(value, 12);
  return bytes;
}

/** Opens the protocol on a pipe. `broken` is called for an invalid frame; nothing is read after it. */
export function speak(pipe: Duplex, handlers: WireHandlers, broken: () => void) {
  readFrames(pipe, handlers, broken);
  const send = (type: number, payload: Uint8Array, use?: number, value?: number) => {
    if (pipe.destroyed || pipe.writableEnded) return;
    pipe.cork();
    pipe.write(header(type, payload.length, use, value));
    if (payload.length > 0) pipe.write(payload);
    pipe.uncork();
  };
  return {
    /** Includes the secrets. */
    order: (order: Order) => send(frameTypes.message, Buffer.from(revealedJson(order))),
    report: (report: Report) => send(frameTypes.message, Buffer.from(JSON.stringify(report))),
    chunk: (use: number, bytes: Uint8Array, rows: number) =>
      send(frameTypes.chunk, bytes, use, Math.min(rows, 0xffff_ffff)),
    credit: (use: number, bytes: number) => send(frameTypes.credit, Buffer.alloc(0), use, bytes),
  };
}

/** Chunks are passed on as they arrive; only messages are collected. */
function readFrames(pipe: Duplex, handlers: WireHandlers, broken: () => void): void {
  let head = Buffer.alloc(0);
  let left = 0;
  let parts: Buffer[] = [];
  let isBroken = false;

  const frame = (piece: Buffer) => {
    const type = head.readUInt32LE(4);
    const use = head.readUInt32LE(8);
    const value = head.readUInt32LE(12);
    if (type === frameTypes.chunk) {
      if (piece.length > 0) handlers.chunk?.(use, piece, value);
    } else if (type === frameTypes.credit) handlers.credit?.(use, value);
    else {
      if (piece.length > 0) parts.push(piece);
      if (left > 0) return;
      const text = Buffer.concat(parts).toString('utf8');
      parts = [];
      handlers.message(JSON.parse(text));
    }
  };
  const isWrong = () => {
    const type = head.readUInt32LE(4);
    return type > frameTypes.credit || (type === frameTypes.message && left > messageBytesMax);
  };
  const take = (data: Buffer) => {
    let at = 0;
    while (at < data.length) {
      if (head.length < headerBytes) {
        const more = data.subarray(at, at + headerBytes - head.length);
        head = Buffer.concat([head, more]);
        at += more.length;
        if (head.length < headerBytes) return;
        left = head.readUInt32LE(0);
        if (isWrong()) throw new Error('Not a valid frame.');
        if (left > 0) continue;
      }
      const piece = data.subarray(at, at + left);
      at += piece.length;
      left -= piece.length;
      frame(piece);
      if (left === 0) head = Buffer.alloc(0);
    }
  };
  pipe.on('data', (data: Buffer) => {
    if (isBroken) return;
    try {
      take(data);
    } catch {
      isBroken = true;
      broken();
    }
  });
}
