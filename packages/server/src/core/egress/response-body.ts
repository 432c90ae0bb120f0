import { pipeline, type Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { assertExpansion } from '@mooring/connectors/kit/expansion';

export interface BodyLimits {
  /** After decompression. */
  bytesMax: number;
  /** Longest pause between two reads, in milliseconds; then the connection is closed. */
  unreadTimeoutMs: number;
  /** Called for each piece that has been decoded. */
  onPiece?: () => void;
}

export interface BodyHandlers {
  /** Makes a `ConnectorError` of an error while reading. */
  translate(error: unknown): ConnectorError;
  /** Called once when the body has ended, failed or was abandoned. */
  onClosed(): void;
}

const DECODERS = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/**
 * The body as a web stream that pulls from the source only when it is read, decoded and limited in size and in how
 * far it expands.
 * @param encoding value of the `content-encoding` header, '' for none
 * @throws ConnectorError `unsupported` for a coding that is not gzip, deflate or br, or for several
 */
export function readBody(
  source: Readable,
  encoding: string,
  limits: BodyLimits,
  { translate, onClosed }: BodyHandlers,
): ReadableStream<Uint8Array> {
  const decoder = decoderOf(encoding);
  const counted = { in: 0, out: 0 };
  const assertDecoded = () => {
    if (decoder !== undefined) assertExpansion(counted.in, counted.out);
  };
  const limiter = counting((bytes) => {
    counted.out += bytes;
    limits.onPiece?.();
    if (counted.out > limits.bytesMax) throw tooLarge();
    assertDecoded();
  });
  const gauge = counting((bytes) => {
    counted.in += bytes;
    assertDecoded();
  });
  const chain = decoder === undefined ? [source, limiter] : [source, gauge, decoder, limiter];
  pipeline(chain, onClosed);
  // The pipeline removes its listeners once the whole body has arrived; `abandoned` must not be uncaught then.
  limiter.on('error', () => undefined);
  const chunks = limiter[Symbol.asyncIterator]();
  let unread: NodeJS.Timeout | undefined;

  return new ReadableStream<Uint8Array>(
    {
      start() {
        armUnread();
      },
      async pull(controller) {
        clearTimeout(unread);
        try {
          const next = await chunks.next();
          if (next.done) return controller.close();
          controller.enqueue(new Uint8Array(next.value));
          armUnread();
        } catch (error) {
          throw translate(error);
        }
      },
      cancel() {
        clearTimeout(unread);
        limiter.destroy();
      },
    },
    { highWaterMark: 0 },
  );

  function armUnread(): void {
    unread = setTimeout(() => limiter.destroy(abandoned()), limits.unreadTimeoutMs);
    unread.unref();
  }
}

function decoderOf(encoding: string): Transform | undefined {
  const coding = encoding.trim().toLowerCase();
  if (coding === '' || coding === 'identity') return undefined;
  const create = DECODERS.get(coding);
  if (create === undefined) {
    throw new ConnectorError(
      'unsupported',
      'The server answered with a content encoding that is not supported.',
      {
        remedy: 'Ask it for gzip, deflate, br or no encoding.',
      },
    );
  }
  return create();
}

/** Passes everything through and counts it. */
function counting(count: (bytes: number) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        count(chunk.length);
        done(null, chunk);
      } catch (error) {
        done(error as Error);
      }
    },
  });
}

function tooLarge(): ConnectorError {
  return new ConnectorError('too_large', 'The answer of the server is larger than allowed.', {
    remedy: 'Ask for less at a time.',
  });
}

function abandoned(): ConnectorError {
  return new ConnectorError('timeout', 'The answer of the server was not read in time.');
}
