import { assertRecordText, recordTooLarge } from '../../kit/json/document.js';
import { createTurns } from '../../kit/turns.js';
import type { JsonValue, Row } from '../../spec/data-types.js';
import type { ByteReader } from './byte-reader.js';
import { createColumnFinder, type JsonRow, type Place, parseJsonRow, toRow } from './json-values.js';
import { sample } from './limits.js';
import { createLineBlocks } from './line-blocks.js';
import { project } from './projection.js';
import type { TextRequest } from './read-file.js';
import { type FileRows, type Portion, textPortion } from './row-stream.js';

interface Line {
  text: string;
  place: Place;
}

/** The lines of some text that hold anything. */
interface LinePortion {
  lines: Line[];
  characters: number;
}

async function* textBlocks(bytes: ByteReader, lineBytesMax: number): AsyncGenerator<string> {
  const blocks = createLineBlocks(lineBytesMax);
  for (let piece = await bytes.next(); piece !== undefined; piece = await bytes.next()) {
    const text = blocks.push(piece);
    if (text !== undefined) yield text;
  }
  yield blocks.rest().toString('utf8');
}

async function* linePortions(bytes: ByteReader, lineBytesMax: number): AsyncGenerator<LinePortion> {
  let count = 0;
  for await (const block of textBlocks(bytes, lineBytesMax)) {
    const lines: Line[] = [];
    for (const raw of block.split('\n')) {
      const text = count === 0 && raw.startsWith('\ufeff') ? raw.slice(1) : raw;
      count += 1;
      if (text.length > lineBytesMax) throw recordTooLarge(lineBytesMax);
      if (text.trim() !== '') lines.push({ text, place: { unit: 'Line', number: count } });
    }
    yield { lines, characters: block.length };
  }
}

/** The lines that decide the columns, however the bytes happened to arrive. */
function* sampleOf(portions: readonly LinePortion[]): Generator<Line> {
  let characters = 0;
  let rows = 0;
  for (const line of portions.flatMap(({ lines }) => lines)) {
    if (rows === sample.rows || characters > sample.characters) return;
    rows += 1;
    characters += line.text.length;
    yield line;
  }
}

/**
 * Reads NDJSON (one JSON object a line) as a stream. The first rows decide the columns and their types, as many as
 * {@link sample} says; a key that appears only later is left out.
 *
 * @throws ConnectorError `protocol_error` naming the line, for broken JSON, a line that is no object, and a
 * value that does not fit its column; `too_large` for a line beyond the caps.
 */
export async function readNdjson(
  bytes: ByteReader,
  { columns: wanted, caps }: TextRequest,
): Promise<FileRows> {
  const parse = ({ text, place }: Line): JsonRow =>
    parseJsonRow(() => {
      assertRecordText(text, caps.record);
      return JSON.parse(text) as JsonValue;
    }, place);
  const rest = linePortions(bytes, caps.recordBytes);
  const begun: LinePortion[] = [];
  for (let rows = 0, characters = 0; rows < sample.rows && characters <= sample.characters; ) {
    const { done, value } = await rest.next();
    if (done === true) break;
    if (value.lines.length > 0) begun.push(value);
    rows += value.lines.length;
    for (const { text } of value.lines) characters += text.length;
  }
  const finder = createColumnFinder();
  const turns = createTurns();
  for (const line of sampleOf(begun)) {
    finder.add(parse(line));
    await turns();
  }
  const { columns } = project(finder.columns(), wanted);

  function* rowsOf(lines: readonly Line[]): Generator<Row> {
    for (const line of lines) yield toRow(parse(line), columns, line.place);
  }
  const toPortion = ({ lines, characters }: LinePortion) => textPortion(rowsOf(lines), characters);

  async function* portions(): AsyncGenerator<Portion> {
    while (begun.length > 0) yield toPortion(begun.shift() as LinePortion);
    for await (const portion of rest) yield toPortion(portion);
  }
  return { columns, portions: portions() };
}
