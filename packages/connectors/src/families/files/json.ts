import type { Row } from '../../interface/data-types.js';
import { NotDecodable } from '../../kit/charset.js';
import { createColumnFinder, shapeRows } from '../../kit/json/columns.js';
import { collectJson } from '../../kit/json/document.js';
import { notJson } from '../../kit/json/failures.js';
import { createJsonGauge, type JsonCaps, NotText } from '../../kit/json/gauge.js';
import { isArraySpan, isBlank, itemsOf, type JsonSpan, valuesOf } from '../../kit/json/spans.js';
import { createTurns } from '../../kit/turns.js';
import type { TextRequest } from './file-request.js';
import { fileNotText, type Item, itemRecord, placeOf } from './json-records.js';
import { pieceBytesMax } from './limits.js';
import { readNdjson } from './ndjson.js';
import { type FileRows, type Portion, textPortion } from './row-stream.js';
import type { TextReader } from './text-reader.js';

const remedy = 'Store the rows as NDJSON (one object per line), which is streamed.';

/** The rows of one array, or consecutive documents. */
function itemSpans(document: JsonSpan): Iterable<JsonSpan> {
  const isOne = !document.bytes.subarray(document.end).some((byte) => !isBlank(byte));
  return isOne && isArraySpan(document) ? itemsOf(document) : valuesOf(document.bytes);
}

function* itemsIn(document: JsonSpan): Generator<Item> {
  let number = 0;
  for (const span of itemSpans(document)) {
    number += 1;
    yield { span, place: placeOf('Row', number) };
  }
}

async function wholeDocument({ next }: TextReader, { caps }: TextRequest): Promise<JsonSpan> {
  try {
    const how = { isSequence: true, isCheckedByItem: true };
    // Already UTF-8.
    const document = await collectJson({ next, charset: 'utf-8', caps, remedy, ...how });
    if (document !== undefined) return document;
  } catch (error) {
    if (error instanceof NotText) throw fileNotText(error.charset);
    throw error instanceof SyntaxError ? notJson('The file', error) : error;
  }
  throw notJson('The file');
}

const lineFeed = 0x0a;
const brace = 0x7b;

/** Whether the first line is an object and another object starts after it. */
async function isOneObjectALine(text: TextReader, bytesMax: number, caps: JsonCaps): Promise<boolean> {
  const gauge = createJsonGauge(caps, remedy);
  let state: 'before' | 'within' | 'behind' = 'before';
  let isNext = false;
  let bytes = 0;
  const look = (piece: Buffer): boolean => {
    bytes += piece.length;
    const at = state === 'within' ? 0 : piece.findIndex((byte) => !isBlank(byte));
    if (at === -1 || bytes > bytesMax) return bytes > bytesMax;
    if (state !== 'within' && piece[at] !== brace) return true;
    isNext = state === 'behind';
    if (isNext) return true;
    state = 'within';
    const end = piece.indexOf(lineFeed, at);
    gauge.push(piece.subarray(at, end === -1 ? piece.length : end));
    if (end === -1) return false;
    gauge.end();
    state = 'behind';
    return look(piece.subarray(end));
  };
  const isEnough = (piece: Buffer): boolean => {
    try {
      return look(piece);
    } catch {
      // The object continues or is not valid; the reader of the document reports it.
      return true;
    }
  };
  try {
    await text.lookAhead(isEnough);
    return isNext;
  } catch (error) {
    throw error instanceof NotDecodable ? fileNotText(error.charset) : error;
  }
}

/**
 * Reads a JSON document: an array of objects, or one object as a single row. NDJSON under another name is read as
 * NDJSON. The text is held in memory, because columns are the union over all rows; values exist for one batch at a
 * time.
 *
 * @throws ConnectorError `protocol_error` for broken JSON or rows that are not objects, `too_large` beyond the caps
 */
export async function readJson(text: TextReader, request: TextRequest): Promise<FileRows> {
  const { recordBytes, record } = request.caps;
  if (await isOneObjectALine(text, recordBytes, record)) return readNdjson(text, request);
  const document = await wholeDocument(text, request);
  const finder = createColumnFinder();
  const turns = createTurns();
  for (const item of itemsIn(document)) {
    finder.add(itemRecord(item, request));
    await turns();
  }
  const { columns, toRow } = shapeRows(finder.found(false), { ...request, isSampled: false });

  function* rowsOf(items: readonly Item[]): Generator<Row> {
    for (const item of items) yield toRow(itemRecord(item, request), item.place);
  }
  async function* portions(): AsyncGenerator<Portion> {
    let items: Item[] = [];
    let characters = 0;
    for (const item of itemsIn(document)) {
      items.push(item);
      characters += item.span.end - item.span.start;
      if (characters < pieceBytesMax) continue;
      yield textPortion(rowsOf(items), characters);
      items = [];
      characters = 0;
    }
    yield textPortion(rowsOf(items), characters);
  }
  return { columns, portions: portions(), file: { format: 'json', encoding: text.charset } };
}
