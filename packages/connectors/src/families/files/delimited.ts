import type { FileOptions } from '@mooring/contract/file-options';
import type { Column, Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { NotDecodable } from '../../kit/charset.js';
import { quoted } from '../../kit/json/failures.js';
import { RecordCutter } from './csv-cutter.js';
import { type CsvSample, type FoundDialect, findDialect, sampled } from './csv-dialect.js';
import { CsvFault, type CsvRecord, isTrailed } from './csv-record.js';
import { cellReaders } from './csv-values.js';
import type { TextRequest } from './file-request.js';
import { fileNotText } from './json-records.js';
import { project } from './projection.js';
import { type FileRows, type Portion, textPortion } from './row-stream.js';
import { encodingRemedy, type TextReader } from './text-reader.js';
import { createUtf8Decoder } from './utf8-text.js';

/**
 * Column names from a header record, literally; an empty name becomes `column_<position>`, a repeated one gets `_2`,
 * `_3` and so on.
 */
export function columnNames(header: readonly (string | null)[]): string[] {
  const given = new Set(header);
  const used = new Set<string>();
  // Where the search for a free number stopped last: starting from 2 each time would take quadratic time for equal
  // names.
  const copies = new Map<string, number>();
  return header.map((raw, index) => {
    const base = raw === null || raw === '' ? `column_${index + 1}` : raw;
    let copy = copies.get(base) ?? 2;
    let name = base;
    for (; used.has(name) || (name !== raw && given.has(name)); copy += 1) name = `${base}_${copy}`;
    copies.set(base, copy);
    used.add(name);
    return name;
  });
}

interface CsvPortion {
  records: CsvRecord[];
  /** Length of the text from which they were cut. */
  characters: number;
}

/** An error comes after the records before it, wherever the chunk boundaries were. */
async function* csvPortions(text: TextReader, cutter: RecordCutter): AsyncGenerator<CsvPortion> {
  const decoder = createUtf8Decoder();
  const taken = (characters: number): CsvPortion => ({ records: cutter.take(), characters });
  for (let piece = await text.next(); piece !== undefined; piece = await text.next()) {
    const { text: decoded, failure } = decoder.push(piece);
    cutter.push(decoded);
    yield taken(decoded.length);
    if (cutter.fault ?? failure) throw cutter.fault ?? failure;
  }
  const failure = decoder.end();
  if (failure) throw failure;
  cutter.end();
  yield taken(0);
  if (cutter.fault) throw cutter.fault;
}

/** The first lines of a file, up to undecodable bytes. */
async function sampleOf(text: TextReader): Promise<CsvSample> {
  let lines = 0;
  let bytes = 0;
  /** How much of a piece belongs to the sample; all of it unless the sample ends there. */
  const lengthIn = (piece: Buffer): number => {
    for (let at = 0; at < piece.length; at += 1) {
      const isEnd = piece[at] === 0x0a || piece[at] === 0x0d;
      lines += isEnd ? 1 : 0;
      bytes += 1;
      if (lines === sampled.lines || bytes === sampled.bytes) return at + 1;
    }
    return piece.length;
  };
  let length = 0;
  const isFull = () => lines === sampled.lines || bytes === sampled.bytes;
  const seen = await text.lookAhead((piece) => {
    length += lengthIn(piece);
    return isFull();
  });
  const decoded = createUtf8Decoder().push(seen.subarray(0, length));
  return { text: decoded.text, isWhole: !isFull() && decoded.failure === undefined };
}

/** UTF-16 text that does not start with ASCII, read as UTF-8: its line endings and delimiters contain zeros. */
function hasZeros(text: string): boolean {
  const marks = /[\r\n]/.test(text) ? /\0[\r\n]|[\r\n]\0/ : /\0[,;\t|]|[,;\t|]\0/;
  return marks.test(text);
}

/** How ISO-2022-JP, which consists of ASCII bytes only, switches to Japanese. */
const shiftsToJapanese = ['\u001b$@', '\u001b$B'];

/** Text that is valid UTF-8 but most likely in another encoding. */
function assertNoOtherEncoding({ text }: CsvSample): void {
  const isWide = hasZeros(text);
  if (!isWide && !shiftsToJapanese.some((shift) => text.includes(shift))) return;
  const what = isWide ? 'UTF-16 or UTF-32' : 'ISO-2022-JP';
  const names = isWide ? '"utf-16le"}, "utf-16be" or "utf-8"' : '"iso-2022-jp"} or "utf-8"';
  throw new ConnectorError('unsupported', `The file is valid UTF-8, but it may be ${what}.`, {
    remedy: `Set the encoding in the request: "file": {"encoding": ${names}.`,
  });
}

const unquotedRemedy =
  'Quote fields that contain the delimiter, or set the format in the request: "file": {"delimiter": …, "quote": …}; "trailingDelimiter": true if each record ends with a delimiter.';

/** Reports where a file is broken. */
class Places {
  readonly hasHeader: boolean;
  columns: readonly Column[] = [];
  /** Rows so far. */
  rows = 0;

  constructor(hasHeader: boolean) {
    this.hasHeader = hasHeader;
  }

  /** @param field number of the field, from 0 */
  failure(error: unknown, field?: number): unknown {
    const isHeader = this.hasHeader && this.columns.length === 0;
    const record = isHeader ? 'The header' : `Record ${this.rows + 1}`;
    if (error instanceof NotDecodable) {
      // Other encodings are decoded in pieces, so the record may be a little later.
      const where =
        error.charset === 'utf-8' ? `${record}${this.inColumn(field)}` : `${record} or a later one`;
      return new ConnectorError('protocol_error', `${where} has bytes that are not valid ${error.charset}.`, {
        remedy: encodingRemedy,
      });
    }
    if (!(error instanceof CsvFault)) return error;
    return new ConnectorError(
      'protocol_error',
      `The file is not valid CSV: ${isHeader ? 'the header' : `record ${this.rows + 1}`} ${error.message}${this.inColumn(error.field)}.`,
      { remedy: error.remedy },
    );
  }

  tooLong(record: CsvRecord): ConnectorError {
    const than = this.hasHeader ? 'the header' : 'the first one';
    return new ConnectorError(
      'protocol_error',
      `Record ${this.rows + 1} has ${record.length} fields, ${than} has ${this.columns.length}.`,
      { remedy: unquotedRemedy },
    );
  }

  private inColumn(field: number | undefined): string {
    if (field === undefined) return '';
    const name = this.columns[field]?.name;
    return name === undefined ? ` in field ${field + 1}` : ` in column ${quoted(name)}`;
  }
}

/** The dialect of a file and its records, from the first one on. */
async function openCsv(text: TextReader, options: FileOptions, named: '\t' | undefined, recordMax: number) {
  const sample = await sampleOf(text).catch((error: unknown) => {
    throw error instanceof NotDecodable ? fileNotText(error.charset) : error;
  });
  if (text.isAssumed) assertNoOtherEncoding(sample);
  const found = findDialect(sample, options, named);
  const cutter = new RecordCutter(found.dialect, recordMax);
  return { found, cutter, portions: csvPortions(text, cutter) };
}

/** Without the field after the last delimiter, if that delimiter ends the record. */
function fieldsOf(first: CsvRecord, { dialect, mayFirstBeTrailed }: FoundDialect): CsvRecord {
  const width = first.length - 1;
  return mayFirstBeTrailed && width > 0 && isTrailed(first, width, dialect) ? first.slice(0, width) : first;
}

/** Takes portions up to the first non-empty record. */
async function firstRecord(portions: AsyncGenerator<CsvPortion>, { hasDelimiterLine }: FoundDialect) {
  let isPassed = !hasDelimiterLine;
  for (;;) {
    const { done, value } = await portions.next();
    if (done === true) return undefined;
    const { records } = value;
    let at = records.findIndex((record) => record.length > 0);
    if (at >= 0 && !isPassed) {
      isPassed = true;
      at = records.findIndex((record, index) => index > at && record.length > 0);
    }
    if (at >= 0) return { first: records[at] as CsvRecord, portion: value, next: at + 1 };
  }
}

/**
 * Reads CSV or TSV. All values are text unless types are requested; an empty field is the empty text, and missing
 * trailing fields are null. Empty lines are skipped, except in a file with one column, where they are null.
 *
 * @param named the delimiter that the file name implies
 * @throws ConnectorError `protocol_error` for a record that does not fit the header or breaks the dialect,
 * `unsupported` for an ambiguous file or a value that its column's type cannot represent, `too_large` beyond the caps
 */
export async function readDelimited(
  text: TextReader,
  { wanted, asText, caps, file: { options, asked } }: TextRequest,
  named?: '\t',
): Promise<FileRows> {
  const { found, cutter, portions } = await openCsv(text, options, named, caps.recordBytes);
  const places = new Places(options.header ?? true);
  const placed = (error: unknown) =>
    places.failure(error, error instanceof NotDecodable ? cutter.field : undefined);
  const begun = await firstRecord(portions, found).catch((error: unknown) => {
    throw placed(error);
  });
  const first = fieldsOf(begun?.first ?? [], found);
  const names = places.hasHeader ? columnNames(first) : first.map((_, index) => `column_${index + 1}`);
  const { columnTypes } = options;
  const readers = cellReaders(names, { columnTypes, asText, mustExist: asked.has('columnTypes') });
  places.columns = readers.columns;
  const projection = project(readers.columns, wanted);
  const width = names.length;

  function* toRows(records: readonly CsvRecord[]): Generator<Row> {
    for (const record of records) {
      if (record.length === 0 && width > 1) continue;
      const isEnded = found.trailingDelimiter && isTrailed(record, width, found.dialect);
      if (record.length > width && !isEnded) throw places.tooLong(record);
      yield readers.areTexts && projection.isWhole && record.length === width
        ? record
        : projection.indexes.map((at) => readers.read(record[at] ?? null, at, places.rows + 1));
      places.rows += 1;
    }
  }
  async function* rows(): AsyncGenerator<Portion> {
    try {
      if (begun === undefined) return;
      const { records, characters } = begun.portion;
      yield textPortion(toRows(records.slice(places.hasHeader ? begun.next : begun.next - 1)), characters);
      for await (const portion of portions) yield textPortion(toRows(portion.records), portion.characters);
    } catch (error) {
      throw placed(error);
    }
  }
  const file = {
    ...{ format: named ? ('tsv' as const) : ('csv' as const), encoding: text.charset, ...found.effective },
    ...(readers.asked ? { columnTypes: readers.asked } : {}),
  };
  return { columns: projection.columns, portions: rows(), file };
}
