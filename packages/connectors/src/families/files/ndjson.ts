import { jsonCharset, NotDecodable, utf8Of } from '../../kit/charset.js';
import { createColumnFinder, shapeRows } from '../../kit/json/columns.js';
import { recordTooLarge } from '../../kit/json/document.js';
import { notText } from '../../kit/json/failures.js';
import { NotText } from '../../kit/json/gauge.js';
import { trimmedSpan } from '../../kit/json/spans.js';
import { createTurns } from '../../kit/turns.js';
import type { Row } from '../../spec/data-types.js';
import type { ByteReader } from './byte-reader.js';
import { type Item, itemRecord } from './json-records.js';
import { sample } from './limits.js';
import { createLineBlocks } from './line-blocks.js';
import type { TextRequest } from './read-file.js';
import { type FileRows, type Portion, textPortion } from './row-stream.js';

/** The lines of some text that hold anything. */
interface LinePortion {
  lines: Item[];
  /** Length of the text, in bytes. */
  bytes: number;
}

async function* blocksOf(bytes: ByteReader, lineBytesMax: number): AsyncGenerator<Buffer> {
  const blocks = createLineBlocks(lineBytesMax);
  try {
    const next = await utf8Of({ next: bytes.next, guess: jsonCharset });
    for (let piece = await next(); piece !== undefined; piece = await next()) {
      const lines = blocks.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
      if (lines !== undefined) yield lines;
    }
  } catch (error) {
    throw error instanceof NotDecodable ? notText(new NotText(error.charset), 'the file') : error;
  }
  yield blocks.rest();
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

async function* linePortions(bytes: ByteReader, lineBytesMax: number): AsyncGenerator<LinePortion> {
  let count = 0;
  for await (const block of blocksOf(bytes, lineBytesMax)) {
    const lines: Item[] = [];
    const isMarked = count === 0 && block.subarray(0, byteOrderMark.length).equals(byteOrderMark);
    for (let at = isMarked ? byteOrderMark.length : 0; at <= block.length; ) {
      const feed = block.indexOf(10, at);
      const end = feed === -1 ? block.length : feed;
      count += 1;
      if (end - at > lineBytesMax) throw recordTooLarge(lineBytesMax);
      const span = trimmedSpan(block, at, end);
      if (span.end > span.start) lines.push({ span, place: { unit: 'Line', number: count, of: 'the file' } });
      at = end + 1;
    }
    yield { lines, bytes: block.length };
  }
}

/** The lines that decide the columns, however the bytes happened to arrive. */
function* sampleOf(portions: readonly LinePortion[]): Generator<Item> {
  let bytes = 0;
  let rows = 0;
  for (const { lines } of portions) {
    for (const line of lines) {
      if (rows === sample.rows || bytes > sample.characters) return;
      rows += 1;
      bytes += line.span.end - line.span.start;
      yield line;
    }
  }
}

/** Takes what the sample is made of, and what comes next; tells whether that is the whole file. */
async function takeSample(rest: AsyncGenerator<LinePortion>, begun: LinePortion[]): Promise<boolean> {
  let rows = 0;
  let length = 0;
  for (;;) {
    const isFull = rows >= sample.rows || length > sample.characters;
    const { done, value } = await rest.next();
    if (done === true) return true;
    if (value.lines.length === 0) continue;
    begun.push(value);
    if (isFull) return false;
    rows += value.lines.length;
    for (const { span } of value.lines) length += span.end - span.start;
  }
}

/**
 * Reads NDJSON (one JSON object a line) as a stream. The first rows decide the columns and their types, as many as
 * {@link sample} says; of longer files the column `_more` holds what only later rows have.
 *
 * @throws ConnectorError `protocol_error` naming the line, for broken JSON, a line that is no object, and a
 * value that does not fit its column; `too_large` for a line beyond the caps.
 */
export async function readNdjson(bytes: ByteReader, request: TextRequest): Promise<FileRows> {
  const rest = linePortions(bytes, request.caps.recordBytes);
  const begun: LinePortion[] = [];
  const isWhole = await takeSample(rest, begun);
  const finder = createColumnFinder();
  const turns = createTurns();
  let sampled = 0;
  for (const line of sampleOf(begun)) {
    finder.add(itemRecord(line, request));
    sampled += 1;
    await turns();
  }
  const isSampled = !isWhole || sampled < begun.reduce((sum, { lines }) => sum + lines.length, 0);
  const { columns, toRow } = shapeRows(finder.found(isSampled), { ...request, isSampled });

  function* rowsOf(lines: readonly Item[]): Generator<Row> {
    for (const line of lines) yield toRow(itemRecord(line, request), line.place);
  }
  const toPortion = ({ lines, bytes: length }: LinePortion) => textPortion(rowsOf(lines), length);

  async function* portions(): AsyncGenerator<Portion> {
    while (begun.length > 0) yield toPortion(begun.shift() as LinePortion);
    for await (const portion of rest) yield toPortion(portion);
  }
  return { columns, portions: portions() };
}
