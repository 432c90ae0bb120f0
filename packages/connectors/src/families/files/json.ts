import { createColumnFinder, shapeRows } from '../../kit/json/columns.js';
import { collectJson } from '../../kit/json/document.js';
import { type Place, recordFailure } from '../../kit/json/failures.js';
import { isArraySpan, itemsOf, type JsonSpan } from '../../kit/json/spans.js';
import { createTurns } from '../../kit/turns.js';
import type { Row } from '../../spec/data-types.js';
import type { ByteReader } from './byte-reader.js';
import { type Item, itemRecord } from './json-records.js';
import { pieceBytesMax } from './limits.js';
import type { TextRequest } from './read-file.js';
import { type FileRows, type Portion, textPortion } from './row-stream.js';

const remedy = 'Store the rows as NDJSON (one object a line), which is read as a stream.';

const placeOf = (number: number): Place => ({ unit: 'Row', number, of: 'the file' });

function* itemsIn(document: JsonSpan): Generator<Item> {
  let number = 0;
  for (const span of isArraySpan(document) ? itemsOf(document) : [document]) {
    number += 1;
    yield { span, place: placeOf(number) };
  }
}

async function wholeDocument(bytes: ByteReader, { caps }: TextRequest): Promise<JsonSpan> {
  try {
    const document = await collectJson({ next: bytes.next, caps, remedy });
    if (document !== undefined) return document;
  } catch (error) {
    throw recordFailure(error, placeOf(1));
  }
  throw recordFailure(new SyntaxError(), placeOf(1));
}

/**
 * Reads a JSON document: an array of objects, or one object as a single row. Its text is held, since columns are the
 * union over all rows; of its values there are never more than those of one batch.
 *
 * @throws ConnectorError `protocol_error` for broken JSON or rows that are no objects, `too_large` beyond the caps.
 */
export async function readJson(bytes: ByteReader, request: TextRequest): Promise<FileRows> {
  const document = await wholeDocument(bytes, request);
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
  return { columns, portions: portions() };
}
