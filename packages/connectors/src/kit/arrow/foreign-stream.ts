import type { RecordBatch } from 'apache-arrow';
import type { Column } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { createByteCollector } from '../byte-collector.js';
import { BrokenStream, broken } from './flat-table.js';
import { foreignColumns } from './foreign-columns.js';
import { recordBatchOf, schemaOf } from './library.js';
import { messageOf } from './messages.js';

// Arrow's IPC streaming format from a source (Columnar Format 1.5, "IPC Streaming Format"). Messages are framed here, and
// their parts checked, before the library makes a record batch of them; its own reader never sees a source's bytes.

const MEBIBYTE = 1_048_576;
const CONTINUATION = 0xffff_ffff;
const METADATA_BYTES_MAX = 4 * MEBIBYTE;
/** Of a batch that does not fit, its first bytes are looked at to see what it is. */
const WORDS_BYTES_MAX = 64 * 1024;

export interface ForeignStreamOptions {
  /** Those of the plan, which the stream must have. */
  columns: readonly Column[];
  /** Most bytes of one record batch. */
  batchBytesMax?: number;
  /**
   * What a source has sent in place of a message, or when it broke off: at most 64 KiB.
   * @returns the failure that it tells, if it does
   */
  failureIn?: (words: Buffer) => Error | undefined;
}

interface Pieces {
  /** Exactly so many bytes; fewer at the end of the stream. */
  take(length: number): Promise<Buffer>;
}

/** Cuts a body into pieces. What a failing body has sent before is given first. */
function piecesOf(chunks: AsyncIterator<Uint8Array>): Pieces & { failure(): unknown; last(): Buffer } {
  let rest: Uint8Array = new Uint8Array(0);
  let last: Buffer = Buffer.alloc(0);
  let failure: unknown;
  const next = async (): Promise<Uint8Array | undefined> => {
    try {
      const { done, value } = await chunks.next();
      return done === true ? undefined : value;
    } catch (error) {
      failure = error;
      return undefined;
    }
  };
  return {
    failure: () => failure,
    last: () => last.subarray(-WORDS_BYTES_MAX),
    async take(length) {
      const collected = createByteCollector();
      while (collected.length < length) {
        if (rest.length === 0) {
          const chunk = failure === undefined ? await next() : undefined;
          if (!chunk) break;
          rest = chunk;
        }
        const part = rest.subarray(0, length - collected.length);
        collected.append(part);
        rest = rest.subarray(part.length);
      }
      last = collected.take();
      return last;
    },
  };
}

const tooLarge = () =>
  new ConnectorError('too_large', 'The source sent more data in one batch of rows than can be read.', {
    remedy: 'Request fewer columns, or shorter values.',
  });

function brokenAnswer(cause: BrokenStream): ConnectorError {
  return new ConnectorError('protocol_error', `The source sent an Arrow stream with ${cause.message}.`, {
    cause,
  });
}

/**
 * The record batches of a stream, with the columns of the plan in kit/arrow's types. One is read when the previous one
 * has been taken. Leaving the iteration returns the chunks' iterator.
 * @throws ConnectorError `protocol_error` for a stream that is not what it claims to be, or that ends early
 */
export async function* readForeignStream(
  chunks: AsyncIterable<Uint8Array>,
  { columns, batchBytesMax = 64 * MEBIBYTE, failureIn }: ForeignStreamOptions,
): AsyncGenerator<RecordBatch, void, undefined> {
  const arrow = await import('apache-arrow');
  const iterator = chunks[Symbol.asyncIterator]();
  const pieces = piecesOf(iterator);

  /** What the source says in place of what was due. */
  const failureOf = async (problem: BrokenStream): Promise<unknown> => {
    const found = pieces.last();
    const words = Buffer.concat([found, await pieces.take(WORDS_BYTES_MAX)]);
    return failureIn?.(words) ?? pieces.failure() ?? brokenAnswer(problem);
  };
  const exactly = async (length: number, what: string): Promise<Buffer> => {
    const found = await pieces.take(length);
    if (found.length === length) return found;
    throw broken(`an early end within ${what}`);
  };

  /** The next message; undefined at the end of the stream. */
  const next = async () => {
    const prefix = await pieces.take(8);
    if (prefix.length < 8 || prefix.readUInt32LE(0) !== CONTINUATION) {
      throw broken(prefix.length === 0 ? 'no end' : 'no message where one was due');
    }
    const length = prefix.readInt32LE(4);
    if (length === 0) {
      const more = await pieces.take(1);
      if (more.length > 0 || pieces.failure() !== undefined) throw broken('more after its end');
      return undefined;
    }
    if (length < 0 || length > METADATA_BYTES_MAX) throw broken('a message of an impossible length');
    const message = messageOf(await exactly(length, 'a message'), columns.length);
    if (message.bodyBytes > batchBytesMax) throw tooLarge();
    return { message, body: await exactly(message.bodyBytes, 'a batch') };
  };

  try {
    const first = await next();
    if (first?.message.kind !== 'schema') throw broken('no schema');
    const foreign = foreignColumns(arrow, first.message.types, columns);
    const schema = schemaOf(
      arrow,
      columns.map(({ name }) => name),
      foreign.types,
    );
    let firstRow = 1;
    for (let given = await next(); given; given = await next()) {
      if (given.message.kind !== 'batch') throw broken('a second schema');
      const batch = given.message.batch();
      const children = foreign.dataOf(batch, given.body, firstRow);
      firstRow += batch.length;
      if (batch.length > 0) yield recordBatchOf(arrow, schema, { length: batch.length, children });
    }
  } catch (error) {
    throw error instanceof BrokenStream ? await failureOf(error) : error;
  } finally {
    await iterator.return?.();
  }
}
