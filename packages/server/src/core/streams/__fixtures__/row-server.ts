// A bare HTTP server that answers with rows, and clients that read it well and badly.
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type Server,
} from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { BatchStream, StreamCaps } from '../caps.js';
import { encodeRows } from '../encoded-rows.js';
import { lastWords } from '../last-words.js';
import type { StreamFormat } from '../media-type.js';
import { type BrokenEnding, type ReplyOutcome, type RowReply, sendRows } from '../row-reply.js';

export const noCaps: StreamCaps = { rowsMax: 0, bytesMax: 0, secondsMax: 0, idleSeconds: 30 };

type Given = Partial<Pick<RowReply, 'stop' | 'beforeHead'>> & {
  format?: StreamFormat;
  stream: BatchStream;
  caps?: StreamCaps;
};

export interface Served {
  port: number;
  /** How the reply to the first request ended; rejects with what it threw before the head. */
  ended: Promise<ReplyOutcome>;
}

const servers: Server[] = [];

export function closeServers(): void {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
}

/** A bare server that answers with the rows, or with status 418 and the kind of error. */
export async function serve(given: Given): Promise<Served> {
  const { promise, resolve, reject } = deferred<ReplyOutcome>();
  const server = createServer((_request, response) => {
    const { stream, caps = noCaps, format = 'ndjson', stop = new AbortController(), ...rest } = given;
    const rows = encodeRows(stream, format, caps, stop);
    const said = (ending: BrokenEnding) =>
      lastWords(
        { format, columns: stream.columns },
        'cut' in ending ? { detail: `cut by ${ending.cut.cap}` } : { detail: String(ending.error) },
        'cut' in ending || ending.isAtRow,
      );
    const reply = { ...rest, rows, format, stop, response, lastWords: said, idleSeconds: caps.idleSeconds };
    sendRows(reply).then(resolve, (error: unknown) => {
      reject(error);
      response.writeHead(418).end(error instanceof ConnectorError ? error.kind : 'other');
    });
  });
  promise.catch(() => undefined);
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return { port: (server.address() as AddressInfo).port, ended: promise };
}

export function deferred<Value>() {
  let resolve: (value: Value) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<Value>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

export function open(port: number, headers: OutgoingHttpHeaders = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', method: 'POST', agent: false, headers };
    request(options, resolve).on('error', reject).end();
  });
}

/** @param asks for trailers unless it says otherwise */
export async function get(port: number, asks: OutgoingHttpHeaders = { TE: 'trailers' }) {
  const response = await open(port, asks);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const { statusCode, headers, trailers } = response;
  return { status: statusCode, headers, trailers, body: Buffer.concat(chunks) };
}

/** What arrives of a body until it breaks off, and whether it did. */
export async function getBroken(port: number) {
  const chunks: Buffer[] = [];
  let isBroken = false;
  try {
    for await (const chunk of await open(port)) chunks.push(chunk as Buffer);
  } catch {
    isBroken = true;
  }
  return { body: Buffer.concat(chunks), isBroken };
}

/** Everything a bare socket receives until the connection ends, and whether it was reset. */
export function rawGet(
  port: number,
  version: string,
  onData = () => {},
): Promise<{ text: string; code: string | undefined }> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`POST / HTTP/${version}\r\nHost: x\r\n\r\n`),
    );
    let text = '';
    let code: string | undefined;
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      onData();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    socket.on('close', () => resolve({ text, code }));
  });
}

/** Sends a request and reads nothing. */
export function openWithoutReading(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.pause();
      socket.write('POST / HTTP/1.1\r\nHost: x\r\n\r\n', () => resolve(socket));
    });
    socket.on('error', () => undefined);
  });
}
