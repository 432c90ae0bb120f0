import type { Row } from '../../interface/data-types.js';
import { NotDecodable } from '../../kit/charset.js';
import { createColumnFinder, shapeRows } from '../../kit/json/columns.js';
import { recordTooLarge } from '../../kit/json/document.js';
import { trimmedSpan } from '../../kit/json/spans.js';
import { createTurns } from '../../kit/turns.js';
import type { TextRequest } from './file-request.js';
import { fileNotText, type Item, itemRecord, placeOf } from './json-records.js';
import { sample } from './limits.js';
import { createLineBlocks } from './line-blocks.js';
import { type FileRows, type Portion, textPortion } from './row-stream.js';
import type { TextReader } from './text-reader.js';

/** The non-empty lines of some text. */
interface LinePortion {
  lines: Item[];
  /** Length of the text in bytes. */
  bytes: number;
}

async function* blocksOf(text: TextReader, lineBytesMax: number): AsyncGenerator<Buffer> {
  const blocks = createLineBlocks(lineBytesMax);
  try {
    for (let piece = await text.next(); piece !== undefined; piece = await text.next()) {
      const lines = blocks.push(piece);
      if (lines !== undefined) yield lines;
    }
  } catch (error) {
    throw error instanceof NotDecodable ? fileNotText(error.charset) : error;
  }
  yield blocks.rest();
}

async function* linePortions(text: TextReader, lineBytesMax: number): AsyncGenerator<LinePortion> {
  let count = 0;
  for await (const block of blocksOf(text, lineBytesMax)) {
    const lines: Item[] = [];
    for (let at = 0; at <= block.length; ) {
      const feed = block.indexOf(10, at);
      const end = feed === -1 ? block.length : feed;
      count += 1;
      if (end - at > lineBytesMax) throw recordTooLarge(lineBytesMax);
      const span = trimmedSpan(block, at, end);
      if (span.end > span.start) lines.push({ span, place: placeOf('Line', count) });
      at = end + 1;
    }
    yield { lines, bytes: block.length };
  }
}

/** The lines that decide the columns, independent of how the bytes arrived. */
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

/** Collects the sample and the portion after it. @returns whether that is the whole file */
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
 * Streams NDJSON (one JSON object per line). The first rows, up to {@link sample}, decide the columns and their types;
 * in longer files the column `_more` holds fields that only later rows have.
 *
 * @throws ConnectorError `protocol_error` with the line, for broken JSON, a line that is not an object, and a value
 * that does not fit its column; `too_large` for a line beyond the caps
 */
export async function readNdjson(text: TextReader, request: TextRequest): Promise<FileRows> {
  const rest = linePortions(text, request.caps.recordBytes);
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
  return { columns, portions: portions(), file: { format: 'ndjson', encoding: text.charset } };
}
